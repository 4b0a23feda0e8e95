"""`python -m deploy.local binaries`: make sure that the tests find what they need."""

import sys

from deploy.local import binaries

if __name__ == "__main__":
    if sys.argv[1:] != ["binaries"]:
        sys.exit("usage: python -m deploy.local binaries")
    binaries.ensure()

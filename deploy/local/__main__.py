"""`python -m deploy.local binaries|up|down`: what `make test`, `make up` and `make down` run."""

import sys

from deploy.local import binaries, stack

COMMANDS = {"binaries": binaries.ensure, "up": stack.up, "down": stack.down}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:  # noqa: PLR2004 - one word
        sys.exit(f"usage: python -m deploy.local {'|'.join(COMMANDS)}")
    try:
        COMMANDS[sys.argv[1]]()
    except (OSError, RuntimeError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")

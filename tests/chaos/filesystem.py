"""A small file system of our own, for data whose disk is to run full."""

import subprocess
from contextlib import suppress


def mount_small(directory, megabytes, user):
    """A file system of our own for some of the data; None where mounting is refused."""
    directory.mkdir()
    options = f"size={megabytes}m" + (f",uid={user},mode=0700" if user is not None else "")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    with suppress(OSError):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return directory
    return None

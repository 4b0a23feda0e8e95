"""A runbook as an operator follows it: each of its commands is run, as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

from deploy.local import binaries

RUNBOOKS = Path(__file__).parents[2] / "deploy" / "RUNBOOKS.md"
COMMAND = re.compile(r"`((?:laurel|rabbitmqctl|rabbitmq-diagnostics|curl) [^`]+)`", re.DOTALL)
SECONDS = 120


def section(alert):
    """What stands under an alert's name."""
    found = re.search(
        rf"^### {alert}\n(.*?)(?=^#|\Z)", RUNBOOKS.read_text(), re.MULTILINE | re.DOTALL
    )
    return found[1]


class Runbook:
    """One alert's; `environ` is what its commands run with, `places` what its host names mean."""

    def __init__(self, alert, environ, directory, places=()):
        self._commands = [" ".join(found.split()) for found in COMMAND.findall(section(alert))]
        self._left = set(self._commands)
        self._directory, self._places = directory, places
        self._environ = environ | {"COLUMNS": "300"}
        programs = [Path(sys.executable).parent, Path(binaries.rabbitmq("rabbitmqctl")).parent]
        self._path = ":".join([*map(str, programs), environ["PATH"]])

    def run(self, command, *, fails=False, **fill):
        """Run a command of the runbook, with its placeholders filled; gives what it says."""
        assert command in self._commands
        self._left.discard(command)
        for name, value in fill.items():
            command = command.replace(f"<{name}>", value)
        for old, new in self._places:
            command = command.replace(old, new)
        assert "<" not in command, command
        done = subprocess.run(
            ["sh", "-c", command],
            env=self._environ | {"PATH": self._path},
            cwd=self._directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout or done.stderr

    def assert_all_run(self):
        assert self._left == set()

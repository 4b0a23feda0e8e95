"""Finds RabbitMQ's, PostgreSQL's, Prometheus' and Chromium's programs, or has them installed.

Installing must not start or change any service of the machine.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("rabbitmq-server", "postgresql", "prometheus", "chromium", "chromium-driver")
POLICY = Path("/usr/sbin/policy-rc.d")
RABBITMQ_PLACES = ("/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/homebrew/sbin")


def rabbitmq(program: str) -> str | None:
    """The path of one of RabbitMQ's own scripts; Debian's wrappers insist on their own user."""
    return _first([*RABBITMQ_PLACES], program)


def postgresql(program: str) -> str | None:
    """The path of one of PostgreSQL's programs, the newest version first."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    return _first([str(place) for place in places], program)


def promtool() -> str | None:
    """The path of Prometheus' own checker of rules."""
    return shutil.which("promtool")


def chromium() -> str | None:
    """The path of the browser."""
    return shutil.which("chromium")


def chromedriver() -> str | None:
    """The path of what drives the browser."""
    return shutil.which("chromedriver")


def ensure() -> None:
    """Make sure that all are here; ends the process with one line if they cannot be."""
    if _complete():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        with _no_service_starts():
            subprocess.run(["apt-get", "-qq", "update"], stdout=sys.stderr, check=True)
            options = ["-qq", "-y", "--no-install-recommends"]
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            command = ["apt-get", "install", *options, *PACKAGES]
            subprocess.run(command, env=environment, stdout=sys.stderr, check=True)
    if not _complete():
        sys.exit(f"Please install the packages {', '.join(PACKAGES)}, then try again.")


def _complete() -> bool:
    servers = (rabbitmq("rabbitmq-server"), postgresql("initdb"), promtool())
    return all((*servers, chromium(), chromedriver()))


def _first(places: list[str], program: str) -> str | None:
    path = os.pathsep.join([*places, os.environ.get("PATH", "")])
    return shutil.which(program, path=path)


def _version(place: Path) -> float:
    name = place.parent.name
    return float(name) if name.replace(".", "", 1).isdigit() else 0.0


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's own way to keep packages from starting what they install."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink()

"""Where the demo plays: an embedded stack of its own, or the services that the settings name."""

import fcntl
import os
import shlex
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from shared import telemetry
from shared.catalogue import SERVICES
from shared.clock import RehearsalClock, clock_from
from shared.errors import LaurelError
from shared.server import Server
from shared.settings import Settings
from shared.spine import migrate
from shared.spine.database import Database

HOME = Path("var/demo")
OPENING = datetime.fromisoformat("2020-10-12T09:00:00+08:00")
FIRST_PORT, LAST_PORT = 8000, 8400
OWN = (
    "LAUREL_DATABASE_URL",
    "LAUREL_CLOCK",
    "LAUREL_JWT_KEY",
    "LAUREL_STATUS_KEY",
    "LAUREL_SMTP_URL",
)


@contextmanager
def stage() -> Iterator[Settings]:
    """The settings of services that run under a rehearsal clock; ends those that it started."""
    settings = Settings.from_environ()
    if settings.broker_url.startswith("memory:"):
        with _embedded() as embedded:
            yield embedded
        return
    if not isinstance(clock_from(settings.clock), RehearsalClock):
        raise LaurelError(
            "The demo moves the clock by weeks: run the services and the demo under a rehearsal "
            "clock (LAUREL_CLOCK), never on a programme that is in use."
        )
    yield settings


def smtp_port(settings: Settings) -> int:
    """The loopback port on which the services expect the mail server."""
    return urlsplit(settings.smtp_url).port or 25


@contextmanager
def _embedded() -> Iterator[Settings]:
    if given := [name for name in OWN if name in os.environ]:
        raise LaurelError(
            f"{given[0]} is set but LAUREL_BROKER_URL is not: the embedded demo brings its own; "
            "unset it, or set LAUREL_BROKER_URL to drive running services."
        )
    HOME.parent.mkdir(exist_ok=True)
    with HOME.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LaurelError(
                f"Another demo is running on {HOME.resolve()}; end it first."
            ) from error
        with _fresh() as settings:
            yield settings


@contextmanager
def _fresh() -> Iterator[Settings]:
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    RehearsalClock(HOME / "clock.json").set(OPENING)
    environ = _environ()
    settings = Settings.from_environ({**os.environ, **environ})
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in environ.items())
    (HOME / "demo.env").write_text(text)
    for name in SERVICES:
        migrate.migrate(Database(name, settings.database_url))
    with (HOME / "laurel.log").open("w") as log:
        telemetry.configure(settings.log_level, log)
        server = Server(SERVICES, settings)
        server.start()
        try:
            yield settings
        finally:
            server.stop()


def _environ() -> dict[str, str]:
    place = HOME.resolve()
    port = os.environ.get("LAUREL_HTTP_PORT") or str(_free_ports())
    return {
        "LAUREL_HTTP_PORT": port,
        "LAUREL_DATABASE_URL": f"sqlite:///{place}/{{service}}.sqlite3",
        "LAUREL_CLOCK": str(place / "clock.json"),
        "LAUREL_JWT_KEY": str(place / "token-key.json"),
        "LAUREL_STATUS_KEY": str(place / "status-key.json"),
        "LAUREL_SMTP_URL": f"smtp://127.0.0.1:{_free_port()}",
    }


def _free_ports() -> int:
    """The first of four free ports in a row."""
    for first in range(FIRST_PORT, LAST_PORT, len(SERVICES)):
        if all(_is_free(port) for port in range(first, first + len(SERVICES))):
            return first
    raise LaurelError(
        f"No four free ports in a row from {FIRST_PORT} to {LAST_PORT}; set LAUREL_HTTP_PORT."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False

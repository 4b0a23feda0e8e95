"""`laurel doctor`: what is wrong with this installation, and what to do about each point."""

import json
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import requests
from sqlalchemy.exc import SQLAlchemyError

from shared.catalogue import SERVICES
from shared.clock import clock_from
from shared.errors import LaurelError
from shared.server import whole_topology
from shared.settings import Settings
from shared.spine import migrate
from shared.spine.broker import BrokerError
from shared.spine.broker.choice import broker_at
from shared.spine.database import Database
from shared.web.access import load_or_create_key

TIMEOUT_SECONDS = 5
Check = tuple[str, Callable[[], str]]


@click.command()
@click.argument("services", metavar="[SERVICE]...", nargs=-1, type=click.Choice(SERVICES))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def doctor(services: tuple[str, ...], as_json: bool) -> None:
    """Check settings, clock, keys, databases, broker and services; exit 0 if all is well.

    With services named, only theirs: a database user may reach no other.
    """
    found = []
    for name, check in _checks(services or SERVICES, Settings.from_environ()):
        ok, words = _outcome(check)
        found.append({"check": name, "ok": ok, "detail": words})
        if not as_json:
            click.echo(f"{'ok  ' if ok else 'FAIL'}  {name}: {words}")
    is_well = all(item["ok"] for item in found)
    if as_json:
        click.echo(json.dumps({"ok": is_well, "checks": found}, ensure_ascii=False))
    sys.exit(0 if is_well else 1)


def _outcome(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except LaurelError as error:
        return False, error.detail


def _checks(services: tuple[str, ...], settings: Settings) -> Iterator[Check]:
    yield "settings", lambda: "every LAUREL_* setting is known and valid"
    yield "clock", lambda: f"{clock_from(settings.clock).kind} clock"
    for path in (settings.jwt_key, settings.status_key):
        yield f"key {path}", lambda path=path: _key(Path(path))  # type: ignore[misc]
    for name in services:
        yield f"database of {name}", lambda name=name: _database(name, settings)  # type: ignore[misc]
    yield "broker", lambda: _broker(services, settings)
    for name in services:
        yield f"service {name}", lambda name=name: _service(name, settings)  # type: ignore[misc]


def _key(path: Path) -> str:
    if not path.exists():
        return "not there yet; it is made on first use"
    load_or_create_key(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise LaurelError(f"others can read this private key; run: chmod 600 {path}")
    return "readable by its owner alone"


def _database(name: str, settings: Settings) -> str:
    database = Database(name, settings.database_url)
    if not database.answers():
        raise LaurelError("it does not answer; check LAUREL_DATABASE_URL and that it runs.")
    try:
        migrate.check(database)
    except SQLAlchemyError as error:
        raise LaurelError(f"{str(error).splitlines()[0]}; run: laurel migrate {name}") from error
    finally:
        database.engine.dispose()
    return "answers, with this version's schema"


def _broker(services: tuple[str, ...], settings: Settings) -> str:
    broker = broker_at(settings.broker_url)
    if broker.forgets:
        return "embedded: it lives inside `laurel run`"
    queues = whole_topology(services).queues
    try:
        waiting = sum(broker.depths([queue.name for queue in queues]).values())
    except BrokerError as error:
        raise LaurelError(
            f"{error}. Check LAUREL_BROKER_URL and that it runs; a missing queue is made by: "
            "laurel topology --declare"
        ) from error
    return f"answers; {len(queues)} queues, {waiting} events waiting"


def _service(name: str, settings: Settings) -> str:
    url = f"{settings.url_of(name)}/health/ready"
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise LaurelError(f"no answer at {url}; start it with: laurel run {name}") from error
    if not answer.ok:
        detail = answer.json().get("detail", "") if "json" in answer.headers["Content-Type"] else ""
        raise LaurelError(f"not ready ({answer.status_code}): {detail}")
    return f"ready at {settings.url_of(name)}"

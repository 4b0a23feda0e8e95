"""`laurel run`, `laurel migrate`, `laurel topology`."""

import json
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import make_url

from shared import telemetry
from shared.catalogue import SERVICES
from shared.cli.definitions import definitions as definitions_of
from shared.errors import LaurelError
from shared.server import Server, whole_topology
from shared.settings import Settings
from shared.spine import migrate as migrations
from shared.spine.broker import BrokerError, Topology
from shared.spine.broker.choice import broker_at
from shared.spine.database import Database

NAMES = click.Choice(SERVICES)


@click.command()
@click.argument("services", nargs=-1, type=NAMES)
def run(services: tuple[str, ...]) -> None:
    """Run some services, or all four, until SIGTERM.

    On the embedded default (memory://) all four must run in one process.
    """
    settings = Settings.from_environ()
    telemetry.configure(settings.log_level)
    names = services or SERVICES
    if settings.broker_url.startswith("memory:") and set(names) != set(SERVICES):
        raise click.UsageError(
            "memory:// lives in one process: run all four services, or set LAUREL_BROKER_URL."
        )
    Server(names, settings).serve()


@click.command()
@click.argument("services", nargs=-1, type=NAMES)
def migrate(services: tuple[str, ...]) -> None:
    """Bring the databases of some services, or all four, to this version's schema."""
    settings = Settings.from_environ()
    for name in services or SERVICES:
        database = Database(name, settings.database_url)
        if database.is_sqlite:
            Path(str(make_url(database.url).database)).parent.mkdir(parents=True, exist_ok=True)
        ran = migrations.migrate(database)
        click.echo(f"{name}: {', '.join(ran) if ran else 'up to date'}")


@click.command()
@click.option("--declare", is_flag=True, help="Declare it on LAUREL_BROKER_URL.")
@click.option(
    "--definitions",
    is_flag=True,
    help="Print it for rabbitmqctl import_definitions, with the rights of every broker user.",
)
@click.option("--vhost", default="laurel", show_default=True, help="Whose definitions.")
@click.option("--agency", "agencies", multiple=True, help="Code of an agency to include.")
@click.option(
    "--passwords",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory with a file for each user whose password to set; only hashes are printed.",
)
def topology(
    *,
    declare: bool,
    definitions: bool,
    vhost: str,
    agencies: tuple[str, ...],
    passwords: Path | None,
) -> None:
    """Print every exchange and queue as JSON, or declare them before the first start."""
    whole = whole_topology()
    if declare:
        _declare(Settings.from_environ().broker_url, whole)
        click.echo(f"{len(whole.exchanges)} exchanges, {len(whole.queues)} queues declared")
    elif definitions:
        given = _passwords(passwords) if passwords else {}
        click.echo(json.dumps(definitions_of(whole, vhost, agencies, given), indent=2))
    else:
        click.echo(json.dumps(_listed(whole), indent=2))


def _listed(whole: Topology) -> dict[str, Any]:
    queues = [
        {"name": q.name, "exchange": q.exchange, "routing_key": q.routing_key,
         "consumer": q.service, "arguments": q.arguments}
        for q in whole.queues
    ]  # fmt: skip
    return {"exchanges": whole.exchanges, "queues": queues}


def _passwords(directory: Path) -> dict[str, str]:
    """User name and password of each file; a mounted Secret's own dot files are none."""
    files = [path for path in sorted(directory.iterdir()) if not path.name.startswith(".")]
    return {path.name: path.read_text().rstrip("\n") for path in files}


def _declare(broker_url: str, whole: Topology) -> None:
    try:
        broker_at(broker_url).declare(whole)
    except BrokerError as error:
        raise LaurelError(f"{error}. Check LAUREL_BROKER_URL and that it runs.") from error

"""`laurel run`, `laurel migrate`, `laurel topology`."""

import json
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from shared import telemetry
from shared.catalogue import SERVICES
from shared.server import Server, whole_topology
from shared.settings import Settings
from shared.spine import migrate as migrations
from shared.spine.broker import broker_at
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
def topology(*, declare: bool) -> None:
    """Print every exchange and queue as JSON, or declare them before the first start."""
    whole = whole_topology()
    if declare:
        broker_at(Settings.from_environ().broker_url).declare(whole)
        click.echo(f"{len(whole.exchanges)} exchanges, {len(whole.queues)} queues declared")
        return
    queues = [
        {"name": q.name, "exchange": q.exchange, "routing_key": q.routing_key,
         "consumer": q.service, "arguments": q.arguments}
        for q in whole.queues
    ]  # fmt: skip
    click.echo(json.dumps({"exchanges": whole.exchanges, "queues": queues}, indent=2))

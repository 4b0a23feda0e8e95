"""`laurel events replay` and `reconcile`: events that are sent again."""

import json
import time
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from shared.catalogue import SERVICES
from shared.cli.client import Services
from shared.cli.events.options import JSON, SERVICE, SINCE, UNTIL, YES, given
from shared.cli.values import SECONDS
from shared.errors import LaurelError
from shared.settings import Settings

POLL_SECONDS = 0.5


@click.command()
@click.argument("source", type=click.Choice(SERVICES))
@click.option("--type", "types", multiple=True, help="Default: all types.")
@click.option("--subject", help="The aggregate or project.")
@SINCE
@UNTIL
@click.option("--consumer", help="service.method; default: all consumers.")
@YES
def replay(source: str, types: tuple[str, ...], yes: bool, **options: Any) -> None:
    """Send again what SOURCE published; who has an event already ignores it."""
    client = Services(Settings.from_environ())
    body = given(types=list(types), **options)
    path = "/v1/events/replay"
    total = client.post(source, path, body | {"count_only": True})["matching"]
    click.echo(f"{source}: {total or 'no'} events to send again")
    if not total or not (yes or click.confirm("Send them?", abort=True)):
        return
    with Progress(console=Console(stderr=True)) as progress:
        bar, after = progress.add_task(source, total=total), 0
        while after is not None:
            answer = client.post(source, path, body | {"after": after})
            progress.advance(bar, answer["replayed"])
            after = answer["next"]
    click.echo(f"{source}: {total} events are on their way again")


@click.command()
@SERVICE
@click.option("--dry-run", is_flag=True, help="Tell what is missing, send nothing.")
@click.option("--whole", is_flag=True, help="From the first retained event, not the last check.")
@click.option(
    "--wait",
    default=120.0,
    type=SECONDS,
    show_default=True,
    help="Seconds to wait for the answers.",
)
@JSON
def reconcile(
    services: tuple[str, ...], dry_run: bool, whole: bool, wait: float, as_json: bool
) -> None:
    """Compare what was published with what each consumer has; what is missing is sent again."""
    client, names = Services(Settings.from_environ()), services or SERVICES
    for name in names:
        client.post(name, "/v1/events/reconcile", {"dry_run": dry_run, "whole": whole})
    pairs = _compared(client, names, wait)
    if as_json:
        click.echo(json.dumps({"pairs": pairs}, ensure_ascii=False))
    else:
        _print(pairs, dry_run)


def _compared(client: Services, names: tuple[str, ...], wait: float) -> list[dict[str, Any]]:
    deadline = time.monotonic() + wait
    while True:
        pairs = _pairs(client, names)
        waiting = [pair["handler"] for pair in pairs if pair["is_demanded"]]
        if not waiting:
            return pairs
        if time.monotonic() > deadline:
            raise LaurelError(
                f"Not all was compared within {wait:g} s, for example {waiting[0]}: a service or "
                "the broker is away, or a queue holds a backlog. Try again later."
            )
        time.sleep(POLL_SECONDS)


def _pairs(client: Services, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        pair for name in names for pair in client.get(name, "/v1/events/reconciliation")["items"]
    ]


def _print(pairs: list[dict[str, Any]], dry_run: bool) -> None:
    table = Table(title="Consumers and what they lack", title_justify="left")
    for column in ("consumer", "of", "agreed to", "missing", "not published"):
        table.add_column(column, overflow="fold")
    for pair in pairs:
        agreed = pair["agreed_to"] and datetime.fromisoformat(pair["agreed_to"])
        until = agreed.isoformat(timespec="seconds") if agreed else ""
        table.add_row(
            pair["handler"], pair["source"], until, str(pair["missing"]), str(pair["foreign"])
        )
    Console().print(table)
    missing = sum(pair["missing"] for pair in pairs)
    if missing:
        click.echo(f"{missing} events missing{'' if dry_run else '; they are sent again'}")
    else:
        click.echo("nothing is missing so far; what is newer is compared in the rounds to come")

"""`laurel events parked`, `groups`, `show` and `refused`: what is stuck, and why."""

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shared.catalogue import SERVICES
from shared.cli.client import AnswerError, Services, part
from shared.cli.events.options import JSON, SERVICE, filtered, given
from shared.errors import NotFoundError
from shared.settings import Settings
from shared.spine.parking import ParkedState

STATE = click.option(
    "--state",
    default="open",
    type=click.Choice(["open", *map(str, ParkedState)]),
    help="open: not settled.",
)
COLUMNS = ("id", "handler", "type", "subject", "state", "error", "attempts", "parked_at")
GROUP_COLUMNS = ("group", "count", "handler", "error", "detail", "first_seen", "last_seen")
REFUSED_COLUMNS = ("event_id", "exchange", "routing_key", "subject", "attempts", "error")
LONGEST = 100


@click.command()
@filtered
@STATE
@click.option("--limit", default=50, type=click.IntRange(1, 200), help="Rows per service.")
@click.option("--after", default="", help="Go on after this id.")
@JSON
def parked(services: tuple[str, ...], as_json: bool, **query: Any) -> None:
    """List parked events with totals."""
    found = _ask(services, "/v1/events/parked", query)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, answer in found.items():
        totals = ", ".join(f"{state} {n}" for state, n in answer["totals"].items()) or "none"
        _print(f"{name}: {totals}", COLUMNS, answer["items"])
        if answer["next"]:
            click.echo(f"more: laurel events parked --service {name} --after {answer['next']}")


@click.command()
@filtered
@STATE
@JSON
def groups(services: tuple[str, ...], as_json: bool, **query: Any) -> None:
    """List parked events by what went wrong, the largest groups first."""
    found = _ask(services, "/v1/events/groups", query)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, answer in found.items():
        count = len(answer["items"])
        _print(f"{name}: {count or 'no'} groups", GROUP_COLUMNS, answer["items"])


@click.command()
@click.argument("parked_id")
@JSON
def show(parked_id: str, as_json: bool) -> None:
    """Show one parked event with its bytes and history."""
    name, row = find(parked_id)
    if as_json:
        click.echo(json.dumps(row | {"service": name}, ensure_ascii=False))
        return
    for key, value in row.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        if key != "history":
            click.echo(f"{key:>10}  {text}")
    for entry in row["history"]:
        click.echo(f"{entry['at']}  {entry['who']}  {entry['what']}  {entry['why']}")


@click.command()
@SERVICE
@JSON
def refused(services: tuple[str, ...], as_json: bool) -> None:
    """List the events that the broker refuses, each with its reason.

    They wait in the outbox of the service that recorded them and are tried again by themselves.

    Example: laurel events refused --service intake
    """
    found = _ask(services, "/v1/ledger/refused", {})
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, answer in found.items():
        _print(f"{name}: {answer['count'] or 'none'}", REFUSED_COLUMNS, answer["items"])


def find(parked_id: str) -> tuple[str, dict[str, Any]]:
    """The service that has this parked event, and the event; raises NotFoundError."""
    client = Services(Settings.from_environ())
    for name in SERVICES:
        try:
            return name, client.get(name, f"/v1/events/parked/{part(parked_id)}")
        except AnswerError as error:
            if error.status != NotFoundError.status:
                raise
    raise NotFoundError(f"No service has a parked event with the id {parked_id!r}.")


def _ask(services: Sequence[str], path: str, query: dict[str, Any]) -> dict[str, Any]:
    client = Services(Settings.from_environ())
    return {name: client.get(name, path, **given(**query)) for name in services or SERVICES}


def _print(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        click.echo(title)
        return
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(str(row[column] or "")[:LONGEST] for column in columns))
    Console().print(table)

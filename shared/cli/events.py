"""`laurel events`: what is parked, and what an operator decides about it."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shared.catalogue import SERVICES
from shared.cli.client import Services
from shared.settings import Settings

SERVICE = click.option(
    "--service", "services", type=click.Choice(SERVICES), multiple=True, help="Default: all."
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.group()
def events() -> None:
    """Parked events: list, show, retry, discard."""


@events.command()
@SERVICE
@click.option("--state", default="open", help="open, waiting, held, handled or discarded.")
@click.option("--limit", default=50, type=click.IntRange(1, 200), help="Rows per service.")
@click.option("--after", default="", help="Go on after this id.")
@JSON
def parked(services: tuple[str, ...], state: str, limit: int, after: str, as_json: bool) -> None:
    """List parked events with totals."""
    client = Services(Settings.from_environ())
    found = {
        name: client.get(name, "/v1/events/parked", state=state, limit=limit, after=after)
        for name in services or SERVICES
    }
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, answer in found.items():
        _print_parked(name, answer)


@events.command()
@click.argument("parked_id")
@JSON
def show(parked_id: str, as_json: bool) -> None:
    """Show one parked event with its bytes and history."""
    name, row = _find(parked_id)
    if as_json:
        click.echo(json.dumps(row | {"service": name}, ensure_ascii=False))
        return
    for key, value in row.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        if key != "history":
            click.echo(f"{key:>10}  {text}")
    for entry in row["history"]:
        click.echo(f"{entry['at']}  {entry['who']}  {entry['what']}  {entry['why']}")


@events.command()
@click.argument("parked_id")
def retry(parked_id: str) -> None:
    """Have one parked event tried again at once; asking twice is asking once."""
    name, _row = _find(parked_id)
    Services(Settings.from_environ()).post(name, f"/v1/events/parked/{parked_id}/retry")
    click.echo(f"{name}: {parked_id} will be tried within seconds; see: laurel events show")


@events.command()
@click.argument("parked_id")
@click.option("--reason", required=True, help="Why; kept with the event.")
def discard(parked_id: str, reason: str) -> None:
    """Give one parked event up; it stays in the table with the reason."""
    name, _row = _find(parked_id)
    client = Services(Settings.from_environ())
    client.post(name, f"/v1/events/parked/{parked_id}/discard", {"reason": reason})
    click.echo(f"{name}: {parked_id} discarded")


def _find(parked_id: str) -> tuple[str, dict[str, Any]]:
    from shared.errors import LaurelError, NotFoundError  # noqa: PLC0415

    client = Services(Settings.from_environ())
    for name in SERVICES:
        try:
            return name, client.get(name, f"/v1/events/parked/{parked_id}")
        except LaurelError as error:
            if " 404" not in error.detail:
                raise
    raise NotFoundError(f"No service has a parked event with the id {parked_id!r}.")


def _print_parked(service: str, answer: dict[str, Any]) -> None:
    totals = ", ".join(f"{state} {count}" for state, count in answer["totals"].items()) or "none"
    table = Table(title=f"{service}: {totals}", title_justify="left")
    for column in ("id", "handler", "type", "subject", "state", "error", "attempts", "parked at"):
        table.add_column(column, overflow="fold")
    for row in answer["items"]:
        keys = ("id", "handler", "type", "subject", "state", "error", "attempts", "parked_at")
        table.add_row(*(str(row[key] or "") for key in keys))
    if answer["items"]:
        Console().print(table)
    else:
        click.echo(f"{service}: {totals}")
    if answer["next"]:
        click.echo(f"more: laurel events parked --service {service} --after {answer['next']}")

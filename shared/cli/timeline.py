"""`laurel timeline`: one project's way through all services, with real times and delays."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shared.catalogue import SERVICES
from shared.cli.client import Services, part
from shared.errors import NotFoundError
from shared.settings import Settings

LOST = "(in no outbox)"


@click.command()
@click.argument("subject")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def timeline(subject: str, as_json: bool) -> None:
    """Show every event about SUBJECT (a project id) and who handled it when."""
    client = Services(Settings.from_environ())
    events = collect({name: client.get(name, f"/v1/timeline/{part(subject)}") for name in SERVICES})
    if not events:
        raise NotFoundError(f"No service knows of {subject!r}.")
    if as_json:
        click.echo(json.dumps({"subject": subject, "events": events}, ensure_ascii=False))
        return
    table = Table(title=f"{subject}, real times", title_justify="left")
    for column in ("recorded", "service", "event", "seq", "handled by", "after s"):
        table.add_column(column, overflow="fold")
    for event in events:
        table.add_row(
            event["recorded_at"], event["service"], event["type"], str(event["sequence"]), "", ""
        )
        for handled in event["handled"]:
            delay = handled["delay_seconds"]
            after = "" if delay is None else f"{delay:.3f}"
            table.add_row("", "", "", "", handled["handler"], after)
    Console().print(table)


def collect(answers: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The services' answers as one list of events in the order of their recording.

    What was handled and is in no outbox stands there too: its publisher has lost it.
    """
    handled: dict[str, list[dict[str, Any]]] = {}
    for answer in answers.values():
        for row in answer["handled"]:
            handled.setdefault(row["event"], []).append(row)
    events = [
        row | {"service": service, "handled": handled.get(row["event"], [])}
        for service, answer in answers.items()
        for row in answer["published"]
    ]
    known = {event["event"] for event in events}
    events += [_lost(one, rows) for one, rows in handled.items() if one not in known]
    return sorted(events, key=lambda event: event["recorded_at"])


def _lost(event_id: str, handled: list[dict[str, Any]]) -> dict[str, Any]:
    first = min(row["handled_at"] for row in handled)
    return {
        "event": event_id, "service": "", "type": LOST, "subject": "", "sequence": "",
        "recorded_at": first, "published_at": None, "handled": handled,
    }  # fmt: skip

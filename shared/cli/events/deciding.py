"""`laurel events retry`, `discard` and `restore`: one parked event, a group, or a query."""

from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from shared.catalogue import SERVICES
from shared.cli.client import Services, part
from shared.cli.events.options import YES, filtered, given
from shared.cli.events.parked import find
from shared.settings import Settings
from shared.spine.parking.decisions import Decision

ALL = click.option("--all", "everything", is_flag=True, help="All of them.")
REASON = click.option("--reason", required=True, help="Why; kept with the event.")


@click.command()
@click.argument("parked_id", required=False)
@filtered
@ALL
@YES
@click.option("--reason", default="", help="Why; kept with the event.")
@click.option("--to", metavar="HANDLER", help="Another handler of the service, for one event.")
def retry(parked_id: str | None, to: str | None, **options: Any) -> None:
    """Have parked events tried again at once; asking twice is asking once.

    Name one by its id, or a group or any query by the options; counts first.
    """
    if to is None:
        _decide(Decision.RETRY, parked_id, **options)
    elif parked_id is None:
        raise click.UsageError("--to takes one event: name it by its id.")
    else:
        _decide_one(Decision.RETRY, parked_id, {"reason": options["reason"], "to": to})


@click.command()
@click.argument("parked_id", required=False)
@filtered
@ALL
@YES
@REASON
def discard(parked_id: str | None, **options: Any) -> None:
    """Give parked events up; they stay in the table with the reason."""
    _decide(Decision.DISCARD, parked_id, **options)


@click.command()
@click.argument("parked_id", required=False)
@filtered
@ALL
@YES
@REASON
def restore(parked_id: str | None, **options: Any) -> None:
    """Take discarded events back; they wait for a retry."""
    _decide(Decision.RESTORE, parked_id, **options)


DONE = {
    Decision.RETRY: "will be tried within seconds; see: laurel events show",
    Decision.DISCARD: "discarded",
    Decision.RESTORE: "restored; see: laurel events retry",
}


def _decide(
    decision: Decision,
    parked_id: str | None,
    *,
    services: tuple[str, ...],
    everything: bool,
    yes: bool,
    reason: str,
    **filters: Any,
) -> None:
    client, wanted = Services(Settings.from_environ()), given(**filters)
    if parked_id is not None:
        _decide_one(decision, parked_id, {"reason": reason})
        return
    if not wanted and not everything:
        raise click.UsageError("Name a parked event, restrict by an option, or give --all.")
    body = wanted | {"reason": reason}
    path = f"/v1/events/{decision}"
    counts = {
        name: client.post(name, path, body | {"count_only": True})["matching"]
        for name in services or SERVICES
    }
    _announce(decision, counts)
    if sum(counts.values()) and (yes or click.confirm(f"{decision} them?", abort=True)):
        done = [_batches(client, name, path, body, counts[name]) for name in counts if counts[name]]
        click.echo(f"{sum(done)} {DONE[decision]}")


def _decide_one(decision: Decision, parked_id: str, body: dict[str, Any]) -> None:
    name, _row = find(parked_id)
    path = f"/v1/events/parked/{part(parked_id)}/{decision}"
    Services(Settings.from_environ()).post(name, path, body)
    click.echo(f"{name}: {parked_id} {DONE[decision]}")


def _announce(decision: Decision, counts: dict[str, int]) -> None:
    for name, count in counts.items():
        click.echo(f"{name}: {count or 'no'} events to {decision}")


def _batches(client: Services, name: str, path: str, body: dict[str, Any], total: int) -> int:
    """Batch after batch; an interruption leaves whole batches done and the rest as it was."""
    done, after = 0, ""
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(name, total=total)
        while after is not None:
            answer = client.post(name, path, body | {"after": after})
            after, done = answer["next"], done + answer["changed"]
            progress.update(bar, completed=done)
    return done

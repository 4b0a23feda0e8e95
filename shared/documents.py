"""The generated parts of the documents, so that no table and no picture is kept by hand.

`python -m shared.documents` writes each part anew between its markers, in the Markdown files that
it is given or in all of the project's. The parts are made from what the services declare.
"""

import json
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from shared.catalogue import AGENCY_RECEIPT, CATALOGUE, INSPECTION, NOTIFICATION, SERVICES
from shared.settings_table import settings_table
from shared.spine.broker.topology import Queue
from shared.telemetry import metrics_table

PART = re.compile(r"<!-- generated: ([\w-]+) -->\n.*?<!-- end generated -->", re.DOTALL)
NOT_OURS = {".venv", ".venv-bench", "var", "build", "mutants", "node_modules"}
RESULTS = Path(__file__).parents[1] / "tests" / "bench" / "results.json"
VERDICTS = {True: "met", False: "**not met**", None: ""}
AGENCIES, PUBLIC = "agencies", "public"
ORDER = (AGENCIES, *SERVICES, PUBLIC)
SPACING = '%%{init: {"flowchart": {"nodeSpacing": 60, "rankSpacing": 60}}}%%'
SIGNED = "A signed message of an agency."
OUTWARDS = "pages, status list,<br>letters, webhooks"


def refreshed(text: str) -> str:
    """A document with its generated parts made anew; raises KeyError for a part nobody makes."""
    return PART.sub(lambda found: _part(found[1]), text)


def documents(root: Path) -> Iterator[Path]:
    """The project's Markdown files."""
    for path in sorted(root.rglob("*.md")):
        if not NOT_OURS & set(path.relative_to(root).parts):
            yield path


def events_table() -> str:
    """Every event: who publishes it, which method of which service takes it, what it means."""
    takers: dict[str, set[str]] = defaultdict(set)
    for queue in _queues():
        takers[_event_of(queue)].add(f"`{queue.name.rpartition('--')[2]}`")
    lines = ["| event | published by | taken by | meaning |", "|---|---|---|---|"]
    lines += [
        _row(name, kind.owners, takers.pop(name, ()), kind.description)
        for name, kind in sorted(CATALOGUE.items())
    ]
    lines += [_row(name, [AGENCIES], takers[name], SIGNED) for name in sorted(takers)]
    receipt = AGENCY_RECEIPT
    return "\n".join([*lines, _row(receipt.name, receipt.owners, [AGENCIES], receipt.description)])


def picture() -> str:
    """The services and the events between them, as a Mermaid flow chart."""
    flows: dict[tuple[str, str], set[str]] = defaultdict(set)
    for queue in _queues():
        flows[_source_of(queue), queue.service].add(_event_of(queue))
    flows[INSPECTION, AGENCIES].add(AGENCY_RECEIPT.name)
    lines = ["```mermaid", SPACING, "flowchart TB"]
    lines += [f'  {name}["<b>{name}</b><br>{_purpose_of(name)}"]' for name in SERVICES]
    lines += [f"  {name}([{name}])" for name in (AGENCIES, PUBLIC)]
    lines += [
        f'  {source} -->|"{"<br>".join(_grouped(flows[source, target]))}"| {target}'
        for source, target in sorted(flows, key=_reading_order)
    ]
    return "\n".join([*lines, f'  {NOTIFICATION} -->|"{OUTWARDS}"| {PUBLIC}', "```"])


def bench_table(results: Path = RESULTS) -> str:
    """What the last `make bench` measured against its goals, and on what."""
    if not results.exists():
        return "Nothing has been measured yet: `make bench` does."
    told = json.loads(results.read_text())
    lines = [
        "| measure | goal | median (range of rounds) | | conditions |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {goal['measure']} | {goal['goal']} | {_figure(goal)} | {VERDICTS[goal['met']]} "
        f"| {goal['note']} |"
        for goal in told["goals"]
    ]
    where = (
        f"Measured {told['at'][:10]} on {told['cores']} cores with RabbitMQ {told['rabbitmq']}, "
        f"PostgreSQL {told['postgresql']}, Python {told['python']}; {told['durability']}. "
        f"Ours, where nothing else is said: {told['ours']}. Seed {told['seed']}."
    )
    return "\n".join([*lines, "", where])


PARTS: dict[str, Callable[[], str]] = {
    "bench": bench_table,
    "events": events_table,
    "metrics": metrics_table,
    "picture": picture,
    "settings": settings_table,
}


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(files: tuple[Path, ...]) -> None:
    """Write the generated parts of Markdown files anew, and name each file that changed."""
    for path in files or documents(Path()):
        before = path.read_text()
        after = refreshed(before)
        if after != before:
            path.write_text(after)
            click.echo(path)


def _part(name: str) -> str:
    return f"<!-- generated: {name} -->\n\n{PARTS[name]()}\n\n<!-- end generated -->"


def _figure(goal: Mapping[str, Any]) -> str:
    median, low, high = (f"{goal[name]:.3g}" for name in ("median", "low", "high"))
    return f"{median} {goal['unit']} ({low} to {high})"


def _queues() -> tuple[Queue, ...]:
    from shared.server import whole_topology  # noqa: PLC0415 - eventlet warns when it is imported

    return whole_topology().handled


def _purpose_of(service: str) -> str:
    """What the service's class says of itself."""
    from shared.server import service_class  # noqa: PLC0415 - as above

    return str(service_class(service).__doc__)


def _event_of(queue: Queue) -> str:
    return queue.routing_key.replace("agency.*.", "")


def _source_of(queue: Queue) -> str:
    source = queue.exchange.removesuffix(".events")
    return source if source in SERVICES else AGENCIES


def _reading_order(flow: tuple[str, str]) -> tuple[int, int]:
    source, target = flow
    return ORDER.index(target), ORDER.index(source)


def _grouped(events: Iterable[str]) -> list[str]:
    """One line an aggregate: its one event, or `project.*` for several."""
    groups: dict[str, list[str]] = defaultdict(list)
    for event in sorted(events):
        groups[event.partition(".")[0]].append(event)
    return [names[0] if len(names) == 1 else f"{name}.*" for name, names in groups.items()]


def _row(name: str, owners: Iterable[str], takers: Iterable[str], meaning: str) -> str:
    return f"| `{name}` | {', '.join(owners)} | {', '.join(sorted(takers))} | {meaning} |"


if __name__ == "__main__":
    warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")  # ARCHITECTURE.md weighs it
    main(sys.argv[1:])

"""What a person sees: progress on standard error, then what came of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self, TypeVar

import eventlet
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shared.cli.demo.report import Outcome
from shared.errors import LaurelError

AT_ONCE = 8
Item = TypeVar("Item")


class Screen:
    """Progress bars on standard error; standard output stays clean for the answer."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
        )

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """One step with its bar; calling what it gives moves the bar on by one."""
        task = self._progress.add_task(what, total=total)
        yield lambda: self._progress.advance(task)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """One line between the bars."""
        self.console.print(line, highlight=False)


def side_by_side(act: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Act on every item, some at a time; raises the first error when all are done."""
    errors: list[Exception] = []

    def attempt(item: Item) -> None:
        try:
            if not errors:
                act(item)
        except LaurelError as error:
            errors.append(error)

    pool = eventlet.GreenPool(AT_ONCE)
    for thread in [pool.spawn(attempt, item) for item in items]:
        thread.wait()
    if errors:
        raise errors[0]


def show(outcome: Outcome, console: Console) -> None:
    """The funnel, the revocations, what was refused and parked, and the two counts that matter."""
    console.print(_counted("The round", outcome.funnel))
    console.print("\n[italic]Revocations, with the seconds from the verdict to each outlet[/]")
    for line in outcome.revocations:
        console.print(f"  [bold]{line['project']}[/]  {line['ground']}  {line['circular']}")
        times = (f"{name} {seconds:.2f}" for name, seconds in sorted(line["outlets"].items()))
        console.print(f"    {', '.join(times)}")
    console.print()
    console.print(_counted("Refused at the doors", outcome.refused))
    console.print(_counted("Agency messages in quarantine, by receipt code", outcome.quarantined))
    console.print(_counted("Parked events, by error", outcome.parked))
    console.print(
        f"{outcome.letters} letters and {outcome.webhooks} webhooks were taken by their receivers, "
        f"{outcome.repeated} of them twice under one id."
    )
    colour = "green" if (outcome.lost, outcome.duplicates) == (0, 0) else "bold red"
    console.print(
        f"[{colour}]lost {outcome.lost}, duplicates {outcome.duplicates}[/]: "
        f"{outcome.pairs} deliveries between services, {outcome.elapsed_seconds:.1f} s"
    )


def _counted(title: str, counts: Mapping[str, int]) -> Table:
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_row(f"[italic]{title}[/]", "")
    for name, count in counts.items():
        table.add_row(escape(name), str(count))
    return table

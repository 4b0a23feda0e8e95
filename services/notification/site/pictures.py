"""Statistics as bars: plain numbers in, what the SVG template draws out."""

from collections.abc import Iterable
from dataclasses import dataclass

ROW, WIDTH, NUMBERS = 52, 420, 50
ROOM = WIDTH - NUMBERS


@dataclass(frozen=True)
class Bar:
    """One bar: its words and number, its place and length in the picture's own units."""

    label: str
    count: int
    y: int
    length: int


@dataclass(frozen=True)
class Picture:
    """A bar chart, the longest bar as long as there is room."""

    title: str
    bars: list[Bar]
    height: int
    width: int = WIDTH


def bars(title: str, counts: Iterable[tuple[str, int]]) -> Picture:
    """The picture of labelled numbers, in their order."""
    rows = list(counts)
    most = max((count for _label, count in rows), default=0) or 1
    drawn = [
        Bar(label, count, number * ROW, round(ROOM * count / most))
        for number, (label, count) in enumerate(rows)
    ]
    return Picture(title, drawn, max(len(rows), 1) * ROW)

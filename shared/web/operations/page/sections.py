"""What a service adds to its operator's page, as plain values: it needs no template of its own."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """A button: what it says, and the address of ours that it posts to."""

    label: str
    address: str


@dataclass(frozen=True)
class Line:
    """One line, a text for each column; an operator may get a button beside it."""

    cells: Sequence[str]
    action: Action | None = None


@dataclass(frozen=True)
class Section:
    """Something that an operator must see. `count` is all of it, `lines` the part that is shown."""

    name: str
    title: str
    meaning: str
    columns: Sequence[str]
    lines: Sequence[Line]
    count: int

"""How much one request or message may hold, so that reading it holds up nobody else."""

from collections.abc import Mapping
from typing import Any

MOST_VALUES = 2_000
MOST_ERRORS = 50  # of one answer; who has more mends these first
LONGEST_NAME, LONGEST_MESSAGE = 200, 1_000  # of a field and a fault, as an error tells them


def is_bulky(value: Any) -> bool:
    """Whether lists and objects in it, at every depth, hold more than MOST_VALUES values."""
    waiting, seen = [value], 0
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Mapping | list | tuple):
            seen += len(inner)
            if seen > MOST_VALUES:
                return True
            waiting.extend(inner.values() if isinstance(inner, Mapping) else inner)
    return False

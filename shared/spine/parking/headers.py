"""Headers as JSON keeps them, with their types: a retry must know what the first attempt knew."""

from base64 import b64decode, b64encode
from datetime import datetime
from math import isfinite
from typing import Any

from shared.spine.texts import storable

BYTES, TIME, TABLE = "$bytes", "$time", "$table"
MARKS = frozenset({BYTES, TIME, TABLE})  # a sender's table may have such names, too
LONGEST, DEEPEST = 4_000, 32
TOO_DEEP = "(nested too deeply to be kept)"


def kept(value: Any, depth: int = 0) -> Any:
    """A header's value for a JSON column; what JSON has no type for is marked, or becomes text.

    So does what lies too deep: a broker lets through what would exhaust the stack here.
    """
    if depth > DEEPEST:
        return TOO_DEEP
    match value:
        case bool() | int() | None:
            return value
        case list() | tuple():
            return [kept(item, depth + 1) for item in value]
        case dict():
            items = value.items()
            table = {storable(name, LONGEST): kept(item, depth + 1) for name, item in items}
            return {TABLE: table} if MARKS.intersection(table) else table
    return _as_json(value)


def _as_json(value: Any) -> Any:
    match value:
        case float() if isfinite(value):
            return value
        case bytes():
            return {BYTES: b64encode(value).decode()}
        case datetime():
            return {TIME: value.isoformat()}
    return storable(value, len(value) if isinstance(value, str) else LONGEST)


def typed(value: Any) -> Any:
    """The value again, from what was kept."""
    match value:
        case {"$bytes": str() as text} if len(value) == 1:
            return b64decode(text)
        case {"$time": str() as text} if len(value) == 1:
            return datetime.fromisoformat(text)
        case {"$table": dict() as table} if len(value) == 1:
            return {name: typed(item) for name, item in table.items()}
        case list():
            return [typed(item) for item in value]
        case dict():
            return {name: typed(item) for name, item in value.items()}
    return value

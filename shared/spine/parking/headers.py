"""Headers as JSON keeps them, with their types: a retry must know what the first attempt knew."""

from base64 import b64decode, b64encode
from datetime import datetime
from math import isfinite
from typing import Any

from shared.spine.texts import storable

BYTES, TIME, TABLE = "$bytes", "$time", "$table"
MARKS = frozenset({BYTES, TIME, TABLE})  # a sender's table may have such names, too
LONGEST = 4_000


def kept(value: Any) -> Any:
    """A header's value for a JSON column; what JSON has no type for is marked, or becomes text."""
    match value:
        case bool() | int() | None:
            return value
        case list() | tuple():
            return [kept(item) for item in value]
        case dict():
            table = {storable(name, LONGEST): kept(item) for name, item in value.items()}
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

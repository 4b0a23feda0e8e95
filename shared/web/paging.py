"""Cursor pages: a list goes on after the last key seen, whatever was added meanwhile."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Select, inspect, tuple_
from sqlalchemy.orm import Session

from shared.canonical import base64url, from_base64url
from shared.errors import InvalidError
from shared.spine.texts import is_storable

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
LARGEST = 2**31
NOT_OURS = "is not one we gave; start without it"


@dataclass(frozen=True)
class PageRequest:
    """Where to go on (`after`, a key's values) and how many items to give."""

    after: list[Any] | None = None
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True)
class Page:
    """Some items, and the cursor of the next page or None."""

    items: Sequence[Any]
    next_cursor: str | None = None


def keyset(
    session: Session, statement: Select[Any], page: PageRequest, *, newest_first: bool = False
) -> Page:
    """One page of a statement for one kind of row, in the order of its whole primary key.

    A model may name other unique columns to go by, as `page_key`. Raises InvalidError for a
    cursor that is none of this list.
    """
    model = statement.column_descriptions[0]["entity"]
    columns = inspect(model).columns
    key = [columns[name] for name in getattr(model, "page_key", ())] or inspect(model).primary_key
    if page.after is not None:
        last, here = tuple_(*_fitting(page.after, key)), tuple_(*key)
        statement = statement.where(here < last if newest_first else here > last)
    order = [column.desc() if newest_first else column for column in key]
    rows = session.scalars(statement.order_by(*order).limit(page.limit + 1)).all()
    items = rows[: page.limit]
    if len(rows) == len(items):
        return Page(items)
    return Page(items, encode_cursor([getattr(items[-1], column.key) for column in key]))


def _fitting(values: list[Any], key: Sequence[Column[Any]]) -> list[Any]:
    if [type(value) for value in values] != [column.type.python_type for column in key]:
        raise _bad("cursor", NOT_OURS)
    return values


def page_request(arguments: dict[str, str]) -> PageRequest:
    """Take `cursor` and `limit` out of the query; raises InvalidError naming the bad one."""
    limit, cursor = arguments.pop("limit", None), arguments.pop("cursor", None)
    if limit is not None and not (
        re.fullmatch("[0-9]{1,3}", limit) and 1 <= int(limit) <= MAX_LIMIT
    ):
        raise _bad("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    after = decode_cursor(cursor) if cursor else None
    return PageRequest(after, int(limit) if limit else DEFAULT_LIMIT)


def encode_cursor(key: list[Any]) -> str:
    """The opaque form of a key."""
    return base64url(json.dumps(key).encode())


def decode_cursor(cursor: str) -> list[Any]:
    """The key in a cursor; raises InvalidError."""
    try:
        key = json.loads(from_base64url(cursor))
    except (ValueError, RecursionError) as error:
        raise _bad("cursor", NOT_OURS) from error
    if not isinstance(key, list) or not all(map(_is_storable, key)):
        raise _bad("cursor", NOT_OURS)
    return key


def _is_storable(value: Any) -> bool:
    """Whether a database can be asked for it: JSON may hold what no text of ours does."""
    if not isinstance(value, str):
        return isinstance(value, int) and abs(value) < LARGEST
    return is_storable(value)


def _bad(name: str, message: str) -> InvalidError:
    errors = [{"field": name, "message": message}]
    return InvalidError(f"The query parameter '{name}' {message}.", errors=errors)

"""Cursor pages: a list goes on after the last key seen, whatever was added meanwhile."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.errors import InvalidError

DEFAULT_LIMIT, MAX_LIMIT = 50, 200


@dataclass(frozen=True)
class PageRequest:
    """Where to go on (`after`, a key) and how many items to give."""

    after: str | None = None
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True)
class Page:
    """Some items, and the cursor of the next page or None."""

    items: Sequence[Any]
    next_cursor: str | None = None


def keyset(
    session: Session, statement: Select[Any], key: InstrumentedAttribute[Any], page: PageRequest
) -> Page:
    """One page of a statement, in the order of a unique text column."""
    if page.after is not None:
        statement = statement.where(key > page.after)
    rows = session.scalars(statement.order_by(key).limit(page.limit + 1)).all()
    items = rows[: page.limit]
    more = len(rows) > page.limit
    return Page(items, encode_cursor(str(getattr(items[-1], key.key))) if more else None)


def page_request(arguments: dict[str, str]) -> PageRequest:
    """Take `cursor` and `limit` out of the query; raises InvalidError naming the bad one."""
    limit, cursor = arguments.pop("limit", None), arguments.pop("cursor", None)
    if limit is not None and not (
        re.fullmatch("[0-9]{1,3}", limit) and 1 <= int(limit) <= MAX_LIMIT
    ):
        raise _bad("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    after = decode_cursor(cursor) if cursor else None
    return PageRequest(after, int(limit) if limit else DEFAULT_LIMIT)


def encode_cursor(key: str) -> str:
    """The opaque form of a key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The key in a cursor; raises InvalidError."""
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _bad("cursor", "is not one we gave; start without it") from error
    if "\0" in key:
        raise _bad("cursor", "is not one we gave; start without it")
    return key


def _bad(name: str, message: str) -> InvalidError:
    errors = [{"field": name, "message": message}]
    return InvalidError(f"The query parameter '{name}' {message}.", errors=errors)

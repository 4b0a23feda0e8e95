"""Reading one row, for looking or for changing, and narrowing a list of them."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.errors import NotFoundError

M = TypeVar("M")


def found(session: Session, model: type[M], key: Any) -> M:
    """The row with this primary key; raises NotFoundError, with the model's `hint` if any."""
    row = session.get(model, key)
    if row is None:
        raise missing(model, key)
    return row


def locked(session: Session, model: type[M], key: Any) -> M:
    """The row as `found` gives it, ours until the transaction ends: for changing it."""
    row = session.get(model, key, with_for_update=True)
    if row is None:
        raise missing(model, key)
    return row


def version_of(session: Session, model: type[Any], key: Any) -> int:
    """The version of the row with this key, which is locked as above; 0 before there is one."""
    row = session.get(model, key, with_for_update=True)
    return row.version if row is not None else 0


def missing(model: type[Any], key: Any) -> NotFoundError:
    """What to raise for a row that is not there, or not for this caller."""
    word = re.sub("(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()
    named = "/".join(map(str, key)) if isinstance(key, tuple) else key
    hint = getattr(model, "hint", "")
    return NotFoundError(f"There is no {word} {named!r}. {hint}".rstrip())


def narrowed(statement: Select[Any], model: type[Any], wanted: Mapping[str, Any]) -> Select[Any]:
    """Only rows whose columns have the wanted values; None does not restrict."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return statement.where(*(getattr(model, name) == value for name, value in given.items()))

"""Trying parked deliveries again, those first that must not wait behind others."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from shared.clock import Clock
from shared.errors import LaurelError
from shared.spine import parking
from shared.spine.database import Database
from shared.spine.handlers import Handling
from shared.spine.parking import SPINE, ParkedState
from shared.spine.tables import parked


class UnknownHandlerError(LaurelError):
    """A parked event's handler is gone or renamed; an operator can point it at another."""

    slug = "unknown-handler"


def retry_due(database: Database, handlers: Mapping[str, Handling], clock: Clock) -> int:
    """Try parked events whose time has come, one a transaction; returns how many were tried."""
    tried = 0
    while retry_next(database, handlers, clock):
        tried += 1
    return tried


def retry_next(database: Database, handlers: Mapping[str, Handling], clock: Clock) -> bool:
    """Try the first parked event whose time has come; returns whether there was one."""
    seen: Row[Any] | None = None
    try:
        with database.transaction() as session:
            seen = session.execute(_due(datetime.now(UTC))).first()
            if seen is None:
                return False
            _handle(session, handlers, seen, clock.now())
            now = datetime.now(UTC)
            parking.change(
                session, [seen.id], state=ParkedState.HANDLED, due_at=None, settled_at=now
            )
            parking.note_step(session, [seen.id], SPINE, ParkedState.HANDLED, "on retry")
    except Exception as error:
        if seen is None:
            raise
        with database.transaction() as session:
            _count_attempt(session, seen, error)
    return True


def _due(now: datetime) -> Any:
    return (
        select(parked)
        .where(parked.c.state == ParkedState.WAITING, parked.c.due_at <= now)
        .order_by(parked.c.urgent.desc(), parked.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _handle(
    session: Session, handlers: Mapping[str, Handling], row: Row[Any], now: datetime
) -> None:
    handler = handlers.get(row.handler)
    if handler is None:
        raise UnknownHandlerError(
            f"No handler is called {row.handler} any more; point it at another: "
            f"laurel events retry {row.id} --to <service>.<method>"
        )
    handler.handle(session, parking.delivery_of(row), now)


def _count_attempt(session: Session, seen: Row[Any], error: Exception) -> None:
    """Count the attempt, unless another replica did, or an operator asked for the next one."""
    row = session.execute(select(parked).where(parked.c.id == seen.id).with_for_update()).one()
    is_as_seen = (row.attempts, row.due_at) == (seen.attempts, seen.due_at)
    if row.state == ParkedState.WAITING and is_as_seen:
        parking.postpone(session, row, error)

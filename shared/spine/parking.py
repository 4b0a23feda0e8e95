"""Parking: what could not be handled is kept with its bytes until it is handled or discarded.

Attempts are counted here, in the database. Retries back off exponentially with jitter, in real
time; after the last one, or at once when the bytes cannot be understood, an operator decides.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.orm import Session

from shared.errors import IllegalTransitionError, LaurelError, NotFoundError
from shared.spine.broker import Delivery
from shared.spine.envelope import Event, UndecodableError, new_id
from shared.spine.tables import parked

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.spine.database import Database
    from shared.spine.inbox import Handler

MAX_DETAIL = 2_000


class ParkedState(StrEnum):
    """`waiting` for its next attempt, `held` for an operator, or settled."""

    WAITING = "waiting"
    HELD = "held"
    HANDLED = "handled"
    DISCARDED = "discarded"


OPEN = (ParkedState.WAITING, ParkedState.HELD)
PERMANENT = {"undecodable", "unknown-version", "duplicate-id", "schema"}


@dataclass(frozen=True)
class Patience:
    """How often, and how far apart, an event is tried again by itself; see `delay`."""

    attempts: int = 8
    base_seconds: float = 1.0
    cap_seconds: float = 300.0

    def delay(self, attempts: int, rng: random.Random) -> timedelta:
        """Full jitter over an exponential back-off (AWS Architecture Blog, 2015), never below half.

        The half keeps two attempts from falling together.
        """
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempts - 1))
        return timedelta(seconds=ceiling * rng.uniform(0.5, 1.0))


PATIENCE = Patience()
_RNG = random.SystemRandom()


def park(
    session: Session, handler: str, delivery: Delivery, error: Exception, event: Event | None
) -> str:
    """Keep a delivery that could not be handled; returns the id of the parked row."""
    now = datetime.now(UTC)
    slug, detail = describe_error(error)
    held = slug in PERMANENT
    row = {
        "id": new_id(),
        "handler": handler,
        "event_id": event.id if event else None,
        "event_type": event.type if event else None,
        "subject": event.subject if event else None,
        "body": delivery.body,
        "headers": _headers(delivery),
        "state": ParkedState.HELD if held else ParkedState.WAITING,
        "error": slug,
        "detail": detail,
        "attempts": 1,
        "parked_at": now,
        "due_at": None if held else now + PATIENCE.delay(1, _RNG),
        "history": [_entry(now, "spine", "parked", f"{slug}: {detail}")],
    }
    session.execute(insert(parked).values(**row))
    return str(row["id"])


def retry_due(database: "Database", handlers: Mapping[str, "Handler"], clock: "Clock") -> int:
    """Try parked events whose time has come, one a transaction; returns how many were tried."""
    tried = 0
    while _retry_next(database, handlers, clock):
        tried += 1
    return tried


def _retry_next(database: "Database", handlers: Mapping[str, "Handler"], clock: "Clock") -> bool:
    seen: Row[Any] | None = None
    try:
        with database.transaction() as session:
            seen = session.execute(_due(datetime.now(UTC))).first()
            if seen is None:
                return False
            _handle_parked(session, handlers, seen, clock.now())
            _settle(session, seen, ParkedState.HANDLED, "spine", "handled on retry")
    except Exception as error:
        if seen is None:
            raise
        with database.transaction() as session:
            _postpone(session, seen, error)
    return True


def retry(session: Session, parked_id: str, *, actor: str) -> None:
    """Let an operator's retry happen at the next tick; asking twice is asking once."""
    row = _open_row(session, parked_id)
    now = datetime.now(UTC)
    _change(
        session,
        row,
        _entry(now, actor, "retry asked", ""),
        state=ParkedState.WAITING,
        due_at=now,
    )


def discard(session: Session, parked_id: str, *, actor: str, reason: str) -> None:
    """Give an event up for good, with a reason; it stays in the table."""
    _settle(session, _open_row(session, parked_id), ParkedState.DISCARDED, actor, reason)


def counts(session: Session) -> dict[str, int]:
    """How many parked events there are in each state."""
    rows = session.execute(select(parked.c.state, func.count()).group_by(parked.c.state))
    return {state: count for state, count in rows}  # noqa: C416 - a Row is not a plain pair to mypy


def describe_error(error: Exception) -> tuple[str, str]:
    """The slug and the detail that an operator reads."""
    if isinstance(error, ValidationError):
        return "schema", str(error.messages)[:MAX_DETAIL]
    if isinstance(error, LaurelError):
        return error.slug, error.detail[:MAX_DETAIL]
    return type(error).__name__, str(error)[:MAX_DETAIL]


def _due(now: datetime) -> Any:
    return (
        select(parked)
        .where(parked.c.state == ParkedState.WAITING, parked.c.due_at <= now)
        .order_by(parked.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _handle_parked(
    session: Session, handlers: Mapping[str, "Handler"], row: Row[Any], now: datetime
) -> None:
    from shared.spine.inbox import handle_one  # noqa: PLC0415 - the inbox parks, parking handles

    handler = handlers.get(row.handler)
    if handler is None:
        raise UndecodableError(f"No handler is called {row.handler} any more.")
    event = handler.read(row.body, row.headers.get("content_type"))
    handle_one(session, handler, event, row.body, now)


def _postpone(session: Session, seen: Row[Any], error: Exception) -> None:
    """Count the attempt, unless another replica has counted it meanwhile."""
    row = session.execute(select(parked).where(parked.c.id == seen.id).with_for_update()).one()
    if row.state != ParkedState.WAITING or row.attempts != seen.attempts:
        return
    now = datetime.now(UTC)
    slug, detail = describe_error(error)
    attempts = row.attempts + 1
    held = slug in PERMANENT or attempts >= PATIENCE.attempts
    _change(
        session,
        row,
        _entry(now, "spine", f"attempt {attempts} failed", f"{slug}: {detail}"),
        attempts=attempts,
        error=slug,
        detail=detail,
        state=ParkedState.HELD if held else ParkedState.WAITING,
        due_at=None if held else now + PATIENCE.delay(attempts, _RNG),
    )


def _open_row(session: Session, parked_id: str) -> Row[Any]:
    row = session.execute(select(parked).where(parked.c.id == parked_id).with_for_update()).first()
    if row is None:
        raise NotFoundError(f"No parked event has the id {parked_id!r}.")
    if row.state not in OPEN:
        raise IllegalTransitionError(f"Parked event {parked_id} is {row.state} already.")
    return row


def _settle(session: Session, row: Row[Any], state: ParkedState, actor: str, why: str) -> None:
    now = datetime.now(UTC)
    _change(session, row, _entry(now, actor, state, why), state=state, due_at=None, settled_at=now)


def _change(session: Session, row: Row[Any], entry: dict[str, str], **values: Any) -> None:
    session.execute(
        update(parked).where(parked.c.id == row.id).values(history=[*row.history, entry], **values)
    )


def _entry(at: datetime, who: str, what: str, why: str) -> dict[str, str]:
    return {"at": at.isoformat(), "who": who, "what": str(what), "why": why}


def _headers(delivery: Delivery) -> dict[str, Any]:
    return {
        "content_type": delivery.content_type,
        "routing_key": delivery.routing_key,
        "user_id": delivery.user_id,
        "headers": {str(name): str(value) for name, value in delivery.headers.items()},
    }

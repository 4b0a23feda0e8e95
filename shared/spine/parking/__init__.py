"""Parking: what could not be handled is kept with its bytes until it is handled or discarded.

Attempts are counted here, in the database. Retries back off exponentially with jitter, in real
time; after the last one, or at once when the bytes cannot be understood, an operator decides.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.orm import Session

from shared.errors import LaurelError
from shared.spine.broker import Delivery
from shared.spine.envelope import Event, made_at, new_id
from shared.spine.events import CATALOGUE, sources
from shared.spine.parking.headers import kept, typed
from shared.spine.patience import Patience
from shared.spine.tables import parked, parked_steps
from shared.spine.texts import storable

MAX_DETAIL, LONGEST_NAME = 2_000, 80
SPINE = "spine"
VARIABLE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|\d+")


class ParkedState(StrEnum):
    """`waiting` for its next attempt, `held` for an operator, or settled."""

    WAITING = "waiting"
    HELD = "held"
    HANDLED = "handled"
    DISCARDED = "discarded"


OPEN = (ParkedState.WAITING, ParkedState.HELD)
PERMANENT = {
    "undecodable",
    "unknown-version",
    "unknown-handler",
    "duplicate-id",
    "schema",
    "beyond-retention",
}


def park(
    session: Session, handler: str, delivery: Delivery, error: Exception, event: Event | None
) -> str:
    """Keep a delivery that could not be handled; returns the id of the parked row.

    What is parked already, and open or discarded, is not parked once more.
    """
    now, handler = datetime.now(UTC), storable(handler, LONGEST_NAME)
    patience: Patience = session.info["patience"]
    slug, detail = describe_error(error)
    held = slug in PERMANENT
    event_id, source = identity(delivery, event)
    if known := _known(session, handler, event_id, delivery.body, (*OPEN, ParkedState.DISCARDED)):
        note_step(session, [known], SPINE, "came again", f"{slug}: {detail}")
        return known
    row = {
        "id": new_id(),
        "handler": handler,
        "event_id": event_id,
        "source": source,
        "event_type": event.type if event else None,
        "subject": event.subject if event else None,
        "urgent": event is not None and event.type in CATALOGUE and CATALOGUE[event.type].urgent,
        "body": delivery.body,
        "headers": _headers(delivery),
        "state": ParkedState.HELD if held else ParkedState.WAITING,
        "attempts": 1,
        "parked_at": now,
        "due_at": None if held else now + patience.delay(1),
        **_error_columns(handler, slug, detail),
    }
    session.execute(insert(parked).values(**row))
    note_step(session, [str(row["id"])], SPINE, "parked", f"{slug}: {detail}")
    return str(row["id"])


def postpone(session: Session, row: Row[Any], error: Exception) -> None:
    """Count a failed attempt, and wait for the next one or for an operator."""
    now, patience = datetime.now(UTC), session.info["patience"]
    slug, detail = describe_error(error)
    attempts = row.attempts + 1
    held = slug in PERMANENT or attempts >= patience.attempts
    change(
        session,
        [row.id],
        attempts=attempts,
        state=ParkedState.HELD if held else ParkedState.WAITING,
        due_at=None if held else now + patience.delay(attempts),
        **_error_columns(row.handler, slug, detail),
    )
    note_step(session, [row.id], SPINE, f"attempt {attempts} failed", f"{slug}: {detail}")


def change(session: Session, ids: Iterable[str], **values: Any) -> None:
    """Set columns of some parked rows."""
    session.execute(update(parked).where(parked.c.id.in_(ids)).values(**values))


def note_step(session: Session, ids: Iterable[str], who: str, what: str, why: str) -> None:
    """Add one line to the history of some parked rows: who did what, when (real time), and why."""
    now = datetime.now(UTC)
    lines = [{"parked": one, "at": now, "who": who, "what": what, "why": why} for one in ids]
    if lines:
        session.execute(insert(parked_steps), lines)


def open_count(session: Session) -> int:
    """How many parked events are not settled."""
    return session.scalar(select(func.count()).where(parked.c.state.in_(OPEN))) or 0


def describe_error(error: Exception) -> tuple[str, str]:
    """The slug and the detail that an operator reads."""
    if isinstance(error, ValidationError):
        return "schema", storable(error.messages, MAX_DETAIL)
    if isinstance(error, LaurelError):
        return error.slug, storable(error.detail, MAX_DETAIL)
    return storable(type(error).__name__, LONGEST_NAME), storable(error, MAX_DETAIL)


def delivery_of(row: Row[Any]) -> Delivery:
    """What was received, byte for byte, to be handled again."""
    headers = row.headers["headers"]
    return Delivery(body=row.body, tag=0, **row.headers | {"headers": typed(headers)})


def fingerprint(handler: str, slug: str, detail: str) -> str:
    """The same for failures that differ in ids, numbers and quoted values only."""
    text = "\0".join((handler, slug, VARIABLE.sub("#", detail)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_discarded(session: Session, handler: str, delivery: Delivery) -> bool:
    """Whether an operator has given this very message up; for those that no inbox remembers."""
    event_id, _source = identity(delivery, None)
    return bool(_known(session, handler, event_id, delivery.body, (ParkedState.DISCARDED,)))


def identity(delivery: Delivery, event: Event | None) -> tuple[str, str | None]:
    """Id and publishing service, as the bytes say, or else as the broker does, or the bytes' hash.

    Without them reconciliation would take what nobody can read for missing, and send it again.
    """
    event_id = event.id if event else delivery.id
    if event_id is None or (event is None and made_at(event_id) is None):
        event_id = f"sha256:{hashlib.sha256(delivery.body).hexdigest()[:40]}"
    source = event.owner if event else str(delivery.exchange).removesuffix(".events")
    return event_id, source if source in sources() else None


def _known(
    session: Session, handler: str, event_id: str, body: bytes, states: Sequence[ParkedState]
) -> str | None:
    same = select(parked.c.id).where(
        parked.c.handler == handler,
        parked.c.event_id == event_id,
        parked.c.body == body,
        parked.c.state.in_(states),
    )
    return session.scalar(same.limit(1))


def _error_columns(handler: str, slug: str, detail: str) -> dict[str, str]:
    return {"error": slug, "detail": detail, "fingerprint": fingerprint(handler, slug, detail)}


def _headers(delivery: Delivery) -> dict[str, Any]:
    return {
        "content_type": delivery.content_type,
        "routing_key": delivery.routing_key,
        "user_id": delivery.user_id,
        "headers": kept(dict(delivery.headers)),
    }

"""Retention: what is settled is deleted after a documented period, in small batches.

What keeps an event from being handled (again), its inbox row or its discarding, goes last: later
than the event can leave any outbox, and an inbox row never while the event is parked. Their going
is remembered as a horizon; an event from beyond it cannot be told from one handled before, and
waits for an operator.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select, tuple_, update
from sqlalchemy.orm import Session

from shared.errors import LaurelError
from shared.settings import Settings
from shared.spine.database import Database, insert_new
from shared.spine.envelope import first_id_at, made_at
from shared.spine.parking import ParkedState
from shared.spine.tables import facts, idempotency_keys, inbox, outbox, parked, replays

BATCH = 500
INBOX_MARGIN = timedelta(days=30)
IDEMPOTENCY_KEYS = timedelta(days=30)
YOUNG = timedelta(days=1)
HORIZON = "inbox_horizon"


class BeyondRetentionError(LaurelError):
    """The event is older than this inbox remembers: it may have been handled before."""

    slug = "beyond-retention"


def prune(database: Database, settings: Settings) -> int:
    """Delete one batch of everything that is past its period; returns how many rows."""
    now = datetime.now(UTC)
    published = now - timedelta(days=settings.outbox_days)
    settled = now - timedelta(days=settings.parked_days)
    with database.transaction() as session:
        done = _delete(
            session,
            outbox,
            outbox.c.recorded_at < published,
            outbox.c.published_at.is_not(None),
            ~_waits_for_replay(),
        )
        done += _delete(
            session, idempotency_keys, idempotency_keys.c.created_at < now - IDEMPOTENCY_KEYS
        )
        done += _forget_settled(session, settled, published - INBOX_MARGIN)
        return done + _forget_handled(session, published - INBOX_MARGIN)


def refuse_forgotten(session: Session, handler: str, new: Iterable[str]) -> None:
    """Raise BeyondRetentionError if one of these ids, new to the inbox, is from beyond its horizon.

    Only an event more than a day old can be: no period is shorter. One that was parked soon after
    its making is known not to have been handled: an inbox row of then would be there still.
    """
    young = first_id_at(datetime.now(UTC) - YOUNG)
    for event_id in sorted(one for one in new if one < young):
        horizon = session.scalar(select(facts.c.value).where(facts.c.name == HORIZON))
        is_old = horizon is not None and event_id < horizon
        if is_old and not _was_parked_in_time(session, handler, event_id):
            raise BeyondRetentionError(
                f"Event {event_id} is older than this inbox remembers, so it may have been "
                "handled before. Compare its effect, then discard it."
            )


def _was_parked_in_time(session: Session, handler: str, event_id: str) -> bool:
    made = made_at(event_id)
    if made is None:
        return False
    found = exists().where(
        parked.c.handler == handler,
        parked.c.event_id == event_id,
        parked.c.state != ParkedState.HANDLED,
        parked.c.parked_at < made + INBOX_MARGIN,
    )
    return bool(session.scalar(select(found)))


def _waits_for_replay() -> ColumnElement[bool]:
    return exists().where(replays.c.position == outbox.c.position)


def _forget_settled(session: Session, settled: datetime, before: datetime) -> int:
    """A discarded event stays known for as long as it could come back."""
    horizon = first_id_at(before)
    is_gone = or_(
        parked.c.state == ParkedState.HANDLED,
        parked.c.event_id.is_(None),
        parked.c.event_id < horizon,
    )
    done = _delete(session, parked, parked.c.settled_at < settled, is_gone)
    if done:
        _move_horizon(session, horizon)
    return done


def _forget_handled(session: Session, before: datetime) -> int:
    horizon = first_id_at(before)
    is_parked = exists().where(
        parked.c.handler == inbox.c.handler,
        parked.c.event_id == inbox.c.event_id,
        parked.c.state != ParkedState.HANDLED,
    )
    done = _delete(
        session, inbox, inbox.c.event_id < horizon, inbox.c.handled_at < before, ~is_parked
    )
    if done:
        _move_horizon(session, horizon)
    return done


def _move_horizon(session: Session, horizon: str) -> None:
    insert = insert_new(session.get_bind().dialect)
    session.execute(insert(facts).values(name=HORIZON, value="").on_conflict_do_nothing())
    farther = and_(facts.c.name == HORIZON, facts.c.value < horizon)
    session.execute(update(facts).where(farther).values(value=horizon))


def _delete(session: Session, table: Table, *past: ColumnElement[bool]) -> int:
    keys: Any = list(table.primary_key)
    batch = select(*keys).where(*past).limit(BATCH).with_for_update(skip_locked=True)
    rows = [tuple(row) for row in session.execute(batch)]
    if rows:
        session.execute(delete(table).where(tuple_(*keys).in_(rows)))
    return len(rows)

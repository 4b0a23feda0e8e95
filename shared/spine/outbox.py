"""The outbox: events that the running transaction records, written in bulk as it commits.

`record` is all that a command needs to know of delivery. The rows are not the unit of work's: it
would write one as often as a handler queries, which cost a hop 19 % on SQLite and 35 % on
PostgreSQL.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column, object_mapper

from shared.spine import tables
from shared.spine.context import Context
from shared.spine.envelope import Event, encode, new_id
from shared.spine.events import EventType

PENDING = "laurel_outbox"


class Aggregate:
    """A row that events are about: its key is their subject, and it counts its versions."""

    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The row's primary key."""
        (key,) = object_mapper(self).primary_key_from_instance(self)
        return str(key)


def record(
    session: Session, event_type: EventType, aggregate: Aggregate, context: Context, **more: Any
) -> Event:
    """Add one event to the outbox of this transaction, as the aggregate's next version.

    The data are the aggregate's attributes (and `more`, which wins) as the event's schema dumps
    them; what does not fit the schema raises at once, so nothing unreadable is ever published.
    """
    aggregate.sequence = (aggregate.sequence or 0) + 1  # a new row has its default when written
    event_id, cause = new_id(), context.cause
    event = Event(
        id=event_id,
        source=f"/laurel/{session.info['service']}",
        type=event_type.name,
        subject=aggregate.event_subject,
        time=context.now,
        sequence=aggregate.sequence,
        correlation_id=cause.correlation_id if cause else event_id,
        causation_id=cause.id if cause else None,
        traceparent=context.traceparent,
        data=event_type.dump(aggregate, more),
        version=event_type.version,
        actor=str(context.actor) if event_type.tells_actor else None,
    )
    _pending(session).append(_row(event_type, event))
    return event


def _row(event_type: EventType, event: Event) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "exchange": event_type.exchange(event.owner),
        "routing_key": event_type.routing_key(event.data),
        "subject": event.subject,
        "about": event_type.about_of(event),
        "sequence": event.sequence,
        "urgent": event_type.urgent,
        "body": encode(event),
        "recorded_at": datetime.now(UTC),
    }


def _pending(session: Session) -> list[dict[str, Any]]:
    pending: list[dict[str, Any]] = session.info.setdefault(PENDING, [])
    return pending


def write_pending(session: Session) -> None:
    """Insert what was recorded since the last call, in one statement."""
    if rows := session.info.pop(PENDING, []):
        session.execute(insert(tables.outbox), rows)
        lanes = session.info.setdefault("recorded", set())
        lanes.update("urgent" if row["urgent"] else "outbox" for row in rows)


class OutboxSession(Session):
    """A session that may record: each rollback takes its own events and no others.

    What waits to be written always belongs to the innermost savepoint, because it is written
    before one begins.
    """

    def begin_nested(self) -> SessionTransaction:
        """Begin a savepoint."""
        write_pending(self)
        return super().begin_nested()

    def commit(self) -> None:
        """Write what was recorded, and commit."""
        write_pending(self)
        super().commit()


@listens_for(OutboxSession, "after_soft_rollback")
def _forget_pending(session: Session, _previous: SessionTransaction) -> None:
    session.info.pop(PENDING, None)

"""Replay: events that were published are sent again, to all their consumers or to one alone.

What is to be sent again is a row until the broker has confirmed it; asked twice while it waits it
is sent once, and an inbox ignores what it has.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from shared.errors import NotFoundError
from shared.spine.broker import Topology
from shared.spine.broker.topology import PARTNER_RECEIPTS, event_queue
from shared.spine.database import insert_new
from shared.spine.tables import outbox, replays

BATCH = 1000


@dataclass(frozen=True)
class Published:
    """Which published events are meant; empty or None does not restrict, times are real."""

    types: Collection[str] = ()
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: Collection[str] | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """The same in SQL."""
        yield outbox.c.published_at.is_not(None)
        yield outbox.c.exchange != PARTNER_RECEIPTS
        if self.types:
            yield outbox.c.routing_key.in_(self.types)
        if self.subject is not None:
            yield or_(outbox.c.subject == self.subject, outbox.c.about == self.subject)
        if self.since is not None:
            yield outbox.c.recorded_at >= self.since
        if self.until is not None:
            yield outbox.c.recorded_at < self.until
        if self.ids is not None:
            yield outbox.c.event_id.in_(self.ids)


def count(session: Session, wanted: Published) -> int:
    """How many events are meant."""
    return session.scalar(select(func.count()).where(*wanted.conditions())) or 0


def replay(
    session: Session, wanted: Published, consumer: str | None, after: int = 0
) -> tuple[int, int | None]:
    """Have one batch sent again; returns how many events, and the position to go on after or None.

    `consumer` is a handler (`service.method`), or None for all.
    """
    rows = session.execute(_batch(wanted, after)).all()
    source = session.info["service"]
    keys = [
        {"position": row.position, "routing_key": _key(source, row.routing_key, consumer)}
        for row in rows
    ]
    if keys:
        insert = insert_new(session.get_bind().dialect)
        session.execute(insert(replays).values(keys).on_conflict_do_nothing())
    return len(rows), rows[-1].position if len(rows) == BATCH else None


def types_for(topology: Topology, source: str, consumer: str) -> Sequence[str]:
    """The event types of `source` that the consumer takes; raises NotFoundError for none."""
    exchange = f"{source}.events"
    found = [
        queue.routing_key
        for queue in topology.queues
        if queue.exchange == exchange and queue.name.endswith(f"--{consumer}")
    ]
    if not found:
        raise NotFoundError(f"No consumer {consumer!r} takes events of {source}.")
    return found


def _batch(wanted: Published, after: int) -> Select[Any]:
    """The next events, but not those that retention deletes at this moment."""
    found = select(outbox.c.position, outbox.c.routing_key).where(*wanted.conditions())
    following = found.where(outbox.c.position > after).order_by(outbox.c.position).limit(BATCH)
    return following.with_for_update(read=True, key_share=True, skip_locked=True)


def _key(source: str, event_type: str, consumer: str | None) -> str:
    """The routing key; a consumer's own queue is bound to its name."""
    if consumer is None:
        return event_type
    return event_queue(source, event_type, *consumer.split(".")).name

"""What waits in the outbox, and what of it the broker refuses."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, func, select, union_all
from sqlalchemy.orm import Session

from shared.spine.tables import outbox, replays

IS_REFUSED = and_(outbox.c.published_at.is_(None), outbox.c.error.is_not(None))
IS_REFUSED_AGAIN = replays.c.error.is_not(None)
BACKLOG = select(
    func.count(), func.min(outbox.c.recorded_at).filter(outbox.c.error.is_(None))
).where(outbox.c.published_at.is_(None))


def backlog(session: Session) -> tuple[int, float]:
    """How many events wait in the outbox, and for how many real seconds the oldest does."""
    count, oldest = session.execute(BACKLOG).one()
    return count, (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0


def refused(session: Session, limit: int) -> Sequence[Any]:
    """The oldest events that the broker refuses, sent again or not, with how often and why."""
    event = (outbox.c.event_id, outbox.c.exchange, outbox.c.subject)
    told = ("routing_key", "attempts", "error", "due_at")
    first = select(outbox.c.position, *event, *(outbox.c[name] for name in told)).where(IS_REFUSED)
    again = (
        select(outbox.c.position, *event, *(replays.c[name] for name in told))
        .join(replays, replays.c.position == outbox.c.position)
        .where(IS_REFUSED_AGAIN)
    )
    both = union_all(first, again).subquery()
    return session.execute(select(both).order_by(both.c.position).limit(limit)).all()


def refused_count(session: Session) -> int:
    """How many events the broker refuses."""
    counts = (select(func.count()).where(which) for which in (IS_REFUSED, IS_REFUSED_AGAIN))
    return sum(session.scalar(count) or 0 for count in counts)

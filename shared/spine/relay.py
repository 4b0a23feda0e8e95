"""The relay: publishes what the outbox holds, in windows, and marks what the broker confirmed.

Rows stay locked while in flight (SKIP LOCKED), so replicas share the work and a crash frees them at
once. Rows are claimed by the partial index over unpublished rows, never by a cursor over positions:
a transaction that commits late would be skipped for ever.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.orm import Session

from shared.spine.broker import Broker, BrokerError, Message, Publisher, Topology
from shared.spine.database import Database
from shared.spine.envelope import CONTENT_TYPE
from shared.spine.tables import outbox

CLAIM = (
    select(outbox.c.position, outbox.c.event_id, outbox.c.exchange, outbox.c.routing_key,
           outbox.c.body)
    .where(outbox.c.published_at.is_(None))
    .order_by(outbox.c.position)
    .limit(bindparam("window"))
    .with_for_update(skip_locked=True)
)  # fmt: skip


class RelayError(Exception):
    """A window was not wholly confirmed; `kind` is nack, timeout, unroutable or connection."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.kind = failure.split(":", 1)[0]


class Relay:
    """Publishes one service's outbox. Nothing is published before the topology is declared."""

    def __init__(
        self, database: Database, broker: Broker, topology: Topology, *, window: int
    ) -> None:
        self._database, self._broker, self._topology = database, broker, topology
        self._window = window
        self._publisher: Publisher | None = None

    def publish_window(self) -> int:
        """Publish one window; returns how many rows were claimed.

        Raises RelayError or BrokerError when some were not confirmed: they stay in the outbox, the
        channel is thrown away, and the next call publishes them again.
        """
        publisher = self._open()
        with self._database.transaction() as session:
            rows = session.execute(CLAIM, {"window": self._window}).all()
            if not rows:
                return 0
            outcome = publisher.publish([_message(row) for row in rows])
            _mark(session, [rows[index].position for index in outcome.confirmed])
        if outcome.failure:
            self.close()
            raise RelayError(outcome.failure)
        return len(rows)

    def close(self) -> None:
        """Throw the channel away; the next window opens a new one and declares the topology."""
        if self._publisher:
            self._publisher.close()
            self._publisher = None

    def _open(self) -> Publisher:
        if self._publisher is None:
            self._broker.declare(self._topology)
            self._publisher = self._broker.publisher()
        return self._publisher


def republish_all(database: Database) -> int:
    """Mark every retained event unpublished; returns how many. Inboxes ignore what they have."""
    with database.transaction() as session:
        retained = update(outbox).where(outbox.c.published_at.is_not(None))
        return int(session.execute(retained.values(published_at=None)).rowcount)  # type: ignore[attr-defined]


def backlog(session: Session) -> tuple[int, float]:
    """How many events wait in the outbox, and for how many real seconds the oldest does."""
    count, oldest = session.execute(
        select(func.count(), func.min(outbox.c.recorded_at)).where(outbox.c.published_at.is_(None))
    ).one()
    return count, (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0


def _message(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(row.exchange, row.routing_key, row.body, row.event_id, CONTENT_TYPE)


def _mark(session: Session, positions: Sequence[int]) -> None:
    if positions:
        session.execute(
            update(outbox)
            .where(outbox.c.position.in_(positions))
            .values(published_at=datetime.now(UTC))
        )


__all__ = ["BrokerError", "Relay", "RelayError", "backlog", "republish_all"]

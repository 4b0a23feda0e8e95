"""The relay: publishes what the outbox holds, in windows, and marks what the broker confirmed.

Rows stay locked while in flight (SKIP LOCKED), so replicas share the work and a crash frees them at
once. Rows are claimed by the partial index over unpublished rows, never by a cursor over positions:
a transaction that commits late would be skipped for ever. Three lanes, each with a channel of its
own: urgent events wait behind no others, and neither behind what is sent again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    bindparam,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from shared.runtime import Runtime
from shared.spine.broker import Message, Publisher
from shared.spine.database import Database
from shared.spine.envelope import CONTENT_TYPE
from shared.spine.tables import outbox, replays

SENT = (outbox.c.position, outbox.c.event_id, outbox.c.exchange, outbox.c.body)


def _claim(is_urgent: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*SENT, outbox.c.routing_key)
        .where(outbox.c.published_at.is_(None), is_urgent)
        .order_by(outbox.c.position)
        .limit(bindparam("window"))
        .with_for_update(skip_locked=True)
    )


LANES = {
    "urgent": _claim(outbox.c.urgent),
    "outbox": _claim(~outbox.c.urgent),
    "replays": select(*SENT, replays.c.routing_key)
    .join(replays, replays.c.position == outbox.c.position)
    .order_by(outbox.c.position)
    .limit(bindparam("window"))
    .with_for_update(skip_locked=True, of=replays),
}
BACKLOG = select(func.count(), func.min(outbox.c.recorded_at)).where(
    outbox.c.published_at.is_(None)
)


class RelayError(Exception):
    """A window was not wholly confirmed.

    `kind` is nack, timeout, unroutable, connection or blocked.
    """

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.kind = failure.split(":", 1)[0]


class Relay:
    """Publishes one lane of an outbox. Nothing is published before the topology is declared."""

    def __init__(self, runtime: Runtime, lane: str) -> None:
        self._database, self._broker = runtime.database, runtime.broker
        self._topology = runtime.topology.fed_by(runtime.service)
        self._window = runtime.settings.relay_window
        self.lane = lane
        self._publisher: Publisher | None = None

    def publish_window(self) -> int:
        """Publish one window; returns how many rows were claimed.

        Raises RelayError, or what else went wrong, when some were not confirmed: they stay in the
        outbox, the channel is thrown away, and the next call publishes them again.
        """
        try:
            return self._publish_window(self._open())
        except RelayError as error:
            if error.kind != "blocked":
                self.close()
            raise
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Throw the channel away; the next window opens a new one and declares the topology."""
        if self._publisher:
            self._publisher.close()
            self._publisher = None

    def _publish_window(self, publisher: Publisher) -> int:
        with self._database.transaction() as session:
            rows = session.execute(LANES[self.lane], {"window": self._window}).all()
            if rows:
                outcome = publisher.publish([_message(row) for row in rows])
                self._mark(session, [rows[index] for index in outcome.confirmed])
        if not rows:
            publisher.idle()
        elif outcome.failure:
            raise RelayError(outcome.failure)
        return len(rows)

    def _mark(self, session: Session, rows: Sequence[Row[Any]]) -> None:
        positions = [row.position for row in rows]
        if self.lane == "replays":
            keys = [(row.position, row.routing_key) for row in rows]
            sent = tuple_(replays.c.position, replays.c.routing_key).in_(keys)
            session.execute(delete(replays).where(sent))
        elif positions:
            marked = update(outbox).where(outbox.c.position.in_(positions))
            session.execute(marked.values(published_at=datetime.now(UTC)))

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
    count, oldest = session.execute(BACKLOG).one()
    return count, (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0


def _message(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(row.exchange, row.routing_key, row.body, row.event_id, CONTENT_TYPE)

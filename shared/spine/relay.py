"""The relay: publishes what the outbox holds, in windows, and marks what the broker confirmed.

Rows stay locked while in flight (SKIP LOCKED), so replicas share the work and a crash frees them at
once. Rows are claimed by the partial index over unpublished rows, never by a cursor over positions:
a transaction that commits late would be skipped for ever. Three lanes, each with a channel of its
own: urgent events wait behind no others, and neither behind what is sent again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Row, Select, Table, Update, bindparam, delete, select, tuple_, update
from sqlalchemy.orm import Session

from shared.runtime import Runtime
from shared.spine.broker import Message, Outcome, Publisher
from shared.spine.broker.topology import needed_queue
from shared.spine.database import Database
from shared.spine.envelope import CONTENT_TYPE
from shared.spine.parking import MAX_DETAIL
from shared.spine.patience import Patience
from shared.spine.tables import outbox, replays
from shared.spine.texts import storable
from shared.telemetry import RELAY_FAILURES

_log = structlog.get_logger(__name__)

SENT = (outbox.c.position, outbox.c.event_id, outbox.c.exchange, outbox.c.body)


def _claims(rows: Select[Any], table: Table) -> tuple[Select[Any], Select[Any]]:
    """Those that were never refused, in their order; and those to be tried again now."""
    locked = rows.limit(bindparam("window")).with_for_update(skip_locked=True, of=table)
    new = locked.where(table.c.due_at.is_(None)).order_by(outbox.c.position)
    return new, locked.where(table.c.due_at <= bindparam("now")).order_by(table.c.due_at)


_UNPUBLISHED = select(*SENT, outbox.c.routing_key, outbox.c.attempts).where(
    outbox.c.published_at.is_(None)
)
LANES = {
    "urgent": _claims(_UNPUBLISHED.where(outbox.c.urgent), outbox),
    "outbox": _claims(_UNPUBLISHED.where(~outbox.c.urgent), outbox),
    "replays": _claims(
        select(*SENT, replays.c.routing_key, replays.c.attempts).join(
            replays, replays.c.position == outbox.c.position
        ),
        replays,
    ),
}
AGAIN_FIRST = 8  # windows: in each such one, or when nothing is new, what was refused goes first
PATIENCE = Patience(cap_seconds=60)
NO_EXCHANGE = "NOT_FOUND - no exchange"  # RabbitMQ's words
REFUSED, UNSENDABLE, NACK = "refused", "unsendable", "nack"
# After these the next window takes another channel: the broker closed it, its count of what was
# sent may be wrong, or it goes on taking a quorum queue for full whatever becomes of the queue.
ENDING = frozenset({REFUSED, UNSENDABLE, NACK})


class RelayError(Exception):
    """A window was not wholly confirmed.

    `kind` is timeout, connection or blocked.
    """

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.kind = kind_of(failure)


class Relay:
    """Publishes one lane of an outbox. Nothing is published before the topology is declared."""

    def __init__(self, runtime: Runtime, lane: str) -> None:
        self._database, self._broker = runtime.database, runtime.broker
        self._topology = runtime.topology.fed_by(runtime.service)
        self._window = self._width = runtime.settings.relay_window
        self.lane, self.is_behind = lane, False
        self._publisher: Publisher | None = None
        self._windows = 0

    def publish_window(self) -> int:
        """Publish one window; returns how many rows were claimed. `is_behind`: more may wait.

        A row that the broker refuses backs off alone. Raises RelayError, or what else went wrong,
        when it is not known of some what became of them: they stay in the outbox, the channel is
        thrown away, and the next call publishes them again.
        """
        try:
            return self._publish_window(self._open())
        except BaseException as error:  # whatever it is, what was sent is not known any more
            if not (isinstance(error, RelayError) and error.kind == "blocked"):
                self.close()
            raise

    def close(self) -> None:
        """Throw the channel away; the next window opens a new one and declares the topology."""
        if self._publisher:
            self._publisher.close()
            self._publisher = None

    def _message(self, row: Row[*tuple[Any, ...]]) -> Message:
        queue = needed_queue(row.exchange, row.routing_key, self._database.service)
        return Message(
            row.exchange, row.routing_key, row.body, row.event_id, CONTENT_TYPE, queue=queue
        )

    def _publish_window(self, publisher: Publisher) -> int:
        with self._database.transaction() as session:
            rows = self._claim(session)
            self.is_behind = len(rows) == self._width
            if rows:
                outcome = publisher.publish([self._message(row) for row in rows])
                unknown = _unknown(outcome, len(rows))
                refused = dict(outcome.refused) | self._blamed(outcome, unknown)
                self._mark(session, [rows[index] for index in outcome.confirmed])
                self._put_off(session, [(rows[index], error) for index, error in refused.items()])
        if not rows:
            publisher.idle()
        elif unknown and kind_of(outcome.failure) not in ENDING:
            raise RelayError(str(outcome.failure))
        elif not ENDING.isdisjoint(map(kind_of, (outcome.failure, *refused.values()))):
            self.close()
            self.is_behind = self.is_behind or bool(unknown)
        else:
            self._width = min(2 * self._width, self._window)
        return len(rows)

    def _claim(self, session: Session) -> list[Row[Any]]:
        """One window: refused rows keep no new one back, and no flood of new ones a refused one."""
        self._windows += 1
        new, again = LANES[self.lane]
        is_turn = self._windows % AGAIN_FIRST == 0
        rows: list[Row[Any]] = []
        for claim in (again, new) if is_turn else (new, again):
            if (is_turn or not rows) and len(rows) < self._width:
                values = {"window": self._width - len(rows), "now": datetime.now(UTC)}
                rows += session.execute(claim, values).all()
        return rows

    def _blamed(self, outcome: Outcome, unknown: Sequence[int]) -> dict[int, str]:
        """The one row that made the broker close the channel, which names none.

        While there are several that it could be, the next window is narrower.
        """
        if not unknown or not outcome.failure or kind_of(outcome.failure) != REFUSED:
            return {}
        if len(unknown) == 1:
            return {unknown[0]: outcome.failure}
        self._width = max(1, len(unknown) // 2)
        return {}

    def _put_off(self, session: Session, refused: Sequence[tuple[Row[Any], str]]) -> None:
        for row, error in refused:
            attempts = row.attempts + 1
            due_at = datetime.now(UTC) + PATIENCE.delay(attempts)
            values = {"attempts": attempts, "due_at": due_at, "error": storable(error, MAX_DETAIL)}
            session.execute(self._row(row).values(**values))
            if NO_EXCHANGE in error and self.lane != "replays":
                session.execute(_bound_for(row.exchange).values(**values))
            RELAY_FAILURES.labels(self._database.service, kind_of(error)).inc()
            _log.warning("refused", id=row.event_id, error=error[:300], attempts=attempts)

    def _row(self, row: Row[Any]) -> Update:
        if self.lane == "replays":
            key = replays.c.routing_key == row.routing_key
            return update(replays).where(replays.c.position == row.position, key)
        return update(outbox).where(outbox.c.position == row.position)

    def _mark(self, session: Session, rows: Sequence[Row[Any]]) -> None:
        positions = [row.position for row in rows]
        if self.lane == "replays":
            keys = [(row.position, row.routing_key) for row in rows]
            sent = tuple_(replays.c.position, replays.c.routing_key).in_(keys)
            session.execute(delete(replays).where(sent))
        elif positions:
            marked = update(outbox).where(outbox.c.position.in_(positions))
            now = datetime.now(UTC)
            session.execute(marked.values(published_at=now, due_at=None, error=None))

    def _open(self) -> Publisher:
        if self._publisher is None:
            self._broker.declare(self._topology)
            self._publisher = self._broker.publisher()
        return self._publisher


def _bound_for(exchange: str) -> Update:
    """All that was never tried and goes to this exchange, which is not there for any of them.

    What another relay has in hand is left to it: two that waited for each other would both fail.
    """
    never_tried = outbox.c.published_at.is_(None), outbox.c.due_at.is_(None)
    free = select(outbox.c.position).where(*never_tried, outbox.c.exchange == exchange)
    return update(outbox).where(outbox.c.position.in_(free.with_for_update(skip_locked=True)))


def republish_all(database: Database) -> int:
    """Mark every retained event unpublished; returns how many. Inboxes ignore what they have."""
    with database.transaction() as session:
        retained = update(outbox).where(outbox.c.published_at.is_not(None))
        return int(session.execute(retained.values(published_at=None)).rowcount)  # type: ignore[attr-defined]


def kind_of(failure: str | None) -> str:
    """The first word of what a publisher says: nack, unroutable, refused, connection and so on."""
    return (failure or "").split(":", 1)[0]


def _unknown(outcome: Outcome, count: int) -> list[int]:
    """The messages of a window of which nobody has said what became of them."""
    known = {*outcome.confirmed, *outcome.refused}
    return [index for index in range(count) if index not in known]

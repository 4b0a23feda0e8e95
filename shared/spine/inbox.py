"""The inbox: each handler takes each event once, in batches.

A batch is one transaction: its inbox rows in one statement, then each new event's handler, then the
events those recorded, and what could not be read is parked in it with its bytes. An event whose
handler raises has the batch rolled back and handled again without it; where none can be blamed, or
too many are, each is handled alone. So one bad event costs only itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from shared.clock import Clock
from shared.spine import parking
from shared.spine.broker import Delivery
from shared.spine.database import Database
from shared.spine.envelope import Event, decoded
from shared.spine.events import CATALOGUE
from shared.spine.handlers import Handler, MessageHandler, enter, handle_one, refuse_other_body
from shared.telemetry import EVENT_DELAY, EVENTS_HANDLED

MOST_TRIES = 4


class DatabaseAwayError(Exception):
    """The database cannot be reached: nothing can be handled or parked, so nothing is acked."""


@dataclass(frozen=True)
class Readable:
    """A delivery that could be read."""

    delivery: Delivery
    event: Event


@dataclass(frozen=True)
class Bad:
    """A delivery that could not be handled, and why; without an event it could not be read."""

    delivery: Delivery
    error: Exception
    event: Event | None = None


@dataclass
class Batch:
    """What was received together; `bad` is to be parked."""

    readable: list[Readable] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)


class BlamedError(Exception):
    """One event failed; the rest can be handled without it."""

    def __init__(self, item: Readable, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.item, self.error = item, error


def handle_batch(
    database: Database, handler: Handler, deliveries: Sequence[Delivery], clock: Clock
) -> None:
    """Handle or park every delivery; when this returns, all of them may be acknowledged.

    Raises DatabaseAwayError when neither is possible; then none of them may be.
    """
    batch = _read(handler, deliveries)
    for _ in range(MOST_TRIES):
        try:
            return _handle_together(database, handler, batch, clock)
        except BlamedError as found:
            batch.readable.remove(found.item)
            batch.bad.append(Bad(found.item.delivery, found.error, found.item.event))
        except Exception as error:  # whatever a handler raises costs only its own event
            raise_if_away(database, error)
            break
    return _handle_each(database, handler, batch, clock)


def _read(handler: Handler, deliveries: Sequence[Delivery]) -> Batch:
    batch = Batch()
    for delivery in deliveries:
        try:
            event = handler.read(delivery.body, delivery.content_type)
        except Exception as error:  # no bytes may cost their neighbours anything
            event_in = decoded(delivery.body, delivery.content_type)
            batch.bad.append(Bad(delivery, error, event_in))
        else:
            batch.readable.append(Readable(delivery, event))
    return batch


def _handle_together(database: Database, handler: Handler, batch: Batch, clock: Clock) -> None:
    with database.transaction() as session:
        _act_in_turn(session, handler, batch.readable, clock)
        for bad in batch.bad:
            parking.park(session, handler.name, bad.delivery, bad.error, bad.event)
    _count(database, [item.event for item in batch.readable])
    for bad in batch.bad:
        _count_parked(database, bad.event)


def _act_in_turn(
    session: Session, handler: Handler, readable: Sequence[Readable], clock: Clock
) -> None:
    """Let every new event act once; raises BlamedError for the first that fails by itself."""
    pairs = [(item.event, item.delivery.body) for item in readable]
    new = enter(session, handler, pairs) if pairs else set()
    for item in readable:
        event = item.event
        try:
            if event.id in new:
                new.discard(event.id)
                handler.act(session, event, clock.now())
            else:
                refuse_other_body(session, handler, event, item.delivery.body)
        except SQLAlchemyError:
            raise
        except Exception as error:
            raise BlamedError(item, error) from error


def _handle_each(database: Database, handler: Handler, batch: Batch, clock: Clock) -> None:
    for item in batch.readable:
        _handle_alone(database, handler, item, clock)
    for bad in batch.bad:
        park_delivery(database, handler.name, bad.delivery, bad.error, bad.event)


def _handle_alone(database: Database, handler: Handler, item: Readable, clock: Clock) -> None:
    try:
        with database.transaction() as session:
            handle_one(session, handler, item.event, item.delivery.body, clock.now())
    except Exception as error:  # parked with its bytes, whatever it was
        park_delivery(database, handler.name, item.delivery, error, item.event)
    else:
        _count(database, [item.event])


def handle_messages(
    database: Database, handler: MessageHandler, deliveries: Sequence[Delivery], clock: Clock
) -> None:
    """Handle or park every message of partners, each in a transaction of its own."""
    for delivery in deliveries:
        try:
            with database.transaction() as session:
                if not parking.is_discarded(session, handler.name, delivery):
                    handler.handle(session, delivery, clock.now())
        except Exception as error:  # parked with its bytes, whatever it was
            park_delivery(database, handler.name, delivery, error)


def park_delivery(
    database: Database,
    handler: str,
    delivery: Delivery,
    error: Exception,
    event: Event | None = None,
) -> None:
    """Keep a delivery that could not be handled; raises DatabaseAwayError if not even that goes."""
    raise_if_away(database, error)
    try:
        with database.transaction() as session:
            parking.park(session, handler, delivery, error, event)
    except Exception as failure:
        raise_if_away(database, failure)
        raise
    _count_parked(database, event)


def raise_if_away(database: Database, error: Exception) -> None:
    """Tell a database that is away from an event that is bad: the one is waited for."""
    if isinstance(error, DBAPIError | PoolTimeoutError) and not database.answers():
        raise DatabaseAwayError(str(error)) from error


def _count(database: Database, events: Sequence[Event]) -> None:
    now = datetime.now(UTC)
    by_type: dict[str, list[Event]] = {}
    for event in events:
        by_type.setdefault(event.type, []).append(event)
    for name, handled in by_type.items():
        EVENTS_HANDLED.labels(database.service, name, "handled").inc(len(handled))
        delays = EVENT_DELAY.labels(database.service, name)
        for recorded in filter(None, (event.recorded_at for event in handled)):
            delays.observe(max((now - recorded).total_seconds(), 0.0))


def _count_parked(database: Database, event: Event | None) -> None:
    name = event.type if event and event.type in CATALOGUE else "unreadable"
    EVENTS_HANDLED.labels(database.service, name, "parked").inc()

"""The inbox: each handler takes each event once.

A batch is one transaction: its inbox rows in one statement, then each new event's handler, then the
events those recorded. A batch that fails is rolled back and handled one by one, so that one bad
event costs only itself; the bad one is parked with its bytes.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from shared.catalogue import EventType
from shared.clock import Clock
from shared.errors import LaurelError
from shared.spine import parking
from shared.spine.broker import Delivery
from shared.spine.database import Database, insert_new
from shared.spine.envelope import Event, UndecodableError, decode
from shared.spine.tables import inbox
from shared.telemetry import EVENT_DELAY, EVENTS_HANDLED

Act = Callable[[Session, Event, datetime], None]


class UnknownVersionError(LaurelError):
    """The event is of another type or version than this handler reads; an operator decides."""

    slug = "unknown-version"


class DuplicateIdError(LaurelError):
    """Another event with this id was handled before; one of the two is not what it says."""

    slug = "duplicate-id"


class DatabaseAwayError(Exception):
    """The database cannot be reached: nothing can be handled or parked, so nothing is acked."""


@dataclass(frozen=True)
class Handler:
    """One method of one service and the event types it takes; `name` is `service.method`."""

    name: str
    event_types: Mapping[str, EventType]
    act: Act

    def read(self, body: bytes, content_type: str | None) -> Event:
        """The event in these bytes, with its data as Python values.

        Raises UndecodableError, UnknownVersionError or ValidationError: none of them passes by
        itself, so such an event waits for an operator.
        """
        event = decode(body, content_type)
        event_type = self.event_types.get(event.type)
        if event_type is None or event_type.version != event.version:
            known = ", ".join(f"{t.name} version {t.version}" for t in self.event_types.values())
            raise UnknownVersionError(
                f"{self.name} reads {known}; not {event.type} version {event.version}."
            )
        if event.owner not in event_type.owners:
            raise UnknownVersionError(f"{event.type} is not published by {event.source}.")
        return replace(event, data=event_type.load(event.data))

    def about(self, event: Event) -> str:
        """The project that the event concerns, for timelines."""
        return self.event_types[event.type].about_of(event)


@dataclass(frozen=True)
class Readable:
    """A delivery that could be read."""

    delivery: Delivery
    event: Event


def handle_batch(
    database: Database, handler: Handler, deliveries: Sequence[Delivery], clock: Clock
) -> None:
    """Handle or park every delivery; when this returns, all of them may be acknowledged.

    Raises DatabaseAwayError when neither is possible; then none of them may be.
    """
    readable = [item for item in map(_reader(database, handler), deliveries) if item]
    try:
        _handle_together(database, handler, readable, clock)
    except Exception as error:  # whatever a handler raises costs only its own event
        _raise_if_away(database, error)
        for item in readable:
            _handle_alone(database, handler, item, clock)


def enter(session: Session, handler: Handler, readable: Sequence[tuple[Event, bytes]]) -> set[str]:
    """Add inbox rows for these events; returns the ids that were not there before."""
    now = datetime.now(UTC)
    rows = {
        event.id: {
            "handler": handler.name,
            "event_id": event.id,
            "about": handler.about(event),
            "digest": hashlib.sha256(body).digest(),
            "handled_at": now,
        }
        for event, body in readable
    }
    insert = insert_new(session.get_bind().dialect)
    statement = insert(inbox).values(list(rows.values())).on_conflict_do_nothing()
    return set(session.scalars(statement.returning(inbox.c.event_id)))


def handle_one(
    session: Session, handler: Handler, event: Event, body: bytes, now: datetime
) -> bool:
    """Handle one event in this transaction; False when it had been handled before.

    Raises DuplicateIdError when what was handled under its id had another body.
    """
    if enter(session, handler, [(event, body)]):
        handler.act(session, event, now)
        return True
    _refuse_other_body(session, handler, event, body)
    return False


def _handle_together(
    database: Database, handler: Handler, readable: Sequence[Readable], clock: Clock
) -> None:
    if not readable:
        return
    with database.transaction() as session:
        pairs = [(item.event, item.delivery.body) for item in readable]
        new = enter(session, handler, pairs)
        for event, body in pairs:
            if event.id in new:
                new.discard(event.id)
                handler.act(session, event, clock.now())
            else:
                _refuse_other_body(session, handler, event, body)
    for item in readable:
        _count(database, item.event)


def _handle_alone(database: Database, handler: Handler, item: Readable, clock: Clock) -> None:
    try:
        with database.transaction() as session:
            handle_one(session, handler, item.event, item.delivery.body, clock.now())
    except Exception as error:  # parked with its bytes, whatever it was
        park_delivery(database, handler.name, item.delivery, error, item.event)
    else:
        _count(database, item.event)


def _reader(database: Database, handler: Handler) -> Callable[[Delivery], Readable | None]:
    def read(delivery: Delivery) -> Readable | None:
        try:
            return Readable(delivery, handler.read(delivery.body, delivery.content_type))
        except (UndecodableError, UnknownVersionError, ValidationError) as error:
            park_delivery(database, handler.name, delivery, error)
            return None

    return read


def park_delivery(
    database: Database,
    handler: str,
    delivery: Delivery,
    error: Exception,
    event: Event | None = None,
) -> None:
    """Keep a delivery that could not be handled; raises DatabaseAwayError if not even that goes."""
    _raise_if_away(database, error)
    try:
        with database.transaction() as session:
            parking.park(session, handler, delivery, error, event)
    except Exception as failure:
        _raise_if_away(database, failure)
        raise
    name = event.type if event else "unreadable"
    EVENTS_HANDLED.labels(database.service, name, "parked").inc()


def _refuse_other_body(session: Session, handler: Handler, event: Event, body: bytes) -> None:
    known = session.scalar(
        select(inbox.c.digest).where(inbox.c.handler == handler.name, inbox.c.event_id == event.id)
    )
    if known is not None and known != hashlib.sha256(body).digest():
        raise DuplicateIdError(f"Another event with the id {event.id} was handled before.")


def _raise_if_away(database: Database, error: Exception) -> None:
    """Tell a database that is away from an event that is bad: the one is waited for."""
    if isinstance(error, DBAPIError | PoolTimeoutError) and not database.answers():
        raise DatabaseAwayError(str(error)) from error


def _count(database: Database, event: Event) -> None:
    EVENTS_HANDLED.labels(database.service, event.type, "handled").inc()
    if (recorded := event.recorded_at) is not None:
        delay = (datetime.now(UTC) - recorded).total_seconds()
        EVENT_DELAY.labels(database.service, event.type).observe(max(delay, 0.0))

"""Handlers, and the inbox row that lets each of them take each event once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.errors import LaurelError
from shared.spine import retention
from shared.spine.broker import Delivery, Queue
from shared.spine.broker.topology import event_queue, partner_queue
from shared.spine.context import Actor, Context
from shared.spine.database import insert_new_rows
from shared.spine.envelope import Event, decode, traceparent_of
from shared.spine.events import EventType
from shared.spine.faults import only_errors
from shared.spine.tables import inbox

Act = Callable[[Session, Event, Context], None]


class UnknownVersionError(LaurelError):
    """The event is of another type or version than this handler reads; an operator decides."""

    slug = "unknown-version"


class DuplicateIdError(LaurelError):
    """Another event with this id was handled before; one of the two is not what it says."""

    slug = "duplicate-id"


@dataclass(frozen=True)
class Handler:
    """One method of one service and the event types it takes; `name` is `service.method`."""

    name: str
    event_types: Mapping[str, EventType]
    method: Act

    @property
    def sources(self) -> dict[str, list[str]]:
        """The event types it takes, by the service that publishes them."""
        found: dict[str, list[str]] = {}
        for name, event_type in sorted(self.event_types.items()):
            for owner in event_type.owners:
                found.setdefault(owner, []).append(name)
        return found

    @property
    def queues(self) -> list[Queue]:
        """One for each type and each service that may publish it."""
        service, method = self.name.split(".")
        return [
            event_queue(owner, event_type.name, service, method)
            for event_type in self.event_types.values()
            for owner in event_type.owners
        ]

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

    def handle(self, session: Session, delivery: Delivery, now: datetime) -> None:
        """Read and handle one delivery, unless it had been handled before."""
        event = self.read(delivery.body, delivery.content_type)
        handle_one(session, self, event, delivery.body, now)

    def act(self, session: Session, event: Event, now: datetime) -> None:
        """Let the method act on an event that is new to it."""
        context = Context(Actor(self.name, "handler"), now)
        with only_errors():
            self.method(session, event, context.because_of(event))


@dataclass(frozen=True)
class MessageHandler:
    """A method that takes messages of partners byte for byte, and is idempotent by itself.

    They are no events of ours: nobody is asked for one that did not come.
    """

    name: str
    pattern: str
    method: Callable[[Session, Delivery, Context], None]
    event_types: ClassVar[Mapping[str, EventType]] = {}
    sources: ClassVar[Mapping[str, list[str]]] = {}

    @property
    def queues(self) -> list[Queue]:
        """The one queue bound to its pattern."""
        return [partner_queue(self.pattern, *self.name.split("."))]

    def handle(self, session: Session, delivery: Delivery, now: datetime) -> None:
        """Hand one message over; who sent it, only the method can tell."""
        trace = traceparent_of(delivery.headers.get("traceparent"))
        context = Context(Actor(self.name, "handler"), now, traceparent=trace)
        with only_errors():
            self.method(session, delivery, context)


Handling = Handler | MessageHandler


def enter(session: Session, handler: Handler, readable: Sequence[tuple[Event, bytes]]) -> set[str]:
    """Add inbox rows for these events; returns the ids that were not there before."""
    now = datetime.now(UTC)
    rows: dict[str, dict[str, Any]] = {}
    for event, body in readable:
        row = {
            "handler": handler.name,
            "event_id": event.id,
            "source": event.owner,
            "about": handler.about(event),
            "digest": hashlib.sha256(body).digest(),
            "handled_at": now,
        }
        rows.setdefault(event.id, row)  # of several bodies under one id the first acts
    new = insert_new_rows(session, inbox, list(rows.values()), inbox.c.event_id)
    retention.refuse_forgotten(session, handler.name, new)
    return new


def handle_one(
    session: Session, handler: Handler, event: Event, body: bytes, now: datetime
) -> bool:
    """Handle one event in this transaction; False when it had been handled before.

    Raises DuplicateIdError when what was handled under its id had another body.
    """
    if enter(session, handler, [(event, body)]):
        handler.act(session, event, now)
        return True
    refuse_other_body(session, handler, event, body)
    return False


def refuse_other_body(session: Session, handler: Handler, event: Event, body: bytes) -> None:
    """Raise DuplicateIdError when what was handled under this id had another body."""
    known = session.scalar(
        select(inbox.c.digest).where(inbox.c.handler == handler.name, inbox.c.event_id == event.id)
    )
    if known is not None and known != hashlib.sha256(body).digest():
        raise DuplicateIdError(f"Another event with the id {event.id} was handled before.")

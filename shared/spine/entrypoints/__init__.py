"""How a service says what it consumes and what it does on a timer: `handles`, `receives`, `every`.

nameko's side of the spine, with `host`: plumbing between a container and the plain functions of the
spine.
"""

import inspect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR, Entrypoint

from shared.catalogue import EventType
from shared.runtime import Runtime
from shared.spine.broker import Delivery, Queue, Topology
from shared.spine.broker.topology import event_queue, partner_queue, topology_of
from shared.spine.context import Actor, Context
from shared.spine.entrypoints.consuming import Consuming
from shared.spine.entrypoints.loops import Loops, Work
from shared.spine.handlers import Handler, RawHandler
from shared.spine.inbox import handle_batch, park_delivery
from shared.spine.parking.retries import Handling
from shared.telemetry import TIMER_FAILURES


class EventHandler(Consuming, Entrypoint):
    """Hands one type of event to a method `(self, session, event, context)`, once each."""

    def __init__(self, event_type: EventType, **options: Any) -> None:
        self.event_type = event_type
        super().__init__(**options)

    def queues(self, service: str) -> list[Queue]:
        """One queue for each service that may publish the event."""
        name, method = self.event_type.name, self.method_name
        return [event_queue(owner, name, service, method) for owner in self.event_type.owners]

    def setup(self) -> None:
        """Bind the method once."""
        service = self.service_instance()
        self._handler = event_handlers_of(service)[f"{service.name}.{self.method_name}"]

    def take(self, deliveries: list[Delivery]) -> None:
        """Through the inbox."""
        handle_batch(self.runtime.database, self._handler, deliveries, self.runtime.clock)


class PartnerHandler(Consuming, Entrypoint):
    """Hands raw partner messages to a method `(self, session, delivery, context)`.

    The method is idempotent and answers bad input with a receipt; what it raises is parked.
    """

    def __init__(self, pattern: str, **options: Any) -> None:
        self.pattern = pattern
        super().__init__(**options)

    def queues(self, service: str) -> list[Queue]:
        """The one queue bound to our pattern."""
        return [partner_queue(self.pattern, service, self.method_name)]

    def setup(self) -> None:
        """Bind the method once."""
        service = self.service_instance()
        self._handler = partner_handlers_of(service)[f"{service.name}.{self.method_name}"]

    def take(self, deliveries: list[Delivery]) -> None:
        """Each message in a transaction of its own."""
        take_partner_messages(self.runtime, self._handler, deliveries)


class Timer(Loops, Entrypoint):
    """Runs a method every so many seconds, and at once again while it says there was work.

    `(self, session, context)` in one transaction; with `outside=True` `(self, database, clock)`,
    for work that waits for the network and opens short transactions itself.
    """

    def __init__(self, seconds: float, outside: bool = False, **options: Any) -> None:
        self.seconds, self.outside = seconds, outside
        super().__init__(**options)

    def loops(self) -> list[tuple[str, Work]]:
        """One thread."""
        service = self.service_instance()
        return [(f"timer {self.method_name}", partial(self._tick, service))]

    def _tick(self, service: Any) -> None:
        try:
            done = self.fire(service)
        except Exception:
            TIMER_FAILURES.labels(self.runtime.service, self.method_name).inc()
            raise
        if not done:
            self.stopping.wait(self.seconds)

    def fire(self, service: Any) -> int:
        """Run the method once; returns how much it did."""
        runtime: Runtime = service.runtime
        method = getattr(service, self.method_name)
        if self.outside:
            return method(runtime.database, runtime.clock) or 0
        with runtime.database.transaction() as session:
            actor = Actor(f"{service.name}.{self.method_name}", "timer")
            return method(session, Context(actor, runtime.clock.now())) or 0


handles = EventHandler.decorator
receives = PartnerHandler.decorator
every = Timer.decorator


def take_partner_messages(
    runtime: Runtime, handler: RawHandler, deliveries: Sequence[Delivery]
) -> None:
    """Hand each message over in its own transaction; park what cannot be handled."""
    for delivery in deliveries:
        try:
            with runtime.database.transaction() as session:
                handler.handle(session, delivery, runtime.clock.now())
        except Exception as error:  # parked with its bytes, whatever it was
            park_delivery(runtime.database, handler.name, delivery, error)


def entrypoints_of(service_cls: type) -> Iterator[tuple[str, Any]]:
    """Every (method name, entrypoint) of a service class."""
    for name, method in inspect.getmembers(service_cls, inspect.isfunction):
        for entrypoint in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()):
            yield name, entrypoint


def event_handlers_of(service: Any) -> dict[str, Handler]:
    """The inbox handlers of a service, by name: one a method, whatever types it takes."""
    types: dict[str, dict[str, EventType]] = defaultdict(dict)
    for method, entrypoint in entrypoints_of(type(service)):
        if isinstance(entrypoint, EventHandler):
            types[method][entrypoint.event_type.name] = entrypoint.event_type
    return {
        f"{service.name}.{method}": Handler(
            f"{service.name}.{method}", taken, getattr(service, method)
        )
        for method, taken in types.items()
    }


def partner_handlers_of(service: Any) -> dict[str, RawHandler]:
    """The handlers of partner messages of a service, by name."""
    return {
        f"{service.name}.{method}": RawHandler(f"{service.name}.{method}", getattr(service, method))
        for method, entrypoint in entrypoints_of(type(service))
        if isinstance(entrypoint, PartnerHandler)
    }


def handlers_of(service: Any) -> dict[str, Handling]:
    """Everything of a service that parked deliveries are tried again with, by name."""
    return {**event_handlers_of(service), **partner_handlers_of(service)}


def topology_from(service_classes: Sequence[Any]) -> Topology:
    """The topology that these services need together."""
    queues = []
    for cls in service_classes:
        for name, entrypoint in entrypoints_of(cls):
            if isinstance(entrypoint, Consuming):
                entrypoint.method_name = name  # unbound: nameko names it only when it binds
                queues += entrypoint.queues(cls.name)
    return topology_of(queues)

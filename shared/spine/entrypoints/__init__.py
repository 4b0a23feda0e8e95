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
from shared.spine.broker import Consumer, Delivery, Queue, Topology
from shared.spine.broker.topology import event_queue, partner_queue, topology_of
from shared.spine.entrypoints.loops import Loops, Work
from shared.spine.inbox import DatabaseAwayError, Handler, handle_batch, park_delivery
from shared.telemetry import CONSUMERS, CONSUMERS_EXPECTED, TIMER_FAILURES

RECEIVE_SECONDS = 1.0


class Consuming(Loops):
    """Consumes queues, each with a connection of its own, so that none waits behind another."""

    method_name: str

    def queues(self, service: str) -> list[Queue]:
        """The queues this entrypoint reads in `service`."""
        raise NotImplementedError

    def take(self, deliveries: list[Delivery]) -> None:
        """Handle or park all of them, or raise DatabaseAwayError."""
        raise NotImplementedError

    def loops(self) -> list[tuple[str, Work]]:
        """One thread a queue."""
        queues = self.queues(self.container.service_name)
        CONSUMERS_EXPECTED.labels(self.runtime.service).inc(len(queues))
        return [(queue.name, partial(self._consume, queue)) for queue in queues]

    def _consume(self, queue: Queue) -> None:
        size = self.runtime.settings.batch_size
        self.runtime.broker.declare(topology_of([queue]))
        consumer = self.runtime.broker.consumer(queue.name, 2 * size)
        CONSUMERS.labels(self.runtime.service).inc()
        try:
            while not self.stopping.is_set():
                if deliveries := consumer.receive(size, RECEIVE_SECONDS):
                    self._take_patiently(consumer, deliveries)
                    consumer.ack(deliveries[-1])
        finally:
            CONSUMERS.labels(self.runtime.service).dec()
            consumer.close()

    def _take_patiently(self, consumer: Consumer, deliveries: list[Delivery]) -> None:
        """Hold the batch while the database is away: giving it back would use up its deliveries."""
        while True:
            try:
                return self.take(deliveries)
            except DatabaseAwayError:
                if self.stopping.is_set():
                    raise
                consumer.idle()


class EventHandler(Consuming, Entrypoint):
    """Hands one type of event to a method `(self, session, event, now)`, once each."""

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
        self._handler = handlers_of(service)[f"{service.name}.{self.method_name}"]

    def take(self, deliveries: list[Delivery]) -> None:
        """Through the inbox."""
        handle_batch(self.runtime.database, self._handler, deliveries, self.runtime.clock)


class PartnerHandler(Consuming, Entrypoint):
    """Hands raw partner messages to a method `(self, session, delivery, now)`, which is idempotent.

    The method answers bad input with a receipt; what it raises all the same is parked.
    """

    def __init__(self, pattern: str, **options: Any) -> None:
        self.pattern = pattern
        super().__init__(**options)

    def queues(self, service: str) -> list[Queue]:
        """The one queue bound to our pattern."""
        return [partner_queue(self.pattern, service, self.method_name)]

    def setup(self) -> None:
        """Bind the method once."""
        self._service = self.service_instance()

    def take(self, deliveries: list[Delivery]) -> None:
        """Each message in a transaction of its own."""
        take_partner_messages(self._service, self.method_name, deliveries)


class Timer(Loops, Entrypoint):
    """Runs a method every so many seconds, and at once again while it says there was work.

    `(self, session, now)` in one transaction; with `outside=True` `(self, database, clock)`, for
    work that waits for the network and opens short transactions itself.
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
            return method(session, runtime.clock.now()) or 0


handles = EventHandler.decorator
receives = PartnerHandler.decorator
every = Timer.decorator


def take_partner_messages(service: Any, method_name: str, deliveries: Sequence[Delivery]) -> None:
    """Hand each message to the method in its own transaction; park what it raises for."""
    runtime: Runtime = service.runtime
    method = getattr(service, method_name)
    for delivery in deliveries:
        try:
            with runtime.database.transaction() as session:
                method(session, delivery, runtime.clock.now())
        except Exception as error:  # parked with its bytes, whatever it was
            park_delivery(runtime.database, f"{service.name}.{method_name}", delivery, error)


def entrypoints_of(service_cls: type) -> Iterator[tuple[str, Any]]:
    """Every (method name, entrypoint) of a service class."""
    for name, method in inspect.getmembers(service_cls, inspect.isfunction):
        for entrypoint in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()):
            yield name, entrypoint


def handlers_of(service: Any) -> dict[str, Handler]:
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


def topology_from(service_classes: Sequence[Any]) -> Topology:
    """The topology that these services need together."""
    queues = []
    for cls in service_classes:
        for name, entrypoint in entrypoints_of(cls):
            if isinstance(entrypoint, Consuming):
                entrypoint.method_name = name  # unbound: nameko names it only when it binds
                queues += entrypoint.queues(cls.name)
    return topology_of(queues)

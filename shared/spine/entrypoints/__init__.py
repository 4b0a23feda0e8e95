"""How a service says what it consumes and what it does on a timer: `handles`, `receives`, `every`.

nameko's side of the spine, with `host`: plumbing between a container and the plain functions of the
spine.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR, Entrypoint

from shared.runtime import Runtime
from shared.spine.broker import Topology
from shared.spine.broker.topology import topology_of
from shared.spine.context import Actor, Context
from shared.spine.entrypoints.consuming import Consuming, Inlet
from shared.spine.entrypoints.loops import Loops, Work
from shared.spine.events import EventType
from shared.spine.handlers import Handler, Handling, MessageHandler
from shared.spine.inbox import handle_batch, handle_messages
from shared.telemetry import TIMER_FAILURES

E = TypeVar("E", bound=Entrypoint)


class Handles(Consuming, Entrypoint):
    """Hands deliveries to a method of the service; one entrypoint a method."""

    take: Callable[..., None]

    def handler_of(self, service: Any, method: str) -> Handling:
        """The handler that calls this method of the service."""
        raise NotImplementedError

    def inlets_of(self, service: Any, method: str) -> list[Inlet]:
        """Its queues, each with what takes their batches."""
        handler, runtime = self.handler_of(service, method), service.runtime
        take = partial(self.take, runtime.database, handler, clock=runtime.clock)
        return [(queue, take) for queue in handler.queues]

    def inlets(self) -> list[Inlet]:
        """Those of the method that nameko bound us to."""
        return self.inlets_of(self.service_instance(), self.method_name)


class EventHandler(Handles):
    """Hands these types of events to a method `(self, session, event, context)`, once each."""

    take = staticmethod(handle_batch)

    def __init__(self, *event_types: EventType, **options: Any) -> None:
        self.event_types = {event_type.name: event_type for event_type in event_types}
        super().__init__(**options)

    def handler_of(self, service: Any, method: str) -> Handler:
        """One for all its types."""
        name = f"{service.name}.{method}"
        return Handler(name, self.event_types, getattr(service, method))


class PartnerHandler(Handles):
    """Hands raw partner messages to a method `(self, session, delivery, context)`.

    The method is idempotent and answers bad input with a receipt; what it raises is parked.
    """

    take = staticmethod(handle_messages)

    def __init__(self, pattern: str, **options: Any) -> None:
        self.pattern = pattern
        super().__init__(**options)

    def handler_of(self, service: Any, method: str) -> MessageHandler:
        """One for all that matches the pattern."""
        return MessageHandler(f"{service.name}.{method}", self.pattern, getattr(service, method))


class Timer(Loops, Entrypoint):
    """Runs a method every so many seconds, and at once again while it says there was work.

    `(self, session, context)` in one transaction; with `outside=True` `(self, database, clock)`,
    for work that waits for the network and opens short transactions itself; `threads` do so
    side by side.
    """

    def __init__(
        self, seconds: float, outside: bool = False, threads: int = 1, **options: Any
    ) -> None:
        self.seconds, self.outside, self.threads = seconds, outside, threads
        super().__init__(**options)

    def loops(self) -> list[tuple[str, Work]]:
        """As many threads as were asked for."""
        work = partial(self._tick, self.service_instance())
        return [(f"timer {self.method_name} {n + 1}", work) for n in range(self.threads)]

    def _tick(self, service: Any) -> None:
        try:
            done = self.fire(service, self.method_name)
        except Exception:
            TIMER_FAILURES.labels(self.runtime.service, self.method_name).inc()
            raise
        if not done:
            self.stopping.wait(self.seconds)

    def fire(self, service: Any, method: str) -> int:
        """Run the method once; returns how much it did."""
        runtime: Runtime = service.runtime
        act = getattr(service, method)
        if self.outside:
            return act(runtime.database, runtime.clock) or 0
        with runtime.database.transaction() as session:
            actor = Actor(f"{service.name}.{method}", "timer")
            return act(session, Context(actor, runtime.clock.now())) or 0


handles = EventHandler.decorator
receives = PartnerHandler.decorator
every = Timer.decorator


def entrypoints_of(service_cls: type, kind: type[E]) -> Iterator[tuple[str, E]]:
    """Every (method name, entrypoint) of this kind that a service class has."""
    for name in dir(service_cls):
        for entrypoint in getattr(getattr(service_cls, name), ENTRYPOINT_EXTENSIONS_ATTR, ()):
            if isinstance(entrypoint, kind):
                yield name, entrypoint


def handlers_of(service: Any) -> dict[str, Handling]:
    """Everything of a service that takes deliveries, or parked ones once more, by name."""
    found: dict[str, Handling] = {}
    for method, entrypoint in entrypoints_of(type(service), Handles):
        handler = entrypoint.handler_of(service, method)
        if handler.name in found:
            raise TypeError(f"{handler.name} is decorated twice: give all its types to one.")
        found[handler.name] = handler
    return found


def inlets_of(service: Any) -> list[Inlet]:
    """Every queue that the service consumes, with what takes their batches."""
    pairs = entrypoints_of(type(service), Handles)
    return [inlet for method, one in pairs for inlet in one.inlets_of(service, method)]


def topology_from(service_classes: Sequence[Any]) -> Topology:
    """The topology that these services need together."""
    handlers = [handler for cls in service_classes for handler in handlers_of(cls()).values()]
    return topology_of([queue for handler in handlers for queue in handler.queues])

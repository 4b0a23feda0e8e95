"""Exchanges and queues by name: which exist, who consumes them, with which arguments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.spine.events import sources

DEAD_LETTERS = "laurel.dead"
PARTNER_EVENTS, PARTNER_RECEIPTS = "partner.events", "partner.receipts"
DELIVERY_LIMIT = 20
NEVER = 1_000_000_000  # RabbitMQ 4 drops after 20 where nothing is said, and 3 takes no -1
CONVERSATION = "reconcile"
CONVERSATION_TTL_MS, CONVERSATION_LENGTH = 600_000, 10_000


@dataclass(frozen=True, slots=True)
class Queue:
    """One durable queue bound to one key of one exchange, and `also` to others.

    `service` consumes it; `arguments` are RabbitMQ's.
    """

    name: str
    exchange: str
    routing_key: str
    service: str
    arguments: Mapping[str, Any] = field(compare=False)
    also: tuple[tuple[str, str], ...] = ()

    @property
    def bindings(self) -> tuple[tuple[str, str], ...]:
        """Every exchange and key it is bound to."""
        return ((self.exchange, self.routing_key), *self.also)


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that must exist before anything is published; exchanges are topic exchanges."""

    queues: tuple[Queue, ...]

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Those that the queues are bound to, and those that somebody may be bound to later."""
        bound = {exchange for queue in self.queues for exchange, _key in queue.bindings}
        return tuple(sorted({*bound, PARTNER_EVENTS, PARTNER_RECEIPTS, DEAD_LETTERS}))

    @property
    def handled(self) -> tuple[Queue, ...]:
        """The queues that handlers consume, without those that every service has beside them."""
        return tuple(queue for queue in self.queues if queue.name.startswith("evt-"))

    def fed_by(self, service: str) -> "Topology":
        """What must exist before `service` publishes: what its exchange feeds, and dead letters."""
        needed = {f"{service}.events", DEAD_LETTERS}
        fed = (queue for queue in self.queues if needed.intersection(dict(queue.bindings)))
        return replace(self, queues=tuple(fed))


def event_queue(source: str, event: str, service: str, method: str) -> Queue:
    """The queue in which `service.method` receives one event of one source.

    It is bound to its own name too, so that an event can be sent again to one consumer alone.
    """
    name, exchange = f"evt-{source}-{event}--{service}.{method}", f"{source}.events"
    return Queue(name, exchange, event, service, _keeping(service), also=((exchange, name),))


def partner_queue(pattern: str, service: str, method: str) -> Queue:
    """The queue in which `service.method` receives what agencies publish under `pattern`."""
    event = pattern.split(".", 2)[-1]
    name = f"evt-partner-{event}--{service}.{method}"
    return Queue(name, PARTNER_EVENTS, pattern, service, _keeping(service))


def receipts_queue(agency: str, service: str) -> Queue:
    """The queue that one agency reads its receipts from; `service` writes them."""
    keys = f"agency.{agency}.#"
    return Queue(f"receipts--{agency}", PARTNER_RECEIPTS, keys, service, _keeping(service))


def needed_queue(exchange: str, routing_key: str, service: str) -> Queue | None:
    """The queue that `service` must declare before it publishes this: agencies come and go."""
    return (
        receipts_queue(routing_key.split(".")[1], service) if exchange == PARTNER_RECEIPTS else None
    )


def dead_letter_queue(service: str) -> Queue:
    """What RabbitMQ gave up on of the queues that the service consumes."""
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": NEVER}
    return Queue(f"dead--{service}", DEAD_LETTERS, service, service, arguments)


def conversation_queue(service: str) -> Queue:
    """In which a service is asked what it published, and told what others did.

    What is lost of it is said again, so it may forget.
    """
    key = f"{CONVERSATION}.{service}"
    first, *others = (f"{other}.events" for other in sources() if other != service)
    also = tuple((exchange, key) for exchange in others)
    forgetting = {"x-message-ttl": CONVERSATION_TTL_MS, "x-max-length": CONVERSATION_LENGTH}
    arguments = {"x-queue-type": "quorum", **forgetting}
    return Queue(f"{CONVERSATION}--{service}", first, key, service, arguments, also=also)


def topology_of(queues: Iterable[Queue]) -> Topology:
    """The topology with these queues, in a stable order, and those that every service has."""
    common = [make(name) for name in sources() for make in (dead_letter_queue, conversation_queue)]
    return Topology(tuple(sorted([*queues, *common], key=lambda queue: queue.name)))


def queue_handler(name: str) -> str:
    """The handler that consumes an event queue, told by the queue's name."""
    return name.rpartition("--")[2]


def _keeping(service: str) -> Mapping[str, Any]:
    """Quorum, and never silently dropping: what RabbitMQ gives up on is kept for an operator.

    At-least-once dead-lettering needs `reject-publish` (RabbitMQ 3.10 and later).
    """
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-dead-letter-routing-key": service,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }

"""Exchanges and queues by name: which exist, who consumes them, with which arguments."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shared.catalogue import PARTNER_EVENTS, PARTNER_RECEIPTS, SERVICES

DEAD_LETTERS = "laurel.dead"
DELIVERY_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Queue:
    """One durable queue bound to one key of one topic exchange; `service` consumes it."""

    name: str
    exchange: str
    routing_key: str
    service: str

    @property
    def arguments(self) -> dict[str, Any]:
        """Quorum, and never silently dropping: what RabbitMQ gives up on is kept for an operator.

        At-least-once dead-lettering needs `reject-publish` (RabbitMQ 3.10 and later).
        """
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD_LETTERS,
            "x-dead-letter-routing-key": self.service,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that must exist before anything is published."""

    queues: tuple[Queue, ...]
    exchanges: tuple[str, ...] = field(
        default=(*(f"{service}.events" for service in SERVICES), PARTNER_EVENTS, PARTNER_RECEIPTS)
    )
    dead_letter_queues: tuple[str, ...] = field(
        default=tuple(f"dead--{service}" for service in SERVICES)
    )


def event_queue(source: str, event: str, service: str, method: str) -> Queue:
    """The queue in which `service.method` receives one event of one source."""
    return Queue(f"evt-{source}-{event}--{service}.{method}", f"{source}.events", event, service)


def partner_queue(pattern: str, service: str, method: str) -> Queue:
    """The queue in which `service.method` receives what agencies publish under `pattern`."""
    event = pattern.split(".", 2)[-1]
    return Queue(f"evt-partner-{event}--{service}.{method}", PARTNER_EVENTS, pattern, service)


def receipts_queue(agency: str) -> Queue:
    """The queue that one agency reads its receipts from."""
    return Queue(f"receipts--{agency}", PARTNER_RECEIPTS, f"agency.{agency}.#", "inspection")


def topology_of(queues: Iterable[Queue]) -> Topology:
    """The topology with these queues, in a stable order."""
    return Topology(tuple(sorted(queues, key=lambda queue: queue.name)))

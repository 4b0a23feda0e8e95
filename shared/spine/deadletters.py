"""Dead letters: what RabbitMQ itself gave up on is parked with its reason, and never forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.errors import LaurelError
from shared.spine.broker import Delivery
from shared.spine.broker.topology import queue_handler
from shared.spine.database import Database
from shared.spine.envelope import decoded
from shared.spine.inbox import park_delivery
from shared.telemetry import DEAD_LETTERS

REASONS = ("delivery_limit", "rejected", "expired", "maxlen")  # RabbitMQ's own names


class DeadLetteredError(LaurelError):
    """The broker gave the message up; it is tried again as every parked event is."""

    slug = "dead-lettered"


@dataclass(frozen=True)
class Death:
    """Where a message died, of what, and by which exchange and key it had come."""

    queue: str
    reason: str
    exchange: str
    routing_key: str


def park_dead_letters(database: Database, deliveries: Sequence[Delivery]) -> None:
    """Park each under the handler whose queue it was in; raises DatabaseAwayError."""
    for delivery in deliveries:
        death = _death(delivery)
        error = DeadLetteredError(f"The broker took it out of {death.queue}: {death.reason}.")
        original = replace(delivery, exchange=death.exchange, routing_key=death.routing_key)
        event = decoded(delivery.body, delivery.content_type)
        park_delivery(database, queue_handler(death.queue), original, error, event)
        DEAD_LETTERS.labels(database.service, death.reason).inc()


def _death(delivery: Delivery) -> Death:
    """The first death, as RabbitMQ's `x-death` header tells it."""
    deaths = delivery.headers.get("x-death")
    last = deaths[-1] if deaths and isinstance(deaths, list) else None
    first: dict[str, Any] = last if isinstance(last, dict) else {}
    keys = first.get("routing-keys") or [delivery.routing_key]
    queue, reason, exchange = (
        str(first.get(name, "unknown")) for name in ("queue", "reason", "exchange")
    )
    return Death(queue, reason, exchange, str(keys[0]))

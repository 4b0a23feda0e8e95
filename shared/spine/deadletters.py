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
from shared.spine.texts import storable
from shared.telemetry import DEAD_LETTERS

REASONS = ("delivery_limit", "rejected", "expired", "maxlen")  # RabbitMQ's own names
OTHER = "other"
LONGEST = 255


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
        reason = death.reason if death.reason in REASONS else OTHER
        DEAD_LETTERS.labels(database.service, reason).inc()


def _death(delivery: Delivery) -> Death:
    """How it died, as the broker's entry of the `x-death` header tells; any header gives one.

    RabbitMQ puts its own entry before what stood there: who sent the message may have forged that.
    """
    deaths = delivery.headers.get("x-death")
    told = deaths[0] if deaths and isinstance(deaths, list) else None
    entry: dict[str, Any] = told if isinstance(told, dict) else {}
    keys = entry.get("routing-keys")
    key = keys[0] if keys and isinstance(keys, list) else delivery.routing_key
    queue, reason, exchange = (
        entry.get(name, "unknown") for name in ("queue", "reason", "exchange")
    )
    return Death(*(storable(value, LONGEST) for value in (queue, reason, exchange, key)))

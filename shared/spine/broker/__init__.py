"""The broker seam: what the spine asks of a broker, and nothing of how one does it.

Two implementations, one delivery suite: `amqp` for RabbitMQ, `memory` for the embedded default.
Nothing outside this package asks which one it runs on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.spine.broker.topology import Queue, Topology

__all__ = [
    "Broker",
    "BrokerError",
    "Consumer",
    "Delivery",
    "Message",
    "Outcome",
    "Publisher",
    "Queue",
    "Topology",
]


class BrokerError(Exception):
    """The broker is away, refused, or cancelled us; whoever meets it opens anew and goes on."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: persistent, mandatory; `queue` is declared before, if there is one."""

    exchange: str
    routing_key: str
    body: bytes
    id: str
    content_type: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    queue: Queue | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was received, byte for byte; `tag` acknowledges it."""

    body: bytes
    headers: Mapping[str, Any]
    content_type: str | None
    routing_key: str
    user_id: str | None
    tag: int
    redelivered: bool = False
    id: str | None = None
    exchange: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which messages of a window the broker has for certain, and why not all of them.

    `refused` are those that the broker itself would not take, each with its reason: while they are
    all that is missing, the channel is as good as before.
    """

    confirmed: list[int]
    failure: str | None = None
    refused: Mapping[int, str] = field(default_factory=dict)


class Publisher(Protocol):
    """One channel with confirms, to be closed when an Outcome leaves a message's fate open.

    Only `blocked` is no failure of the channel: closing it would leave the broker with a connection
    that it does not look at, and opening another with one more.
    """

    def publish(self, messages: Sequence[Message]) -> Outcome:
        """Publish a window and wait for its confirms."""
        ...

    def idle(self) -> None:
        """Keep the connection alive while there is nothing to publish; raises BrokerError."""
        ...

    def close(self) -> None:
        """Give the channel up."""
        ...


class Consumer(Protocol):
    """One channel that consumes one queue."""

    def receive(self, limit: int, timeout: float) -> list[Delivery]:
        """What has arrived, at most `limit`, waiting at most `timeout` seconds; or BrokerError."""
        ...

    def ack(self, last: Delivery) -> None:
        """Acknowledge everything received up to and including `last`."""
        ...

    def idle(self) -> None:
        """Keep the connection alive while a batch cannot be handled; raises BrokerError."""
        ...

    def close(self) -> None:
        """Give the channel up; what was not acknowledged goes back to the queue."""
        ...


class Broker(Protocol):
    """Opens publishers and consumers. `forgets` tells that a restart empties every queue."""

    forgets: bool

    def declare(self, topology: Topology) -> None:
        """Make sure that all of it exists; raises BrokerError."""
        ...

    def publisher(self) -> Publisher:
        """A new publisher; raises BrokerError."""
        ...

    def consumer(self, queue: str, prefetch: int) -> Consumer:
        """A new consumer; raises BrokerError."""
        ...

    def depths(self, queues: Sequence[str]) -> dict[str, int]:
        """How many messages wait in each queue; raises BrokerError."""
        ...

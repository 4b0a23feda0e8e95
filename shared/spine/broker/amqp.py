"""RabbitMQ through kombu's connection and py-amqp's channels.

py-amqp's own confirm wait takes any ack as its own, so delivery tags are mapped to messages here,
and a channel that saw a nack, a timeout or an error is never used again.
"""

import time
from collections.abc import Sequence
from typing import Any

import amqp

from shared.spine.broker import BrokerError, Delivery, Message, Outcome
from shared.spine.broker.declare import declare_queue, declare_topology
from shared.spine.broker.link import ERRORS, broker_errors, opening
from shared.spine.broker.topology import Queue, Topology

FILL_SECONDS = 0.001
REFUSALS = (amqp.ChannelError, amqp.IrrecoverableConnectionError)  # an answer, not a lost link
UNREADABLE = "unreadable-properties"
BLOCKED = "blocked: the broker takes no messages for the moment"


class AmqpPublisher:
    """Publishes windows of unconfirmed messages and tells which of them the broker confirmed."""

    def __init__(self, url: str, confirm_timeout: float) -> None:
        self._confirm_timeout = confirm_timeout
        self._next_tag = 1
        self._waiting: dict[int, int] = {}
        self._confirmed: list[int] = []
        self._failure: str | None = None
        self._refused: dict[int, str] = {}
        self._keys: dict[tuple[str | None, str], int] = {}
        self._ensured: set[str] = set()
        with opening(url) as self._link:
            channel = self._link.channel
            channel.confirm_select()
            channel.events["basic_ack"].add(self._on_ack)
            channel.events["basic_nack"].add(self._on_nack)
            channel.events["basic_return"].add(self._on_return)

    def publish(self, messages: Sequence[Message]) -> Outcome:
        """Publish a window; every message is confirmed, or the outcome says why not."""
        self._waiting, self._confirmed, self._failure, self._refused = {}, [], None, {}
        self._keys = {(one.id, one.routing_key): index for index, one in enumerate(messages)}
        try:
            self._link.drain(0)
            if self._link.blocked:
                return Outcome([], BLOCKED)
            self._send_all(messages)
            self._await_confirms()
        except ERRORS as error:
            kind = "refused" if isinstance(error, REFUSALS) else "connection"
            self._failure = f"{kind}: {type(error).__name__}: {error}"
        kept = [index for index in self._confirmed if index not in self._refused]
        return Outcome(kept, self._failure, self._refused)

    def idle(self) -> None:
        """Keep the connection while there is nothing to publish."""
        with broker_errors():
            self._link.drain(0)

    def close(self) -> None:
        """Give the channel up."""
        self._link.close()

    def _send_all(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.queue:
                self._ensure(message.queue)
        with self._link.gathered():
            for index, message in enumerate(messages):
                try:
                    self._send(index, message)
                except ERRORS:
                    raise
                except Exception as error:  # what py-amqp cannot write, as a key too long
                    self._failure = f"unsendable: {type(error).__name__}: {error}"
                    self._refused[index] = self._failure
                    self._waiting.pop(self._next_tag - 1, None)
                    return

    def _send(self, index: int, message: Message) -> None:
        content = amqp.Message(
            message.body,
            content_type=message.content_type,
            delivery_mode=2,
            message_id=message.id,
            application_headers=dict(message.headers),
        )
        self._waiting[self._next_tag] = index
        self._next_tag += 1
        self._link.channel.basic_publish(
            content, message.exchange, message.routing_key, mandatory=True
        )

    def _ensure(self, queue: Queue) -> None:
        if queue.name not in self._ensured:
            declare_queue(self._link.channel, queue=queue)
            self._ensured.add(queue.name)

    def _await_confirms(self) -> None:
        deadline = time.monotonic() + self._confirm_timeout
        while self._waiting:
            remaining = deadline - time.monotonic()
            if self._link.blocked:
                self._failure = BLOCKED
                return
            if remaining <= 0:
                self._failure = f"timeout: no confirm; {len(self._waiting)} messages unconfirmed"
                return
            self._link.drain(min(remaining, 1.0))

    def _take(self, tag: int, multiple: bool) -> list[int]:
        tags = [t for t in self._waiting if t <= tag] if multiple else [tag]
        return [self._waiting.pop(t) for t in tags if t in self._waiting]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._confirmed += self._take(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._failure = "nack: the broker refused it"
        self._refused |= dict.fromkeys(self._take(tag, multiple), self._failure)

    def _on_return(self, error: Exception, exchange: str, key: str, message: Any) -> None:
        self._failure = f"unroutable: no queue is bound to {exchange} for {key} ({error})"
        index = self._keys.get((message.properties.get("message_id"), key))
        if index is not None:
            self._refused[index] = self._failure


class AmqpConsumer:
    """Consumes one queue with a bounded prefetch."""

    def __init__(self, url: str, queue: str, prefetch: int) -> None:
        self._arrived: list[Delivery] = []
        self._cancelled = False
        with opening(url) as self._link:
            channel = self._link.channel
            channel.basic_qos(0, prefetch, a_global=False)
            channel.basic_consume(queue, callback=self._on_message, on_cancel=self._on_cancel)

    def receive(self, limit: int, timeout: float) -> list[Delivery]:
        """Wait for a first message, then take what is there at once."""
        with broker_errors():
            if not self._arrived:
                self._link.drain(timeout)
            while len(self._arrived) < limit and self._arrived and self._link.drain(FILL_SECONDS):
                pass
        if self._cancelled:
            raise BrokerError("the broker cancelled this consumer")
        batch, self._arrived = self._arrived[:limit], self._arrived[limit:]
        return batch

    def ack(self, last: Delivery) -> None:
        """Acknowledge everything up to `last`."""
        with broker_errors():
            self._link.channel.basic_ack(last.tag, multiple=True)

    def idle(self) -> None:
        """Answer heartbeats without taking anything off the buffer."""
        with broker_errors():
            self._link.drain(0.1)

    def close(self) -> None:
        """Give the channel up; the broker puts what was not acknowledged back."""
        self._link.close()

    def _on_cancel(self, _consumer_tag: str) -> None:
        self._cancelled = True

    def _on_message(self, message: Any) -> None:
        body, unreadable = message.body, message.properties.get("unreadable")
        headers = message.headers or {}
        self._arrived.append(
            Delivery(
                body=body if isinstance(body, bytes) else body.encode(),
                headers={UNREADABLE: unreadable.hex()} if unreadable else headers,
                content_type=message.properties.get("content_type"),
                routing_key=message.delivery_info["routing_key"],
                user_id=message.properties.get("user_id"),
                tag=message.delivery_info["delivery_tag"],
                redelivered=message.delivery_info["redelivered"],
                id=message.properties.get("message_id"),
                exchange=message.delivery_info["exchange"],
            )
        )


class AmqpBroker:
    """A RabbitMQ virtual host."""

    forgets = False

    def __init__(self, url: str, confirm_timeout: float) -> None:
        self._url = url
        self._confirm_timeout = confirm_timeout

    def declare(self, topology: Topology) -> None:
        """Declare all of it; what our user may not declare must be there already."""
        with opening(self._url) as link:
            declare_topology(link.connection, topology)
        link.close()

    def publisher(self) -> AmqpPublisher:
        """A new connection with confirms."""
        return AmqpPublisher(self._url, self._confirm_timeout)

    def consumer(self, queue: str, prefetch: int) -> AmqpConsumer:
        """A new connection that consumes `queue`."""
        return AmqpConsumer(self._url, queue, prefetch)

    def depths(self, queues: Sequence[str]) -> dict[str, int]:
        """Messages ready in each queue."""
        with opening(self._url) as link:
            counts = {queue: _depth(link.connection, queue) for queue in queues}
        link.close()
        return counts


def _depth(connection: Any, queue: str) -> int:
    """Messages ready in a queue; none in one that is not there."""
    channel = connection.channel()
    try:
        count = int(channel.queue_declare(queue, passive=True).message_count)
    except amqp.NotFound:  # it closed the channel
        return 0
    channel.close()
    return count

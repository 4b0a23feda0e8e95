"""RabbitMQ through kombu's connection and py-amqp's channels.

py-amqp's own confirm wait takes any ack as its own, so delivery tags are mapped to messages here,
and a channel that saw a nack, a return, a timeout or an error is never used again.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import amqp
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from shared.catalogue import PARTNER_RECEIPTS
from shared.spine.broker import BrokerError, Delivery, Message, Outcome
from shared.spine.broker.declare import declare_queue, declare_topology
from shared.spine.broker.topology import Topology, receipts_queue

HEARTBEAT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 5
SOCKET_TIMEOUT_SECONDS = 30
FILL_SECONDS = 0.001
ERRORS = (
    amqp.AMQPError,
    OperationalError,
    OSError,
    AttributeError,
)  # py-amqp raises the last one on a lost link


@contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except ERRORS as error:
        raise BrokerError(f"{type(error).__name__}: {error}") from error


class _Link:
    """One connection with one channel, opened in the constructor, closed once."""

    def __init__(self, url: str) -> None:
        self.blocked = False
        options = {
            "on_blocked": self._on_blocked,
            "on_unblocked": self._on_unblocked,
            "read_timeout": SOCKET_TIMEOUT_SECONDS,
            "write_timeout": SOCKET_TIMEOUT_SECONDS,
        }
        with _broker_errors():
            self._kombu = Connection(
                url,
                heartbeat=HEARTBEAT_SECONDS,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                transport_options=options,
            )
            self.connection = self._kombu.transport.establish_connection()
            self.channel = self.connection.channel()
            self.channel.auto_decode = False
        self._beat = 0.0

    def drain(self, timeout: float) -> bool:
        """Read one frame's worth of events; False when none came within `timeout` seconds."""
        self.beat()
        try:
            self.connection.drain_events(timeout=timeout)
        except TimeoutError:
            return False
        return True

    def beat(self) -> None:
        """Send a heartbeat when one is due; a peer that fell silent is an error."""
        if time.monotonic() - self._beat > HEARTBEAT_SECONDS / 4:
            self._beat = time.monotonic()
            self.connection.heartbeat_tick()

    def close(self) -> None:
        """Close politely where the broker still answers, else just drop the socket."""
        try:
            if not self.blocked:
                self.connection.close()
        except ERRORS:
            pass
        finally:
            self.connection.collect()

    def _on_blocked(self, _reason: str) -> None:
        self.blocked = True

    def _on_unblocked(self) -> None:
        self.blocked = False


class AmqpPublisher:
    """Publishes windows of unconfirmed messages and tells which of them the broker confirmed."""

    def __init__(self, url: str, confirm_timeout: float) -> None:
        self._link = _Link(url)
        self._confirm_timeout = confirm_timeout
        self._next_tag = 1
        self._waiting: dict[int, int] = {}
        self._confirmed: list[int] = []
        self._failure: str | None = None
        self._returned: set[str] = set()
        self._receipt_queues: set[str] = set()
        channel = self._link.channel
        with _broker_errors():
            channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)

    def publish(self, messages: Sequence[Message]) -> Outcome:
        """Publish a window; every message is confirmed, or the outcome says why not."""
        self._waiting, self._confirmed, self._failure = {}, [], None
        self._returned.clear()
        try:
            for index, message in enumerate(messages):
                self._send(index, message)
            self._await_confirms()
        except ERRORS as error:
            self._failure = self._failure or f"connection: {type(error).__name__}: {error}"
        kept = [i for i in self._confirmed if messages[i].id not in self._returned]
        return Outcome(kept, self._failure)

    def close(self) -> None:
        """Give the channel up."""
        self._link.close()

    def _send(self, index: int, message: Message) -> None:
        if message.exchange == PARTNER_RECEIPTS:
            self._ensure_receipts_queue(message.routing_key.split(".")[1])
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

    def _ensure_receipts_queue(self, agency: str) -> None:
        if agency not in self._receipt_queues:
            declare_queue(self._link.channel, queue=receipts_queue(agency))
            self._receipt_queues.add(agency)

    def _await_confirms(self) -> None:
        deadline = time.monotonic() + self._confirm_timeout
        while self._waiting:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._link.blocked:
                blocked = "the broker blocks publishers" if self._link.blocked else "no confirm"
                self._failure = f"timeout: {blocked}; {len(self._waiting)} messages unconfirmed"
                return
            self._link.drain(min(remaining, 1.0))

    def _take(self, tag: int, multiple: bool) -> list[int]:
        tags = [t for t in self._waiting if t <= tag] if multiple else [tag]
        return [self._waiting.pop(t) for t in tags if t in self._waiting]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._confirmed += self._take(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        refused = self._take(tag, multiple)
        self._failure = f"nack: the broker refused {len(refused)} messages"

    def _on_return(self, error: Exception, exchange: str, key: str, message: Any) -> None:
        self._returned.add(message.properties.get("message_id"))
        self._failure = f"unroutable: no queue is bound to {exchange} for {key} ({error})"


class AmqpConsumer:
    """Consumes one queue with a bounded prefetch."""

    def __init__(self, url: str, queue: str, prefetch: int) -> None:
        self._link = _Link(url)
        self._arrived: list[Delivery] = []
        self._cancelled = False
        channel = self._link.channel
        with _broker_errors():
            channel.basic_qos(0, prefetch, a_global=False)
            channel.basic_consume(queue, callback=self._on_message, on_cancel=self._on_cancel)

    def receive(self, limit: int, timeout: float) -> list[Delivery]:
        """Wait for a first message, then take what is there at once."""
        with _broker_errors():
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
        with _broker_errors():
            self._link.channel.basic_ack(last.tag, multiple=True)

    def idle(self) -> None:
        """Answer heartbeats without taking anything off the buffer."""
        with _broker_errors():
            self._link.drain(0.1)

    def close(self) -> None:
        """Give the channel up; the broker puts what was not acknowledged back."""
        self._link.close()

    def _on_cancel(self, _consumer_tag: str) -> None:
        self._cancelled = True

    def _on_message(self, message: Any) -> None:
        body = message.body
        self._arrived.append(
            Delivery(
                body=body if isinstance(body, bytes) else body.encode(),
                headers=message.headers or {},
                content_type=message.properties.get("content_type"),
                routing_key=message.delivery_info["routing_key"],
                user_id=message.properties.get("user_id"),
                tag=message.delivery_info["delivery_tag"],
                redelivered=message.delivery_info["redelivered"],
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
        link = _Link(self._url)
        try:
            with _broker_errors():
                declare_topology(link.connection, topology)
        finally:
            link.close()

    def publisher(self) -> AmqpPublisher:
        """A new connection with confirms."""
        return AmqpPublisher(self._url, self._confirm_timeout)

    def consumer(self, queue: str, prefetch: int) -> AmqpConsumer:
        """A new connection that consumes `queue`."""
        return AmqpConsumer(self._url, queue, prefetch)

    def depth(self, queue: str) -> int:
        """Messages ready in the queue."""
        link = _Link(self._url)
        try:
            with _broker_errors():
                return int(link.channel.queue_declare(queue, passive=True).message_count)
        finally:
            link.close()

"""The embedded broker: kombu's memory transport, with what it lacks added here.

It never yields while it publishes, so a relay may publish inside a SQLite transaction. A restart
empties it (`forgets`), so the relay publishes the retained outbox again at the start.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from queue import Empty
from typing import Any, ClassVar

from kombu.connection import Connection

from shared.spine.broker import BrokerError, Delivery, Message, Outcome
from shared.spine.broker.topology import Queue, Topology

POLL_SECONDS = 0.1  # foreign publishers in this process do not ring our bell


class MemoryBroker:
    """Queues of this process; two brokers of one process are the same one."""

    forgets = True
    _bells: ClassVar[defaultdict[str, threading.Event]] = defaultdict(threading.Event)

    def __init__(self) -> None:
        self._connection = Connection("memory://")
        self._channel = self._connection.channel()

    def declare(self, topology: Topology) -> None:
        """Declare all of it."""
        for exchange in topology.exchanges:
            self._channel.exchange_declare(exchange, "topic", durable=True)
        for queue in topology.queues:
            self._declare_queue(queue)

    def publisher(self) -> "MemoryBroker":
        """The broker itself: there is no connection to lose."""
        return self

    def publish(self, messages: Sequence[Message]) -> Outcome:
        """Put each message into its queues; one that no queue is bound for is not confirmed."""
        confirmed: list[int] = []
        refused: dict[int, str] = {}
        for index, message in enumerate(messages):
            if message.queue:
                self._declare_queue(message.queue)
            if self._put(message):
                confirmed.append(index)
            else:
                where = f"{message.exchange} for {message.routing_key}"
                refused[index] = f"unroutable: no queue is bound to {where}"
        return Outcome(confirmed, next(iter(refused.values()), None), refused)

    def consumer(self, queue: str, prefetch: int) -> "MemoryConsumer":  # noqa: ARG002 - one signature
        """A consumer that takes from the queue on demand."""
        return MemoryConsumer(self._connection.channel(), queue, self._bells[queue])

    def idle(self) -> None:
        """Nothing to keep alive."""

    def depths(self, queues: Sequence[str]) -> dict[str, int]:
        """Messages waiting in each queue."""
        return {queue: int(self._channel._size(queue)) for queue in queues}  # noqa: SLF001 - kombu has no public name for it

    def close(self) -> None:
        """Nothing to give up."""

    def _declare_queue(self, queue: Queue) -> None:
        self._channel.queue_declare(queue.name, durable=True)
        for exchange, key in queue.bindings:
            self._channel.queue_bind(queue.name, exchange, key)

    def _put(self, message: Message) -> bool:
        queues = self._channel._lookup(message.exchange, message.routing_key)  # noqa: SLF001 - as above
        if not queues:
            return False
        content = self._channel.prepare_message(
            message.body,
            content_type=message.content_type,
            content_encoding="binary",
            headers=dict(message.headers),
            properties={"message_id": message.id, "delivery_mode": 2},
        )
        self._channel.basic_publish(content, message.exchange, message.routing_key)
        for queue in queues:
            self._bells[queue].set()
        return True


class MemoryConsumer:
    """Takes messages one by one; what was not acknowledged goes back when it is closed."""

    def __init__(self, channel: Any, queue: str, bell: threading.Event) -> None:
        self._channel, self._queue, self._bell = channel, queue, bell
        self._unacked: list[tuple[int, str]] = []
        self._tag = 0

    def receive(self, limit: int, timeout: float) -> list[Delivery]:
        """What is there, or what comes within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not (batch := self._take(limit)) and time.monotonic() < deadline:
            self._bell.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
            self._bell.clear()
        return batch

    def ack(self, last: Delivery) -> None:
        """Acknowledge everything up to `last`."""
        for _number, tag in [item for item in self._unacked if item[0] <= last.tag]:
            self._channel.basic_ack(tag)
        self._unacked = [item for item in self._unacked if item[0] > last.tag]

    def idle(self) -> None:
        """Let others run."""
        time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Put back what was not acknowledged."""
        for _number, tag in self._unacked:
            self._channel.basic_reject(tag, requeue=True)
        self._unacked = []
        self._channel.close()

    def _take(self, limit: int) -> list[Delivery]:
        batch: list[Delivery] = []
        while len(batch) < limit and (message := self._get()) is not None:
            self._tag += 1
            self._unacked.append((self._tag, message.delivery_tag))
            batch.append(_delivery(message, self._tag))
        return batch

    def _get(self) -> Any:
        try:
            return self._channel.basic_get(self._queue)
        except Empty:
            return None
        except KeyError as error:
            raise BrokerError(f"queue {self._queue} is gone") from error


def _delivery(message: Any, tag: int) -> Delivery:
    body = message.body
    return Delivery(
        body=body if isinstance(body, bytes) else str(body).encode(),
        headers=message.headers or {},
        content_type=message.content_type,
        routing_key=message.delivery_info["routing_key"],
        user_id=message.properties.get("user_id"),
        tag=tag,
        redelivered=bool(message.delivery_info.get("redelivered")),
        id=message.properties.get("message_id"),
        exchange=message.delivery_info["exchange"],
    )

"""Consuming a queue: batches in, acknowledged only after they were handled or parked."""

from collections.abc import Callable
from functools import partial

from shared.spine.broker import Consumer, Delivery, Queue, Topology
from shared.spine.entrypoints.loops import Loops, Work
from shared.spine.inbox import DatabaseAwayError
from shared.telemetry import CONSUMERS

RECEIVE_SECONDS = 1.0


Take = Callable[[list[Delivery]], None]
Inlet = tuple[Queue, Take]


class Consuming(Loops):
    """Consumes queues, each with a connection of its own, so that none waits behind another."""

    def inlets(self) -> list[Inlet]:
        """Each queue, and what handles or parks a batch from it, or raises DatabaseAwayError."""
        raise NotImplementedError

    def loops(self) -> list[tuple[str, Work]]:
        """One thread a queue."""
        inlets = self.inlets()
        for queue, _take in inlets:
            CONSUMERS.labels(self.runtime.service, queue.name).set(0)
        return [(queue.name, partial(self._consume, queue, take)) for queue, take in inlets]

    def _consume(self, queue: Queue, take: Take) -> None:
        size = self.runtime.settings.batch_size
        self.runtime.broker.declare(Topology((queue,)))
        consumer = self.runtime.broker.consumer(queue.name, 2 * size)
        is_consumed = CONSUMERS.labels(self.runtime.service, queue.name)
        is_consumed.set(1)
        try:
            while not self.stopping.is_set():
                if deliveries := consumer.receive(size, RECEIVE_SECONDS):
                    self._take_patiently(consumer, take, deliveries)
                    consumer.ack(deliveries[-1])
        finally:
            is_consumed.set(0)
            consumer.close()

    def _take_patiently(self, consumer: Consumer, take: Take, deliveries: list[Delivery]) -> None:
        """Hold the batch while the database is away: giving it back would use up its deliveries."""
        while True:
            try:
                return take(deliveries)
            except DatabaseAwayError:
                if self.stopping.is_set():
                    raise
                consumer.idle()

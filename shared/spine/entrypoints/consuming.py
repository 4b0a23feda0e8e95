"""Consuming a queue: batches in, acknowledged only after they were handled or parked."""

from functools import partial

from shared.spine.broker import Consumer, Delivery, Queue, Topology
from shared.spine.entrypoints.loops import Loops, Work
from shared.spine.inbox import DatabaseAwayError
from shared.telemetry import CONSUMERS, CONSUMERS_EXPECTED

RECEIVE_SECONDS = 1.0


class Consuming(Loops):
    """Consumes queues, each with a connection of its own, so that none waits behind another."""

    method_name: str

    def queues(self, service: str) -> list[Queue]:
        """The queues this entrypoint reads in `service`."""
        raise NotImplementedError

    def take(self, deliveries: list[Delivery]) -> None:
        """Handle or park all of them, or raise DatabaseAwayError."""
        raise NotImplementedError

    def loops(self) -> list[tuple[str, Work]]:
        """One thread a queue."""
        queues = self.queues(self.container.service_name)
        CONSUMERS_EXPECTED.labels(self.runtime.service).inc(len(queues))
        return [(queue.name, partial(self._consume, queue)) for queue in queues]

    def _consume(self, queue: Queue) -> None:
        size = self.runtime.settings.batch_size
        self.runtime.broker.declare(Topology((queue,)))
        consumer = self.runtime.broker.consumer(queue.name, 2 * size)
        CONSUMERS.labels(self.runtime.service).inc()
        try:
            while not self.stopping.is_set():
                if deliveries := consumer.receive(size, RECEIVE_SECONDS):
                    self._take_patiently(consumer, deliveries)
                    consumer.ack(deliveries[-1])
        finally:
            CONSUMERS.labels(self.runtime.service).dec()
            consumer.close()

    def _take_patiently(self, consumer: Consumer, deliveries: list[Delivery]) -> None:
        """Hold the batch while the database is away: giving it back would use up its deliveries."""
        while True:
            try:
                return self.take(deliveries)
            except DatabaseAwayError:
                if self.stopping.is_set():
                    raise
                consumer.idle()

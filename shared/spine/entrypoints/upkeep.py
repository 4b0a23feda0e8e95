"""What every service does beside its own work, so that nothing is lost and nothing piles up."""

from functools import partial

from nameko.extensions import DependencyProvider

from shared.spine import gauges, retention
from shared.spine.broker.topology import conversation_queue, dead_letter_queue
from shared.spine.conversation import Conversation
from shared.spine.deadletters import REASONS, park_dead_letters
from shared.spine.entrypoints import handlers_of
from shared.spine.entrypoints.consuming import Consuming, Inlet
from shared.spine.entrypoints.loops import Loops, Work
from shared.telemetry import DEAD_LETTERS

ROUND_SECONDS, GAUGE_SECONDS, QUEUE_SECONDS, RETENTION_SECONDS = 1.0, 2.0, 5.0, 60.0


class DeadLetters(Consuming, DependencyProvider):
    """Parks what RabbitMQ gave up on."""

    def setup(self) -> None:
        """Show the usual reasons as 0: an increase from nothing is none to Prometheus."""
        for reason in REASONS:
            DEAD_LETTERS.labels(self.runtime.service, reason)

    def inlets(self) -> list[Inlet]:
        """The service's dead letters, each parked with its reason."""
        runtime = self.runtime
        return [(dead_letter_queue(runtime.service), partial(park_dead_letters, runtime.database))]


class Answers(Consuming, DependencyProvider):
    """Answers what other services ask and state about published events."""

    def inlets(self) -> list[Inlet]:
        """What is said to this service; what cannot be answered now is asked again."""
        conversation = Conversation(self.runtime, handlers_of(self.service_instance()))
        return [(conversation_queue(self.runtime.service), conversation.take)]


class Upkeep(Loops, DependencyProvider):
    """Asks for what is missing, deletes what is past its period, and measures."""

    def setup(self) -> None:
        """Know our own handlers and queues."""
        handlers = handlers_of(self.service_instance())
        self._conversation = Conversation(self.runtime, handlers)

    def start(self) -> None:
        """Know every pair to be compared, then begin."""
        self._conversation.prepare()
        super().start()

    def loops(self) -> list[tuple[str, Work]]:
        """Reconciliation, retention, gauges of the database, gauges of the queues."""
        return [
            ("reconciliation", self._reconcile),
            ("retention", self._prune),
            ("gauges", self._measure),
            ("queues", self._measure_queues),
        ]

    def _reconcile(self) -> None:
        self._conversation.begin_due()
        self.stopping.wait(ROUND_SECONDS)

    def _prune(self) -> None:
        if not retention.prune(self.runtime.database, self.runtime.settings):
            self.stopping.wait(RETENTION_SECONDS)

    def _measure(self) -> None:
        gauges.measure(self.runtime)
        self.stopping.wait(GAUGE_SECONDS)

    def _measure_queues(self) -> None:
        gauges.measure_queues(self.runtime)
        self.stopping.wait(QUEUE_SECONDS)

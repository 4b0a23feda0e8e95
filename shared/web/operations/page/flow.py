"""What this process has counted since its start, read from the metrics that Prometheus reads."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.samples import Sample

from shared.runtime import Runtime
from shared.telemetry import (
    CONSUMERS,
    DEAD_LETTERS,
    EVENT_DELAY,
    EVENTS_HANDLED,
    EVENTS_RESENT,
    QUEUE_MESSAGES,
    RELAY_FAILURES,
    TIMER_FAILURES,
)

TROUBLES: tuple[tuple[str, Counter, str], ...] = (
    ("Windows that the broker did not wholly confirm", RELAY_FAILURES, "kind"),
    ("Messages that the broker gave up on, now parked", DEAD_LETTERS, "reason"),
    ("Events sent again because a consumer missed them", EVENTS_RESENT, "handler"),
    ("Timer runs that failed", TIMER_FAILURES, "timer"),
)


@dataclass
class EventFlow:
    """How many events of one type were handled and parked, and how long the handled ones took."""

    event: str
    handled: int = 0
    parked: int = 0
    mean_seconds: float | None = None


def events(service: str) -> list[EventFlow]:
    """Each type of event, by its name."""
    found: dict[str, EventFlow] = {}
    for sample in _samples(EVENTS_HANDLED, service, "_total"):
        name = sample.labels["event"]
        flow = found.setdefault(name, EventFlow(name))
        setattr(flow, sample.labels["outcome"], int(sample.value))
    delays: dict[str, dict[str, float]] = defaultdict(dict)
    for end in ("_sum", "_count"):
        for sample in _samples(EVENT_DELAY, service, end):
            delays[sample.labels["event"]][end] = sample.value
    for name, flow in found.items():
        if count := delays[name].get("_count"):
            flow.mean_seconds = delays[name]["_sum"] / count
    return [found[name] for name in sorted(found)]


def queues(runtime: Runtime) -> list[tuple[str, int | None]]:
    """Every queue that the service consumes with its last known depth, the deepest first."""
    measured = _samples(QUEUE_MESSAGES, runtime.service)
    depths = {sample.labels["queue"]: int(sample.value) for sample in measured}
    own = [queue.name for queue in runtime.topology.queues if queue.service == runtime.service]
    return sorted(((name, depths.get(name)) for name in own), key=lambda q: (-(q[1] or 0), q[0]))


def consumers(service: str) -> tuple[int, int]:
    """How many queues this process consumes, and how many it should."""
    consumed = [int(sample.value) for sample in _samples(CONSUMERS, service)]
    return sum(consumed), len(consumed)


def troubles(service: str) -> list[tuple[str, str, int]]:
    """What went wrong, of which kind, how often."""
    return [
        (words, sample.labels[label], int(sample.value))
        for words, metric, label in TROUBLES
        for sample in _samples(metric, service, "_total")
    ]


def _samples(metric: MetricWrapperBase, service: str, end: str = "") -> Iterator[Sample]:
    for family in metric.collect():
        for sample in family.samples:
            if sample.labels.get("service") == service and sample.name.endswith(end):
                yield sample

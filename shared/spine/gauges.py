"""What the spine measures by looking: outbox age, parked events, reconciliation, queues."""

from datetime import UTC, datetime

from shared.runtime import Runtime
from shared.spine import backlog, parking, reconcile
from shared.telemetry import (
    EVENTS_FOREIGN,
    EVENTS_MISSING,
    OUTBOX_OLDEST,
    OUTBOX_PENDING,
    OUTBOX_REFUSED,
    PARKED_EVENTS,
    QUEUE_MESSAGES,
    RECONCILIATION_AGE,
)


def measure(runtime: Runtime) -> None:
    """Set the gauges of one service's database."""
    service = runtime.service
    with runtime.database.reading() as session:
        pending, oldest = backlog.backlog(session)
        refused = backlog.refused_count(session)
        open_count = parking.open_count(session)
        pairs = reconcile.pairs(session, runtime.topology, service)
    OUTBOX_PENDING.labels(service).set(pending)
    OUTBOX_OLDEST.labels(service).set(oldest)
    OUTBOX_REFUSED.labels(service).set(refused)
    PARKED_EVENTS.labels(service).set(open_count)
    for pair in pairs:
        labels = (service, pair.handler, pair.source)
        EVENTS_MISSING.labels(*labels).set(pair.missing)
        EVENTS_FOREIGN.labels(*labels).set(pair.foreign)
        age = datetime.now(UTC) - (pair.checked_at or pair.demanded_at)
        RECONCILIATION_AGE.labels(*labels).set(age.total_seconds())


def measure_queues(runtime: Runtime) -> None:
    """Set the depth of every queue that the service consumes; raises BrokerError."""
    own = [queue.name for queue in runtime.topology.queues if queue.service == runtime.service]
    for name, depth in runtime.broker.depths(own).items():
        QUEUE_MESSAGES.labels(runtime.service, name).set(depth)

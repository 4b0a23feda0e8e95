"""What the spine measures by looking at its tables: outbox age and parked events."""

from shared.spine import parking, relay
from shared.spine.database import Database
from shared.telemetry import OUTBOX_OLDEST, OUTBOX_PENDING, PARKED_EVENTS


def measure(database: Database) -> None:
    """Set the gauges of one service."""
    with database.reading() as session:
        pending, oldest = relay.backlog(session)
        open_count = sum(parking.counts(session).get(state, 0) for state in parking.OPEN)
    OUTBOX_PENDING.labels(database.service).set(pending)
    OUTBOX_OLDEST.labels(database.service).set(oldest)
    PARKED_EVENTS.labels(database.service).set(open_count)

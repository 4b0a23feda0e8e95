"""Sending: claim in one short transaction, send outside any, settle in another.

Whoever dies between sending and settling sends once more after the lease; the stable Message-ID
or webhook-id lets the receiver drop the second.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from services.notification.commands.deliveries import (
    Outcome,
    Parcel,
    claim_delivery,
    settle_delivery,
)
from services.notification.commands.subscribers import end_subscriber
from services.notification.couriers.answer import Answer
from services.notification.rules.deliveries import WAIT_SECONDS, EndReason, wait_after
from shared.clock import Clock
from shared.project import Outlet
from shared.spine.context import Actor, Context
from shared.spine.database import Database
from shared.spine.faults import contained

BATCH = 50
LEASE_MARGIN_SECONDS = 30.0
COURIER = Actor("courier", "timer")
SPREAD = (0.9, 1.1)


class Courier(Protocol):
    """Takes parcels of one outlet to their receivers; never raises for what a receiver does."""

    outlet: Outlet
    timeout_seconds: float

    def send(self, parcel: Parcel) -> Answer:
        """One attempt."""
        ...


def deliver_due(
    database: Database, clock: Clock, courier: Courier, waits: Sequence[float] = WAIT_SECONDS
) -> int:
    """Attempt up to a batch of due deliveries; returns how many were attempted.

    Several threads and replicas may do so at once: no two send to one receiver at a time.
    """
    for attempted in range(BATCH):
        parcel = _claim(database, courier)
        if parcel is None:
            return attempted
        _attempt(database, clock, courier, parcel, waits)
    return BATCH


def _claim(database: Database, courier: Courier) -> Parcel | None:
    lease = timedelta(seconds=2 * courier.timeout_seconds + LEASE_MARGIN_SECONDS)
    with database.transaction() as session:
        return claim_delivery(session, courier.outlet, real_now=datetime.now(UTC), lease=lease)


def _attempt(
    database: Database, clock: Clock, courier: Courier, parcel: Parcel, waits: Sequence[float]
) -> None:
    began_at, began = datetime.now(UTC), time.monotonic()
    sent = Answer("internal-error", error="a fault of ours; the log has it")
    with contained("delivery-failed", delivery=parcel.id):
        sent = courier.send(parcel)
    outcome = Outcome(
        code=sent.code,
        began_at=began_at,
        seconds=round(time.monotonic() - began, 3),
        taken=sent.taken,
        final=sent.final,
        error=sent.error,
    )
    context = Context(COURIER, clock.now())
    with database.transaction() as session:
        settle_delivery(session, parcel, outcome, context, retry_at=_retry_at(parcel, waits))
        if sent.gone:
            end_subscriber(session, parcel.subscriber, EndReason.GONE, context)


def _retry_at(parcel: Parcel, waits: Sequence[float]) -> datetime | None:
    """When to try again; a little spread keeps what failed together from coming together."""
    wait = wait_after(parcel.attempt, waits)
    return None if wait is None else datetime.now(UTC) + wait * random.uniform(*SPREAD)  # noqa: S311

"""Sending: claim in one short transaction, send outside any, settle in another.

Whoever dies between sending and settling sends once more after the lease; the stable Message-ID
or webhook-id lets the receiver drop the second.
"""

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from services.notification.commands.deliveries import (
    Outcome,
    Parcel,
    claim_delivery,
    settle_delivery,
)
from services.notification.commands.subscribers import end_subscriber
from services.notification.couriers import Answer
from services.notification.rules.deliveries import EndReason
from shared.clock import Clock
from shared.project import Outlet
from shared.spine.context import Actor, Context
from shared.spine.database import Database
from shared.spine.parking import Patience

BATCH = 50
LEASE_MARGIN_SECONDS = 30.0
COURIER = Actor("courier", "timer")
_RNG = random.SystemRandom()


class Courier(Protocol):
    """Takes parcels of one outlet to their receivers; never raises for what a receiver does."""

    outlet: Outlet
    timeout_seconds: float

    def send(self, parcel: Parcel) -> Answer:
        """One attempt."""
        ...


class Dispatcher:
    """Delivers what is due, one parcel after the other; several replicas may do so at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        patience: Patience,
        rng: random.Random | None = None,
    ) -> None:
        self._database, self._clock, self._patience = database, clock, patience
        self._rng = rng or _RNG

    def deliver(self, courier: Courier) -> int:
        """Attempt up to a batch of due deliveries; returns how many were attempted."""
        for attempted in range(BATCH):
            parcel = self._claim(courier)
            if parcel is None:
                return attempted
            self._attempt(courier, parcel)
        return BATCH

    def _claim(self, courier: Courier) -> Parcel | None:
        lease = timedelta(seconds=2 * courier.timeout_seconds + LEASE_MARGIN_SECONDS)
        with self._database.transaction() as session:
            return claim_delivery(session, courier.outlet, real_now=datetime.now(UTC), lease=lease)

    def _attempt(self, courier: Courier, parcel: Parcel) -> None:
        began_at, began = datetime.now(UTC), time.monotonic()
        sent = courier.send(parcel)
        outcome = Outcome(
            code=sent.code,
            began_at=began_at,
            seconds=round(time.monotonic() - began, 3),
            taken=sent.taken,
            final=sent.final,
            error=sent.error,
        )
        self._settle(parcel, outcome, gone=sent.gone)

    def _settle(self, parcel: Parcel, outcome: Outcome, *, gone: bool) -> None:
        retry_at = datetime.now(UTC) + self._patience.delay(parcel.attempt, self._rng)
        context = Context(COURIER, self._clock.now())
        with self._database.transaction() as session:
            settle_delivery(
                session,
                parcel,
                outcome,
                context,
                retry_at=retry_at,
                patience=self._patience.attempts,
            )
            if gone:
                end_subscriber(session, parcel.subscriber, EndReason.GONE, context)

"""Deliveries: claimed before they are sent, settled after; nothing here waits for a network."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.commands.announcements import AT_ONCE, at_once
from services.notification.models.deliveries import Attempt, Delivery, Subscriber
from services.notification.models.register import Acknowledgement
from services.notification.rules.deliveries import DELIVERIES, DeliveryMove, DeliveryState
from shared.catalogue import NOTICE_DELIVERED, NOTICE_FAILED, PROJECT_REVOKED
from shared.errors import IllegalTransitionError
from shared.machine import next_state
from shared.project import Outlet
from shared.revocations import Revoked, acknowledge
from shared.spine.context import Cause, Context
from shared.spine.outbox import record
from shared.spine.rows import locked


@dataclass(frozen=True)
class Parcel:
    """One claimed delivery, with all that sending it needs."""

    id: str
    attempt: int
    subscriber: str
    address: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended; `error` holds no personal data. Instants and delays are real time."""

    code: str
    began_at: datetime
    seconds: float
    taken: bool = False
    final: bool = False
    error: str | None = None


def claim_delivery(
    session: Session, outlet: str, *, real_now: datetime, lease: timedelta
) -> Parcel | None:
    """The delivery that is due first, counted as attempted and out of others' hands for `lease`.

    So is its receiver: a slow one has one delivery at a time, and holds up no other.
    """
    due = select(Delivery, Subscriber).where(
        Delivery.outlet == outlet,
        Delivery.state == DeliveryState.WAITING,
        Delivery.due_at <= real_now,
        Subscriber.id == Delivery.subscriber,
        Subscriber.busy_until <= real_now,
    )
    first = due.order_by(Delivery.due_at, Delivery.id).limit(1)
    claimed = session.execute(first.with_for_update(skip_locked=True)).first()
    if claimed is None:
        return None
    delivery, subscriber = claimed
    delivery.attempts += 1
    delivery.due_at = subscriber.busy_until = real_now + lease
    return Parcel(
        id=delivery.id,
        attempt=delivery.attempts,
        subscriber=subscriber.id,
        address=subscriber.address,
        content=delivery.content,
    )


def settle_delivery(
    session: Session,
    parcel: Parcel,
    outcome: Outcome,
    context: Context,
    *,
    retry_at: datetime | None,
) -> None:
    """Log the attempt; deliver, put off until `retry_at`, or give up when that is None.

    A receiver that took a revocation's letter or webhook is acknowledged in this transaction.
    """
    subscriber = session.get_one(Subscriber, parcel.subscriber, with_for_update=True)
    subscriber.busy_until = AT_ONCE
    delivery = session.get_one(Delivery, parcel.id, with_for_update=True)
    session.add(_attempt(parcel, outcome))
    if delivery.state != DeliveryState.WAITING:
        return
    if outcome.taken:
        _deliver(session, delivery, context.because_of(_cause(delivery)))
    elif outcome.final or retry_at is None:
        give_up(session, delivery, outcome.code, context)
    elif delivery.attempts == parcel.attempt:
        delivery.due_at, delivery.error = retry_at, outcome.code


def give_up(session: Session, delivery: Delivery, code: str, context: Context) -> None:
    """Settle a delivery as failed, and say so."""
    delivery.state = next_state(DELIVERIES, DeliveryState(delivery.state), DeliveryMove.GIVEN_UP)
    delivery.error, delivery.settled_at = code, context.now
    record(session, NOTICE_FAILED, delivery, context.because_of(_cause(delivery)))


def retry_delivery(session: Session, delivery_id: str) -> Delivery:
    """Have a delivery attempted once more at once; a delivered one is refused."""
    whose = session.scalar(select(Delivery.subscriber).where(Delivery.id == delivery_id))
    subscriber = session.get(Subscriber, whose or "", with_for_update=True)  # first, as who ends it
    delivery = locked(session, Delivery, delivery_id)
    if subscriber is None or subscriber.ended_at is not None:
        raise IllegalTransitionError(
            f"The subscriber {delivery.subscriber} has ended; add a new one and it gets what comes."
        )
    delivery.state = next_state(DELIVERIES, DeliveryState(delivery.state), DeliveryMove.RETRIED)
    delivery.settled_at, delivery.due_at = None, at_once(delivery.cause_type)
    return delivery


def _deliver(session: Session, delivery: Delivery, context: Context) -> None:
    delivery.state = next_state(DELIVERIES, DeliveryState(delivery.state), DeliveryMove.TAKEN)
    delivery.error, delivery.settled_at = None, context.now
    record(session, NOTICE_DELIVERED, delivery, context)
    if delivery.cause_type == PROJECT_REVOKED.name:
        revoked = Revoked(delivery.project, delivery.epoch, delivery.cause)
        outlet, receiver = Outlet(delivery.outlet), delivery.subscriber
        acknowledge(session, Acknowledgement, outlet, revoked, context, receiver=receiver)


def _attempt(parcel: Parcel, outcome: Outcome) -> Attempt:
    return Attempt(
        delivery=parcel.id,
        number=parcel.attempt,
        began_at=outcome.began_at,
        seconds=outcome.seconds,
        code=outcome.code,
        error=outcome.error,
    )


def _cause(delivery: Delivery) -> Cause:
    return Cause(delivery.cause, delivery.correlation_id, delivery.traceparent)

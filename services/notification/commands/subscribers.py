"""Subscribers: officials add and end them; a project's contact comes with its application."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.commands.announcements import AT_ONCE, announce_change, announce_missed
from services.notification.commands.deliveries import give_up
from services.notification.commands.register import follow_project
from services.notification.models.deliveries import Delivery, Subscriber
from services.notification.rules.deliveries import (
    CONTACT_TYPES,
    DeliveryState,
    EndReason,
    check_scope,
    contact_id,
)
from services.notification.rules.webhooks import Networks, check_url
from shared.project import Outlet
from shared.spine.context import Context
from shared.spine.envelope import Event, new_id
from shared.spine.rows import locked


def keep_application(session: Session, event: Event, context: Context) -> None:
    """Follow the application, and write to its contact from now on; the newest address wins."""
    follow_project(session, event, context)
    announce_missed(session, _kept_contact(session, event, context), context)


def follow_change(session: Session, event: Event, context: Context) -> None:
    """Follow another undertaker, which is written to from now on, or a withdrawal."""
    if event.data["contact_email"]:
        _kept_contact(session, event, context)
    announce_change(session, event, context)


def add_subscriber(
    session: Session, wanted: dict[str, Any], context: Context, networks: Networks
) -> Subscriber:
    """A new subscriber.

    Webhooks may be sent to these networks although they are not public. Raises InvalidError for
    a scope or an address that cannot be used.
    """
    check_scope(wanted["scope"])
    if wanted["kind"] == Outlet.WEBHOOK:
        check_url(wanted["address"], networks)
    subscriber = Subscriber(
        id=new_id(),
        sequence=1,
        created_by=str(context.actor),
        created_at=context.now,
        busy_until=AT_ONCE,
        **{name: wanted[name] for name in ("kind", "address", "scope", "event_types")},
    )
    session.add(subscriber)
    session.flush()
    return subscriber


def end_subscriber(
    session: Session, subscriber_id: str, reason: EndReason, context: Context
) -> None:
    """Write to it no more and give up what is still on its way; harmless twice."""
    subscriber = locked(session, Subscriber, subscriber_id)
    if subscriber.ended_at is not None:
        return
    subscriber.ended_at, subscriber.end_reason = context.now, reason
    waiting = select(Delivery).where(
        Delivery.subscriber == subscriber_id, Delivery.state == DeliveryState.WAITING
    )
    for delivery in session.scalars(waiting.with_for_update()):
        give_up(session, delivery, reason, context)


def _kept_contact(session: Session, event: Event, context: Context) -> Subscriber:
    """The project's contact, at the newest address."""
    project = event.data["project"]
    contact = session.get(Subscriber, contact_id(project), with_for_update=True)
    if contact is None:
        contact = _contact(project, context.now)
        session.add(contact)
    if event.sequence > contact.sequence:
        contact.sequence, contact.address = event.sequence, event.data["contact_email"]
    session.flush()
    return contact


def _contact(project: str, now: datetime) -> Subscriber:
    return Subscriber(
        id=contact_id(project),
        sequence=0,
        kind=Outlet.LETTER,
        scope=f"project:{project}",
        event_types=list(CONTACT_TYPES),
        created_by="intake",
        created_at=now,
        busy_until=AT_ONCE,
    )

"""Announcements: what letters and webhooks will say about an event, and to whom it is queued.

The content is fixed here, in the transaction of the event; sending is the business of deliveries.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notification.commands.register import follow_project
from services.notification.models.deliveries import Delivery, Subscriber
from services.notification.models.register import Circular, HistoryEntry, Project
from services.notification.rules import letters
from services.notification.rules.deliveries import CONTACT_TYPES, DeliveryState, scopes_of
from shared.catalogue import CATALOGUE, PROJECT_REVOKED
from shared.spine.context import Context
from shared.spine.database import insert_new
from shared.spine.envelope import Event, new_id
from shared.workdays import china_date

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE_ALL = AT_ONCE - timedelta(days=1)


def at_once(cause_type: str) -> datetime:
    """When a delivery is due that waits for nothing; a revocation's comes before all others."""
    return BEFORE_ALL if cause_type == PROJECT_REVOKED.name else AT_ONCE


def announce_change(session: Session, event: Event, context: Context) -> None:
    """Follow the project, and tell whoever is to be told of this event."""
    announce(session, event, follow_project(session, event, context), None, context)


def announce(
    session: Session, event: Event, entry: HistoryEntry, circular: Circular | None, context: Context
) -> None:
    """Queue one delivery to everybody who is to be told of this event; harmless twice."""
    if event.type not in CONTACT_TYPES:
        return
    entry.announcement = {
        "correlation_id": event.correlation_id,
        "traceparent": event.traceparent,
        "notice": circular.number if circular else None,
        "letter": _letter(event, circular),
        "webhook": _webhook(event, circular),
    }
    session.flush()
    _queue(session, entry, _receivers(session, event), context)


def announce_missed(session: Session, subscriber: Subscriber, context: Context) -> None:
    """Queue to a contact what was announced before its address was known here."""
    project = subscriber.scope.partition(":")[2]
    entries = select(HistoryEntry).where(
        HistoryEntry.project == project, HistoryEntry.announcement.is_not(None)
    )
    for entry in session.scalars(entries):
        _queue(session, entry, [subscriber], context)


def _receivers(session: Session, event: Event) -> Sequence[Subscriber]:
    project = session.get_one(Project, event.data["project"])
    scoped = select(Subscriber).where(
        Subscriber.scope.in_(scopes_of(project.id, event.data["unit"])),
        Subscriber.ended_at.is_(None),
    )
    # Who ends meanwhile waits, and gives up what was queued; who has ended gets nothing.
    everyone = session.scalars(scoped.order_by(Subscriber.id).with_for_update(read=True))
    return [subscriber for subscriber in everyone if event.type in subscriber.event_types]


def _queue(
    session: Session, entry: HistoryEntry, receivers: Sequence[Subscriber], context: Context
) -> None:
    rows = [_delivery(entry, subscriber, context.now) for subscriber in receivers]
    if rows:
        insert = insert_new(session.get_bind().dialect)
        session.execute(insert(Delivery).on_conflict_do_nothing(), rows)


def _delivery(entry: HistoryEntry, subscriber: Subscriber, now: datetime) -> dict[str, Any]:
    said = entry.announcement or {}
    return {
        "id": new_id(),
        "sequence": 0,
        "subscriber": subscriber.id,
        "outlet": subscriber.kind,
        "cause": entry.event_id,
        "cause_type": entry.type,
        "correlation_id": said["correlation_id"],
        "traceparent": said["traceparent"],
        "project": entry.project,
        "epoch": entry.epoch,
        "notice": said["notice"],
        "content": said[subscriber.kind],
        "state": DeliveryState.WAITING,
        "attempts": 0,
        "due_at": at_once(entry.type),
        "queued_at": now,
    }


def _letter(event: Event, circular: Circular | None) -> dict[str, Any]:
    data = event.data
    facts = letters.Facts(
        type=event.type,
        project=data["project"],
        title=data["title"],
        undertaker=data["undertaker"]["name"],
        occurred_on=china_date(event.time),
        rectify_by=data["rectify_by"],
        valid_to=data["valid_to"],
        decision=data["decision"] or {},
        reasons=data.get("reasons", ()),
        circular=(circular.number_zh, circular.number_en) if circular else None,
    )
    path = f"/circulars/{circular.number}" if circular else f"/projects/{data['project']}"
    return {"subject": letters.subject_of(facts), "text": letters.text_of(facts), "path": path}


def _webhook(event: Event, circular: Circular | None) -> dict[str, Any]:
    data = CATALOGUE[event.type].schema.dump(event.data)
    data.pop("contact_email", None)  # for letters alone
    return {
        "type": event.type,
        "timestamp": event.time.isoformat().replace("+00:00", "Z"),
        "data": data | {"event": event.id, "notice": circular.number if circular else None},
    }

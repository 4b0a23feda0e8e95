"""The ledger of acknowledgements: which outlet acted on which revocation, after how long."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.inspection import models
from shared.spine.envelope import Event, made_at


def record_acknowledgement(session: Session, event: Event, *, now: datetime) -> float | None:
    """Enter an acknowledgement once; returns its delay in real seconds, or None if known before.

    The delay is the time between the makings of the two events, told by their ids.
    """
    data = event.data
    key = (data["project"], data["epoch"], data["outlet"], data["receiver"] or "")
    if session.get(models.LedgerLine, key) is not None:
        return None
    began, ended = made_at(data["revocation"]), made_at(event.id)
    seconds = (ended - began).total_seconds() if began and ended else 0.0
    project, epoch, outlet, receiver = key
    session.add(
        models.LedgerLine(
            project=project, epoch=epoch, outlet=outlet, receiver=receiver, seconds=seconds,
            acknowledged_at=now,
        )
    )  # fmt: skip
    return seconds


def note_notice(session: Session, event: Event, *, now: datetime) -> None:
    """Keep the circular's number, and which deliveries failed for good."""
    del now
    data = event.data
    notice = session.get(models.Notice, (data["project"], data["epoch"]), with_for_update=True)
    if notice is None:
        notice = models.Notice(project=data["project"], epoch=data["epoch"], failures={})
        session.add(notice)
    if event.type == "notice.published":
        if data["kind"] == "revocation":
            notice.circular = data["notice"]
    elif event.type == "notice.failed":
        notice.failures = notice.failures | {data["delivery"]: data["error"] or "failed"}
    else:
        left = {key: error for key, error in notice.failures.items() if key != data["delivery"]}
        notice.failures = left
    session.flush()

"""The ledger of acknowledgements: which outlet acted on which revocation, after how long."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection import queries
from services.inspection.models.revocations import LedgerLine, Notice, Revocation
from shared.catalogue import NOTICE_DELIVERED, NOTICE_FAILED, NOTICE_PUBLISHED
from shared.spine.context import Context
from shared.spine.envelope import Event, made_at


def record_acknowledgement(session: Session, event: Event, context: Context) -> float | None:
    """Enter an acknowledgement once; returns its delay in real seconds, or None if known before.

    The delay is the time between the makings of the two events, told by their ids.
    """
    data = event.data
    key = (data["project"], data["epoch"], data["outlet"], data["receiver"] or "")
    if session.get(LedgerLine, key) is not None:
        return None
    began, ended = made_at(data["revocation"]), made_at(event.id)
    seconds = (ended - began).total_seconds() if began and ended else 0.0
    project, epoch, outlet, receiver = key
    session.add(
        LedgerLine(
            project=project,
            epoch=epoch,
            outlet=outlet,
            receiver=receiver,
            seconds=seconds,
            acknowledged_at=context.now,
        )
    )
    return seconds


def note_notice(session: Session, event: Event) -> None:
    """Keep the circular's number, and which of its deliveries were given up.

    The newest sequence of a delivery wins: one delivered at the first go was never given up.
    """
    data = event.data
    if data["notice"] is None or (event.type == NOTICE_DELIVERED.name and event.sequence == 1):
        return
    notice = session.get(Notice, (data["project"], data["epoch"]), with_for_update=True)
    if notice is None:
        notice = Notice(project=data["project"], epoch=data["epoch"], deliveries={})
        session.add(notice)
    if event.type != NOTICE_PUBLISHED.name:
        _note_delivery(session, notice, event)
    elif data["kind"] == "revocation":
        notice.circular = data["notice"]
    session.flush()


def settle_revocations(session: Session, context: Context) -> int:
    """Settle the open revocations that everybody has acted on; returns how many stay open.

    Only open ones are looked at, so that the cost does not grow with history.
    """
    revocation = Revocation
    unsettled = select(revocation).where(revocation.settled_at.is_(None))
    rows = session.scalars(unsettled.with_for_update(skip_locked=True)).all()
    for row, line in zip(rows, queries.ledger_lines(session, rows), strict=True):
        if not line["missing"] and not line["failures"]:
            row.settled_at = context.now
    session.flush()
    return queries.open_count(session)


def _note_delivery(session: Session, notice: Notice, event: Event) -> None:
    data, known = event.data, notice.deliveries.get(event.data["delivery"])
    if known is not None and known["sequence"] >= event.sequence:
        return
    error = (data["error"] or "failed") if event.type == NOTICE_FAILED.name else None
    news = {"sequence": event.sequence, "notice": data["notice"], "error": error}
    notice.deliveries = notice.deliveries | {data["delivery"]: news}
    if error is not None:
        _reopen(session, data["project"], data["epoch"])


def _reopen(session: Session, project: str, epoch: int) -> None:
    revocation = session.get(Revocation, (project, epoch), with_for_update=True)
    if revocation is not None:
        revocation.settled_at = None

"""The ledger as readers want it: one line a revocation, with who has acted and who has not."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from services.inspection.models.revocations import LedgerLine, Notice, Revocation
from shared.project import NEEDED_OUTLETS


def ledger_lines(session: Session, revocations: Sequence[Revocation]) -> list[dict[str, Any]]:
    """Each revocation with its circular and the real seconds that each outlet took.

    An outlet with several receivers took as long as its slowest one.
    """
    keys = [(r.project, r.epoch) for r in revocations]
    ledger, notice = LedgerLine, Notice
    taken: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for line in session.scalars(
        select(ledger).where(tuple_(ledger.project, ledger.epoch).in_(keys))
    ):
        outlets = taken[line.project, line.epoch]
        outlets[line.outlet] = max(line.seconds, outlets.get(line.outlet, 0.0))
    notices = {
        (row.project, row.epoch): row
        for row in session.scalars(
            select(notice).where(tuple_(notice.project, notice.epoch).in_(keys))
        )
    }
    return [
        _line(row, taken[row.project, row.epoch], notices.get((row.project, row.epoch)))
        for row in revocations
    ]


def unsettled_lines(session: Session, limit: int) -> list[dict[str, Any]]:
    """The same of the oldest revocations that somebody has not acted on."""
    revocation = Revocation
    unsettled = select(revocation).where(revocation.settled_at.is_(None))
    oldest = unsettled.order_by(revocation.event).limit(limit)
    return ledger_lines(session, session.scalars(oldest).all())


def open_count(session: Session) -> int:
    """How many revocations some needed outlet has not acknowledged, or some delivery gave up on."""
    revocation = Revocation
    unsettled = select(func.count()).where(revocation.settled_at.is_(None))
    return session.scalar(unsettled.select_from(revocation)) or 0


def _line(row: Revocation, outlets: dict[str, float], notice: Notice | None) -> dict[str, Any]:
    return {
        "project": row.project,
        "epoch": row.epoch,
        "ground": row.ground,
        "revoked_at": row.revoked_at.isoformat(),
        "circular": notice.circular if notice else None,
        "outlets": outlets,
        "missing": [name for name in NEEDED_OUTLETS if name not in outlets],
        "failures": _failures(notice) if notice else {},
    }


def _failures(notice: Notice) -> dict[str, str]:
    """The deliveries of the revocation's circular that are given up, each with its error."""
    return {
        delivery: known["error"]
        for delivery, known in notice.deliveries.items()
        if known["error"] and known["notice"] == notice.circular
    }

"""Grounds of revocation, 2020 plan III (4), and what an official's decision rests on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.errors import LaurelError
from shared.project import Ground


class DecisionIncompleteError(LaurelError):
    """A decision lacks what the law asks for."""

    slug = "decision-incomplete"
    status = 422


def check_decision(
    ground: str,
    evidence: Sequence[Any],
    notice_at: datetime,
    statement: str | None,
    *,
    since: datetime | None,
    now: datetime,
) -> None:
    """Grounds 2 to 4 rest on evidence, prior notice, and a statement of defence or its waiver.

    The notice was given since the project was designated: it cannot be of an earlier matter.
    """
    faults = []
    if ground == Ground.INSPECTION_FAILED:
        faults.append(("ground", "inspection_failed follows from a report, never from a decision"))
    if not evidence:
        faults.append(("evidence", "must have at least one item"))
    if notice_at >= now:
        faults.append(("notice_at", "must lie before the decision"))
    elif since is not None and notice_at < since:
        faults.append(("notice_at", "must not lie before the project's designation"))
    if not (statement or "").strip():
        faults.append(("statement", "give the undertaker's statement, or how it was waived"))
    if faults:
        errors = [{"field": field, "message": message} for field, message in faults]
        raise DecisionIncompleteError(f"{faults[0][0]}: {faults[0][1]}.", errors=errors)

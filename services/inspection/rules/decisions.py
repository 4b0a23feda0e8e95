"""Grounds of revocation, 2020 plan III (4), and what an official's decision rests on."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from shared.errors import LaurelError
from shared.project import Ground
from shared.workdays import add_working_days, china_date, end_of_day


class DecisionIncompleteError(LaurelError):
    """A decision lacks what the law asks for."""

    slug = "decision-incomplete"
    status = 422


def check_decision(
    decision: Mapping[str, Any],
    *,
    since: datetime | None,
    hearing_days: int,
    overrides: Mapping[date, bool],
    now: datetime,
) -> None:
    """Grounds 2 to 4 rest on evidence, prior notice, and a statement of defence or its waiver.

    The notice was given in this epoch, which began at `since`, and the undertaker had so many
    working days to be heard. Raises DecisionIncompleteError naming all that is missing.
    """
    faults = []
    if decision["ground"] == Ground.INSPECTION_FAILED:
        faults.append(("ground", "inspection_failed follows from a report, never from a decision"))
    if not decision["evidence"]:
        faults.append(("evidence", "must have at least one item"))
    if decision["notice_at"] >= now:
        faults.append(("notice_at", "must lie before the decision"))
    elif since is not None and decision["notice_at"] < since:
        faults.append(("notice_at", "must not lie before the designation or reinstatement"))
    elif now < end_of_day(last := _last_hearing(decision["notice_at"], hearing_days, overrides)):
        faults.append(("notice_at", f"the undertaker can be heard until {last}: decide after it"))
    if not (decision["statement"] or "").strip():
        faults.append(("statement", "give the undertaker's statement, or how it was waived"))
    if faults:
        errors = [{"field": field, "message": message} for field, message in faults]
        raise DecisionIncompleteError(f"{faults[0][0]}: {faults[0][1]}.", errors=errors)


def _last_hearing(notice_at: datetime, days: int, overrides: Mapping[date, bool]) -> date:
    """The last day on which the undertaker can be heard; the day of the notice does not count."""
    served = china_date(notice_at)
    return add_working_days(served, days, overrides) if days else served - timedelta(days=1)

"""Reports about designated projects: changes of the undertaker, and violations."""

from typing import Any

from sqlalchemy.orm import Session

from services.intake import models
from shared.catalogue import CHANGE_REPORTED, VIOLATION_REPORTED, EventType
from shared.errors import ForbiddenError, IllegalTransitionError, InvalidError
from shared.project import VIOLATION, State
from shared.spine.context import Context
from shared.spine.envelope import new_id
from shared.spine.outbox import record
from shared.spine.rows import found
from shared.workdays import china_date

REPORTABLE = (State.DESIGNATED, State.RECTIFYING)


def report_change(session: Session, values: dict[str, Any], context: Context) -> models.Report:
    """Report a merger, reorganisation, bankruptcy or other major change (2020 plan, III (4))."""
    application = found(session, models.Application, values["project"])
    if context.actor.role == "undertaker" and context.actor.undertaker != application.uscc:
        raise ForbiddenError("This project is another undertaker's.")
    if context.actor.role == "unit" and context.actor.unit != application.unit:
        raise ForbiddenError("This project was recommended by another unit.")
    _check_designated(application)
    if values["occurred_on"] > china_date(context.now):
        raise InvalidError.at("occurred_on", "lies in the future: report what has happened")
    return _report(session, CHANGE_REPORTED, values, context)


def report_violation(session: Session, values: dict[str, Any], context: Context) -> models.Report:
    """Report what may be a ground for revocation; an official decides, never a list by itself."""
    _check_designated(found(session, models.Application, values["project"]))
    values = values | {"kind": VIOLATION}
    return _report(session, VIOLATION_REPORTED, values, context)


def _check_designated(application: models.Application) -> None:
    if application.state not in REPORTABLE:
        raise IllegalTransitionError(
            f"Application {application.project} is {application.state}: only designated projects "
            "are reported."
        )


def _report(
    session: Session, event_type: EventType, values: dict[str, Any], context: Context
) -> models.Report:
    report = models.Report(
        id=new_id(), reported_at=context.now, reported_by=str(context.actor), **values
    )
    session.add(report)
    record(session, event_type, report, context)
    return report

"""The recommending unit's truth review: item by item, then one decision."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from services.intake import models, rules
from services.intake.commands.applications import judged_content, note, refuse_barred
from services.intake.commands.decisions import tell
from services.intake.rules import Move, Verdict
from shared.catalogue import APPLICATION_RECOMMENDED, APPLICATION_REJECTED, APPLICATION_RETURNED
from shared.errors import ForbiddenError, InvalidError
from shared.programme.kept import programme_of
from shared.project import Reason, State
from shared.spine.context import Actor, Context
from shared.spine.rows import locked
from shared.workdays import china_date, end_of_day


def start_review(session: Session, project: str, context: Context) -> models.Application:
    """Begin the truth review (transition 2)."""
    application = _reviewed(session, project, context.actor)
    application.state = rules.moved(application.state, Move.START_REVIEW)
    note(application, context, "review started")
    return application


def review_items(
    session: Session, project: str, findings: list[dict[str, Any]], context: Context
) -> models.Application:
    """Note the reviewer's verdict on some items; what is not verified needs a reason."""
    application = _reviewed(session, project, context.actor)
    if application.state != State.TRUTH_REVIEW:
        rules.moved(application.state, Move.RECOMMEND)
    items = {item.number: item for item in application.evidence}
    for index, finding in enumerate(findings):
        item = items.get(finding["item"])
        if item is None:
            message = f"must be one of {sorted(items)}"
            errors = [{"field": f"items.{index}.item", "message": message}]
            raise InvalidError(f"There is no item {finding['item']}; it {message}.", errors=errors)
        verdict = Verdict(finding["verdict"])
        rules.check_verdict(_label(item), _verdict(application, item), verdict)
        item.verdict, item.reason, item.reviewer = verdict, finding["reason"], str(context.actor)
        item.judged = rules.content_hash(judged_content(application, item))
    note(application, context, "items reviewed", findings=findings)
    return application


def return_application(session: Session, project: str, context: Context) -> models.Application:
    """Return it with every questioned item and its reason (transition 3).

    It may be answered for the round's correction days, also when the window has closed.
    """
    application = _reviewed(session, project, context.actor)
    to = rules.moved(application.state, Move.RETURN)
    questioned = rules.questioned_items(_verdicts(application))
    reasons = [
        f"{e.number} {e.filename}: {e.reason}"
        for e in application.evidence
        if _label(e) in questioned
    ]
    programme = programme_of(session, models.Programme, application.programme)
    application.state, application.reason = to, "; ".join(reasons)
    days = timedelta(days=programme.correction_days)
    application.answer_by = end_of_day(china_date(context.now) + days)
    note(application, context, "returned", reasons=reasons)
    reason = rules.returned(len(reasons))
    tell(session, APPLICATION_RETURNED, application, reason, context, reasons=reasons)
    return application


def find_ineligible(
    session: Session, project: str, reason: str, context: Context
) -> models.Application:
    """Find it false or ineligible; the evidence is kept (transition 4)."""
    return _reject(session, project, (Move.FIND_INELIGIBLE, reason), context)


def not_recommend_application(
    session: Session, project: str, reason: str, context: Context
) -> models.Application:
    """Decide against a recommendation (transition 6)."""
    return _reject(session, project, (Move.NOT_RECOMMEND, reason), context)


def recommend_application(
    session: Session, project: str, values: dict[str, Any], context: Context
) -> models.Application:
    """Recommend it with a signed opinion, within the unit's quota (transition 5).

    Raises UndertakerBarredError for one whose project was revoked since it was submitted, and
    QuotaExceededError; the place is taken by one guarded UPDATE, so that concurrent requests
    never pass the quota on any database.
    """
    application = _reviewed(session, project, context.actor)
    to = rules.moved(application.state, Move.RECOMMEND)
    rules.check_recommendable(_verdicts(application))
    refuse_barred(session, application.uscc)
    _take_place(session, application.programme, application.unit)
    application.state, application.decided_at = to, context.now
    application.opinion, application.signatory = values["opinion"], values["signatory"]
    note(application, context, "recommended", signatory=values["signatory"])
    tell(session, APPLICATION_RECOMMENDED, application, rules.FOUND_TRUE, context)
    return application


def _reject(
    session: Session, project: str, decision: tuple[Move, str], context: Context
) -> models.Application:
    move, reason = decision
    application = _reviewed(session, project, context.actor)
    application.state = rules.moved(application.state, move)
    application.reason, application.decided_at = reason, context.now
    note(application, context, str(move), reason=reason)
    given = Reason(reason, reason)
    tell(session, APPLICATION_REJECTED, application, given, context, reasons=[reason])
    return application


def _reviewed(session: Session, project: str, actor: Actor) -> models.Application:
    application = locked(session, models.Application, project)
    if actor.unit != application.unit:
        raise ForbiddenError(
            f"Only reviewers of unit {application.unit}, named in the application, may do this."
        )
    return application


def _take_place(session: Session, programme: str, unit: str) -> None:
    quota = models.UnitQuota
    taken = session.execute(
        update(quota)
        .where(quota.programme == programme, quota.unit == unit, quota.used < quota.places)
        .values(used=quota.used + 1)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        raise rules.QuotaExceededError(
            f"Unit {unit} has used all its places in programme {programme}; nothing was changed."
        )


def _label(item: models.EvidenceItem) -> str:
    return f"{item.number} {item.kind}"


def _verdicts(application: models.Application) -> dict[str, Verdict | None]:
    return {_label(item): _verdict(application, item) for item in application.evidence}


def _verdict(application: models.Application, item: models.EvidenceItem) -> Verdict | None:
    """The verdict on the item as it is now; None for one on something that has changed since."""
    judged = rules.content_hash(judged_content(application, item))
    return Verdict(item.verdict) if item.verdict and item.judged == judged else None

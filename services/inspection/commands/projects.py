"""Designated projects under supervision: enrolment, and every move of their state."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.inspection.models.inspections import Inspection, Plan
from services.inspection.models.programmes import Programme
from services.inspection.models.projects import Project
from services.inspection.models.revocations import Revocation
from services.inspection.rules import states
from services.inspection.rules.states import Move
from shared.catalogue import (
    PROJECT_CHANGED,
    PROJECT_REVOKED,
    RECTIFICATION_CLOSED,
    RECTIFICATION_ORDERED,
)
from shared.programme.definition import parse_policy
from shared.programme.kept import programme_of
from shared.programme.values import InspectionPolicy
from shared.project import Ground, State, UndertakerBarredError
from shared.spine.context import Context
from shared.spine.envelope import Event
from shared.spine.outbox import record
from shared.workdays import china_date, end_of_day

STATE_FIELDS = (
    "programme",
    "unit",
    "undertaker",
    "title",
    "direction",
    "epoch",
    "valid_from",
    "valid_to",
    "rectify_by",
)
Reasons = tuple[list[str], list[str]]


def enrol_project(session: Session, event: Event) -> None:
    """Put a project under supervision. Harmless twice: the newest sequence wins."""
    project = session.get(Project, event.subject, with_for_update=True)
    if project is None:
        project = Project(project=event.subject, sequence=0)
        session.add(project)
    if event.sequence <= project.sequence:
        return
    for name in STATE_FIELDS:
        setattr(project, name, event.data[name])
    project.state, project.sequence = State(event.data["state"]), event.sequence
    valid_to = event.data["valid_to"]
    project.expire_at = end_of_day(valid_to) if valid_to else None
    session.flush()


def apply_verdict(
    session: Session,
    project: Project,
    inspection: Inspection,
    move: Move | None,
    context: Context,
    *,
    policy: InspectionPolicy,
) -> None:
    """Do to the project what the verdict asks for, by its `policy`, in its own transaction.

    What was found is its undertaker's of that day.
    """
    if move is None:
        return
    reasons = (inspection.reasons_zh, inspection.reasons_en)
    if move is Move.ORDER_RECTIFICATION:
        policy = rules_of_order(session, inspection)
    basis = {"inspection": inspection.inspection, **cited(policy)}
    if move is Move.REVOKE:
        basis["acted_by"] = carried_by(project, _beginning_of(inspection.conducted_on))
        revoke_project(session, project, Ground.INSPECTION_FAILED, reasons, context, basis=basis)
        return
    move_project(session, project, move, reasons, context, basis=basis)
    if move is Move.ORDER_RECTIFICATION:
        project.order, project.ordered_at = inspection.inspection, context.now
        _fix_deadline(project, context.now, policy.rectification_days)
        record(session, RECTIFICATION_ORDERED, project, context)
    else:
        record(session, RECTIFICATION_CLOSED, project, context)


def policy_of(session: Session, inspection: Inspection) -> InspectionPolicy:
    """The rules that it is judged by: its plan's, or those under which its order was given."""
    if inspection.order is not None:
        return rules_of_order(session, session.get_one(Inspection, inspection.order))
    frozen = select(Plan.policy).where(Plan.id == inspection.plan)  # not the directories
    return parse_policy(session.execute(frozen).scalar_one())


def rules_of_order(session: Session, inspection: Inspection) -> InspectionPolicy:
    """The rules of the order that this inspection led to.

    They are the newest by which the project was drawn until then, whatever else came of that draw:
    so the order in which reports arrive decides nothing.
    """
    one = Inspection
    drawn = (
        select(Plan.policy)
        .join(one, one.plan == Plan.id)
        .where(
            one.project == inspection.project,
            one.epoch == inspection.epoch,
            one.order.is_(None),
            or_(one.inspection == inspection.inspection, one.drawn_at <= inspection.concluded_at),
        )
    )
    newest = drawn.order_by(one.drawn_at.desc(), one.inspection.desc()).limit(1)
    return parse_policy(session.execute(newest).scalar_one())


def revoke_project(
    session: Session,
    project: Project,
    ground: Ground,
    reasons: Reasons,
    context: Context,
    *,
    basis: dict[str, Any],
) -> None:
    """Revoke, once per epoch, and record `project.revoked` in the same transaction."""
    basis = {"acted_by": project.undertaker["uscc"], **basis, "ground": ground}
    move_project(session, project, Move.REVOKE, reasons, context, basis=basis)
    event = record(session, PROJECT_REVOKED, project, context)
    revocation = Revocation(
        project=project.project,
        epoch=project.epoch,
        event=event.id,
        ground=ground,
        inspection=basis.get("inspection"),
        basis=basis,
        revoked_at=context.now,
    )
    session.add(revocation)


def carried_by(project: Project, at: datetime) -> str:
    """The code of the undertaker that carried the project at that instant."""
    for former in project.former:
        if at < datetime.fromisoformat(former["until"]):
            return former["uscc"]
    return project.undertaker["uscc"]


def replace_undertaker(
    session: Session, project: Project, values: dict[str, Any], context: Context
) -> None:
    """Have another undertaker carry the project on (transition 20); every service follows.

    Raises UndertakerBarredError for one whose act revoked a project.
    """
    barring = session.scalar(
        select(Project.project).where(
            Project.state == State.REVOKED,
            Project.decided["acted_by"].as_string() == values["uscc"],
        )
    )
    if barring:
        raise UndertakerBarredError.by(barring)
    project.state = states.moved(project.state, Move.REPLACE_UNDERTAKER)
    until = context.now.isoformat()
    project.former = [*project.former, {**project.undertaker, "until": until}]
    project.undertaker = {"uscc": values["uscc"], "name": values["name"]}
    reasons = ([values["reason"]], [values["reason"]])
    decision = _decision(session, project, reasons, context, {})
    times = dict.fromkeys(("decided_at", "effective_at"), context.now)
    record(
        session,
        PROJECT_CHANGED,
        project,
        context,
        decision=decision | times,
        contact_email=values["contact_email"],
    )


def move_project(
    session: Session,
    project: Project,
    move: Move,
    reasons: Reasons,
    context: Context,
    *,
    basis: Mapping[str, Any] | None = None,
) -> None:
    """Change the project's state and say why; refused where the table has no such way."""
    project.state = states.moved(project.state, move)
    project.rectify_by = project.rectify_until = None
    project.decided = _decision(session, project, reasons, context, basis or {})


def _decision(
    session: Session, project: Project, reasons: Reasons, context: Context, basis: Mapping[str, Any]
) -> dict[str, Any]:
    newest = cited(programme_of(session, Programme, project.programme).inspection)
    instant = context.now.isoformat()
    return {
        "ground": basis.get("ground"),
        "citation": basis.get("citation") or newest["citation"],
        "reasons_zh": list(reasons[0]),
        "reasons_en": list(reasons[1]),
        "rule_version": basis.get("rule_version") or newest["rule_version"],
        "actor": str(context.actor),
        "inspection": basis.get("inspection"),
        "acted_by": basis.get("acted_by"),
        "decided_at": instant,
        "effective_at": basis.get("effective_at", instant),
    }


def cited(policy: InspectionPolicy) -> dict[str, str]:
    """What a decision by these rules cites."""
    citation = f"{policy.citation_zh} / {policy.citation_en}"
    return {"citation": citation, "rule_version": policy.rule_version}


def _beginning_of(day: date | None) -> datetime:
    return end_of_day((day or date.max) - timedelta(days=1))


def _fix_deadline(project: Project, now: datetime, days: int) -> None:
    """Set the deadline, once: the table has no second order while one runs."""
    project.rectify_by = china_date(now) + timedelta(days=days)
    project.rectify_until = end_of_day(project.rectify_by)

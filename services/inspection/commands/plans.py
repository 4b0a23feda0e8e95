"""Plans, frozen and announced, and their draws."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from services.inspection.commands.deadlines import keep_due_deadlines
from services.inspection.commands.inspections import void_in_conflict
from services.inspection.models import programmes as kept
from services.inspection.models.agencies import Agency, Inspector
from services.inspection.models.inspections import Inspection, Plan
from services.inspection.models.projects import Project
from services.inspection.rules import states
from services.inspection.rules.states import Stage, Step
from shared import draws
from shared.catalogue import INSPECTION_DRAWN, INSPECTION_PLANNED
from shared.errors import IllegalTransitionError, LaurelError
from shared.programme.definition import parse, parse_policy
from shared.programme.values import Programme
from shared.project import State
from shared.spine.context import Context
from shared.spine.envelope import new_id
from shared.spine.outbox import record
from shared.spine.rows import found, locked
from shared.workdays import add_working_days, china_date, end_of_day


class DrawRefusedError(LaurelError):
    """The draw does not keep to what was announced."""

    slug = "draw-refused"


def plan_inspections(session: Session, values: dict[str, Any], context: Context) -> Plan:
    """Freeze both directories and announce the draw with their hashes.

    The rules of the edition in force are frozen too: what is drawn is judged by them, whatever a
    later edition says.
    """
    definition = found(session, kept.Programme, values["programme"]).definition
    policy = parse_policy(definition["inspection"])
    caps = _caps(session, policy.agency_cap_per_year, values["draw_at"], context.now)
    targets = _targets(session, values["programme"], values["projects"], context)
    inspectors = [
        {"id": i.code, "agency": i.agency, "conflicts": sorted(i.conflicts)}
        for i in session.scalars(select(Inspector))
    ]
    if not targets or not inspectors:
        raise DrawRefusedError("A plan needs designated projects and registered inspectors.")
    _check_announcement(values["draw_at"], parse(definition), context.now)
    _check_caps(caps)
    plan = Plan(
        id=new_id(),
        programme=values["programme"],
        method=values["method"],
        target_count=min(values["target_count"], len(targets)),
        min_inspectors=policy.min_inspectors,
        policy=definition["inspection"],
        targets=targets,
        inspectors=inspectors,
        targets_sha256=draws.freeze(targets),
        inspectors_sha256=draws.freeze(inspectors),
        caps=caps,
        commitments=values["commitments"],
        public_value=values["public_value"],
        draw_at=values["draw_at"],
        planned_at=context.now,
    )
    plan.plan_sha256 = draws.plan_hash(_announced(plan))
    session.add(plan)
    record(session, INSPECTION_PLANNED, plan, context)
    return plan


def draw_plan(
    session: Session, plan_id: str, secrets: Mapping[str, str], public_value: str, context: Context
) -> Plan:
    """Draw as announced, once; the drawn agencies may report from then on."""
    plan = locked(session, Plan, plan_id)
    _check_draw(plan, secrets, context.now)
    keep_due_deadlines(session, Project.programme == plan.programme, context)
    targets = Project.project.in_([target["id"] for target in plan.targets])
    ours = select(Project).where(targets).order_by(Project.project).with_for_update()
    session.scalars(ours, execution_options={"populate_existing": True}).all()
    gone = _withdrawn(session, plan)
    transcript = draws.draw(
        _announced(plan), plan.targets, plan.inspectors, secrets, public_value, withdrawn=gone
    )
    plan.transcript = transcript
    for result in transcript["results"]:
        session.add(_inspection(session, plan, result, context.now))
    record(session, INSPECTION_DRAWN, plan, context)
    session.flush()
    void_in_conflict(session, Inspection.plan == plan.id, context)
    return plan


def _announced(plan: Plan) -> dict[str, Any]:
    """All that the draw depends on but chance."""
    return {
        "id": plan.id, "programme": plan.programme, "method": plan.method,
        "target_count": plan.target_count, "min_inspectors": plan.min_inspectors,
        "caps": plan.caps, "commitments": plan.commitments, "announced": plan.public_value,
        "draw_at": plan.draw_at.astimezone(UTC).isoformat(),
        "targets_sha256": plan.targets_sha256, "inspectors_sha256": plan.inspectors_sha256,
    }  # fmt: skip


def _withdrawn(session: Session, plan: Plan) -> dict[str, str]:
    """The targets that are not designated any more, each with what the register shows of it."""
    ids = [target["id"] for target in plan.targets]
    gone = select(Project).where(Project.project.in_(ids), Project.state.not_in(states.ACTIVE))
    return {one.project: _left_out(one) for one in session.scalars(gone)}


def _left_out(project: Project) -> str:
    since = f" since {project.decided['decided_at']}" if project.decided else ""
    return f"the project is {project.state}{since}"


def _check_announcement(draw_at: datetime, programme: Programme, now: datetime) -> None:
    days = programme.inspection.draw_notice_working_days
    earliest = add_working_days(china_date(now), days, programme.workday_overrides)
    if china_date(draw_at) < earliest:
        raise DrawRefusedError(
            f"A draw is announced at least {days} working days ahead: on {earliest} or later."
        )


def _check_caps(caps: Mapping[str, int]) -> None:
    if not any(caps.values()):
        raise DrawRefusedError(
            "No agency may be drawn this year any more: each is at its cap, or would be by the "
            "plans that wait for their draw; draw those first."
        )


def _check_draw(plan: Plan, secrets: Mapping[str, str], now: datetime) -> None:
    if plan.transcript is not None:
        raise IllegalTransitionError(f"Plan {plan.id} was drawn already; a draw is never repeated.")
    if now < plan.draw_at:
        raise DrawRefusedError(f"The draw was announced for {plan.draw_at.isoformat()}.")
    if now >= (lapsed_at := _lapses_at(plan.draw_at, plan.policy)):
        raise DrawRefusedError(
            f"The plan lapsed on {lapsed_at.isoformat()} without its draw: announce another."
        )
    fitting = {holder: draws.commitment(secret) for holder, secret in secrets.items()}
    if fitting != plan.commitments:
        raise DrawRefusedError(
            "The secrets do not fit the published commitments: give every holder's secret."
        )


def _inspection(
    session: Session, plan: Plan, result: Mapping[str, Any], now: datetime
) -> Inspection:
    stage = Stage.PLANNED
    for step in (Step.DRAW, Step.NOTIFY):
        stage = states.stepped(stage, step)
    project = session.get_one(Project, result["target"])
    return Inspection(
        inspection=new_id(),
        plan=plan.id,
        project=project.project,
        programme=plan.programme,
        agency=result["agency"],
        method=plan.method,
        inspectors=result["inspectors"],
        stage=stage,
        epoch=project.epoch,
        order=project.order if project.state == State.RECTIFYING else None,
        drawn_at=now,
        reasons_zh=[],
        reasons_en=[],
    )


def _targets(
    session: Session, programme: str, projects: list[str], context: Context
) -> list[dict[str, Any]]:
    keep_due_deadlines(session, Project.programme == programme, context)
    project = Project
    statement = select(project).where(
        project.programme == programme, project.state.in_(states.ACTIVE)
    )
    if projects:
        statement = statement.where(project.project.in_(projects))
    found = session.scalars(statement.order_by(project.project)).all()
    if unknown := sorted(set(projects) - {p.project for p in found}):
        raise DrawRefusedError(
            f"Not designated in this round, or not any more: {', '.join(unknown)}."
        )
    return [{"id": p.project, "parties": sorted({p.undertaker["uscc"], p.unit})} for p in found]


def _caps(session: Session, cap: int, draw_at: datetime, now: datetime) -> dict[str, int]:
    """What is left of each agency's cap in the draw's year when every plan that waits is drawn.

    An inspection counts in the year that its draw was announced for, however late that was held.

    The agencies stay locked until the new plan is there, so that no two plans take one place.
    """
    agencies = session.scalars(select(Agency.code).order_by(Agency.code).with_for_update()).all()
    year = china_date(draw_at).year
    begin, end = (end_of_day(date(of - 1, 12, 31)) for of in (year, year + 1))
    plan, inspection = Plan, Inspection
    in_year = and_(plan.draw_at >= begin, plan.draw_at < end)
    taken = _reserved(session, in_year, now)
    drawn = select(inspection.agency, func.count()).join(plan, plan.id == inspection.plan)
    counted = drawn.where(in_year).group_by(inspection.agency)
    taken.update(dict(session.execute(counted).all()))
    return {code: max(cap - taken[code], 0) for code in agencies}


def _reserved(session: Session, in_year: ColumnElement[bool], now: datetime) -> Counter[str]:
    """The most that the plans that wait for a draw in that year can take of each agency."""
    plan = Plan
    waiting = select(plan.caps, plan.target_count, plan.draw_at, plan.policy).where(
        plan.transcript.is_(None), in_year
    )
    reserved: Counter[str] = Counter()
    for caps, target_count, draw_at, policy in session.execute(waiting):
        if now < _lapses_at(draw_at, policy):
            reserved.update({code: min(left, target_count) for code, left in caps.items()})
    return reserved


def _lapses_at(draw_at: datetime, policy: dict[str, Any]) -> datetime:
    """When a plan that was not drawn is void: its places go back, and so does its chance."""
    return draw_at + timedelta(days=parse_policy(policy).draw_within_days)

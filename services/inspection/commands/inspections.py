"""One inspection: started, reported, concluded; a failed one revokes in the same transaction."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from services.inspection.commands.deadlines import keep_deadlines
from services.inspection.commands.projects import apply_verdict, policy_of
from services.inspection.models.agencies import Inspector
from services.inspection.models.inspections import Inspection
from services.inspection.models.projects import Project, Task
from services.inspection.rules import states, verdicts
from services.inspection.rules.states import Move, Step
from services.inspection.rules.verdicts import Outcome, Verdict
from shared.catalogue import INSPECTION_COMPLETED
from shared.programme.values import InspectionPolicy
from shared.spine.context import Context
from shared.spine.envelope import Event
from shared.spine.outbox import record
from shared.spine.rows import locked


def start_inspection(inspection: Inspection) -> None:
    """The agency has begun."""
    inspection.stage = states.stepped(inspection.stage, Step.START)


def conclude_inspection(
    session: Session, inspection: Inspection, report: dict[str, Any], message: str, context: Context
) -> Verdict:
    """Record the verdict and, where the rules say so, revoke in the same transaction.

    An inspection of an earlier epoch, or of a project that is not designated any more, still
    finishes, and changes nothing of the project.
    """
    policy = policy_of(session, inspection)
    verdict = verdicts.verdict(report, policy)
    project = locked(session, Project, inspection.project)
    keep_deadlines(session, project, context)
    inspection.stage = states.stepped(inspection.stage, Step.REPORT)
    score = report["score"]
    inspection.score = str(score) if score is not None else None
    inspection.message, inspection.conducted_on = message, report["conducted_on"]
    completed = _publish(session, inspection, Step.PUBLISH, verdict, context)
    move = _consequence(inspection, project, verdict.outcome, policy)
    because = context.because_of(completed)
    apply_verdict(session, project, inspection, move, because, policy=policy)
    if verdicts.is_open(verdict.outcome, project.state, move):
        _open_task(session, inspection, context)
    return verdict


def void_inspection(
    session: Session, inspection_id: str, values: dict[str, str], context: Context
) -> Inspection:
    """Void an inspection that has no report yet: it changes nothing, and none is taken any more.

    One that was concluded is not voided; what it led to is undone by a reinstatement.
    """
    inspection = locked(session, Inspection, inspection_id)
    version = policy_of(session, inspection).rule_version
    verdict = Verdict(Outcome.VOID, (values["reason_zh"],), (values["reason_en"],), version)
    _publish(session, inspection, Step.VOID, verdict, context)
    return inspection


def void_in_conflict(session: Session, which: ColumnElement[bool], context: Context) -> None:
    """Void those open inspections whose inspectors may not inspect; a task tells an official.

    A conflict can arise after the directories were frozen, and after the draw. The inspectors are
    ours before the inspections: who declares one meanwhile waits, or has been waited for.
    """
    of_project = Project.project == Inspection.project
    drawn = select(Inspection, Project).join(Project, of_project).where(which)
    still_open = drawn.where(Inspection.stage.in_(states.OPEN)).order_by(Inspection.inspection)
    teams = still_open.with_only_columns(Inspection.inspectors, maintain_column_froms=True)
    codes = {code for team in session.scalars(teams) for code in team}
    known = select(Inspector).where(Inspector.code.in_(codes)).order_by(Inspector.code)
    fresh = {"populate_existing": True}
    inspectors = session.scalars(known.with_for_update(read=True), execution_options=fresh).all()
    ours = still_open.with_for_update(of=Inspection)
    for inspection, project in session.execute(ours, execution_options=fresh).all():
        parties = {project.undertaker["uscc"], project.unit}
        for inspector in inspectors:
            is_drawn = inspector.code in inspection.inspectors
            if is_drawn and not parties.isdisjoint(inspector.conflicts):
                void_inspection(session, inspection.inspection, _recused(inspector), context)
                _open_task(session, inspection, context)
                break


def _recused(inspector: Inspector) -> dict[str, str]:
    return {
        "reason_zh": f"检查员 {inspector.code} 与该项目有利害关系，应当回避",
        "reason_en": f"inspector {inspector.code} has a conflict of interest",
    }


def _publish(
    session: Session, inspection: Inspection, step: Step, verdict: Verdict, context: Context
) -> Event:
    inspection.stage = states.stepped(inspection.stage, step)
    inspection.outcome, inspection.rule_version = verdict.outcome, verdict.rule_version
    inspection.reasons_zh = list(verdict.reasons_zh)
    inspection.reasons_en = list(verdict.reasons_en)
    inspection.reported_at = inspection.concluded_at = context.now
    return record(session, INSPECTION_COMPLETED, inspection, context)


def _open_task(session: Session, inspection: Inspection, context: Context) -> None:
    """Have an official look at what the inspection could not tell."""
    session.add(
        Task(
            id=inspection.inspection,
            project=inspection.project,
            kind=str(inspection.outcome),
            summary="; ".join((*inspection.reasons_zh, *inspection.reasons_en)),
            reported_at=context.now,
        )
    )


def _consequence(
    inspection: Inspection, project: Project, outcome: Outcome, policy: InspectionPolicy
) -> Move | None:
    if inspection.epoch != project.epoch:
        return None
    if inspection.order is not None:
        is_running = inspection.order == project.order
        return verdicts.after_reinspection(outcome, project.state, policy, is_running=is_running)
    is_news = project.ordered_at is None or inspection.drawn_at > project.ordered_at
    return verdicts.after_inspection(outcome, project.state, policy, is_news=is_news)

"""What officials decide on: revocations on grounds 2 to 4, reinstatements, and tasks."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.inspection.commands.deadlines import keep_deadlines, keep_due_deadlines
from services.inspection.commands.inspections import void_in_conflict
from services.inspection.commands.projects import (
    carried_by,
    move_project,
    replace_undertaker,
    revoke_project,
)
from services.inspection.commands.tasks import answer_tasks, settle_task
from services.inspection.models.inspections import Inspection
from services.inspection.models.programmes import Programme
from services.inspection.models.projects import Project, Task
from services.inspection.models.revocations import Revocation
from services.inspection.rules import decisions
from services.inspection.rules.states import Move
from shared.catalogue import PROJECT_CHANGED, PROJECT_REINSTATED
from shared.errors import IllegalTransitionError, InvalidError
from shared.programme.kept import programme_of
from shared.project import ChangeKind, Ground
from shared.spine.context import Context
from shared.spine.outbox import record
from shared.spine.rows import locked
from shared.workdays import end_of_day


def revoke_by_decision(
    session: Session, project_id: str, values: dict[str, Any], context: Context
) -> Project:
    """Revoke on grounds 2 to 4: a decision with citation, evidence, notice and statement.

    It settles the tasks that it answers, and bars the undertaker that acted.
    """
    project = locked(session, Project, project_id)
    keep_deadlines(session, project, context)
    programme = programme_of(session, Programme, project.programme)
    decisions.check_decision(
        values,
        since=_beginning(session, project),
        hearing_days=programme.inspection.hearing_working_days,
        overrides=programme.workday_overrides,
        now=context.now,
    )
    ground = Ground(values["ground"])
    tasks = answer_tasks(session, project.project, ground, values["task"], context)
    told_at = min((task.reported_at for task in tasks), default=context.now)
    basis = values | {
        "acted_by": _who_acted(project, ground, values["undertaker"], told_at),
        "tasks": [task.id for task in tasks],
        "notice_at": values["notice_at"].isoformat(),
        "decided_by": str(context.actor),
    }
    reasons = ([values["reason_zh"]], [values["reason_en"]])
    revoke_project(session, project, ground, reasons, context, basis=basis)
    return project


def _beginning(session: Session, project: Project) -> datetime | None:
    """When its epoch began: with the reinstatement, or the day of its designation."""
    if project.epoch > 1:
        return session.get_one(Revocation, (project.project, project.epoch - 1)).quashed_at
    return end_of_day(project.valid_from - timedelta(days=1)) if project.valid_from else None


def _who_acted(project: Project, ground: Ground, named: str | None, told_at: datetime) -> str:
    """The undertaker named; else, of a falsehood, who applied, and of all else, who carried it.

    At the moment that counts: when it was reported, or now.
    """
    undertakers = [one["uscc"] for one in (*project.former, project.undertaker)]
    if named and named not in undertakers:
        known = ", ".join(undertakers)
        raise InvalidError.at("undertaker", f"never carried this project; these did: {known}")
    is_falsehood = ground is Ground.MATERIAL_FALSEHOOD
    return named or (undertakers[0] if is_falsehood else carried_by(project, told_at))


def reinstate_project(
    session: Session, project_id: str, values: dict[str, Any], context: Context
) -> Project:
    """Undo a revocation by a decision that quashes its basis; opens the next epoch."""
    project = locked(session, Project, project_id)
    keep_deadlines(session, project, context)
    session.flush()  # what time has done just now can be undone at once
    reasons = ([values["reason_zh"]], [values["reason_en"]])
    basis = {"citation": values["decision"]}
    move_project(session, project, Move.REINSTATE, reasons, context, basis=basis)
    revocation = session.get_one(Revocation, (project.project, project.epoch))
    revocation.quashed_by, revocation.quashed_at = values["decision"], context.now
    project.epoch, project.order, project.ordered_at = project.epoch + 1, None, None
    record(session, PROJECT_REINSTATED, project, context)
    return project


def decide_change(session: Session, task_id: str, values: dict[str, Any], context: Context) -> Task:
    """Decide a change: undertaker replaced, project withdrawn, or nothing to change (dismissed).

    Raises IllegalTransitionError for other tasks, decided ones, and a withdrawal while a violation
    or an inspection waits for its decision; UndertakerBarredError for a barred new undertaker.
    """
    task = locked(session, Task, task_id)
    if task.kind not in [*ChangeKind]:
        raise IllegalTransitionError(
            f"Task {task_id} is no change: dismiss it, or revoke and name it."
        )
    settle_task(task, f"{values['decision']}: {values['reason']}", context)
    if values["decision"] == "dismissed":
        return task
    carried = Project.undertaker["uscc"].as_string() == values["uscc"]
    keep_due_deadlines(session, or_(Project.project == task.project, carried), context)
    project = locked(session, Project, task.project)
    if values["decision"] == "replaced":
        replace_undertaker(session, project, values, context)
        void_in_conflict(session, Inspection.project == project.project, context)
    else:
        _refuse_open_tasks(session, project)
        reasons = ([values["reason"]], [values["reason"]])
        move_project(session, project, Move.WITHDRAW, reasons, context)
        record(session, PROJECT_CHANGED, project, context, contact_email=None)
    return task


def dismiss_task(session: Session, task_id: str, reason: str, context: Context) -> Task:
    """Close a task that leads to nothing; raises IllegalTransitionError for a change."""
    task = locked(session, Task, task_id)
    if task.kind in [*ChangeKind]:
        raise IllegalTransitionError(f"Task {task_id} is a change: decide it at /v1/changes.")
    settle_task(task, f"dismissed: {reason}", context)
    return task


def _refuse_open_tasks(session: Session, project: Project) -> None:
    """A withdrawal must not be the way out of a revocation."""
    grave = select(Task.kind, Task.id).where(
        Task.project == project.project, Task.kind.not_in([*ChangeKind]), Task.decided_at.is_(None)
    )
    if waiting := session.execute(grave.limit(1)).first():
        raise IllegalTransitionError(
            f"Project {project.project} is not withdrawn while task {waiting.id} ({waiting.kind}) "
            "is undecided: dismiss it, or revoke."
        )

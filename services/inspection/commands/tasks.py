"""What waits for an official: reported changes and violations."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.inspection import models, rules
from services.inspection.commands.deadlines import keep_deadlines
from services.inspection.commands.projects import move_project, project_of
from services.inspection.rules import Move
from shared.catalogue import PROJECT_CHANGED
from shared.errors import IllegalTransitionError, NotFoundError
from shared.spine.envelope import Event
from shared.spine.outbox import record
from shared.web.access import Actor


def open_task(session: Session, event: Event, *, now: datetime) -> None:
    """Open a task for a reported change or violation; it never revokes by itself."""
    del now
    data = event.data
    if session.get(models.Task, event.subject) is not None:
        return
    session.add(
        models.Task(
            id=event.subject, project=data["project"], kind=data.get("kind", "violation"),
            ground=data.get("ground"), summary=data["summary"], reported_at=data["reported_at"],
        )
    )  # fmt: skip


def decide_change(
    session: Session, task_id: str, values: dict[str, str], *, actor: Actor, cause: None,
    now: datetime,
) -> models.Task:  # fmt: skip
    """Decide a change: undertaker replaced, project withdrawn, or nothing to change (dismissed)."""
    task = session.get(models.Task, task_id, with_for_update=True)
    if task is None:
        raise NotFoundError(f"No task {task_id!r}.")
    if task.decided_at is not None:
        raise IllegalTransitionError(f"Task {task_id} was decided already.")
    task.decided_at, task.decided_by = now, str(actor)
    task.decision = f"{values['decision']}: {values['reason']}"
    if values["decision"] == "dismissed":
        return task
    project = project_of(session, task.project)
    keep_deadlines(session, project, now=now)
    if values["decision"] == "replaced":
        project.state = rules.moved(project.state, Move.REPLACE_UNDERTAKER)
        project.undertaker = {"uscc": values["uscc"], "name": values["name"]}
    else:
        reasons = ([values["reason"]], [values["reason"]])
        move_project(session, project, Move.WITHDRAW, reasons, actor=str(actor), now=now)
    record(session, PROJECT_CHANGED, project, cause=cause, now=now)
    return task

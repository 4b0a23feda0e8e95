"""What waits for an official: reported changes and violations."""

from sqlalchemy.orm import Session

from services.inspection import models, rules
from services.inspection.commands.deadlines import keep_deadlines
from services.inspection.commands.projects import move_project
from services.inspection.rules import Move
from shared.catalogue import PROJECT_CHANGED
from shared.errors import IllegalTransitionError
from shared.spine.context import Context
from shared.spine.envelope import Event
from shared.spine.outbox import record
from shared.spine.rows import locked


def open_task(session: Session, event: Event) -> None:
    """Open a task for a reported change or violation; it never revokes by itself."""
    data = event.data
    if session.get(models.Task, event.subject) is not None:
        return
    session.add(
        models.Task(
            id=event.subject,
            project=data["project"],
            kind=data.get("kind", "violation"),
            ground=data.get("ground"),
            summary=data["summary"],
            reported_at=data["reported_at"],
        )
    )


def decide_change(
    session: Session, task_id: str, values: dict[str, str], context: Context
) -> models.Task:
    """Decide a change: undertaker replaced, project withdrawn, or nothing to change (dismissed)."""
    task = locked(session, models.Task, task_id)
    if task.decided_at is not None:
        raise IllegalTransitionError(f"Task {task_id} was decided already.")
    task.decided_at, task.decided_by = context.now, str(context.actor)
    task.decision = f"{values['decision']}: {values['reason']}"
    if values["decision"] == "dismissed":
        return task
    project = locked(session, models.Project, task.project)
    keep_deadlines(session, project, context)
    if values["decision"] == "replaced":
        project.state = rules.moved(project.state, Move.REPLACE_UNDERTAKER)
        project.undertaker = {"uscc": values["uscc"], "name": values["name"]}
    else:
        reasons = ([values["reason"]], [values["reason"]])
        move_project(session, project, Move.WITHDRAW, reasons, context)
    record(session, PROJECT_CHANGED, project, context)
    return task

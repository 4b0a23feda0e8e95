"""What waits for an official: reported changes and violations."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection.models.projects import Task
from shared.errors import IllegalTransitionError, InvalidError
from shared.project import VIOLATION, ChangeKind, Ground
from shared.spine.context import Context
from shared.spine.envelope import Event


def open_task(session: Session, event: Event) -> None:
    """Open a task for a reported change or violation; it never revokes by itself."""
    data = event.data
    if session.get(Task, event.subject) is not None:
        return
    session.add(
        Task(
            id=event.subject,
            project=data["project"],
            kind=data.get("kind", VIOLATION),
            ground=data.get("ground"),
            summary=data["summary"],
            reported_at=data["reported_at"],
        )
    )


def answer_tasks(
    session: Session, project: str, ground: Ground, task_id: str | None, context: Context
) -> list[Task]:
    """Settle what a revocation answers: the task it names, and all that report its ground.

    Raises InvalidError for a task that is none of the project's.
    """
    task = session.get(Task, task_id, with_for_update=True) if task_id else None
    if task_id and (task is None or task.project != project or task.kind in [*ChangeKind]):
        raise InvalidError.at("task", "is no task of this project that a revocation answers")
    reporting = select(Task).where(
        Task.project == project, Task.ground == ground, Task.decided_at.is_(None)
    )
    tasks = {one.id: one for one in session.scalars(reporting.with_for_update())}
    if task is not None:
        tasks[task.id] = task
    for one in tasks.values():
        settle_task(one, f"revoked: {ground}", context)
    return sorted(tasks.values(), key=lambda one: one.id)


def settle_task(task: Task, decision: str, context: Context) -> None:
    """Note its decision, once; raises IllegalTransitionError for a second one."""
    if task.decided_at is not None:
        raise IllegalTransitionError(f"Task {task.id} was decided already: {task.decision}.")
    task.decided_at, task.decided_by = context.now, str(context.actor)
    task.decision = decision

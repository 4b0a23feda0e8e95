"""What time itself does to a designated project: its rectification or its validity runs out."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from services.inspection.commands.projects import (
    cited,
    move_project,
    revoke_project,
    rules_of_order,
)
from services.inspection.models.inspections import Inspection
from services.inspection.models.projects import Project
from services.inspection.rules import states
from services.inspection.rules.states import Move
from shared.catalogue import PROJECT_EXPIRED
from shared.project import Ground, State
from shared.spine.context import Actor, Context
from shared.spine.outbox import record
from shared.spine.timers import each_due

TIME = Actor("", "timer")
OVERDUE = (["整改期限届满，未通过复查"], ["not put right by the deadline"])
EXPIRED = (["有效期届满"], ["the period of validity has ended"])


def revoke_overdue(session: Session, context: Context) -> int:
    """Revoke what was not put right by its deadline (transition 18); late is done late."""
    project = Project
    due = select(project).where(
        project.state == State.RECTIFYING, project.rectify_until <= context.now
    )
    ordered = due.order_by(project.rectify_until)
    return each_due(session, ordered, lambda row: keep_deadlines(session, row, context))


def expire_due(session: Session, context: Context) -> int:
    """Expire what has run out (transition 21)."""
    project = Project
    due = select(project).where(project.state.in_(states.ACTIVE), project.expire_at <= context.now)
    ordered = due.order_by(project.expire_at)
    return each_due(session, ordered, lambda row: keep_deadlines(session, row, context))


def keep_due_deadlines(session: Session, which: ColumnElement[bool], context: Context) -> None:
    """Do what has fallen due for these projects, before it is asked in which state they are."""
    project = Project
    due = select(project).where(
        which,
        project.state.in_(states.ACTIVE),
        or_(project.rectify_until <= context.now, project.expire_at <= context.now),
    )
    for row in session.scalars(due.order_by(project.project).with_for_update()):
        keep_deadlines(session, row, context)
    session.flush()


def keep_deadlines(session: Session, project: Project, context: Context) -> None:
    """Do what has fallen due for one project, whichever timer or request comes to it first.

    So a report or decision that comes after a deadline finds it passed, timer or no timer; and what
    time did took effect when it was due, however late it is done.
    """
    due = states.due_move(project.state, project.rectify_until, project.expire_at, context.now)
    if due is None:
        return
    (since, move), by_time = due, context.by(TIME)
    basis = {"effective_at": since.isoformat()}
    if move is Move.REVOKE:
        basis["deadline"] = str(project.rectify_by)
        if order := session.get(Inspection, project.order):
            basis |= cited(rules_of_order(session, order))
        revoke_project(session, project, Ground.INSPECTION_FAILED, OVERDUE, by_time, basis=basis)
    else:
        move_project(session, project, move, EXPIRED, by_time, basis=basis)
        record(session, PROJECT_EXPIRED, project, by_time)

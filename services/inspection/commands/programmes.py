"""The rounds that projects are inspected by."""

from sqlalchemy.orm import Session

from services.inspection.commands.deadlines import keep_due_deadlines
from services.inspection.models.programmes import Programme
from services.inspection.models.projects import Project
from shared.programme.kept import keep
from shared.spine.context import Context
from shared.spine.envelope import Event


def keep_programme(session: Session, event: Event, context: Context) -> None:
    """Keep the newest edition; what has fallen due until now did so under the one before."""
    programme = event.data["programme"]
    if session.get(Programme, programme) is not None:
        keep_due_deadlines(session, Project.programme == programme, context)
    keep(session, Programme, event)

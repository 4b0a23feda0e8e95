"""The rounds that projects are inspected by."""

from sqlalchemy.orm import Session

from services.inspection.models.programmes import Programme
from shared.programme.kept import keep
from shared.spine.envelope import Event


def keep_programme(session: Session, event: Event) -> None:
    """Keep the newest edition of the definition."""
    keep(session, Programme, event)

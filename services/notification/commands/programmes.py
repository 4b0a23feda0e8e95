"""The rounds whose projects are shown."""

from sqlalchemy.orm import Session

from services.notification.models.proceedings import Programme
from shared.programme.kept import keep
from shared.spine.context import Context
from shared.spine.envelope import Event


def keep_programme(session: Session, event: Event, context: Context) -> None:
    """Keep a round's definition; the newest edition wins."""
    keep(session, Programme, event, units=event.data["units"], published_at=context.now)

"""What others hear of an application's move: always with the decision that it rests on."""

from typing import Any

from sqlalchemy.orm import Session

from services.intake import models
from shared.programme.decisions import by_round
from shared.project import Reason
from shared.spine.context import Context
from shared.spine.events import EventType
from shared.spine.outbox import record


def tell(
    session: Session,
    event_type: EventType,
    application: models.Application,
    reason: Reason,
    context: Context,
    **more: Any,
) -> None:
    """Record the event that tells of the application's present state, and why it is in it."""
    decision = by_round(session, models.Programme, application.programme, [reason], context)
    record(session, event_type, application, context, decision=decision, **more)

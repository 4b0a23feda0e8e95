"""What others hear of an entry's move: always with the decision that it rests on."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.scoring import models
from shared.programme.decisions import by_round
from shared.project import Reason
from shared.spine.context import Context
from shared.spine.events import EventType
from shared.spine.outbox import record


def tell(
    session: Session,
    event_type: EventType,
    entry: models.Entry,
    reasons: Sequence[Reason],
    context: Context,
) -> None:
    """Record the event that tells of the entry's present state, and why it is in it."""
    known = {"reasons": [reason.en for reason in reasons]}
    told = known if "reasons" in event_type.schema.fields else {}
    decision = by_round(session, models.Programme, entry.programme, reasons, context)
    record(session, event_type, entry, context, decision=decision, **told)

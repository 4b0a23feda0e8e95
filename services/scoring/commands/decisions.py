"""What others hear of an entry's move: always with the decision that it rests on."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.rules.reasons import Reason
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
    decision = _decision(session, entry, reasons, context)
    record(session, event_type, entry, context, decision=decision, **told)


def _decision(
    session: Session, entry: models.Entry, reasons: Sequence[Reason], context: Context
) -> dict[str, Any]:
    """By the round as it was announced; what comes before its announcement names it alone."""
    round_ = session.get(models.Programme, entry.programme)
    names = (round_.definition["name_zh"], round_.definition["name_en"]) if round_ else ()
    return {
        "ground": None,
        "citation": " / ".join(names) or entry.programme,
        "reasons_zh": [reason.zh for reason in reasons],
        "reasons_en": [reason.en for reason in reasons],
        "rule_version": f"{entry.programme}/{round_.edition if round_ else 0}",
        "actor": str(context.actor),
        "inspection": None,
        "acted_by": None,
        "decided_at": context.now,
        "effective_at": context.now,
    }

"""Objections during publicity: real-name, with evidence; one freezes its own entry only."""

from typing import Any

from sqlalchemy.orm import Session

from services.scoring import models
from services.scoring.commands.decisions import tell
from services.scoring.rules.objections import NotUnderPublicityError, check_objection
from services.scoring.rules.reasons import objected
from services.scoring.rules.states import OPEN_TO_OBJECTION, Move, moved
from shared.catalogue import APPLICATION_NOT_SELECTED, OBJECTION_DECIDED
from shared.errors import IllegalTransitionError
from shared.project import ObjectionOutcome, Reason, State
from shared.spine.context import Context
from shared.spine.envelope import new_id
from shared.spine.outbox import record
from shared.spine.rows import locked


def receive_objection(
    session: Session, values: dict[str, Any], context: Context
) -> models.Objection:
    """Take an objection and freeze its entry (transition 11); who objects stays sealed here."""
    check_objection(values["real_name"], len(values["evidence"]))
    entry = locked(session, models.Entry, values["project"])
    if (
        entry.state != State.PUBLICISED
        or not entry.designate_at
        or context.now >= entry.designate_at
    ):
        raise NotUnderPublicityError(f"Project {entry.project} is not under publicity now.")
    objection = models.Objection(id=new_id(), received_at=context.now, **values)
    session.add(objection)
    entry.frozen_count += 1
    return objection


def decide_objection(
    session: Session, objection_id: str, values: dict[str, Any], context: Context
) -> models.Objection:
    """Decide an objection once; an upheld one ends the entry (transition 12), else it goes on.

    One that is not under a real name is not looked into, and freezes the entry no longer.
    """
    objection = locked(session, models.Objection, objection_id)
    if objection.decided_at is not None:
        raise IllegalTransitionError(f"Objection {objection_id} was decided already.")
    entry = locked(session, models.Entry, objection.project)
    upheld, reason = values["upheld"], values["reason"]
    objection.upheld, objection.reason = upheld, reason
    ended = ObjectionOutcome.UPHELD if upheld else ObjectionOutcome.DISMISSED
    objection.outcome = ObjectionOutcome.NOT_REAL_NAME if values["not_real_name"] else ended
    objection.decided_at, objection.decided_by = context.now, str(context.actor)
    entry.frozen_count -= 1
    record(session, OBJECTION_DECIDED, objection, context)
    is_over = entry.state == State.NOT_SELECTED and entry.rank is None and not entry.barred_from
    if upheld and entry.state in OPEN_TO_OBJECTION and not is_over:
        _end_objected(session, entry, objected(reason), context)
    return objection


def _end_objected(session: Session, entry: models.Entry, reason: Reason, context: Context) -> None:
    """End the entry for good; one that its undertaker's bar had ended goes on no more."""
    entry.state = moved(entry.state, Move.UPHOLD_OBJECTION)
    entry.reasons = [reason.en]
    tell(session, APPLICATION_NOT_SELECTED, entry, [reason], context)
    entry.rank = entry.barred_from = None  # who keeps a rank waits for a place

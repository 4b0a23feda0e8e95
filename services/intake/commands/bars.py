"""A revoked project bars its undertaker from new applications; a reinstatement lifts the bar."""

from sqlalchemy.orm import Session

from services.intake import models
from shared.catalogue import REVOCATION_ACKNOWLEDGED
from shared.spine.context import Context
from shared.spine.envelope import Event
from shared.spine.outbox import record


def bar_undertaker(session: Session, event: Event, context: Context) -> None:
    """Bar the undertaker and acknowledge, once per epoch; a later reinstatement stays in force."""
    _note_bar(session, event, is_barred=True)
    key = (event.subject, event.data["epoch"])
    if session.get(models.Acknowledgement, key) is not None:
        return
    acknowledgement = models.Acknowledgement(
        project=event.subject,
        epoch=event.data["epoch"],
        revocation=event.id,
        sequence=0,
        acknowledged_at=context.now,
    )
    session.add(acknowledgement)
    record(session, REVOCATION_ACKNOWLEDGED, acknowledgement, context)


def lift_bar(session: Session, event: Event) -> None:
    """Lift the bar, unless a newer revocation is known."""
    _note_bar(session, event, is_barred=False)


def _note_bar(session: Session, event: Event, *, is_barred: bool) -> None:
    row = session.get(models.RevocationBar, event.subject, with_for_update=True)
    if row is None:
        row = models.RevocationBar(project=event.subject, sequence=0)
        session.add(row)
    if event.sequence > row.sequence:
        row.uscc = event.data["undertaker"]["uscc"]
        row.sequence, row.is_barred = event.sequence, is_barred
    session.flush()

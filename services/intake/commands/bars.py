"""A revoked project bars its undertaker from new applications; a reinstatement lifts the bar."""

from sqlalchemy.orm import Session

from services.intake import models
from shared.project import Outlet
from shared.revocations import Revoked, acknowledge, who_acted
from shared.spine.context import Context
from shared.spine.envelope import Event


def bar_undertaker(session: Session, event: Event, context: Context) -> None:
    """Bar the undertaker that acted and acknowledge, once per epoch.

    A later reinstatement stays in force.
    """
    _note_bar(session, event, is_barred=True)
    acknowledge(session, models.Acknowledgement, Outlet.BAR, Revoked.by(event), context)


def lift_bar(session: Session, event: Event) -> None:
    """Lift the bar, unless a newer revocation is known."""
    _note_bar(session, event, is_barred=False)


def _note_bar(session: Session, event: Event, *, is_barred: bool) -> None:
    row = session.get(models.RevocationBar, event.subject, with_for_update=True)
    if row is None:
        row = models.RevocationBar(project=event.subject, sequence=0)
        session.add(row)
    if event.sequence > row.sequence:
        row.uscc = who_acted(event)
        row.sequence, row.is_barred = event.sequence, is_barred
    session.flush()

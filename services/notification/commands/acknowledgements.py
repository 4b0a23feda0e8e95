"""Acknowledgements: each outlet says once per epoch that it acted on a revocation."""

from sqlalchemy.orm import Session

from services.notification.models import Acknowledgement
from services.notification.rules.circulars import Outlet
from shared.catalogue import REVOCATION_ACKNOWLEDGED
from shared.spine.context import Context
from shared.spine.outbox import record


def acknowledge(
    session: Session,
    outlet: Outlet,
    concerning: tuple[str, int],
    revocation: str,
    context: Context,
    *,
    receiver: str | None = None,
) -> None:
    """Record that the outlet acted on the `revocation` (an event id) of (project, epoch).

    Harmless twice.
    """
    project, epoch = concerning
    subject = "/".join(filter(None, (project, str(epoch), outlet, receiver)))
    if session.get(Acknowledgement, subject) is not None:
        return
    acknowledgement = Acknowledgement(
        subject=subject,
        sequence=0,
        project=project,
        epoch=epoch,
        outlet=outlet,
        receiver=receiver,
        revocation=revocation,
        acknowledged_at=context.now,
    )
    session.add(acknowledgement)
    record(session, REVOCATION_ACKNOWLEDGED, acknowledgement, context)

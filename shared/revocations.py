"""Acknowledging a revocation: what an outlet keeps and says when it has acted, once per epoch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.catalogue import REVOCATION_ACKNOWLEDGED
from shared.project import Outlet
from shared.spine.context import Context
from shared.spine.envelope import Event
from shared.spine.outbox import Aggregate, record


@dataclass(frozen=True)
class Revoked:
    """Which revocation it is: of this project and epoch, by this `project.revoked` event."""

    project: str
    epoch: int
    revocation: str

    @classmethod
    def by(cls, event: Event) -> Self:
        """The revocation that the event tells."""
        return cls(event.subject, event.data["epoch"], event.id)


def who_acted(event: Event) -> str:
    """The code of the undertaker whose act a revocation answers, which is barred."""
    decision = event.data.get("decision") or {}
    return str(decision.get("acted_by") or event.data["undertaker"]["uscc"])


class AcknowledgementColumns(Aggregate):
    """The table that each service with outlets has of its own.

    `revocation` and `event` are ids of events: the real time between the two is how long it took.
    `subject` is project, epoch, outlet and, where it has several, receiver.
    """

    __tablename__ = "acknowledgements"

    subject: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = mapped_column(index=True)
    epoch: Mapped[int]
    outlet: Mapped[str]
    receiver: Mapped[str | None]
    revocation: Mapped[str]
    acknowledged_at: Mapped[datetime]
    event: Mapped[str]


def acknowledge(
    session: Session,
    table: type[Any],
    outlet: Outlet,
    revoked: Revoked,
    context: Context,
    *,
    receiver: str | None = None,
) -> None:
    """Record in the service's `table` that the outlet acted; harmless twice."""
    parts = (revoked.project, str(revoked.epoch), outlet, receiver)
    subject = "/".join(filter(None, parts))
    if session.get(table, subject) is not None:
        return
    acknowledgement = table(
        subject=subject,
        project=revoked.project,
        epoch=revoked.epoch,
        outlet=outlet,
        receiver=receiver,
        revocation=revoked.revocation,
        acknowledged_at=context.now,
    )
    acknowledgement.event = record(session, REVOCATION_ACKNOWLEDGED, acknowledgement, context).id
    session.add(acknowledgement)

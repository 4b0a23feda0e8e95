"""Projects under supervision, and what of them waits for an official."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.inspection.models import Base
from shared.project import State
from shared.spine.outbox import Aggregate


class Project(Aggregate, Base):
    """A designated project under supervision; its sequence goes on from scoring's."""

    __tablename__ = "projects"
    hint = "Only designated ones are under supervision."
    __table_args__ = (Index("projects_programme", "programme", "state"),)

    project: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    unit: Mapped[str]
    undertaker: Mapped[dict[str, str]]
    former: Mapped[list[dict[str, str]]] = mapped_column(default=list)
    title: Mapped[str]
    direction: Mapped[int]
    state: Mapped[State] = mapped_column(String)
    epoch: Mapped[int]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    expire_at: Mapped[datetime | None] = mapped_column(index=True)
    rectify_by: Mapped[date | None]
    rectify_until: Mapped[datetime | None] = mapped_column(index=True)
    order: Mapped[str | None]
    ordered_at: Mapped[datetime | None]
    decided: Mapped[dict[str, Any] | None]

    @property
    def decision(self) -> dict[str, Any] | None:
        """Why it is in its state, with instants as instants."""
        if self.decided is None:
            return None
        times = ("decided_at", "effective_at")
        return self.decided | {name: datetime.fromisoformat(self.decided[name]) for name in times}


class Task(Base):
    """A change or violation that waits for an official's decision; decides nothing itself."""

    __tablename__ = "tasks"

    id: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    ground: Mapped[str | None]
    summary: Mapped[str]
    reported_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    decided_by: Mapped[str | None]

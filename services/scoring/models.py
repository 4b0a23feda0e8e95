"""The tables that scoring owns: entries, experts, scores, publicity, objections."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from shared.project import State
from shared.revocations import AcknowledgementColumns
from shared.spine.tables import Instant


class Base(DeclarativeBase):
    """Scoring's own metadata."""


class Programme(Base):
    """The definition that intake published; the newest edition."""

    __tablename__ = "programmes"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    edition: Mapped[int]
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)


class Entry(Base):
    """One recommended application on its way to designation; its sequence goes on from intake's."""

    __tablename__ = "entries"
    __table_args__ = (Index("entries_programme", "programme", "state"),)

    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    programme: Mapped[str] = mapped_column(String(20))
    unit: Mapped[str] = mapped_column(String(16))
    undertaker: Mapped[dict[str, str]] = mapped_column(JSON)
    title: Mapped[str] = mapped_column(String(200))
    direction: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[State] = mapped_column(String(20))
    epoch: Mapped[int] = mapped_column(default=0)
    sequence: Mapped[int]
    score_text: Mapped[str | None] = mapped_column(String(20))
    rank: Mapped[int | None]
    reasons: Mapped[list[str]] = mapped_column(JSON, default=list)
    publicity: Mapped[str | None] = mapped_column(String(36), index=True)
    designate_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    frozen_count: Mapped[int] = mapped_column(default=0)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    assignments: Mapped[list["Assignment"]] = relationship(
        order_by="Assignment.expert", lazy="selectin"
    )
    rectify_by = decision = None  # an event tells these of a designation

    @property
    def event_subject(self) -> str:
        """The project."""
        return self.project

    @property
    def score(self) -> Decimal | None:
        """The mean score, exact."""
        return Decimal(self.score_text) if self.score_text else None


class Expert(Base):
    """An expert, their employer and declared conflicts (USCCs or unit codes)."""

    __tablename__ = "experts"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    employer_uscc: Mapped[str | None] = mapped_column(String(18))
    directions: Mapped[list[int]] = mapped_column(JSON)
    conflicts: Mapped[list[str]] = mapped_column(JSON, default=list)


class Assignment(Base):
    """One expert's score of one entry; exact decimals are kept as text."""

    __tablename__ = "assignments"

    project: Mapped[str] = mapped_column(ForeignKey("entries.project"), primary_key=True)
    expert: Mapped[str] = mapped_column(ForeignKey("experts.code"), primary_key=True)
    assigned_at: Mapped[datetime] = mapped_column(Instant)
    recused: Mapped[str | None] = mapped_column(Text)
    scores: Mapped[dict[str, str] | None] = mapped_column(JSON)
    comment: Mapped[str | None] = mapped_column(Text)
    total_text: Mapped[str | None] = mapped_column(String(20))
    scored_at: Mapped[datetime | None] = mapped_column(Instant)


class Publicity(Base):
    """One list under publicity."""

    __tablename__ = "publicities"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    programme: Mapped[str] = mapped_column(String(20))
    opens_on: Mapped[date]
    closes_on: Mapped[date]
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The list."""
        return self.id

    @property
    def publicity(self) -> str:
        """Its id, under the event's name."""
        return self.id


class Objection(Base):
    """An objection to one entry. Who objected is sealed: in no event, log or public answer."""

    __tablename__ = "objections"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(ForeignKey("entries.project"), index=True)
    real_name: Mapped[str] = mapped_column(String(80))
    contact: Mapped[str] = mapped_column(String(200))
    statement: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    received_at: Mapped[datetime] = mapped_column(Instant)
    upheld: Mapped[bool | None]
    reason: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(String(120))
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The objection itself."""
        return self.id

    @property
    def objection(self) -> str:
        """Its id, under the event's name."""
        return self.id


class Acknowledgement(AcknowledgementColumns, Base):
    """What the outlet `entry` acted on."""

"""The tables that scoring owns: entries, experts, scores, publicity, objections."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, synonym

from shared.programme.kept import KeptProgramme
from shared.project import State
from shared.revocations import AcknowledgementColumns
from shared.spine.outbox import Aggregate
from shared.spine.tables import COLUMN_TYPES
from shared.turns import TurnColumns


class Base(DeclarativeBase):
    """Scoring's own metadata."""

    type_annotation_map = COLUMN_TYPES


class Programme(KeptProgramme, Base):
    """The definition that intake published."""


class Entry(Aggregate, Base):
    """One recommended application on its way to designation; its sequence goes on from intake's.

    `acted_by` is the undertaker that its revocation bars; `barred_from` is where an
    entry stood that this ended.
    """

    __tablename__ = "entries"
    hint = "Has its unit recommended it?"
    __table_args__ = (Index("entries_programme", "programme", "state"),)

    project: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    unit: Mapped[str]
    undertaker: Mapped[dict[str, str]]
    title: Mapped[str]
    direction: Mapped[int]
    content_hash: Mapped[str]
    state: Mapped[State] = mapped_column(String)
    epoch: Mapped[int] = mapped_column(default=0)
    score_text: Mapped[str | None]
    rank: Mapped[int | None]
    reasons: Mapped[list[str]] = mapped_column(default=list)
    publicity: Mapped[str | None] = mapped_column(index=True)
    designate_at: Mapped[datetime | None] = mapped_column(index=True)
    frozen_count: Mapped[int] = mapped_column(default=0)
    barred_from: Mapped[State | None] = mapped_column(String)
    acted_by: Mapped[str | None] = mapped_column(index=True)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    assignments: Mapped[list["Assignment"]] = relationship(
        order_by="Assignment.expert", lazy="selectin"
    )
    rectify_by = decision = None  # an event tells these of a designation

    @property
    def score(self) -> Decimal | None:
        """The mean score, exact."""
        return Decimal(self.score_text) if self.score_text else None


class Expert(Base):
    """An expert, their employer and declared conflicts (USCCs or unit codes)."""

    __tablename__ = "experts"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    employer_uscc: Mapped[str | None]
    directions: Mapped[list[int]]
    conflicts: Mapped[list[str]] = mapped_column(default=list)
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Assignment(Base):
    """One expert's score of one entry; exact decimals are kept as text."""

    __tablename__ = "assignments"

    project: Mapped[str] = mapped_column(ForeignKey("entries.project"), primary_key=True)
    expert: Mapped[str] = mapped_column(ForeignKey("experts.code"), primary_key=True)
    assigned_at: Mapped[datetime]
    recused: Mapped[str | None]
    scores: Mapped[dict[str, str] | None]
    comment: Mapped[str | None]
    total_text: Mapped[str | None]
    scored_at: Mapped[datetime | None]


class Publicity(Aggregate, Base):
    """One list under publicity."""

    __tablename__ = "publicities"

    id: Mapped[str] = mapped_column(primary_key=True)
    publicity: Mapped[str] = synonym("id")  # as events call it
    programme: Mapped[str]
    opens_on: Mapped[date]
    closes_on: Mapped[date]


class Objection(Aggregate, Base):
    """An objection to one entry. Who objected is sealed: in no event, log or public answer."""

    __tablename__ = "objections"

    id: Mapped[str] = mapped_column(primary_key=True)
    objection: Mapped[str] = synonym("id")  # as events call it
    project: Mapped[str] = mapped_column(ForeignKey("entries.project"), index=True)
    real_name: Mapped[str]
    contact: Mapped[str]
    statement: Mapped[str]
    evidence: Mapped[list[dict[str, str]]]
    received_at: Mapped[datetime]
    upheld: Mapped[bool | None]
    outcome: Mapped[str | None]
    reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]


class Turn(TurnColumns, Base):
    """An undertaker, or the places of a round."""


class Acknowledgement(AcknowledgementColumns, Base):
    """What the outlet `entry` acted on."""

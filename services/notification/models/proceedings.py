"""What the other services made public beside the projects' states."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.notification.models.base import Base, Json
from shared.spine.tables import Instant


class Programme(Base):
    """A round's definition, whole; read it with shared.programme.Programme.parse."""

    __tablename__ = "programmes"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    edition: Mapped[int]
    definition: Mapped[Json]
    units: Mapped[list[Json]]
    published_at: Mapped[datetime] = mapped_column(Instant)


class Publicity(Base):
    """A list under publicity: `entries` are project states with score and rank, as JSON values."""

    __tablename__ = "publicities"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    programme: Mapped[str] = mapped_column(String(40))
    opens_on: Mapped[date]
    closes_on: Mapped[date]
    entries: Mapped[list[Json]]


class ObjectionDecision(Base):
    """How an objection ended; who objected is never known here."""

    __tablename__ = "objection_decisions"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    project: Mapped[str] = mapped_column(String(80), index=True)
    upheld: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(Instant)


class Plan(Base):
    """An inspection plan (announced) and its draw (transcript); either may come first."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    programme: Mapped[str] = mapped_column(String(40))
    method: Mapped[str | None] = mapped_column(String(40))
    target_count: Mapped[int | None]
    min_inspectors: Mapped[int | None]
    caps: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    targets_sha256: Mapped[str | None] = mapped_column(String(64))
    inspectors_sha256: Mapped[str | None] = mapped_column(String(64))
    commitments: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    public_value: Mapped[str | None] = mapped_column(Text)
    draw_at: Mapped[datetime | None] = mapped_column(Instant)
    drawn_at: Mapped[datetime | None] = mapped_column(Instant)
    transcript: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))


class Inspection(Base):
    """A completed inspection with its verdict."""

    __tablename__ = "inspections"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    sequence: Mapped[int]
    project: Mapped[str] = mapped_column(String(80))
    programme: Mapped[str] = mapped_column(String(40))
    agency: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(String(40))
    outcome: Mapped[str] = mapped_column(String(20))
    score_text: Mapped[str | None] = mapped_column(String(20))
    reasons_zh: Mapped[list[str]]
    reasons_en: Mapped[list[str]]
    rule_version: Mapped[str] = mapped_column(String(80))
    reported_at: Mapped[datetime] = mapped_column(Instant)
    concluded_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("inspections_project", "project", "concluded_at"),)

    @property
    def score(self) -> Decimal | None:
        """The score, exact."""
        return None if self.score_text is None else Decimal(self.score_text)

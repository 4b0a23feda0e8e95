"""What the other services made public beside the projects' states."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.notification.models import Base, Json
from shared.programme.kept import KeptProgramme


class Programme(KeptProgramme, Base):
    """A round's definition, with the names of its units."""

    units: Mapped[list[Json]]
    published_at: Mapped[datetime]


class Publicity(Base):
    """A list under publicity: `entries` are project states with score and rank, as JSON values."""

    __tablename__ = "publicities"

    id: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    opens_on: Mapped[date]
    closes_on: Mapped[date]
    entries: Mapped[list[Json]]


class ObjectionDecision(Base):
    """How an objection ended; who objected is never known here."""

    __tablename__ = "objection_decisions"

    id: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = mapped_column(index=True)
    upheld: Mapped[bool]
    outcome: Mapped[str]
    reason: Mapped[str]
    decided_at: Mapped[datetime]


class Plan(Base):
    """An inspection plan (announced) and its draw (transcript); either may come first."""

    __tablename__ = "plans"
    hint = "See /v1/plans for all of them."

    id: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    method: Mapped[str | None]
    target_count: Mapped[int | None]
    min_inspectors: Mapped[int | None]
    caps: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    plan_sha256: Mapped[str | None]
    targets_sha256: Mapped[str | None]
    inspectors_sha256: Mapped[str | None]
    commitments: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    public_value: Mapped[str | None]
    draw_at: Mapped[datetime | None]
    drawn_at: Mapped[datetime | None]
    transcript: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))


class Inspection(Base):
    """A completed inspection with its verdict."""

    __tablename__ = "inspections"

    id: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    project: Mapped[str]
    programme: Mapped[str]
    agency: Mapped[str]
    method: Mapped[str]
    outcome: Mapped[str]
    order: Mapped[str | None]
    score_text: Mapped[str | None]
    reasons_zh: Mapped[list[str]]
    reasons_en: Mapped[list[str]]
    rule_version: Mapped[str]
    reported_at: Mapped[datetime]
    concluded_at: Mapped[datetime]

    __table_args__ = (
        Index("inspections_project", "project", "concluded_at"),
        Index("inspections_outcome", "outcome"),
    )

    @property
    def score(self) -> Decimal | None:
        """The score, exact."""
        return None if self.score_text is None else Decimal(self.score_text)

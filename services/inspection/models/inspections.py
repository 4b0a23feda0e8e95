"""Plans with their draws, and the inspections that were drawn."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, synonym

from services.inspection.models import Base
from services.inspection.rules.states import Stage
from shared.spine.outbox import Aggregate


class Plan(Aggregate, Base):
    """A frozen plan, and after the draw its transcript."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(primary_key=True)
    plan: Mapped[str] = synonym("id")  # as events call it
    programme: Mapped[str]
    method: Mapped[str]
    target_count: Mapped[int]
    min_inspectors: Mapped[int]
    policy: Mapped[dict[str, Any]]
    targets: Mapped[list[dict[str, Any]]]
    inspectors: Mapped[list[dict[str, Any]]]
    plan_sha256: Mapped[str]
    targets_sha256: Mapped[str]
    inspectors_sha256: Mapped[str]
    caps: Mapped[dict[str, int]]
    commitments: Mapped[dict[str, str]]
    public_value: Mapped[str]
    draw_at: Mapped[datetime]
    planned_at: Mapped[datetime]
    transcript: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Inspection(Aggregate, Base):
    """One inspection; `order` is the one that led to the rectification which it re-inspects."""

    __tablename__ = "inspections"
    __table_args__ = (Index("inspections_agency", "agency", "stage"),)

    inspection: Mapped[str] = mapped_column(primary_key=True)
    plan: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.project"), index=True)
    programme: Mapped[str]
    agency: Mapped[str]
    method: Mapped[str]
    inspectors: Mapped[list[str]]
    stage: Mapped[Stage] = mapped_column(String)
    epoch: Mapped[int]
    order: Mapped[str | None]
    outcome: Mapped[str | None]
    score: Mapped[str | None]
    reasons_zh: Mapped[list[str]] = mapped_column(default=list)
    reasons_en: Mapped[list[str]] = mapped_column(default=list)
    rule_version: Mapped[str | None]
    message: Mapped[str | None]
    drawn_at: Mapped[datetime]
    conducted_on: Mapped[date | None]
    reported_at: Mapped[datetime | None]
    concluded_at: Mapped[datetime | None]

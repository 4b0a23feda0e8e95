"""The tables that intake owns: rounds, units, applications with evidence and reviews, bars."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    WriteOnlyMapped,
    mapped_column,
    relationship,
    synonym,
)

from services.intake.rules import Verdict
from shared.programme.kept import KeptProgramme
from shared.project import State
from shared.revocations import AcknowledgementColumns
from shared.spine.outbox import Aggregate
from shared.spine.tables import COLUMN_TYPES
from shared.turns import TurnColumns


class Base(DeclarativeBase):
    """Intake's own metadata."""

    type_annotation_map = COLUMN_TYPES


class Programme(Aggregate, KeptProgramme, Base):
    """One round's definition; a later edition replaces the earlier one."""

    programme: Mapped[str] = synonym("id")  # as events call it
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    rule_versions: Mapped[dict[str, str]]

    @property
    def version(self) -> int:
        """The edition: what an editor has seen."""
        return self.edition


class RecommendingUnit(Base):
    """One unit of the register: a province, planning city, the Corps or a central enterprise."""

    __tablename__ = "recommending_units"

    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    region_code: Mapped[str | None]
    region_edition: Mapped[str | None]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class UnitQuota(Base):
    """A unit's places in one round; counted here, in one row, so that no two requests pass it."""

    __tablename__ = "unit_quotas"

    programme: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(primary_key=True)
    places: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    numbered: Mapped[int] = mapped_column(default=0)


class Application(Aggregate, Base):
    """One application, and the project it becomes; its id is the project's."""

    __tablename__ = "applications"
    __table_args__ = (
        Index("applications_unit", "unit", "state"),
        Index("applications_uscc", "uscc"),
    )

    project: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    unit: Mapped[str]
    uscc: Mapped[str]
    undertaker_name: Mapped[str]
    title: Mapped[str]
    direction: Mapped[int]
    contact_email: Mapped[str]
    contact_sequence: Mapped[int] = mapped_column(default=0)
    state: Mapped[State] = mapped_column(String)
    epoch: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=0)
    content_hash: Mapped[str | None]
    opinion: Mapped[str | None]
    signatory: Mapped[str | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    answer_by: Mapped[datetime | None]
    evidence: Mapped[list["EvidenceItem"]] = relationship(
        order_by="EvidenceItem.number", lazy="select", cascade="all, delete-orphan"
    )
    history: WriteOnlyMapped["Step"] = relationship(order_by="Step.number")
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012
    valid_from = valid_to = rectify_by = None  # an event tells these of a designation
    same = cast("Sequence[str]", ())  # a page says this beside it

    @property
    def undertaker(self) -> dict[str, str]:
        """The legal person, as events show it."""
        return {"uscc": self.uscc, "name": self.undertaker_name}


class EvidenceItem(Base):
    """One item of evidence: a file we know by its SHA-256, and the reviewer's verdict on it.

    `judged` is the SHA-256 of what the verdict is about.
    """

    __tablename__ = "evidence_items"
    __table_args__ = (UniqueConstraint("project", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    project: Mapped[str] = mapped_column(ForeignKey("applications.project"))
    number: Mapped[int]
    kind: Mapped[str]
    filename: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[Verdict | None] = mapped_column(String)
    reason: Mapped[str | None]
    reviewer: Mapped[str | None]
    judged: Mapped[str | None]


class Step(Base):
    """One step of an application's history; never changed, kept across resubmissions."""

    __tablename__ = "application_steps"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    project: Mapped[str] = mapped_column(ForeignKey("applications.project"), index=True)
    at: Mapped[datetime] = mapped_column("taken_at")
    actor: Mapped[str]
    what: Mapped[str]
    detail: Mapped[dict[str, Any]]


class RevocationBar(Base):
    """What intake knows of one project's designation: whether it bars the undertaker now."""

    __tablename__ = "revocation_bars"

    project: Mapped[str] = mapped_column(primary_key=True)
    uscc: Mapped[str] = mapped_column(index=True)
    sequence: Mapped[int]
    is_barred: Mapped[bool]


class Acknowledgement(AcknowledgementColumns, Base):
    """What the outlet `bar` acted on."""


class Turn(TurnColumns, Base):
    """The register of units, with their places in every round."""


class Report(Aggregate, Base):
    """A change reported by an undertaker, or a violation reported by anyone official."""

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(primary_key=True)
    change: Mapped[str] = synonym("id")  # as events call it
    violation: Mapped[str] = synonym("id")  # as events call it
    project: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    ground: Mapped[str | None]
    occurred_on: Mapped[date | None]
    summary: Mapped[str]
    reported_at: Mapped[datetime]
    reported_by: Mapped[str]

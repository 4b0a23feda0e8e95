"""The tables that intake owns: rounds, units, applications with evidence and reviews, bars."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, WriteOnlyMapped, mapped_column, relationship

from services.intake.rules import Verdict
from shared.project import State
from shared.revocations import AcknowledgementColumns
from shared.spine.tables import Instant


class Base(DeclarativeBase):
    """Intake's own metadata."""


class Programme(Base):
    """One round's definition; a later edition replaces the earlier one."""

    __tablename__ = "programmes"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    edition: Mapped[int]
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    sequence: Mapped[int] = mapped_column(default=0)
    published_at: Mapped[datetime] = mapped_column(Instant)
    published_by: Mapped[str] = mapped_column(String(120))

    @property
    def event_subject(self) -> str:
        """The round."""
        return self.id

    @property
    def programme(self) -> str:
        """The round, under the event's name."""
        return self.id


class RecommendingUnit(Base):
    """One unit of the register: a province, planning city, the Corps or a central enterprise."""

    __tablename__ = "recommending_units"

    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name_zh: Mapped[str] = mapped_column(String(80))
    name_en: Mapped[str] = mapped_column(String(120))
    region_code: Mapped[str | None] = mapped_column(String(6))
    region_edition: Mapped[str | None] = mapped_column(String(20))


class UnitQuota(Base):
    """A unit's places in one round; counted here, in one row, so that no two requests pass it."""

    __tablename__ = "unit_quotas"

    programme: Mapped[str] = mapped_column(String(20), primary_key=True)
    unit: Mapped[str] = mapped_column(String(16), primary_key=True)
    places: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    numbered: Mapped[int] = mapped_column(default=0)


class Application(Base):
    """One application, and the project it becomes; its id is the project's."""

    __tablename__ = "applications"
    __table_args__ = (
        Index("applications_unit", "unit", "state"),
        Index("applications_uscc", "uscc"),
    )

    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    programme: Mapped[str] = mapped_column(String(20))
    unit: Mapped[str] = mapped_column(String(16))
    uscc: Mapped[str] = mapped_column(String(18))
    undertaker_name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    direction: Mapped[int]
    contact_email: Mapped[str] = mapped_column(String(254))
    state: Mapped[State] = mapped_column(String(20))
    epoch: Mapped[int] = mapped_column(default=0)
    sequence: Mapped[int] = mapped_column(default=0)
    content_hash: Mapped[str | None] = mapped_column(String(64))
    opinion: Mapped[str | None] = mapped_column(Text)
    signatory: Mapped[str | None] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    submitted_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    evidence: Mapped[list["EvidenceItem"]] = relationship(
        order_by="EvidenceItem.number", lazy="select", cascade="all, delete-orphan"
    )
    history: WriteOnlyMapped["Step"] = relationship(order_by="Step.number")
    valid_from = valid_to = rectify_by = decision = None  # an event tells these of a designation

    @property
    def event_subject(self) -> str:
        """The project."""
        return self.project

    @property
    def undertaker(self) -> dict[str, str]:
        """The legal person, as events show it."""
        return {"uscc": self.uscc, "name": self.undertaker_name}


class EvidenceItem(Base):
    """One item of evidence: a file we know by its SHA-256, and the reviewer's verdict on it."""

    __tablename__ = "evidence_items"
    __table_args__ = (UniqueConstraint("project", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    project: Mapped[str] = mapped_column(ForeignKey("applications.project"))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(60))
    filename: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[Verdict | None] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(Text)
    reviewer: Mapped[str | None] = mapped_column(String(120))


class Step(Base):
    """One step of an application's history; never changed, kept across resubmissions."""

    __tablename__ = "application_steps"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    project: Mapped[str] = mapped_column(ForeignKey("applications.project"), index=True)
    at: Mapped[datetime] = mapped_column("taken_at", Instant)
    actor: Mapped[str] = mapped_column(String(120))
    what: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class RevocationBar(Base):
    """What intake knows of one project's designation: whether it bars the undertaker now."""

    __tablename__ = "revocation_bars"

    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), index=True)
    sequence: Mapped[int]
    is_barred: Mapped[bool]


class Acknowledgement(AcknowledgementColumns, Base):
    """What the outlet `bar` acted on."""


class Report(Base):
    """A change reported by an undertaker, or a violation reported by anyone official."""

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    ground: Mapped[str | None] = mapped_column(String(40))
    occurred_on: Mapped[date | None]
    summary: Mapped[str] = mapped_column(Text)
    reported_at: Mapped[datetime] = mapped_column(Instant)
    reported_by: Mapped[str] = mapped_column(String(120))
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The report itself."""
        return self.id

    @property
    def change(self) -> str:
        """Its id, under the change event's name."""
        return self.id

    @property
    def violation(self) -> str:
        """Its id, under the violation event's name."""
        return self.id

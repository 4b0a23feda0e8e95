"""The tables that inspection owns: agencies, plans, inspections, projects, revocations."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, synonym

from services.inspection.rules.states import Stage
from shared.programme.kept import KeptProgramme
from shared.project import State
from shared.spine.tables import COLUMN_TYPES


class Base(DeclarativeBase):
    """Inspection's own metadata."""

    type_annotation_map = COLUMN_TYPES


class Programme(KeptProgramme, Base):
    """The definition that intake published."""


class Agency(Base):
    """A third-party agency."""

    __tablename__ = "agencies"
    hint = "Register it first."

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    legal_representative: Mapped[str]
    registered_at: Mapped[datetime]


class AgencyKey(Base):
    """One of an agency's Ed25519 keys, valid from an instant until another."""

    __tablename__ = "agency_keys"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"), primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    public_jwk: Mapped[dict[str, str]]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]


class Inspector(Base):
    """A person who inspects for an agency; conflicts are USCCs or unit codes."""

    __tablename__ = "inspectors"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"), index=True)
    conflicts: Mapped[list[str]] = mapped_column(default=list)


class Plan(Base):
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
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The plan."""
        return self.id


class Project(Base):
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
    sequence: Mapped[int]
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

    @property
    def event_subject(self) -> str:
        """The project."""
        return self.project


class Inspection(Base):
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
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The inspection."""
        return self.inspection


class Message(Base):
    """One agency message with its raw bytes and signature, kept as evidence, and its receipt."""

    __tablename__ = "messages"
    __table_args__ = (Index("messages_id", "agency", "message"),)

    receipt: Mapped[str] = mapped_column(primary_key=True)
    agency: Mapped[str | None]
    message: Mapped[str | None]
    digest: Mapped[str] = mapped_column(index=True)
    inspection: Mapped[str | None]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[str | None]
    channel: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    code: Mapped[str]
    reason: Mapped[str]
    outcome: Mapped[str | None]
    reasons_zh: Mapped[list[str]] = mapped_column(default=list)
    reasons_en: Mapped[list[str]] = mapped_column(default=list)
    received_at: Mapped[datetime]
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The receipt."""
        return self.receipt


class Revocation(Base):
    """The one revocation of one epoch; its key is what makes it one."""

    __tablename__ = "revocations"

    project: Mapped[str] = mapped_column(ForeignKey("projects.project"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(unique=True)
    ground: Mapped[str]
    inspection: Mapped[str | None]
    basis: Mapped[dict[str, Any]]
    revoked_at: Mapped[datetime]
    quashed_by: Mapped[str | None]
    quashed_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None] = mapped_column(index=True)


class LedgerLine(Base):
    """That one receiver of one outlet acted on a revocation, after so many real seconds."""

    __tablename__ = "ledger"

    project: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    outlet: Mapped[str] = mapped_column(primary_key=True)
    receiver: Mapped[str] = mapped_column(primary_key=True, default="")
    seconds: Mapped[float]
    acknowledged_at: Mapped[datetime]


class Notice(Base):
    """What notification published about a revocation, and what became of deliveries in trouble."""

    __tablename__ = "notices"

    project: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    circular: Mapped[str | None]
    deliveries: Mapped[dict[str, dict[str, Any]]] = mapped_column(default=dict)


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

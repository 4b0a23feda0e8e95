"""The tables that inspection owns: agencies, plans, inspections, projects, revocations."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.inspection.rules import Stage
from shared.project import State
from shared.spine.tables import Instant


class Base(DeclarativeBase):
    """Inspection's own metadata."""


class Programme(Base):
    """The definition that intake published; the newest edition."""

    __tablename__ = "programmes"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    edition: Mapped[int]
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)


class Agency(Base):
    """A third-party agency."""

    __tablename__ = "agencies"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    legal_representative: Mapped[str] = mapped_column(String(80))
    registered_at: Mapped[datetime] = mapped_column(Instant)


class AgencyKey(Base):
    """One of an agency's Ed25519 keys, valid from an instant until another."""

    __tablename__ = "agency_keys"

    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"), primary_key=True)
    kid: Mapped[str] = mapped_column(String(80), primary_key=True)
    public_jwk: Mapped[dict[str, str]] = mapped_column(JSON)
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_to: Mapped[datetime] = mapped_column(Instant)


class Inspector(Base):
    """A person who inspects for an agency; conflicts are USCCs or unit codes."""

    __tablename__ = "inspectors"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    agency: Mapped[str] = mapped_column(ForeignKey("agencies.code"), index=True)
    conflicts: Mapped[list[str]] = mapped_column(JSON, default=list)


class Plan(Base):
    """A frozen plan, and after the draw its transcript."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    programme: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(String(20))
    target_count: Mapped[int]
    min_inspectors: Mapped[int]
    targets: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    inspectors: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    targets_sha256: Mapped[str] = mapped_column(String(64))
    inspectors_sha256: Mapped[str] = mapped_column(String(64))
    caps: Mapped[dict[str, int]] = mapped_column(JSON)
    commitments: Mapped[dict[str, str]] = mapped_column(JSON)
    public_value: Mapped[str] = mapped_column(Text)
    draw_at: Mapped[datetime] = mapped_column(Instant)
    planned_at: Mapped[datetime] = mapped_column(Instant)
    transcript: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The plan."""
        return self.id

    @property
    def plan(self) -> str:
        """Its id, under the event's name."""
        return self.id


class Project(Base):
    """A designated project under supervision; its sequence goes on from scoring's."""

    __tablename__ = "projects"
    __table_args__ = (Index("projects_programme", "programme", "state"),)

    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    programme: Mapped[str] = mapped_column(String(20))
    unit: Mapped[str] = mapped_column(String(16))
    undertaker: Mapped[dict[str, str]] = mapped_column(JSON)
    title: Mapped[str] = mapped_column(String(200))
    direction: Mapped[int]
    state: Mapped[State] = mapped_column(String(20))
    epoch: Mapped[int]
    sequence: Mapped[int]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    expire_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    rectify_by: Mapped[date | None]
    rectify_until: Mapped[datetime | None] = mapped_column(Instant, index=True)
    decided: Mapped[dict[str, Any] | None] = mapped_column(JSON)

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
    """One inspection of one project by one agency."""

    __tablename__ = "inspections"
    __table_args__ = (Index("inspections_agency", "agency", "stage"),)

    inspection: Mapped[str] = mapped_column(String(36), primary_key=True)
    plan: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.project"), index=True)
    programme: Mapped[str] = mapped_column(String(20))
    agency: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(String(20))
    inspectors: Mapped[list[str]] = mapped_column(JSON)
    stage: Mapped[Stage] = mapped_column(String(20))
    epoch: Mapped[int]
    outcome: Mapped[str | None] = mapped_column(String(20))
    score_text: Mapped[str | None] = mapped_column(String(20))
    reasons_zh: Mapped[list[str]] = mapped_column(JSON, default=list)
    reasons_en: Mapped[list[str]] = mapped_column(JSON, default=list)
    rule_version: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None] = mapped_column(String(36))
    drawn_at: Mapped[datetime] = mapped_column(Instant)
    reported_at: Mapped[datetime | None] = mapped_column(Instant)
    concluded_at: Mapped[datetime | None] = mapped_column(Instant)
    sequence: Mapped[int] = mapped_column(default=0)

    @property
    def event_subject(self) -> str:
        """The inspection."""
        return self.inspection

    @property
    def score(self) -> str | None:
        """The score, an exact decimal."""
        return self.score_text


class Message(Base):
    """One agency message with its raw bytes and signature, kept as evidence, and its receipt."""

    __tablename__ = "messages"
    __table_args__ = (Index("messages_id", "agency", "message"),)

    receipt: Mapped[str] = mapped_column(String(36), primary_key=True)
    agency: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    inspection: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12), index=True)
    code: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(String(20))
    reasons_zh: Mapped[list[str]] = mapped_column(JSON, default=list)
    reasons_en: Mapped[list[str]] = mapped_column(JSON, default=list)
    received_at: Mapped[datetime] = mapped_column(Instant)
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
    event: Mapped[str] = mapped_column(String(64), unique=True)
    ground: Mapped[str] = mapped_column(String(40))
    inspection: Mapped[str | None] = mapped_column(String(36))
    basis: Mapped[dict[str, Any]] = mapped_column(JSON)
    revoked_at: Mapped[datetime] = mapped_column(Instant)
    quashed_by: Mapped[str | None] = mapped_column(Text)
    settled_at: Mapped[datetime | None] = mapped_column(Instant, index=True)


class LedgerLine(Base):
    """That one receiver of one outlet acted on a revocation, after so many real seconds."""

    __tablename__ = "ledger"

    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    outlet: Mapped[str] = mapped_column(String(20), primary_key=True)
    receiver: Mapped[str] = mapped_column(String(80), primary_key=True, default="")
    seconds: Mapped[float]
    acknowledged_at: Mapped[datetime] = mapped_column(Instant)


class Notice(Base):
    """What notification published about a revocation, and what became of deliveries in trouble."""

    __tablename__ = "notices"

    project: Mapped[str] = mapped_column(String(60), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    circular: Mapped[str | None] = mapped_column(String(80))
    deliveries: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSON, default=dict)


class Task(Base):
    """A change or violation that waits for an official's decision; decides nothing itself."""

    __tablename__ = "tasks"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project: Mapped[str] = mapped_column(String(60), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    ground: Mapped[str | None] = mapped_column(String(40))
    summary: Mapped[str] = mapped_column(Text)
    reported_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decision: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(String(120))

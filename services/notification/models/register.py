"""The public register: every project's newest state, its history, its place in the status list."""

import hashlib
import json
from datetime import UTC, date, datetime

from sqlalchemy import JSON, Index, and_
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship, remote, synonym

from services.notification.models import Base, Json
from services.notification.rules.circulars import CircularKind
from shared.revocations import AcknowledgementColumns
from shared.spine.outbox import Aggregate


class Project(Base):
    """A project as its newest event states it; sequence 0: known from a publicity list only."""

    __tablename__ = "projects"
    hint = "Search at /v1/register."

    id: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str] = synonym("id")  # as events call it
    sequence: Mapped[int]
    programme: Mapped[str]
    unit: Mapped[str]
    uscc: Mapped[str]
    undertaker_name: Mapped[str]
    title: Mapped[str]
    direction: Mapped[int]
    state: Mapped[str]
    stated: Mapped[str]
    epoch: Mapped[int]
    publicity: Mapped[str | None]
    listed: Mapped[int | None]
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    rectify_by: Mapped[date | None]
    decision: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    changed_at: Mapped[datetime]
    searched: Mapped[str]

    # A search reads the rows in the order of their ids: SQLite keeps them so, without its row ids.
    __table_args__ = (
        Index("projects_counts", "programme", "direction", "unit", "state"),
        Index("projects_changed", "changed_at"),
        {"sqlite_with_rowid": False},
    )


class HistoryEntry(Base):
    """One event of a project, kept whether it came in order or late."""

    __tablename__ = "project_history"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str]
    sequence: Mapped[int]
    type: Mapped[str]
    state: Mapped[str]
    epoch: Mapped[int]
    occurred_at: Mapped[datetime]
    decision: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    announcement: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (Index("project_history_project", "project", "sequence"),)


class StatusSlot(Base):
    """A project's place in the signed status list; given once, never to another project."""

    __tablename__ = "status_slots"

    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project: Mapped[str] = mapped_column(unique=True)
    status: Mapped[int]
    changed_at: Mapped[datetime]


class Counter(Base):
    """A gapless counter: its row stays locked until the transaction that counted ends."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


class Acknowledgement(AcknowledgementColumns, Base):
    """What register, status list, circulars, letters and webhooks acted on."""


class Circular(Aggregate, Base):
    """A published circular: what it says is fixed at publication, whatever happens later.

    `quashed_by` is the circular of the reinstatement that undid the revocation, if there is one.
    """

    __tablename__ = "circulars"
    hint = "See /v1/circulars for all of them."
    page_key = ("year", "serial")  # numbers as text would put the ten thousandth before the second

    number: Mapped[str] = mapped_column(primary_key=True)
    notice: Mapped[str] = synonym("number")  # as events call it
    year: Mapped[int]
    serial: Mapped[int]
    kind: Mapped[str]
    project: Mapped[str]
    epoch: Mapped[int]
    programme: Mapped[str]
    unit: Mapped[str]
    direction: Mapped[int]
    title: Mapped[str]
    undertaker_name: Mapped[str]
    uscc: Mapped[str]
    ground: Mapped[str | None]
    citation: Mapped[str]
    reasons_zh: Mapped[list[str]]
    reasons_en: Mapped[list[str]]
    rule_version: Mapped[str]
    inspection: Mapped[str | None]
    acted_by: Mapped[str | None]
    decided_at: Mapped[datetime]
    effective_at: Mapped[datetime]
    published_at: Mapped[datetime]
    cause: Mapped[str]
    quashed_by: Mapped["Circular | None"] = relationship(
        primaryjoin=lambda: and_(
            Circular.project == foreign(remote(Circular.project)),
            Circular.kind == CircularKind.REVOCATION,
            remote(Circular.kind) == CircularKind.REINSTATEMENT,
            remote(Circular.epoch) == Circular.epoch + 1,
        ),
        viewonly=True,
        uselist=False,
        lazy="joined",
        join_depth=1,
    )

    __table_args__ = (
        Index("circulars_serial", "year", "serial", unique=True),
        Index("circulars_project", "project", "epoch", "kind", unique=True),
        Index("circulars_published", "published_at"),
        Index("circulars_ground", "ground"),
    )

    @property
    def digest(self) -> str:
        """SHA-256 over what it says, as JSON with sorted keys, in hexadecimal."""
        names = sorted(column.key for column in self.__table__.columns)
        said = {name: getattr(self, name) for name in names}
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=_written)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def number_zh(self) -> str:
        """The number as a Chinese document bears it."""
        return f"通报〔{self.year}〕第{self.serial}号"

    @property
    def number_en(self) -> str:
        """The number in English."""
        return f"Circular No. {self.serial} of {self.year}"


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()

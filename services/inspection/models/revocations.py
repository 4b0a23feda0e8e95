"""Revocations, and how each was followed at every outlet."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.inspection.models import Base


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

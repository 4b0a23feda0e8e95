"""The directory of agencies, and what they sent."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from services.inspection.models import Base
from shared.spine.outbox import Aggregate


class Agency(Base):
    """A third-party agency."""

    __tablename__ = "agencies"
    hint = "Register it first."

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    legal_representative: Mapped[str]
    registered_at: Mapped[datetime]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


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
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Message(Aggregate, Base):
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

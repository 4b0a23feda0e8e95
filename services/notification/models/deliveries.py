"""Who is written to, what is on its way, and what became of every attempt."""

from datetime import datetime

from sqlalchemy import Float, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.notification.models.base import Base, Json
from shared.spine.tables import Instant


class Subscriber(Base):
    """A receiver of letters or webhooks; a project's own contact has the id `contact:<project>`."""

    __tablename__ = "subscribers"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str | None] = mapped_column(String(120))
    scope: Mapped[str] = mapped_column(String(120))
    event_types: Mapped[list[str]]
    created_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[str | None] = mapped_column(String(40))

    __table_args__ = (Index("subscribers_scope", "scope"),)


class Delivery(Base):
    """One message to one subscriber about one event; its content is fixed when it is queued.

    `due_at` is real time, as every delay is; the other instants are programme time.
    """

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    sequence: Mapped[int]
    subscriber: Mapped[str] = mapped_column(String(80))
    outlet: Mapped[str] = mapped_column(String(20))
    cause: Mapped[str] = mapped_column(String(64))
    cause_type: Mapped[str] = mapped_column(String(80))
    correlation_id: Mapped[str] = mapped_column(String(64))
    traceparent: Mapped[str | None] = mapped_column(String(80))
    project: Mapped[str] = mapped_column(String(80))
    epoch: Mapped[int]
    notice: Mapped[str | None] = mapped_column(String(40))
    content: Mapped[Json]
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    error: Mapped[str | None] = mapped_column(String(200))
    due_at: Mapped[datetime] = mapped_column(Instant)
    queued_at: Mapped[datetime] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        Index("deliveries_once", "cause", "subscriber", unique=True),
        Index(
            "deliveries_due",
            "outlet",
            "due_at",
            postgresql_where=text("state = 'waiting'"),
            sqlite_where=text("state = 'waiting'"),
        ),
        Index("deliveries_project", "project", "id"),
        Index(
            "deliveries_failed",
            "id",
            postgresql_where=text("state = 'failed'"),
            sqlite_where=text("state = 'failed'"),
        ),
    )

    @property
    def event_subject(self) -> str:
        """The delivery's id."""
        return self.id

    @property
    def delivery(self) -> str:
        """The id, under the name that events use."""
        return self.id


class Attempt(Base):
    """One attempt at one delivery: when (real time), how it ended, how long; no personal data."""

    __tablename__ = "delivery_attempts"

    delivery: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    began_at: Mapped[datetime] = mapped_column(Instant)
    seconds: Mapped[float] = mapped_column(Float)
    code: Mapped[str] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(200))

"""Who is written to, what is on its way, and what became of every attempt."""

from datetime import datetime
from typing import cast

from sqlalchemy import Float, Index, text
from sqlalchemy.orm import Mapped, mapped_column, synonym

from services.notification.models import Base, Json
from shared.spine.outbox import Aggregate


class Subscriber(Base):
    """A receiver of letters or webhooks; a project's own contact has the id `contact:<project>`.

    `busy_until` is real time: while one delivery is on its way, no other is sent.
    """

    __tablename__ = "subscribers"
    hint = "See GET /v1/subscribers."

    id: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    kind: Mapped[str]
    address: Mapped[str]
    secret = cast("str | None", None)  # told once, by the answer that makes it; kept nowhere
    scope: Mapped[str]
    event_types: Mapped[list[str]]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    busy_until: Mapped[datetime]

    __table_args__ = (Index("subscribers_scope", "scope"),)


class Delivery(Aggregate, Base):
    """One message to one subscriber about one event; its content is fixed when it is queued.

    `due_at` is real time, as every delay is; the other instants are programme time.
    """

    __tablename__ = "deliveries"
    hint = "See GET /v1/deliveries."

    id: Mapped[str] = mapped_column(primary_key=True)
    delivery: Mapped[str] = synonym("id")  # as events call it
    subscriber: Mapped[str]
    outlet: Mapped[str]
    cause: Mapped[str]
    cause_type: Mapped[str]
    correlation_id: Mapped[str]
    traceparent: Mapped[str | None]
    project: Mapped[str]
    epoch: Mapped[int]
    notice: Mapped[str | None]
    content: Mapped[Json]
    state: Mapped[str]
    attempts: Mapped[int]
    error: Mapped[str | None]
    due_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

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


class Attempt(Base):
    """One attempt at one delivery: when (real time), how it ended, how long; no personal data."""

    __tablename__ = "delivery_attempts"

    delivery: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    began_at: Mapped[datetime]
    seconds: Mapped[float] = mapped_column(Float)
    code: Mapped[str]
    error: Mapped[str | None]

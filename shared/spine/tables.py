"""The spine's own tables, the same in every service's database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    text,
)

metadata = MetaData()
Position = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant on every database; SQLite alone would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse naive times, store UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: every instant is aware")
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None or value.tzinfo is not None:
            return None if value is None else value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


COLUMN_TYPES: dict[Any, Any] = {
    datetime: Instant,
    **dict.fromkeys(
        (
            list[str],
            list[int],
            list[dict[str, Any]],
            list[dict[str, str]],
            dict[str, Any],
            dict[str, int],
            dict[str, str],
            dict[str, dict[str, Any]],
        ),
        JSON,
    ),
}
"""How a service's models keep what SQLAlchemy has no column for; texts have no width: limits of
length belong to the schemas of what comes in."""


def _waiting() -> list[Column[Any]]:
    """Of a row that the broker refused: how often, why, and when it is tried again."""
    return [
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("due_at", Instant),
        Column("error", String),
    ]


outbox = Table(
    "outbox",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("event_id", String, nullable=False, unique=True),
    Column("exchange", String, nullable=False),
    Column("routing_key", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("about", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("published_at", Instant),
    *_waiting(),
    Index(
        "outbox_unpublished",
        "urgent",
        "position",
        postgresql_where=text("published_at IS NULL"),
        sqlite_where=text("published_at IS NULL"),
    ),
    Index(
        "outbox_again",
        "urgent",
        "due_at",
        postgresql_where=text("published_at IS NULL AND due_at IS NOT NULL"),
        sqlite_where=text("published_at IS NULL AND due_at IS NOT NULL"),
    ),
    Index("outbox_about", "about"),
    Index("outbox_subject", "subject"),
    Index("outbox_recorded", "recorded_at", postgresql_using="brin"),
)

replays = Table(
    "replays",
    metadata,
    Column(
        "position", Position, ForeignKey("outbox.position", ondelete="CASCADE"), primary_key=True
    ),
    Column("routing_key", String, primary_key=True),
    *_waiting(),
)

inbox = Table(
    "inbox",
    metadata,
    Column("handler", String, primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("about", String, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("handled_at", Instant, nullable=False),
    Index("inbox_about", "about"),
    Index("inbox_handled", "handled_at", postgresql_using="brin"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("handler", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("agreed_to", String, nullable=False),
    Column("anchor", String, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("round", String, nullable=False),
    Column("demanded_at", Instant),
    Column("checked_at", Instant),
    Column("missing", Integer, nullable=False),
    Column("foreign", Integer, nullable=False),
)

parked = Table(
    "parked",
    metadata,
    Column("id", String, primary_key=True),
    Column("handler", String, nullable=False),
    Column("event_id", String),
    Column("source", String),
    Column("event_type", String),
    Column("subject", String),
    Column("body", LargeBinary, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("state", String, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("error", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("parked_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("settled_at", Instant),
    Index(
        "parked_due",
        text("urgent DESC"),
        "due_at",
        postgresql_where=text("state = 'waiting'"),
        sqlite_where=text("state = 'waiting'"),
    ),
    Index("parked_state", "state", "id"),
    Index("parked_group", "fingerprint", "state", "id"),
    Index("parked_event", "handler", "event_id"),
    Index("parked_settled", "settled_at", postgresql_using="brin"),
)

parked_steps = Table(
    "parked_steps",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("parked", String, ForeignKey("parked.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("why", String, nullable=False),
    Index("parked_steps_parked", "parked"),
)

facts = Table(
    "laurel_facts",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("idempotency_created", "created_at", postgresql_using="brin"),
)

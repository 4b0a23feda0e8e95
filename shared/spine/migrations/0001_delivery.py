"""Outbox, replays, inbox, reconciliation, parked events, facts and idempotency keys."""

import sqlalchemy as sa
from alembic import op

from shared.spine.tables import Instant

revision = "spine_0001"
down_revision = None
branch_labels = ("spine",)
depends_on = None

POSITION = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _waiting():
    return [
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due_at", Instant),
        sa.Column("error", sa.String()),
    ]


def upgrade():
    op.create_table(
        "outbox",
        sa.Column("position", POSITION, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(), nullable=False, unique=True),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("routing_key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("published_at", Instant),
        *_waiting(),
    )
    unpublished = sa.text("published_at IS NULL")
    op.create_index(
        "outbox_unpublished",
        "outbox",
        ["urgent", "position"],
        postgresql_where=unpublished,
        sqlite_where=unpublished,
    )
    again = sa.text("published_at IS NULL AND due_at IS NOT NULL")
    op.create_index(
        "outbox_again", "outbox", ["urgent", "due_at"], postgresql_where=again, sqlite_where=again
    )
    op.create_index("outbox_about", "outbox", ["about"])
    op.create_index("outbox_subject", "outbox", ["subject"])
    op.create_index("outbox_recorded", "outbox", ["recorded_at"], postgresql_using="brin")
    op.create_table(
        "replays",
        sa.Column(
            "position",
            POSITION,
            sa.ForeignKey("outbox.position", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("routing_key", sa.String(), primary_key=True),
        *_waiting(),
    )
    op.create_table(
        "inbox",
        sa.Column("handler", sa.String(), primary_key=True),
        sa.Column("event_id", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("handled_at", Instant, nullable=False),
    )
    op.create_index("inbox_about", "inbox", ["about"])
    op.create_index("inbox_handled", "inbox", ["handled_at"], postgresql_using="brin")
    op.create_table(
        "reconciliation",
        sa.Column("handler", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("agreed_to", sa.String(), nullable=False),
        sa.Column("anchor", sa.String(), nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("round", sa.String(), nullable=False),
        sa.Column("demanded_at", Instant),
        sa.Column("checked_at", Instant),
        sa.Column("missing", sa.Integer, nullable=False),
        sa.Column("foreign", sa.Integer, nullable=False),
    )
    op.create_table(
        "parked",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("handler", sa.String(), nullable=False),
        sa.Column("event_id", sa.String()),
        sa.Column("source", sa.String()),
        sa.Column("event_type", sa.String()),
        sa.Column("subject", sa.String()),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("parked_at", Instant, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("settled_at", Instant),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "parked_due",
        "parked",
        [sa.text("urgent DESC"), "due_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
    op.create_index("parked_state", "parked", ["state", "id"])
    op.create_index("parked_group", "parked", ["fingerprint", "state", "id"])
    op.create_index("parked_event", "parked", ["handler", "event_id"])
    op.create_index("parked_settled", "parked", ["settled_at"], postgresql_using="brin")
    op.create_table(
        "parked_steps",
        sa.Column("number", POSITION, primary_key=True, autoincrement=True),
        sa.Column(
            "parked", sa.String(), sa.ForeignKey("parked.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("at", Instant, nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
    )
    op.create_index("parked_steps_parked", "parked_steps", ["parked"])
    op.create_table(
        "laurel_facts",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.String(), nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index(
        "idempotency_created", "idempotency_keys", ["created_at"], postgresql_using="brin"
    )

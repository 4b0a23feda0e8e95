"""Register, circulars, proceedings, subscribers and deliveries."""

import sqlalchemy as sa
from alembic import op

from shared.spine.tables import Instant

revision = "notification_0001"
down_revision = None
branch_labels = ("notification",)
depends_on = None


def upgrade():
    _register()
    _circulars()
    _proceedings()
    _deliveries()


def _register():
    op.create_table(
        "projects",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("undertaker_name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("direction", sa.Integer, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stated", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("publicity", sa.String()),
        sa.Column("listed", sa.Integer()),
        sa.Column("valid_from", sa.Date),
        sa.Column("valid_to", sa.Date),
        sa.Column("rectify_by", sa.Date),
        sa.Column("decision", sa.JSON),
        sa.Column("changed_at", Instant, nullable=False),
        sa.Column("searched", sa.String(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("projects_counts", "projects", ["programme", "direction", "unit", "state"])
    op.create_index("projects_changed", "projects", ["changed_at"])
    op.create_table(
        "project_history",
        sa.Column("event_id", sa.String(), primary_key=True),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("occurred_at", Instant, nullable=False),
        sa.Column("decision", sa.JSON),
        sa.Column("announcement", sa.JSON),
    )
    op.create_index("project_history_project", "project_history", ["project", "sequence"])
    op.create_table(
        "status_slots",
        sa.Column("index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("project", sa.String(), nullable=False, unique=True),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )


def _circulars():
    op.create_table(
        "acknowledgements",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=True),
        sa.Column("revocation", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", Instant, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index("ix_acknowledgements_project", "acknowledgements", ["project"])
    op.create_table(
        "circulars",
        sa.Column("number", sa.String(), primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("direction", sa.Integer, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("undertaker_name", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("ground", sa.String()),
        sa.Column("citation", sa.String(), nullable=False),
        sa.Column("reasons_zh", sa.JSON, nullable=False),
        sa.Column("reasons_en", sa.JSON, nullable=False),
        sa.Column("rule_version", sa.String(), nullable=False),
        sa.Column("inspection", sa.String()),
        sa.Column("acted_by", sa.String()),
        sa.Column("decided_at", Instant, nullable=False),
        sa.Column("effective_at", Instant, nullable=False),
        sa.Column("published_at", Instant, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
    )
    op.create_index("circulars_serial", "circulars", ["year", "serial"], unique=True)
    op.create_index("circulars_project", "circulars", ["project", "epoch", "kind"], unique=True)
    op.create_index("circulars_published", "circulars", ["published_at"])
    op.create_index("circulars_ground", "circulars", ["ground"])


def _proceedings():
    op.create_table(
        "programmes",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("edition", sa.Integer, nullable=False),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("units", sa.JSON, nullable=False),
        sa.Column("published_at", Instant, nullable=False),
    )
    op.create_table(
        "publicities",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("opens_on", sa.Date, nullable=False),
        sa.Column("closes_on", sa.Date, nullable=False),
        sa.Column("entries", sa.JSON, nullable=False),
    )
    op.create_table(
        "objection_decisions",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("upheld", sa.Boolean, nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_at", Instant, nullable=False),
    )
    op.create_index("ix_objection_decisions_project", "objection_decisions", ["project"])
    op.create_table(
        "plans",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("method", sa.String()),
        sa.Column("target_count", sa.Integer),
        sa.Column("min_inspectors", sa.Integer),
        sa.Column("caps", sa.JSON),
        sa.Column("plan_sha256", sa.String()),
        sa.Column("targets_sha256", sa.String()),
        sa.Column("inspectors_sha256", sa.String()),
        sa.Column("commitments", sa.JSON),
        sa.Column("public_value", sa.String()),
        sa.Column("draw_at", Instant),
        sa.Column("drawn_at", Instant),
        sa.Column("transcript", sa.JSON),
    )
    op.create_table(
        "inspections",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("order", sa.String()),
        sa.Column("score_text", sa.String()),
        sa.Column("reasons_zh", sa.JSON, nullable=False),
        sa.Column("reasons_en", sa.JSON, nullable=False),
        sa.Column("rule_version", sa.String(), nullable=False),
        sa.Column("reported_at", Instant, nullable=False),
        sa.Column("concluded_at", Instant, nullable=False),
    )
    op.create_index("inspections_project", "inspections", ["project", "concluded_at"])
    op.create_index("inspections_outcome", "inspections", ["outcome"])


def _deliveries():
    op.create_table(
        "subscribers",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("event_types", sa.JSON, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("ended_at", Instant),
        sa.Column("end_reason", sa.String()),
        sa.Column("busy_until", Instant, nullable=False),
    )
    op.create_index("subscribers_scope", "subscribers", ["scope"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("cause_type", sa.String(), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("traceparent", sa.String()),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("notice", sa.String()),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.String()),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("queued_at", Instant, nullable=False),
        sa.Column("settled_at", Instant),
    )
    op.create_index("deliveries_once", "deliveries", ["cause", "subscriber"], unique=True)
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "deliveries_due",
        "deliveries",
        ["outlet", "due_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
    op.create_index("deliveries_project", "deliveries", ["project", "id"])
    failed = sa.text("state = 'failed'")
    op.create_index(
        "deliveries_failed", "deliveries", ["id"], postgresql_where=failed, sqlite_where=failed
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery", sa.String(), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("began_at", Instant, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("error", sa.String()),
    )

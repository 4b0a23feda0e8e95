"""Agencies, plans, inspections, projects, messages, revocations, the ledger."""

import sqlalchemy as sa
from alembic import op

from shared.spine.tables import Instant

revision = "inspection_0001"
down_revision = None
branch_labels = ("inspection",)
depends_on = None


def upgrade():
    op.create_table(
        "agencies",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("legal_representative", sa.String(), nullable=False),
        sa.Column("registered_at", Instant, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "ledger",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("acknowledged_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("project", "epoch", "outlet", "receiver"),
    )
    op.create_table(
        "messages",
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("inspection", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reasons_zh", sa.JSON(), nullable=False),
        sa.Column("reasons_en", sa.JSON(), nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("receipt"),
    )
    op.create_index("messages_id", "messages", ["agency", "message"])
    op.create_index(op.f("ix_messages_digest"), "messages", ["digest"], unique=False)
    op.create_index(op.f("ix_messages_status"), "messages", ["status"], unique=False)
    op.create_table(
        "notices",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("circular", sa.String(), nullable=True),
        sa.Column("deliveries", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("project", "epoch"),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("target_count", sa.Integer(), nullable=False),
        sa.Column("min_inspectors", sa.Integer(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("inspectors", sa.JSON(), nullable=False),
        sa.Column("plan_sha256", sa.String(), nullable=False),
        sa.Column("targets_sha256", sa.String(), nullable=False),
        sa.Column("inspectors_sha256", sa.String(), nullable=False),
        sa.Column("caps", sa.JSON(), nullable=False),
        sa.Column("commitments", sa.JSON(), nullable=False),
        sa.Column("public_value", sa.String(), nullable=False),
        sa.Column("draw_at", Instant, nullable=False),
        sa.Column("planned_at", Instant, nullable=False),
        sa.Column("transcript", sa.JSON(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "programmes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "projects",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("undertaker", sa.JSON(), nullable=False),
        sa.Column("former", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("expire_at", Instant, nullable=True),
        sa.Column("rectify_by", sa.Date(), nullable=True),
        sa.Column("rectify_until", Instant, nullable=True),
        sa.Column("order", sa.String(), nullable=True),
        sa.Column("ordered_at", Instant, nullable=True),
        sa.Column("decided", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("project"),
    )
    op.create_index(op.f("ix_projects_expire_at"), "projects", ["expire_at"], unique=False)
    op.create_index(op.f("ix_projects_rectify_until"), "projects", ["rectify_until"], unique=False)
    op.create_index("projects_programme", "projects", ["programme", "state"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("reported_at", Instant, nullable=False),
        sa.Column("decided_at", Instant, nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_tasks_project"), "tasks", ["project"], unique=False)
    op.create_table(
        "agency_keys",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("valid_from", Instant, nullable=False),
        sa.Column("valid_to", Instant, nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"]),
        sa.PrimaryKeyConstraint("agency", "kid"),
    )
    op.create_table(
        "inspections",
        sa.Column("inspection", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("inspectors", sa.JSON(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("order", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("score", sa.String(), nullable=True),
        sa.Column("reasons_zh", sa.JSON(), nullable=False),
        sa.Column("reasons_en", sa.JSON(), nullable=False),
        sa.Column("rule_version", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("drawn_at", Instant, nullable=False),
        sa.Column("conducted_on", sa.Date(), nullable=True),
        sa.Column("reported_at", Instant, nullable=True),
        sa.Column("concluded_at", Instant, nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["plans.id"]),
        sa.ForeignKeyConstraint(["project"], ["projects.project"]),
        sa.PrimaryKeyConstraint("inspection"),
    )
    op.create_index("inspections_agency", "inspections", ["agency", "stage"], unique=False)
    op.create_index(op.f("ix_inspections_plan"), "inspections", ["plan"], unique=False)
    op.create_index(op.f("ix_inspections_project"), "inspections", ["project"], unique=False)
    op.create_table(
        "inspectors",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("conflicts", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.code"]),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index(op.f("ix_inspectors_agency"), "inspectors", ["agency"], unique=False)
    op.create_table(
        "revocations",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("inspection", sa.String(), nullable=True),
        sa.Column("basis", sa.JSON(), nullable=False),
        sa.Column("revoked_at", Instant, nullable=False),
        sa.Column("quashed_by", sa.String(), nullable=True),
        sa.Column("quashed_at", Instant, nullable=True),
        sa.Column("settled_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.project"]),
        sa.PrimaryKeyConstraint("project", "epoch"),
        sa.UniqueConstraint("event"),
    )
    op.create_index(op.f("ix_revocations_settled_at"), "revocations", ["settled_at"])

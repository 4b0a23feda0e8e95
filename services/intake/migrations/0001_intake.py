"""Rounds, units, applications with evidence and reviews, bars, reports."""

import sqlalchemy as sa
from alembic import op

from shared.spine.tables import Instant

revision = "intake_0001"
down_revision = None
branch_labels = ("intake",)
depends_on = None


def upgrade():
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
        "applications",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("undertaker_name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("contact_email", sa.String(), nullable=False),
        sa.Column("contact_sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("opinion", sa.String(), nullable=True),
        sa.Column("signatory", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("submitted_at", Instant, nullable=True),
        sa.Column("decided_at", Instant, nullable=True),
        sa.Column("answer_by", Instant, nullable=True),
        sa.PrimaryKeyConstraint("project"),
    )
    op.create_index("applications_unit", "applications", ["unit", "state"], unique=False)
    op.create_index("applications_uscc", "applications", ["uscc"], unique=False)
    op.create_table(
        "programmes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("published_at", Instant, nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("rule_versions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "recommending_units",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=True),
        sa.Column("region_edition", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=True),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("reported_at", Instant, nullable=False),
        sa.Column("reported_by", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_reports_project"), "reports", ["project"], unique=False)
    op.create_table(
        "revocation_bars",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("is_barred", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project"),
    )
    op.create_index(op.f("ix_revocation_bars_uscc"), "revocation_bars", ["uscc"], unique=False)
    op.create_table(
        "unit_quotas",
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("numbered", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("programme", "unit"),
    )
    op.create_table(
        "application_steps",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("taken_at", Instant, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["applications.project"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(
        op.f("ix_application_steps_project"), "application_steps", ["project"], unique=False
    )
    op.create_table(
        "evidence_items",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("reviewer", sa.String(), nullable=True),
        sa.Column("judged", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["applications.project"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project", "number"),
    )
    op.create_table(
        "turns", sa.Column("name", sa.String(), nullable=False), sa.PrimaryKeyConstraint("name")
    )

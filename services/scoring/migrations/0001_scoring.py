"""Entries, experts, assignments with scores, publicity, objections."""

import sqlalchemy as sa
from alembic import op

from shared.spine.tables import Instant

revision = "scoring_0001"
down_revision = None
branch_labels = ("scoring",)
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
        "entries",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("undertaker", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("score_text", sa.String(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("publicity", sa.String(), nullable=True),
        sa.Column("designate_at", Instant, nullable=True),
        sa.Column("frozen_count", sa.Integer(), nullable=False),
        sa.Column("barred_from", sa.String(), nullable=True),
        sa.Column("acted_by", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("project"),
    )
    op.create_index("entries_programme", "entries", ["programme", "state"], unique=False)
    op.create_index(op.f("ix_entries_acted_by"), "entries", ["acted_by"], unique=False)
    op.create_index(op.f("ix_entries_designate_at"), "entries", ["designate_at"], unique=False)
    op.create_index(op.f("ix_entries_publicity"), "entries", ["publicity"], unique=False)
    op.create_table(
        "experts",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("employer_uscc", sa.String(), nullable=True),
        sa.Column("directions", sa.JSON(), nullable=False),
        sa.Column("conflicts", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "programmes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "publicities",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "assignments",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("expert", sa.String(), nullable=False),
        sa.Column("assigned_at", Instant, nullable=False),
        sa.Column("recused", sa.String(), nullable=True),
        sa.Column("scores", sa.JSON(), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("total_text", sa.String(), nullable=True),
        sa.Column("scored_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(["expert"], ["experts.code"]),
        sa.ForeignKeyConstraint(["project"], ["entries.project"]),
        sa.PrimaryKeyConstraint("project", "expert"),
    )
    op.create_table(
        "objections",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("real_name", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("decided_at", Instant, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["entries.project"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_objections_project"), "objections", ["project"], unique=False)
    op.create_table(
        "turns", sa.Column("name", sa.String(), nullable=False), sa.PrimaryKeyConstraint("name")
    )

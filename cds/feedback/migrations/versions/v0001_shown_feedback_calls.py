"""The first tables: cards shown, feedback on them, calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "calls",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("topics", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
    )
    op.create_index("ix_calls_at", "calls", ["at"])
    op.create_table(
        "shown",
        sa.Column("card", sa.Text(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("content_version", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
    )
    op.create_index("ix_shown_at", "shown", ["at"])
    op.create_table(
        "feedback",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("card", sa.Text(), primary_key=True),
        sa.Column("outcome", sa.Text(), primary_key=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason_code", sa.Text()),
        sa.Column("reason_system", sa.Text()),
        sa.Column("reason_display", sa.Text()),
        sa.Column("suggestions", sa.Text()),
        sa.Column("comment", sa.Text()),
    )
    op.create_index("ix_feedback_received_at", "feedback", ["received_at"])


def downgrade() -> None:
    """Remove them, with what they hold."""
    for table in ("feedback", "shown", "calls"):
        op.drop_table(table)

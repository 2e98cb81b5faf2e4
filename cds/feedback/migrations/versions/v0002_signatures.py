"""Signatures of reviewers on cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "signatures",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("card", "content_hash", "content_version", "decision", "reviewer", "role", "account", "comment", "signed")
        ),
    )
    op.create_index("ix_signatures_at", "signatures", ["at"])


def downgrade() -> None:
    """Remove it, with what it holds."""
    op.drop_table("signatures")

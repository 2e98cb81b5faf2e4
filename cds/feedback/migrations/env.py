"""Alembic's way in: run the migrations on the connection that `cds.feedback.database.upgrade` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from cds.feedback.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()

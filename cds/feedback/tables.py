"""The tables, as SQLAlchemy Core. A change here needs a migration beside it (docs/feedback.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Dialect, Double, MetaData, SmallInteger, Table, Text, TypeDecorator
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.types import TypeEngine

metadata = MetaData()


class SqliteDateTime(DATETIME):
    """Times in SQLite, which knows no time zones: UTC, without saying so. Ours because the one of SQLAlchemy takes twice as long."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:  # noqa: ARG002
        """To the database: `2026-11-20 12:00:00.000000`."""

        def text(value: datetime | None) -> str | None:
            return None if value is None else value.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")

        return text


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """How the database holds it."""
        return SqliteDateTime() if dialect.name == "sqlite" else self.impl_instance  # type: ignore[no-untyped-call]

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def _text(name: str, **options: Any) -> Column[str]:
    """Of any length: a row that a table refused would be tried for ever."""
    return Column(name, Text(), **{"nullable": False, **options})


calls = Table(
    "calls",
    metadata,
    _text("id", primary_key=True),
    Column("at", UtcDateTime(), nullable=False, index=True),
    _text("service"),
    _text("client"),
    _text("outcome"),
    Column("status", SmallInteger(), nullable=False),
    _text("topics"),
    _text("content_hash"),
    Column("duration_ms", Double(), nullable=False),
)

shown = Table(
    "shown",
    metadata,
    _text("card", primary_key=True),
    Column("at", UtcDateTime(), nullable=False, index=True),
    _text("service"),
    _text("client"),
    _text("topic"),
    _text("summary"),
    _text("content_version"),
    _text("content_hash"),
)

feedback = Table(
    "feedback",
    metadata,
    _text("service", primary_key=True),
    _text("card", primary_key=True),
    _text("outcome", primary_key=True),
    Column("outcome_at", UtcDateTime(), primary_key=True, nullable=False),
    _text("client"),
    Column("received_at", UtcDateTime(), nullable=False, index=True),
    _text("reason_code", nullable=True),
    _text("reason_system", nullable=True),
    _text("reason_display", nullable=True),
    _text("suggestions", nullable=True),
    _text("comment", nullable=True),
)

signatures = Table(
    "signatures",
    metadata,
    _text("id", primary_key=True),
    Column("at", UtcDateTime(), nullable=False, index=True),
    _text("card"),
    _text("content_hash"),
    _text("content_version"),
    _text("decision"),
    _text("reviewer"),
    _text("role"),
    _text("account"),
    _text("comment"),
    _text("signed"),
)
"""What reviewers signed off; `signed` is the content itself as JSON, so that a later reader sees what has changed since."""

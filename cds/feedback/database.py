"""The database itself: opening, migrating, writing. SQLite and PostgreSQL, through SQLAlchemy 2 (async).

Imported in the background once the service runs (`cds.feedback.store`): loading SQLAlchemy takes longer than a first answer may.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Coroutine, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from alembic import command
from alembic.config import Config
from sqlalchemy import ColumnClause, Connection, Table, event, func, literal_column, make_url, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cds.feedback.records import Call, Feedback, Shown
from cds.feedback.tables import calls, feedback, shown

CONNECT_SECONDS = 3
LOCK_SECONDS = 5
ROWS_AT_ONCE = 200
"""Rows handed over in one go: the event loop serves hooks in between."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_NOTHING: ColumnClause[str] = literal_column("''")
"""Part of the statement: as a parameter it would be bound ten times for each row."""
_MIGRATION_LOCK = 0x52616E76696572
"""Number of the advisory lock in PostgreSQL under which one process at a time migrates."""

Batch = tuple[Sequence[Call], Sequence[Shown], Sequence[Feedback]]


def connect(url: str) -> AsyncEngine:
    """An engine for writing. Nothing is opened before it is used. A commit is durable when it returns."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        # a row takes the write lock at once: waiting for it later would fail instead. All is committed or rolled back before a connection
        # goes back to the pool, which would else ask for another rollback: every question to SQLite is a change of threads and back
        options: dict[str, Any] = {"timeout": LOCK_SECONDS, "isolation_level": "IMMEDIATE"}
        if sys.version_info >= (3, 12):
            options["autocommit"] = sqlite3.LEGACY_TRANSACTION_CONTROL  # else the level would not count where this is no longer the default
        engine = create_async_engine(address, connect_args=options, pool_reset_on_return=None)
        event.listen(engine.sync_engine, "connect", _open_sqlite)
    else:
        engine = create_async_engine(address, pool_size=1, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})
        event.listen(engine.sync_engine, "connect", _open_postgresql)
    return engine


async def upgrade(engine: AsyncEngine) -> None:
    """Bring the tables to the newest form. Several processes may do so at once: the first does it, the others wait.

    Raises `alembic.util.CommandError` if the database was made by a newer version.
    """
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        await _use_write_ahead_log(engine)
    await _to_its_end(engine, _upgrade_all(engine))


async def write(engine: AsyncEngine, batch: Batch) -> None:
    """Write rows in one transaction; when this returns, they are durable. Rows that are there already are not written again."""
    await _to_its_end(engine, _write(engine, batch))


async def _to_its_end(engine: AsyncEngine, work: Coroutine[Any, Any, None]) -> None:
    """Do the work of a transaction. Whoever gives it up waits until SQLite has ended it.

    The thread that asks SQLite cannot be stopped, and a statement that is cut off keeps its lock until its cursor is garbage collected.
    """
    if engine.dialect.name != "sqlite":
        await work
        return
    doing = asyncio.create_task(work)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.gather(doing, return_exceptions=True)
        raise


async def _upgrade_all(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)


async def _write(engine: AsyncEngine, batch: Batch) -> None:
    new_calls, new_shown, new_feedback = batch
    async with engine.begin() as connection:
        await _insert(connection, calls, new_calls)
        await _insert(connection, shown, new_shown)
        # in one order for all processes, so that two of them never wait for each other's rows
        await _insert(connection, feedback, sorted(new_feedback, key=itemgetter(0, 1, 2, 3)))


async def _insert(connection: AsyncConnection, table: Table, rows: Sequence[NamedTuple]) -> None:
    statement = _STATEMENTS[connection.dialect.name][table]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        await connection.execute(statement, [row._asdict() for row in rows[start : start + ROWS_AT_ONCE]])


def _statements(dialect: Any) -> dict[Table, Any]:
    """How a row comes in. Of two reports with one key, the one that says more stays, else the last by alphabet: order never matters."""
    new = dialect.insert(feedback)
    key = [column.name for column in feedback.primary_key]
    said = [column.name for column in feedback.columns if column.nullable]

    def words(columns: Any) -> Any:
        return tuple_(*(func.coalesce(columns[name], _NOTHING) for name in said))

    merge = new.on_conflict_do_update(
        index_elements=key, set_={name: new.excluded[name] for name in said}, where=words(new.excluded) > words(feedback.c)
    )
    return {calls: dialect.insert(calls).on_conflict_do_nothing(), shown: dialect.insert(shown).on_conflict_do_nothing(), feedback: merge}


_STATEMENTS = {"sqlite": _statements(sqlite), "postgresql": _statements(postgresql)}


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(func.pg_advisory_xact_lock(_MIGRATION_LOCK).select())
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def _use_write_ahead_log(engine: AsyncEngine) -> None:
    """The file keeps this mode. SQLite does not wait for its lock while it changes it, so we do."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            async with engine.connect() as connection:
                raw = await connection.get_raw_connection()
                await raw.driver_connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[union-attr]
            return
        except (OperationalError, sqlite3.OperationalError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.02)


def _open_sqlite(connection: Any, _record: Any) -> None:
    """Each commit is flushed to the disk."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _open_postgresql(connection: Any, _record: Any) -> None:
    """A server may be set to acknowledge before it has written to disk; feedback is acknowledged only after."""
    cursor = connection.cursor()
    cursor.execute("SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
    cursor.close()
    connection.commit()

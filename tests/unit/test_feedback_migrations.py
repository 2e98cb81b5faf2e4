"""Migrations and tables say the same, and several processes may migrate at once."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import create_engine

from cds.feedback import database
from cds.feedback.tables import metadata


@pytest.fixture
def file(tmp_path):
    return tmp_path / "50 % folder" / "feedback.sqlite3"


def migrate(file) -> None:
    async def once():
        engine = database.connect(f"sqlite+aiosqlite:///{file}")
        await database.upgrade(engine)
        await engine.dispose()

    asyncio.run(once())


def test_migrations_make_the_tables_as_they_are_described(file):
    migrate(file)
    with create_engine(f"sqlite:///{file}").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_several_processes_migrate_at_once(file):
    code = (
        "import asyncio, sys; from cds.feedback import database; input();"
        "asyncio.run(database.upgrade(database.connect(f'sqlite+aiosqlite:///{sys.argv[1]}')))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert sqlite3.connect(file).execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_a_file_that_another_process_is_making_is_waited_for(file):
    file.parent.mkdir()
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE half_made (id)")
    release = threading.Timer(0.3, other.rollback)
    release.start()
    migrate(file)
    assert sqlite3.connect(file).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_migration_that_fails_leaves_nothing_behind(file, monkeypatch):
    monkeypatch.setattr("alembic.op.create_index", lambda *_args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        migrate(file)
    monkeypatch.undo()
    assert sqlite3.connect(file).execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    migrate(file)


def test_a_database_of_a_newer_version_is_left_alone(file):
    migrate(file)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(CommandError):
        migrate(file)


def test_a_commit_is_flushed_to_the_disk(file):
    async def pragmas():
        engine = database.connect(f"sqlite+aiosqlite:///{file}")
        await database.upgrade(engine)
        async with engine.connect() as connection:
            found = [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
        await engine.dispose()
        return found

    assert asyncio.run(pragmas()) == ["wal", 2]

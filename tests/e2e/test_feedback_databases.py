"""The same behaviour on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from cds.api.feedback import rows_of
from cds.feedback import database
from cds.feedback.comments import seal, unseal
from cds.feedback.reading import read_report
from cds.feedback.records import Call, Feedback, RecordError, Shown
from cds.feedback.store import Store
from cds.feedback.tables import calls, feedback, metadata
from cds.protocol.feedback import FeedbackEntry
from cds.settings import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SERVICE = "ms-patient-view"
KEY = bytes(range(64))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path, postgres) -> str:
    address = postgres.database() if request.param == "postgresql" else f"sqlite:///{tmp_path}/50 % of all/feedback.sqlite3"
    return Settings(database_url=address).database


def plain(url: str) -> str:
    return url.replace("+aiosqlite", "")


def keep(url: str, *groups: list[Feedback], workers: int = 1) -> None:
    """Hand all groups to as many stores at once, in turn."""

    async def all_at_once():
        stores = [Store(url) for _ in range(workers)]
        for store in stores:
            store.start()
        await asyncio.gather(*(stores[n % workers].keep(group) for n, group in enumerate(groups)))
        for store in stores:
            await store.aclose()

    asyncio.run(all_at_once())


def stored(url: str) -> set[tuple]:
    engine = create_engine(plain(url))
    with engine.connect() as connection:
        rows = {tuple(row)[:4] + tuple(row)[6:] for row in connection.execute(select(feedback))}
    engine.dispose()
    return rows


def report(card: str, at: datetime = NOW, outcome: str = "overridden", **more) -> Feedback:
    return Feedback(SERVICE, card, outcome, at, "hospital", NOW, **more)


def test_migrations_make_the_tables_as_they_are_described(url):
    keep(url, [])
    with create_engine(plain(url)).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []


def test_several_workers_open_a_new_database_at_once(url):
    keep(url, *([report(f"card-{n}")] for n in range(8)), workers=4)
    assert len(stored(url)) == 8


def test_overlapping_batches_of_several_workers_do_not_block_each_other(url):
    batches = [
        [report(f"card-{n % 40}", reason_code="ab"[n % 2]) for n in range(first, first + 60, 3)][:: 1 if first % 2 else -1]
        for first in range(40)
    ]
    keep(url, *batches, workers=3)
    assert len(stored(url)) == 40


def test_a_group_that_fails_leaves_no_row_and_no_lock(url):
    event = Call(uuid.uuid4().hex, NOW, SERVICE, "hospital", "cards", 200, "ahsct", "0" * 64, 2.5)

    async def fail_then_write():
        engine = database.connect(url)
        await database.upgrade(engine)
        with pytest.raises(DBAPIError):
            await database.write(engine, ([event], [], [report("a")._replace(service=None)]))
        with create_engine(plain(url)).begin() as other:
            assert other.execute(select(calls)).all() == []
            other.execute(feedback.insert(), report("b")._asdict())
        await database.write(engine, ([event], [], [report("c")]))
        await engine.dispose()

    asyncio.run(fail_then_write())
    assert {row[1] for row in stored(url)} == {"b", "c"}


def test_order_and_repetition_change_nothing(url):
    first = [report("a"), report("b", reason_code="Ärger"), report("b", reason_code="zeta"), report("b", reason_code="Zeta")]
    second = [report("b"), report("a", reason_display="words"), report("a", outcome="accepted", suggestions="s")]
    keep(url, first, second)
    expected = stored(url)
    keep(url, second[::-1], first[::-1], first + second)
    assert stored(url) == expected
    assert len(expected) == 3


def test_times_come_back_as_they_went(url):
    moments = [datetime(1, 1, 2, tzinfo=UTC), NOW + timedelta(microseconds=1), datetime(2024, 2, 29, 23, 59, 59, 999999, UTC)]
    keep(url, [report("a", at=moment) for moment in moments])
    assert sorted(row[3] for row in stored(url)) == sorted(moments)


ANY = st.text(st.characters(codec="utf-8"), max_size=30)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(ANY, min_size=5, max_size=5))
def test_no_text_of_a_client_makes_a_row_that_cannot_be_written(url, words):
    card, code, system, display, comment = words
    entry = FeedbackEntry.model_validate(
        {
            "card": f"{card}x",
            "outcome": "accepted",
            "outcomeTimestamp": "2026-11-20T12:00:00Z",
            "acceptedSuggestions": [{"id": f"{code}x"}],
            "overrideReason": {"reason": {"code": f"{code}x", "system": system, "display": display}, "userComment": comment},
        }
    )
    rows = rows_of([entry], SERVICE, "hospital", NOW, KEY)
    assert not comment or unseal(rows[0], KEY) == comment
    keep(url, rows)
    assert {row[:4] for row in rows} <= {row[:4] for row in stored(url)}


def test_comments_are_read_back_with_the_key(url, monkeypatch):
    from cds.cli import app

    plain = report("a", at=NOW + timedelta(microseconds=1))
    keep(url, [plain._replace(comment=seal("Zu müde.", plain, KEY)), report("b")])
    monkeypatch.setenv("RANVIER_DATABASE_URL", url)
    monkeypatch.setenv("RANVIER_COMMENT_KEY", base64.b64encode(KEY).decode())
    result = CliRunner().invoke(app, ["feedback", "comments", "--since", "2026-11-20", "--until", "2026-11-20"])
    assert result.exit_code == 0, result.output
    (line,) = [json.loads(line) for line in result.output.splitlines()]
    assert (line["card"], line["comment"]) == ("a", "Zu müde.")


def test_a_server_that_acknowledges_early_is_told_not_to(postgres):
    address = postgres.database()
    with create_engine(Settings(database_url=address).database).begin() as connection:
        connection.execute(text(f'ALTER DATABASE "{connection.engine.url.database}" SET synchronous_commit = off'))

    async def setting():
        engine = database.connect(Settings(database_url=address).database)
        async with engine.connect() as connection:
            found = (await connection.execute(text("SHOW synchronous_commit"))).scalar()
        await engine.dispose()
        return found

    assert asyncio.run(setting()) == "on"


def fill(url: str) -> None:
    """Two cards shown in November, one in December; one overridden, one accepted after all, one report on an unknown card."""

    def card(name: str, at: datetime) -> Shown:
        return Shown(name, at, SERVICE, "hospital", "ahsct", "ahsct-rrms", "2026.11", "0" * 64)

    async def write():
        engine = database.connect(url)
        await database.upgrade(engine)
        december = NOW + timedelta(days=15)
        events = [Call(uuid.uuid4().hex, at, SERVICE, "hospital", "cards", 200, "ahsct", "0" * 64, 2.5) for at in (NOW, NOW, december)]
        reports = [
            report("a", reason_code="patient-refuses"),
            report("b"),
            report("b", outcome="accepted", at=NOW + timedelta(hours=1)),
            report("unknown"),
            report("c")._replace(service="ms-order-sign"),
        ]
        await database.write(engine, (events, [card("a", NOW), card("b", NOW), card("c", december)], reports))
        await engine.dispose()

    asyncio.run(write())


def test_the_report_reads_what_was_written(url):
    fill(url)
    report = read_report(url)
    assert [(line.period, line.shown, line.accepted, line.overridden) for line in report.cards] == [
        ("2026-11", 2, 1, 1),
        ("2026-12", 1, 0, 0),
    ]
    assert [(reason.code, reason.count) for reason in report.cards[0].reasons] == [("patient-refuses", 1)]
    assert [(line.service, line.overridden) for line in report.unmatched] == [("ms-order-sign", 1), (SERVICE, 1)]
    assert [(line.period, line.calls) for line in report.calls] == [("2026-11", 2), ("2026-12", 1)]


@pytest.mark.parametrize(
    ("since", "until", "cards"),
    [
        (date(2026, 11, 20), date(2026, 11, 20), 2),
        (date(2026, 11, 21), None, 1),
        (None, date(2026, 11, 19), 0),
        (date(2026, 12, 5), date(2026, 12, 5), 1),
    ],
)
def test_both_days_of_a_report_are_included(url, since, until, cards):
    fill(url)
    report = read_report(url, since, until)
    assert sum(line.shown for line in report.cards) == cards
    assert sum(line.calls for line in report.calls) == cards


def test_a_report_without_a_record_says_so_and_makes_none(url, tmp_path):
    with pytest.raises(RecordError, match="no record can be read"):
        read_report(url)
    assert list(Path(tmp_path).iterdir()) == []


def test_a_report_without_a_server_does_not_tell_the_password():
    with pytest.raises(RecordError) as caught:
        read_report("postgresql+psycopg://user:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("form", "start"), [("table", "Cards"), ("csv", "what,period"), ("json", "{")])
def test_the_command(url, form, start, monkeypatch):
    from cds.cli import app

    fill(url)
    monkeypatch.setenv("RANVIER_DATABASE_URL", url)
    result = CliRunner().invoke(app, ["feedback", "report", "--format", form, "--since", "2026-11-01", "--until", "2026-11-30"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(start)
    assert "patient-refuses" in result.output

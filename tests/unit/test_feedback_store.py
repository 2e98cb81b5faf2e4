"""The store: what was acknowledged is on disk, whatever happens; what waits is bounded; nothing is written twice."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import time
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.feedback import database, store
from cds.feedback.records import Call, Feedback, Shown
from cds.feedback.store import DROPPED, FAILURES, Store, StoreUnavailableError
from cds.feedback.tables import calls, feedback, shown

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, UTC)
CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"


def report(card: str = CARD, outcome: str = "overridden", at: datetime = NOW, **more) -> Feedback:
    return Feedback("ms-patient-view", card, outcome, at, "hospital", NOW, **more)


def call() -> Call:
    return Call(uuid.uuid4().hex, NOW, "ms-patient-view", "hospital", "cards", 200, "dmtSwitch msc", "0" * 64, 3.25)


def card() -> Shown:
    return Shown(str(uuid.uuid4()), NOW, "ms-patient-view", "hospital", "dmtSwitch", "dmt-switch", "2026.11", "0" * 64)


def address(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def rows(file: Path, table: str = "feedback") -> list[tuple]:
    connection = sqlite3.connect(file)
    found = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4").fetchall()
    connection.close()
    return found


@pytest.fixture
def file(tmp_path):
    return tmp_path / "folder" / "feedback.sqlite3"


@pytest.fixture
async def kept(file):
    """A store that is open, closed at the end."""
    opened = Store(address(file))
    opened.start()
    yield opened
    await opened.aclose()


class Blocked:
    """Takes the place of `database.write`: waits until it is let go."""

    def __init__(self, monkeypatch):
        self.go, self.groups, self._write = asyncio.Event(), [], database.write
        monkeypatch.setattr(database, "write", self)

    async def __call__(self, engine, batch):
        await self.go.wait()
        self.groups.append(tuple(len(kind) for kind in batch))
        await self._write(engine, batch)


def test_rows_have_the_columns_of_their_tables():
    for record, table in ((Call, calls), (Shown, shown), (Feedback, feedback)):
        assert record._fields == tuple(column.name for column in table.columns)


async def test_what_is_acknowledged_is_on_disk(kept, file):
    await kept.keep([report(reason_code="patient-refuses")])
    assert [row[:6] for row in rows(file)] == [
        ("ms-patient-view", CARD, "overridden", "2026-11-20 12:00:00.123456", "hospital", "2026-11-20 12:00:00.123456")
    ]


async def test_nothing_is_acknowledged_before_it_is_on_disk(kept, monkeypatch):
    blocked = Blocked(monkeypatch)
    waiting = asyncio.create_task(kept.keep([report()]))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    blocked.go.set()
    await waiting


async def test_what_waits_is_committed_together(kept, monkeypatch):
    await kept.keep([])
    blocked = Blocked(monkeypatch)
    first = asyncio.create_task(kept.keep([report(str(uuid.uuid4()))]))
    await asyncio.sleep(0.02)
    others = [asyncio.create_task(kept.keep([report(str(uuid.uuid4()))])) for _ in range(40)]
    kept.note(call(), [card(), card()])
    await asyncio.sleep(0.02)
    blocked.go.set()
    await asyncio.gather(first, *others)
    assert blocked.groups == [(0, 0, 1), (1, 2, 40)]


async def test_audit_rows_are_written_without_being_asked_for(kept, file):
    await kept.keep([])
    kept.note(call(), [card(), card()])
    while not rows(file, "shown"):
        await asyncio.sleep(0.01)
    assert (len(rows(file, "calls")), len(rows(file, "shown"))) == (1, 2)


async def test_the_end_writes_what_waits(file):
    opened = Store(address(file))
    opened.start()
    for _ in range(3_000):
        opened.note(call(), [card()])
    await opened.aclose()
    assert (len(rows(file, "calls")), len(rows(file, "shown"))) == (3_000, 3_000)


async def test_after_the_end_nothing_is_acknowledged(kept):
    await kept.aclose()
    with pytest.raises(StoreUnavailableError):
        await kept.keep([report()])


def test_a_store_that_was_never_started_can_be_closed(file):
    asyncio.run(Store(address(file)).aclose())
    assert not file.exists()


async def test_audit_rows_beyond_the_room_are_dropped_and_counted(file, monkeypatch):
    monkeypatch.setattr(store, "ROOM", 4)
    before = DROPPED._value.get()
    full = Store(address(file))
    for _ in range(3):
        full.note(call(), [card()])
    assert DROPPED._value.get() - before == 2
    full.start()
    await full.aclose()
    assert (len(rows(file, "calls")), len(rows(file, "shown"))) == (2, 2)


async def test_feedback_beyond_the_room_is_refused(kept, monkeypatch):
    monkeypatch.setattr(store, "FEEDBACK_ROOM", 3)
    blocked = Blocked(monkeypatch)
    waiting = asyncio.create_task(kept.keep([report(), report()]))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailableError):
        await kept.keep([report(), report()])
    blocked.go.set()
    await waiting


async def test_without_a_database_feedback_is_refused_and_audit_rows_wait_for_it(file, capfd):
    file.parent.write_text("in the way")
    failures = FAILURES._value.get()
    kept = Store(address(file))
    kept.start()
    kept.note(call(), [card()])
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await kept.keep([report(comment="words of a user")])
    assert FAILURES._value.get() - failures >= 2
    file.parent.unlink()
    await kept.keep([report()])
    assert (len(rows(file)), len(rows(file, "calls")), len(rows(file, "shown"))) == (1, 1, 1)
    await kept.aclose()
    logged = capfd.readouterr()
    assert "words of a user" not in logged.out + logged.err


async def test_without_a_database_the_end_comes_all_the_same(file):
    file.parent.write_text("in the way")
    before = DROPPED._value.get()
    kept = Store(address(file))
    kept.start()
    kept.note(call(), [card()])
    await kept.aclose()
    assert DROPPED._value.get() - before == 2


async def test_the_end_leaves_nobody_waiting(kept, monkeypatch):
    await kept.keep([])
    blocked = Blocked(monkeypatch)
    monkeypatch.setattr(store, "COMMIT_SECONDS", 0.05)
    first = asyncio.create_task(kept.keep([report()]))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(kept.keep([report(outcome="accepted")]))
    await asyncio.sleep(0)
    await kept.aclose()
    answers = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailableError] * 2
    assert blocked.groups == []


async def test_tables_that_are_gone_are_made_again(kept, file):
    await kept.keep([report()])
    connection = sqlite3.connect(file)
    for table in ("calls", "shown", "feedback", "signatures", "alembic_version"):
        connection.execute(f"DROP TABLE {table}")
    connection.close()
    with pytest.raises(StoreUnavailableError):
        await kept.keep([report()])
    await kept.keep([report()])
    assert len(rows(file)) == 1


async def test_a_writer_elsewhere_is_waited_for(kept, file):
    await kept.keep([])
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(kept.keep([report()]))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    other.execute("COMMIT")
    await waiting


async def test_who_waits_too_long_is_refused_and_the_others_go_on(kept, file, monkeypatch):
    await kept.keep([])
    blocked = Blocked(monkeypatch)
    monkeypatch.setattr(store, "ANSWER_SECONDS", 0.02)
    with pytest.raises(StoreUnavailableError):
        await kept.keep([report()])
    monkeypatch.setattr(store, "ANSWER_SECONDS", 8)
    blocked.go.set()
    await kept.keep([report(outcome="accepted")])
    assert len(rows(file)) == 2


async def test_each_waits_its_own_time(kept, monkeypatch):
    """One is in a group that is being written, the others come after it; the last may wait longer than all of them."""
    await kept.keep([])
    blocked = Blocked(monkeypatch)
    monkeypatch.setattr(store, "ANSWER_SECONDS", 0.02)
    impatient = []
    for number in range(3):
        impatient.append(asyncio.create_task(kept.keep([report(str(number))])))
        await asyncio.sleep(0.005)
    monkeypatch.setattr(store, "ANSWER_SECONDS", 8)
    patient = asyncio.create_task(kept.keep([report()]))
    answers = await asyncio.wait_for(asyncio.gather(*impatient, return_exceptions=True), 5)
    assert [type(answer) for answer in answers] == [StoreUnavailableError] * 3
    assert not patient.done()
    blocked.go.set()
    await patient


async def test_who_waits_is_refused_in_time_after_others_were_answered(kept, monkeypatch):
    """The clock of those who were answered, and of one who left, is not that of the next."""
    await kept.keep([report()])
    blocked = Blocked(monkeypatch)
    leaves = asyncio.create_task(kept.keep([report("leaves")]))
    await asyncio.sleep(0.01)
    leaves.cancel()
    blocked.go.set()
    await kept.keep([report("comes")])
    blocked.go.clear()
    monkeypatch.setattr(store, "ANSWER_SECONDS", 0.02)
    with pytest.raises(StoreUnavailableError):
        await asyncio.wait_for(kept.keep([report("waits")]), 5)
    blocked.go.set()


@pytest.mark.parametrize("hours", [-5, 0, 5.75])
async def test_times_are_kept_in_utc(kept, file, hours):
    zone = timezone(timedelta(hours=hours))
    await kept.keep([report(at=NOW.replace(microsecond=0).astimezone(zone))])
    assert rows(file)[0][3] == "2026-11-20 12:00:00.000000"


async def test_a_commit_that_hangs_is_given_up(kept, monkeypatch):
    await kept.keep([])
    blocked = Blocked(monkeypatch)
    monkeypatch.setattr(store, "COMMIT_SECONDS", 0.02)
    with pytest.raises(StoreUnavailableError):
        await kept.keep([report()])
    monkeypatch.setattr(store, "COMMIT_SECONDS", 15)
    blocked.go.set()
    await kept.keep([report()])


async def test_a_slow_disk_leaves_no_lock_behind(kept, file, monkeypatch):
    """A statement that is cut off would keep its transaction until its cursor is collected as garbage, which a service does seldom."""
    opened = database._open_sqlite

    def open_slowly(connection, record):
        opened(connection, record)
        connection.create_function("sleep", 0, lambda: time.sleep(0.1))

    await kept.keep([report()])
    monkeypatch.setattr(database, "_open_sqlite", open_slowly)
    await kept._disconnect()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("CREATE TRIGGER slow AFTER INSERT ON feedback WHEN new.card LIKE 'slow%' BEGIN SELECT sleep(); END")
    monkeypatch.setattr(store, "COMMIT_SECONDS", 0.15)
    monkeypatch.setattr(store, "ANSWER_SECONDS", 0.1)
    gc.disable()
    try:
        with pytest.raises(StoreUnavailableError):
            await kept.keep([report(f"slow {number}") for number in range(4)])
        monkeypatch.setattr(store, "ANSWER_SECONDS", 8)
        monkeypatch.setattr(store, "COMMIT_SECONDS", 8)
        await kept.keep([report("after")])
        other.execute("BEGIN IMMEDIATE")
    finally:
        gc.enable()
    other.close()
    assert "after" in [row[1] for row in rows(file)]


async def test_audit_rows_of_a_commit_that_may_have_happened_are_not_doubled(kept, file, monkeypatch):
    write = database.write
    answers = iter([OSError("connection lost after the commit")])

    async def commit_then_fail(engine, batch):
        await write(engine, batch)
        if any(batch):
            for error in answers:
                raise error

    monkeypatch.setattr(database, "write", commit_then_fail)
    kept.note(call(), [card()])
    with pytest.raises(StoreUnavailableError):
        await kept.keep([report()])
    await kept.keep([report()])
    assert [len(rows(file, table)) for table in ("calls", "shown", "feedback")] == [1, 1, 1]


def said(row: Feedback) -> tuple[str, ...]:
    return tuple(text or "" for text in row[6:])


WORDS = st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5)
REPORTS = st.builds(
    report,
    card=st.sampled_from([CARD, "sha256:" + "0" * 64]),
    outcome=st.sampled_from(["accepted", "overridden"]),
    at=st.sampled_from([NOW, NOW + timedelta(microseconds=1)]),
    reason_code=WORDS,
    reason_system=WORDS,
    comment=WORDS,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(posts=st.lists(st.tuples(st.lists(REPORTS, max_size=4), st.booleans()), max_size=8), order=st.randoms(use_true_random=False))
def test_order_repetition_and_interleaving_of_posts_change_nothing(tmp_path, posts, order):
    """CH-FB-07: two processes, any distribution of the posts over them, any order, some posts twice."""
    file = tmp_path / f"{uuid.uuid4().hex}.sqlite3"
    repeated = posts + [post for post in posts if order.random() < 0.5]
    order.shuffle(repeated)

    async def post_all():
        workers = Store(address(file)), Store(address(file))
        for worker in workers:
            worker.start()
        await asyncio.gather(*(workers[which].keep(batch) for batch, which in repeated))
        for worker in workers:
            await worker.aclose()

    asyncio.run(post_all())
    expected: dict[tuple, Feedback] = {}
    for row in (row for batch, _ in posts for row in batch):
        if row[:4] not in expected or said(row) > said(expected[row[:4]]):
            expected[row[:4]] = row
    stored = {(row[1], row[2], row[3]): tuple(text or "" for text in row[6:]) for row in rows(file)}
    assert stored == {(row.card, row.outcome, row.outcome_at.strftime("%Y-%m-%d %H:%M:%S.%f")): said(row) for row in expected.values()}

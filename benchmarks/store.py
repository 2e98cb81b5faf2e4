"""Audit and feedback on SQLite: events per second until all are durable, and what taking an audit event costs the call.

Feedback is answered only when it is durable: each sender waits for its answer before it sends again. Every commit is flushed to the
disk (`synchronous=FULL`); what waits at the same time is committed together.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from cds.feedback.records import Call, Feedback
from cds.feedback.store import ROOM, Store

SENDERS = 2_000
"""Senders of feedback at a time; each waits for its answer."""
WAITS = 20
"""Answers that a single sender waits for, one after the other."""


async def events_per_second(rows: int) -> dict[str, float]:
    """Audit events and feedback reports durable per second, the wait of a lone sender in ms, and µs in the handler for an audit event.

    Feedback also per second of CPU: the clock of a busy machine says little.
    """
    now = datetime.now(UTC)
    rows = min(rows, ROOM - 1)
    calls = [Call(str(number), now, "ms-patient-view", "anonymous", "cards", 200, "dmtSwitch", "0" * 64, 12.5) for number in range(rows)]
    async with _store("calls", rows) as store:
        started = time.perf_counter()
        for call in calls:
            store.note(call)
        noted = time.perf_counter()
    written = time.perf_counter()
    reports = [Feedback("ms-patient-view", f"card-{number}", "accepted", now, "anonymous", now) for number in range(rows)]
    async with _store("feedback", rows + WAITS) as store:
        waiting = iter(reports)

        async def sender() -> None:
            for report in waiting:
                await store.keep([report])

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(sender() for _ in range(SENDERS)))
        answered, cpu = time.perf_counter(), time.process_time() - cpu
        for number in range(WAITS):
            await store.keep([reports[number]._replace(card=f"lone-{number}")])
        alone = time.perf_counter()
    return {
        "rows_per_second": rows / (written - started),
        "handler_us": (noted - started) / rows * 1e6,
        "feedback_per_second": rows / (answered - began),
        "feedback_per_cpu_second": rows / cpu,
        "feedback_alone_ms": (alone - answered) / WAITS * 1e3,
    }


@asynccontextmanager
async def _store(table: str, rows: int) -> AsyncIterator[Store]:
    """An open store on a new file, closed at the end; then so many rows must be in the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ranvier.sqlite3"
        store = Store(f"sqlite+aiosqlite:///{path}")
        store.start()
        await store.keep([])  # answered when the database is open and migrated
        yield store
        await store.aclose()
        with sqlite3.connect(path) as database:
            (found,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        if found != rows:
            raise RuntimeError(f"{found} of {rows} rows are in the table {table}")

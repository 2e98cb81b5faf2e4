"""The audit record: rows taken per second until all are durable, and what taking one costs the call."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cds.feedback.records import Call
from cds.feedback.store import ROOM, Store


async def events_per_second(rows: int) -> dict[str, float]:
    """Rows durable per second on SQLite, and microseconds in the handler per row."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite+aiosqlite:///{Path(folder) / 'audit.sqlite3'}")
        store.start()
        await asyncio.sleep(3)  # the database is opened and migrated in the background
        now = datetime.now(UTC)
        made = [Call(str(number), now, "ms-patient-view", "anonymous", "cards", 200, "dmtSwitch", "0" * 64, 12.5) for number in range(rows)]
        started = time.perf_counter()
        for call in made[: ROOM - 1]:
            store.note(call)
        noted = time.perf_counter()
        await store.aclose()
        return {"rows_per_second": len(made) / (time.perf_counter() - started), "handler_us": (noted - started) / len(made) * 1e6}

"""The way into the database: audit rows wait in a bounded queue and are written in groups; feedback waits until it is durable.

One writer per process. It commits what has come together in 50 ms or as soon as there are 500 rows; a feedback report is committed at
once, together with everything else that waits (group commit). While the database cannot be reached, hooks go on being answered, audit
rows wait as long as there is room, and feedback is refused, so that the client sends it again.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge

from cds.feedback.records import Call, Feedback, Shown

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from cds.feedback.database import Batch

GATHER_SECONDS = 0.05
GATHER_ROWS = 500
GROUP_ROWS = 2_000
"""Audit rows of a kind in one transaction at most."""
ROOM = 50_000
"""Audit rows that may wait; further ones are dropped and counted."""
FEEDBACK_ROOM = 20_000
"""Feedback rows that may wait; further ones are refused."""
REST_SECONDS = 1.0
"""Time between two tries while the database cannot be reached and no feedback asks for one."""
COMMIT_SECONDS = 15.0
ANSWER_SECONDS = 8.0
"""How long a feedback report waits for its commit before it is refused; it may still be written, and sending it again does no harm."""

DROPPED = Counter("ranvier_audit_rows_dropped", "Audit rows lost: no room while the database was away, or away at the end.")
FAILURES = Counter("ranvier_store_failures", "Tries to write audit rows and feedback that failed.")
UP = Gauge("ranvier_store_up", "Whether the last try to write audit rows and feedback succeeded.", multiprocess_mode="livemin")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class StoreUnavailableError(Exception):
    """The rows could not be made durable, or not in time; whoever sent them should send them again."""


class Store:
    """Takes rows from the handlers of one process and writes them. Nothing is opened before `start`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine | None = None
        self._writer: asyncio.Task[None] | None = None
        self._calls: list[Call] = []
        self._shown: list[Shown] = []
        self._reports: list[tuple[Sequence[Feedback], asyncio.Future[None]]] = []
        self._reported = 0
        self._closing = False
        self._well = True
        self._something = asyncio.Event()
        self._enough = asyncio.Event()
        self._urgent = asyncio.Event()

    def start(self) -> None:
        """Begin to write; the database is opened and migrated in the background."""
        self._writer = asyncio.get_running_loop().create_task(self._write_on())

    def note(self, call: Call, shown: Sequence[Shown] = ()) -> None:
        """Take the audit rows of one call. Never waits."""
        waiting = len(self._calls) + len(self._shown)
        if waiting >= ROOM:
            DROPPED.inc(1 + len(shown))
            return
        self._calls.append(call)
        self._shown.extend(shown)
        self._something.set()
        if waiting >= GATHER_ROWS:
            self._enough.set()

    async def keep(self, rows: Sequence[Feedback]) -> None:
        """Return once the rows are durable. Raises `StoreUnavailableError` if that cannot be said."""
        if self._writer is None or self._writer.done() or self._closing or self._reported + len(rows) > FEEDBACK_ROOM:
            raise StoreUnavailableError
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reports.append((rows, written))
        self._reported += len(rows)
        self._hurry()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await written
        except TimeoutError:
            raise StoreUnavailableError from None

    async def aclose(self) -> None:
        """Write what waits and close. What cannot be written is counted as dropped."""
        self._closing = True
        self._hurry()
        if self._writer is not None:
            await self._writer
        _answer([future for _, future in self._reports], written=False)
        DROPPED.inc(len(self._calls) + len(self._shown))
        await self._disconnect()

    def _hurry(self) -> None:
        for event in (self._something, self._enough, self._urgent):
            event.set()

    async def _write_on(self) -> None:
        """Open the database, then write group after group until nothing is left at the end."""
        written = await self._try(([], [], []))
        while True:
            if not written and not self._closing:
                await _until(self._urgent, REST_SECONDS)
            await self._gather()
            batch, waiting = self._take()
            written = await self._try(batch)
            _answer(waiting, written=written)
            if not written:
                self._calls[:0], self._shown[:0] = batch[0], batch[1]
            left = bool(self._calls or self._shown or self._reports)
            if self._closing and not (written and left):
                return
            if left:
                self._something.set()

    async def _gather(self) -> None:
        """Wait for a first row, then a little for company; feedback does not wait."""
        await self._something.wait()
        await _until(self._enough, GATHER_SECONDS)

    def _take(self) -> tuple[Batch, list[asyncio.Future[None]]]:
        """What is written next, and who waits for it."""
        rows = [row for report, _ in self._reports for row in report]
        waiting = [future for _, future in self._reports]
        batch = (self._calls[:GROUP_ROWS], self._shown[:GROUP_ROWS], rows)
        del self._calls[:GROUP_ROWS], self._shown[:GROUP_ROWS]
        self._reports, self._reported = [], 0
        self._something.clear()
        self._urgent.clear()
        if len(self._calls) + len(self._shown) < GATHER_ROWS:
            self._enough.clear()
        return batch, waiting

    async def _try(self, batch: Batch) -> bool:
        """Whether the rows are durable now. Whatever went wrong, the next try begins with a new connection."""
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await self._write(batch)
        except Exception as error:
            FAILURES.inc()
            self._say(well=False, error=_name(error))
            await self._disconnect()
            return False
        self._say(well=True)
        return True

    async def _write(self, batch: Batch) -> None:
        if self._engine is None:
            await asyncio.to_thread(importlib.import_module, "cds.feedback.database")
        from cds.feedback import database

        if self._engine is None:
            self._engine = database.connect(self._url)
            await database.upgrade(self._engine)
        if any(batch):
            await database.write(self._engine, batch)

    async def _disconnect(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    def _say(self, *, well: bool, **details: str) -> None:
        """One line when the database goes and one when it is back."""
        UP.set(well)
        if well != self._well:
            self._well = well
            if well:
                log.info("store is back")
            else:
                log.error("store cannot be written: audit rows wait, feedback is refused", **details)


def _answer(waiting: list[asyncio.Future[None]], *, written: bool) -> None:
    """Tell those who still wait whether their rows are durable."""
    for future in waiting:
        if future.done():
            continue
        if written:
            future.set_result(None)
        else:
            future.set_exception(StoreUnavailableError())


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _name(error: Exception) -> str:
    """What kind of error, without its message: databases repeat the row they refuse."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return f"{type(cause).__name__} {code}" if code else type(cause).__name__

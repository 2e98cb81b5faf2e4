"""The way into the database: audit rows wait in a bounded queue and are written in groups; feedback waits until it is durable.

One writer per process. It commits what has come together in 50 ms or as soon as there are 500 rows; a feedback report is committed at
once, together with everything else that waits (group commit). While the database cannot be reached, hooks go on being answered, audit
rows wait as long as there is room, and feedback is refused, so that the client sends it again.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import Counter, Gauge

from cds.feedback.records import Call, Feedback, Shown
from cds.log import log

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
FIRST_SECONDS = 0.5
"""Time that the first callers get before what the database needs is loaded, which would make them wait; less if there are rows before."""
REST_SECONDS = 1.0
"""Time between two tries while the database cannot be reached and no feedback asks for one."""
COMMIT_SECONDS = 15.0
ANSWER_SECONDS = 8.0
"""How long a feedback report waits for its commit before it is refused; it may still be written, and sending it again does no harm."""

DROPPED = Counter("ranvier_audit_rows_dropped", "Audit rows lost: no room while the database was away, or away at the end.")
FAILURES = Counter("ranvier_store_failures", "Tries to write audit rows and feedback that failed.")
UP = Gauge("ranvier_store_up", "Whether the last try to write audit rows and feedback succeeded.", multiprocess_mode="livemin")


class StoreUnavailableError(Exception):
    """The rows could not be made durable, or not in time; whoever sent them should send them again."""


class _Report(NamedTuple):
    """Rows that someone waits for. `due`: when that is refused, by the clock of the loop."""

    rows: Sequence[Feedback]
    written: asyncio.Future[None]
    due: float


class Store:
    """Takes rows from the handlers of one process and writes them. Nothing is opened before `start`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine | None = None
        self._writer: asyncio.Task[None] | None = None
        self._calls: list[Call] = []
        self._shown: list[Shown] = []
        self._reports: list[_Report] = []
        self._in_writing: list[_Report] = []
        self._reported = 0
        self._clock: asyncio.TimerHandle | None = None
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
        loop = asyncio.get_running_loop()
        report = _Report(rows, loop.create_future(), loop.time() + ANSWER_SECONDS)
        self._reports.append(report)
        self._reported += len(rows)
        if len(self._reports) == 1:
            self._hurry()
        if self._clock is None:
            self._clock = loop.call_at(report.due, self._refuse_late)
        await report.written

    async def aclose(self) -> None:
        """Write what waits and close. What cannot be written is counted as dropped."""
        self._closing = True
        self._hurry()
        if self._writer is not None:
            await self._writer
        _answer(self._reports, durable=False)
        self._stop_clock()
        DROPPED.inc(len(self._calls) + len(self._shown))
        await self._disconnect()

    def _hurry(self) -> None:
        for event in (self._something, self._enough, self._urgent):
            event.set()

    async def _write_on(self) -> None:
        """Open the database, then write group after group until nothing is left at the end."""
        await _until(self._something, FIRST_SECONDS)
        written = await self._try(([], [], []))
        while True:
            if not written and not self._closing:
                await _until(self._urgent, REST_SECONDS)
            await self._gather()
            batch = self._take()
            written = await self._try(batch)
            _answer(self._in_writing, durable=written)
            self._in_writing = []
            if not self._reports:
                self._stop_clock()
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

    def _take(self) -> Batch:
        """What is written next."""
        batch = (self._calls[:GROUP_ROWS], self._shown[:GROUP_ROWS], [row for report in self._reports for row in report.rows])
        del self._calls[:GROUP_ROWS], self._shown[:GROUP_ROWS]
        self._in_writing, self._reports, self._reported = self._reports, [], 0
        self._something.clear()
        self._urgent.clear()
        if len(self._calls) + len(self._shown) < GATHER_ROWS:
            self._enough.clear()
        return batch

    def _refuse_late(self) -> None:
        """Refuse those who have waited too long. One clock for all: the one who waits longest is the next."""
        loop = asyncio.get_running_loop()
        waiting = [report for report in (*self._in_writing, *self._reports) if not report.written.done()]
        late = [report for report in waiting if report.due <= loop.time()]
        _answer(late, durable=False)
        self._clock = loop.call_at(waiting[len(late)].due, self._refuse_late) if len(late) < len(waiting) else None

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

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


def _answer(reports: Iterable[_Report], *, durable: bool) -> None:
    """Tell those who still wait whether their rows are durable."""
    for report in reports:
        if report.written.done():
            continue
        if durable:
            report.written.set_result(None)
        else:
            report.written.set_exception(StoreUnavailableError())


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

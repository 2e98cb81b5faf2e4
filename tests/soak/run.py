"""One soak: start everything, load it, let the keys fail and the database restart in the middle, and look at what is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from cds.feedback.tables import metadata
from cds.settings import Settings
from tests.e2e.postgres import Postgres
from tests.service import START_SECONDS, Service
from tests.soak.load import Told, load
from tests.soak.world import CANARIES, World, make, publish_keys, spoil_keys

WATCHED = ("-m", "tests.soak.service")
QUIET_SECONDS = 15


@dataclass(slots=True)
class Result:
    """What came of a soak. `faults` is empty if all is well."""

    workers: int
    seconds: float
    told: Told
    before: list[dict[str, Any]]
    """What each worker holds: tasks, file descriptors, connections, memory."""
    after: list[dict[str, Any]]
    rows: dict[str, int]
    log_lines: int
    faults: list[str] = field(default_factory=list)


def soak(folder: Path, fhir_address: str, postgres: Postgres, *, workers: int, seconds: float) -> Result:
    """Load a service with so many workers for so many seconds."""
    world = make(folder, fhir_address)
    database = postgres.database()
    watched = folder / "watched"
    watched.mkdir()
    os.environ["SOAK_FOLDER"] = str(watched)
    with Service(folder, command=WATCHED, workers=workers, database_url=database, **world.settings) as service:
        _wait_for(watched, workers)
        asyncio.run(load(service.base, world, min(2.0, seconds / 4)))
        before = _settled(watched, workers)
        told = asyncio.run(_loaded(service.base, world, postgres, seconds))
        after = _settled(watched, workers)
        service.stop()
        log = service.log
    rows, stored = _rows(database)
    result = Result(workers, seconds, told, before, after, rows, log.count("\n"))
    result.faults += [f"{fault} ({number} times)" for fault, number in told.faults.items()]
    result.faults += _leaks(before, after)
    result.faults += [
        f"{canary!r} in {where}"
        for where, content in (("the log", log), ("the database", stored))
        for canary in CANARIES
        if canary in content
    ]
    result.faults += [f"log: {line}" for line in log.splitlines() if not _is_calm(line)][:10]
    lost = told.acknowledged - set(stored.split())
    if lost:
        result.faults.append(f"{len(lost)} reports acknowledged and not stored")
    return result


async def _loaded(base: str, world: World, postgres: Postgres, seconds: float) -> Told:
    """The load, and meanwhile what goes wrong around the service."""
    calling = asyncio.create_task(load(base, world, seconds))
    for answer in ({"text": "no keys"}, {"delay": 5}):
        await asyncio.sleep(seconds / 10)
        await asyncio.to_thread(spoil_keys, world, answer)
    await asyncio.sleep(seconds / 10)
    await asyncio.to_thread(publish_keys, world)
    await asyncio.sleep(seconds / 10)
    await asyncio.to_thread(postgres.stop)
    await asyncio.sleep(seconds / 10)
    await asyncio.to_thread(postgres.start)
    return await calling


def _wait_for(watched: Path, workers: int) -> None:
    """Wait until each worker is there: the service answers as soon as the first one does."""
    deadline = time.monotonic() + START_SECONDS
    while len(list(watched.glob("*.json"))) < workers:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _settled(watched: Path, workers: int) -> list[dict[str, Any]]:
    """What each worker holds once nothing is in flight, or at the latest after a while."""
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        held = [_ask(file) for file in sorted(watched.glob("*.json"))]
        assert len(held) == workers
        quiet = all(
            not one["outgoing_busy"] and "RequestResponseCycle.run_asgi" not in one["tasks"] and "HttpReader._get" not in one["tasks"]
            for one in held
        )
        if quiet or time.monotonic() > deadline:
            return held
        time.sleep(0.25)


def _ask(file: Path) -> dict[str, Any]:
    """What one worker holds now."""
    times = json.loads(file.read_text())["times"]
    os.kill(int(file.stem), signal.SIGUSR1)
    deadline = time.monotonic() + QUIET_SECONDS
    while (held := json.loads(file.read_text()))["times"] == times:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return held


def _leaks(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """What a worker holds more than before the load. Pooled connections to FHIR servers may stay open, idle."""
    faults = []
    for first, last in zip(before, after, strict=True):
        if last["tasks"] != first["tasks"]:
            faults.append(f"tasks: {first['tasks']} before, {last['tasks']} after")
        if last["outgoing_busy"]:
            faults.append(f"{last['outgoing_busy']} connections to FHIR servers never finished")
        files = [Counter(held["files"]) - Counter(socket=held["outgoing"]) for held in (first, last)]
        if files[1] - files[0]:
            faults.append(f"file descriptors: {dict(files[1] - files[0])} more than before")
    return faults


def _rows(database: str) -> tuple[dict[str, int], str]:
    """The number of rows by table, and all that they hold, as text."""
    engine = create_engine(Settings(database_url=database).database)
    with engine.connect() as connection:
        every = {name: connection.execute(table.select()).all() for name, table in metadata.tables.items()}
    engine.dispose()
    return {name: len(rows) for name, rows in every.items()}, "\n".join(" ".join(map(str, row)) for rows in every.values() for row in rows)


def _is_calm(line: str) -> bool:
    """Whether a log line is one of ours and tells of no fault but that of the database, which we stopped."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return False
    return found["level"] in ("debug", "info", "warning") or found["event"].startswith("store cannot be written")

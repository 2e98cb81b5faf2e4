"""Feedback is never lost: a real server process, killed in the middle of a burst, and a database that goes away (CH-FB-07, CH-FB-09)."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, select

from cds.feedback.tables import calls, feedback, shown
from cds.settings import Settings
from tests.api.samples import request
from tests.service import FEEDBACK, HOOK, Service

Key = tuple[str, str, datetime]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path, postgres) -> str:
    return postgres.database() if request.param == "postgresql" else f"sqlite:///{tmp_path}/state/feedback.sqlite3"


def stored(database: str, table: Any) -> list[Any]:
    engine = create_engine(Settings(database_url=database).database.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        rows = list(connection.execute(select(table)))
    engine.dispose()
    return rows


def keys(database: str) -> set[Key]:
    rows = stored(database, feedback)
    found = {(row.card, row.outcome, row.outcome_at) for row in rows}
    assert len(found) == len(rows)
    return found


def entry(key: Key) -> dict[str, Any]:
    card, outcome, moment = key
    zone = random.choice([UTC, None])
    text = moment.isoformat() if zone else f"{(moment + timedelta(hours=2)).replace(tzinfo=None).isoformat()}+02:00"
    return {"card": card, "outcome": outcome, "outcomeTimestamp": text, "overrideReason": {"reason": {"code": "patient-refuses"}}}


class Burst:
    """Many clients that report at once, and what they were told."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.sent: set[Key] = set()
        self.acknowledged: set[Key] = set()

    async def run(self, clients: int, kill_after: int) -> None:
        """Report without a pause; kill the service once so many reports are acknowledged."""
        async with httpx.AsyncClient(base_url=self._service.base, limits=httpx.Limits(max_connections=clients), timeout=30) as client:
            await asyncio.gather(*(self._report(client, kill_after) for _ in range(clients)))

    async def _report(self, client: httpx.AsyncClient, kill_after: int) -> None:
        moment, deadline = datetime(2026, 11, 20, 12, tzinfo=UTC), time.monotonic() + 60
        while len(self.acknowledged) < kill_after:
            new = [(str(uuid.uuid4()), random.choice(["accepted", "overridden"]), moment) for _ in range(random.randint(1, 4))]
            again = random.sample(sorted(self.sent), min(2, len(self.sent)))
            batch = {*new, *again}
            self.sent |= batch
            try:
                response = await client.post(FEEDBACK, json={"feedback": [entry(key) for key in batch]})
            except httpx.TransportError:
                return
            if response.status_code == 503:  # the database is still being opened
                assert time.monotonic() < deadline
                continue
            assert response.status_code == 200
            self.acknowledged |= batch
        self._service.kill()


async def report_all(base: str, wanted: set[Key]) -> None:
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        ordered = sorted(wanted)
        for first in range(0, len(ordered), 50):
            batch = [entry(key) for key in ordered[first : first + 50]]
            assert (await client.post(FEEDBACK, json={"feedback": batch})).status_code == 200


def test_kill_9_in_the_middle_of_a_burst_loses_nothing_acknowledged(start, database):
    burst = Burst(start(database_url=database, workers=2))
    asyncio.run(burst.run(clients=24, kill_after=400))
    survived = keys(database)
    assert burst.acknowledged <= survived <= burst.sent

    second = start(database_url=database)
    asyncio.run(report_all(second.base, burst.sent))
    with httpx.Client(base_url=second.base) as client:
        cards = [card["uuid"] for _ in range(15) for card in client.post(HOOK, json=request()).json()["cards"]]
    second.stop()
    assert keys(database) == burst.sent
    assert sorted(row.card for row in stored(database, shown)) == sorted(cards)
    assert [row.outcome for row in stored(database, calls)] == ["cards"] * 15


def test_a_database_that_is_away_comes_and_goes(start, postgres):
    database = postgres.database()
    reports = [(str(uuid.uuid4()), "overridden", datetime(2026, 11, 20, 12, tzinfo=UTC)) for _ in range(4)]
    postgres.stop()
    try:
        service = start(database_url=database)
        with httpx.Client(base_url=service.base, timeout=30) as client:
            refused(client, reports[0])
            postgres.start()
            accepted(client, reports[1])
            postgres.stop()
            refused(client, reports[2])
            postgres.start()
            accepted(client, reports[3])
        service.stop()
    finally:
        if not postgres.runs:
            postgres.start()
    assert keys(database) == {reports[1], reports[3]}
    assert [row.outcome for row in stored(database, calls)] == ["cards"] * 6
    assert len(stored(database, shown)) == 12


def refused(client: httpx.Client, key: Key) -> None:
    """Feedback is refused again and again, hooks are answered."""
    for _ in range(3):
        response = client.post(FEEDBACK, json={"feedback": [entry(key)]})
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert client.post(HOOK, json=request()).json()["cards"]


def accepted(client: httpx.Client, key: Key) -> None:
    """Feedback is accepted, at once or soon."""
    deadline = time.monotonic() + 30
    while client.post(FEEDBACK, json={"feedback": [entry(key)]}).status_code != 200:
        assert time.monotonic() < deadline

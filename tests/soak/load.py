"""Many clients at once, good and bad, and what each of them was told."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.api.samples import TOKEN
from tests.api.tokens import bearer, claims, sign
from tests.service import FEEDBACK, HOOK
from tests.soak.world import COMMENT, DEAD, STEADY, UNLUCKY, World

JSON = {"Content-Type": "application/json"}
CLIENTS = {
    "prefetched": 14,
    "fetched": 10,
    "leaving": 8,
    "feedback": 6,
    "keys that come late": 3,
    "keys that never come": 2,
    "wrong": 3,
    "discovery": 1,
}
"""How many callers of each kind there are; each begins its next call as soon as it has its answer."""
ALLOWED = {
    "prefetched": {200, 503},
    "fetched": {200, 412, 503},
    "feedback": {200, 503},
    "keys that come late": {200, 503},
    "keys that never come": {503},
    "wrong": {400, 401, 404, 413, 415, 503},
    "discovery": {200},
}
"""The answers that are right; a 503 must say when to come back."""


@dataclass(slots=True)
class Told:
    """What the callers were told: answers by kind and status, seconds by kind, and everything that should not have been."""

    answers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    left: int = 0

    def note(self, kind: str, response: httpx.Response, seconds: float) -> None:
        """Keep one answer."""
        status = response.status_code
        self.answers[kind][str(status)] += 1
        self.seconds[kind].append(seconds)
        if status not in ALLOWED[kind] or (status == 503 and "retry-after" not in response.headers):
            self.faults[f"{kind}: {status}"] += 1
        if kind == "prefetched" and status == 200 and not response.json()["cards"]:
            self.faults["prefetched: silence"] += 1


async def load(base: str, world: World, seconds: float) -> Told:
    """Let all callers call for so long."""
    told = Told()
    end = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=base, timeout=30, limits=limits) as client:
        await asyncio.gather(*(_go_on(kind, client, world, told, end) for kind, number in CLIENTS.items() for _ in range(number)))
    return told


async def _go_on(kind: str, client: httpx.AsyncClient, world: World, told: Told, end: float) -> None:
    while time.monotonic() < end:
        if kind == "leaving":
            await _leave(client.base_url.port or 0, world)
            told.left += 1
            continue
        began = time.perf_counter()
        try:
            response = await _CALLS[kind](client, world, told)
        except httpx.HTTPError as error:
            told.faults[f"{kind}: {type(error).__name__}"] += 1
            continue
        told.note(kind, response, time.perf_counter() - began)
        if response.status_code == 503:
            await asyncio.sleep(random.uniform(0.02, 0.2))


async def _prefetched(client: httpx.AsyncClient, world: World, _told: Told) -> httpx.Response:
    return await client.post(HOOK, content=world.prefetched, headers=JSON | _token(STEADY))


async def _fetched(client: httpx.AsyncClient, world: World, _told: Told) -> httpx.Response:
    return await client.post(HOOK, content=random.choice(world.fetched), headers=JSON | _token(STEADY))


async def _feedback(client: httpx.AsyncClient, _world: World, told: Told) -> httpx.Response:
    cards = [str(uuid.uuid4()) for _ in range(random.randint(1, 5))]
    reason = {"reason": {"code": "patient-refuses"}, "userComment": COMMENT}
    entry = {"outcome": "overridden", "outcomeTimestamp": datetime.now(UTC).isoformat(), "overrideReason": reason}
    response = await client.post(FEEDBACK, json={"feedback": [{"card": card, **entry} for card in cards]}, headers=_token(STEADY))
    if response.status_code == 200:
        told.acknowledged.update(cards)
    return response


async def _late(client: httpx.AsyncClient, world: World, _told: Told) -> httpx.Response:
    return await client.post(HOOK, content=world.prefetched, headers=JSON | _token(UNLUCKY))


async def _never(client: httpx.AsyncClient, world: World, _told: Told) -> httpx.Response:
    return await client.post(HOOK, content=world.prefetched, headers=JSON | _token(DEAD))


async def _wrong(client: httpx.AsyncClient, world: World, _told: Told) -> httpx.Response:
    match random.randrange(6):
        case 0:
            return await client.post(HOOK, content=world.prefetched, headers=JSON | bearer(TOKEN))
        case 1:
            return await client.post(HOOK, content=world.prefetched, headers=JSON | _token(STEADY, exp=1))
        case 2:
            return await client.post(HOOK, content=b"[" * 100_000, headers=JSON | _token(STEADY))
        case 3:
            return await client.post(HOOK, content=world.prefetched, headers={"Content-Type": "text/plain"} | _token(STEADY))
        case 4:
            return await client.post(HOOK, content=world.prefetched[:-2], headers=JSON | _token(STEADY))
        case _:
            headers = JSON | _token(STEADY, aud="https://cds.example/ms/cds-services/no-such-service")
            return await client.post("/cds-services/no-such-service", content=world.prefetched, headers=headers)


async def _discovery(client: httpx.AsyncClient, _world: World, _told: Told) -> httpx.Response:
    await asyncio.sleep(0.02)
    return await client.get("/cds-services")


_CALLS: dict[str, Callable[[httpx.AsyncClient, World, Told], Awaitable[httpx.Response]]] = {
    "prefetched": _prefetched,
    "fetched": _fetched,
    "feedback": _feedback,
    "keys that come late": _late,
    "keys that never come": _never,
    "wrong": _wrong,
    "discovery": _discovery,
}


async def _leave(port: int, world: World) -> None:
    """Send a part of a call, or all of it, and go without reading the answer; half of the time without a good-bye."""
    body = random.choice([world.prefetched, *world.fetched])
    head = "".join(f"{name}: {value}\r\n" for name, value in (JSON | _token(STEADY)).items())
    whole = f"POST {HOOK} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        if random.random() < 0.5:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.write(whole[: random.choice([random.randrange(1, 400), random.randrange(400, len(whole)), len(whole)])])
        await writer.drain()
        await asyncio.sleep(random.choice([0, 0.005, 0.05]))
        writer.close()
        await writer.wait_closed()
    except OSError:
        return


def _token(issuer: str, **changes: Any) -> dict[str, str]:
    return bearer(sign(claims(iss=issuer, **changes)))


def percentiles(seconds: list[float]) -> tuple[float, float, float]:
    """The 50th, 95th and 99th in milliseconds."""
    ordered = sorted(seconds) or [0.0]
    return tuple(round(ordered[min(len(ordered) - 1, len(ordered) * part // 100)] * 1000, 1) for part in (50, 95, 99))  # type: ignore[return-value]

"""The service as a process of its own, called over HTTP: CPU of the process tree, latencies, start-up. The client is a process apart."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import uvicorn

from benchmarks.apps import AS_OF, PATH, apps
from benchmarks.bodies import body, cases
from benchmarks.calls import SETTLE_SECONDS, quartiles

CONNECTIONS = (1, 8, 32)
SECONDS = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def served(workers: int = 1, name: str = "ranvier", more: Mapping[str, str] = MappingProxyType({})) -> Iterator[tuple[int, int, float]]:
    """A running service: its port, its process id, and the seconds until its first answer. Others than Ranvier have one worker.

    `more` goes into its environment.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory() as state:
        settings = {"PORT": str(port), "WORKERS": str(workers), "AS_OF": AS_OF, "STATE": state, "LOG_LEVEL": "error"}
        environment = os.environ | {f"RANVIER_{name}": value for name, value in settings.items()} | more
        other = ["-c", f"from benchmarks.serving import serve; serve({name!r}, {port})"]
        started = time.perf_counter()
        arguments = ["-m", "cds", "serve"] if name == "ranvier" else other
        process = subprocess.Popen([sys.executable, *arguments], env=environment, start_new_session=True)  # noqa: S603
        try:
            asyncio.run(_first_answer(port, started + 60))
            yield port, process.pid, time.perf_counter() - started
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def serve(name: str, port: int) -> None:
    """Serve one of the apps as Ranvier is served: the same server, and the garbage collector tuned alike."""
    app = apps()[name]()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    uvicorn.run(app, port=port, http="httptools", access_log=False, log_level="warning", lifespan="off")


def compared(sizes: tuple[int, ...], rounds: int = 5, seconds: float = 0.6) -> list[dict[str, Any]]:
    """CPU of the server for one call over HTTP, one connection: the floor, the naive way and Ranvier by turns; medians and quartiles."""
    names = ("bare", "naive", "ranvier")
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        running = {name: stack.enter_context(served(1, name)) for name in names}
        time.sleep(SETTLE_SECONDS)
        for case in cases(sizes):
            content = case.content
            measured = [name for name in names if name != "naive" or case.ms or case.resources == 1]
            spent: dict[str, list[float]] = {name: [] for name in measured}
            for _ in range(rounds):
                for name in measured:
                    port, pid, _ = running[name]
                    if spent[name] and name == "naive" and spent[name][0] > 1000:
                        continue
                    before = _cpu_seconds(pid)
                    calls = asyncio.run(_load(port, content, 1, seconds, None))
                    spent[name].append((_cpu_seconds(pid) - before) / len(calls) * 1000)
            middle = {name: median(found) for name, found in spent.items()}
            rows.append(
                {
                    **case._asdict(),
                    **{name: {"ms": middle[name], "quartiles": quartiles(found)} for name, found in spent.items()},
                    "ratio_to_floor": middle["ranvier"] / middle["bare"],
                    "naive_to_ranvier": middle["naive"] / middle["ranvier"] if "naive" in middle else None,
                }
            )
    return rows


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def _first_answer(port: int, deadline: float) -> None:
    content = body(42)
    while True:
        try:
            await _Connection.post_once(port, content)
            return
        except OSError:
            if time.perf_counter() > deadline:
                raise
            await asyncio.sleep(0.02)


class _Connection:
    """One keep-alive HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @classmethod
    async def post_once(cls, port: int, content: bytes) -> None:
        """One call on a connection of its own."""
        connection = await cls.open(port)
        await connection.post(content)
        connection.close()

    async def post(self, content: bytes) -> None:
        """One call; raises if the answer is not 200."""
        head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._writer.write(head.encode() + content)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.split(b"\r\n")[0].decode())
        length = next(int(line.split(b":")[1]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await self._reader.readexactly(length)

    def close(self) -> None:
        """Close it."""
        self._writer.close()


def loads(sizes: tuple[int, ...], workers: tuple[int, ...] = (1, 2), seconds: float = SECONDS) -> list[dict[str, Any]]:
    """For each number of workers, body and number of connections: CPU per call, calls per second, p50, p95 and p99 in milliseconds."""
    rows = []
    for count in workers:
        with served(count) as (port, pid, ready):
            for size in sizes:
                content = body(size)
                asyncio.run(_load(port, content, 8, 0.5, None))
                for connections in CONNECTIONS:
                    before = _cpu_seconds(pid)
                    latencies = asyncio.run(_load(port, content, connections, seconds, None))
                    spent = _cpu_seconds(pid) - before
                    rows.append({"workers": count, "resources": size, "connections": connections, "start_up_s": ready})
                    rows[-1] |= {"cpu_ms": spent / len(latencies) * 1000, "per_second": len(latencies) / seconds, **_percentiles(latencies)}
                rate = 0.8 * next(row["per_second"] for row in rows[-len(CONNECTIONS) :] if row["connections"] == 8)
                paced = asyncio.run(_load(port, content, 8, seconds, rate))
                rows.append({"workers": count, "resources": size, "connections": 8, "load": 0.8, **_percentiles(paced)})
    return rows


async def _load(port: int, content: bytes, connections: int, seconds: float, rate: float | None) -> list[float]:
    """Latencies in seconds; as fast as possible, or at a total rate of calls per second."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        connection = await _Connection.open(port)
        due = time.perf_counter() + (number / rate if rate else 0)
        while (now := time.perf_counter()) < end:
            if rate and due > now:
                await asyncio.sleep(due - now)
            started = due if rate else now
            await connection.post(content)
            latencies.append(time.perf_counter() - started)
            due += connections / rate if rate else 0
        connection.close()

    await asyncio.gather(*(caller(number) for number in range(connections)))
    return latencies


def _percentiles(latencies: list[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    return {f"p{part}_ms": ordered[min(len(ordered) - 1, len(ordered) * part // 100)] * 1000 for part in (50, 95, 99)}


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and all below it (Linux)."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        own = int(path.parent.name)
        parents.setdefault(int(values[1]), []).append(own)
        spent[own] = (int(values[11]) + int(values[12])) / _TICKS
    todo, total = [pid], 0.0
    while todo:
        one = todo.pop()
        total += spent.get(one, 0.0)
        todo += parents.get(one, [])
    return total


def start_up(rounds: int = 3) -> float:
    """Seconds from the start of the process to the first answer with cards, median.

    The modules are compiled before, as an installer does: a first start that is not counted leaves their bytecode in a folder.
    """
    times = []
    with tempfile.TemporaryDirectory() as bytecode:
        for _ in range(1 + rounds):
            with served(1, more={"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}) as (_, _, ready):
                times.append(ready)
    return median(times[1:])

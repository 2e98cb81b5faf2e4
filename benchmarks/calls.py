"""CPU time of whole calls, in process, through the ASGI app: variants interleaved in rounds, medians, ratios of the same run."""

from __future__ import annotations

import asyncio
import gc
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from benchmarks.apps import PATH, apps
from benchmarks.bodies import body, cases

SECONDS_PER_CASE = 1.5
"""CPU spent on one variant of one body at most, beyond the first round."""
ROUNDS = 15
SETTLE_SECONDS = 3.0
REST_SECONDS = 0.08
"""Between calls: the audit record is written in groups off the path of the call, and is measured by itself."""
CHUNK = 65_536


async def post(app: ASGIApp, content: bytes) -> bytes:
    """One call of the hook as a server would make it, the body in pieces. Raises if the answer is not 200."""
    starts = iter(range(0, len(content) or 1, CHUNK))
    sent: list[Message] = []

    async def receive() -> Message:
        start = next(starts, None)
        if start is None:
            await asyncio.Event().wait()  # the client stays connected
            raise AssertionError
        return {"type": "http.request", "body": content[start : start + CHUNK], "more_body": start + CHUNK < len(content)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    if sent[0]["status"] != 200:
        raise RuntimeError(f"the answer was {sent[0]['status']}: {sent[1].get('body', b'')[:300]!r}")
    return b"".join(message.get("body", b"") for message in sent[1:])


async def _started(app: ASGIApp, stack: AsyncExitStack) -> None:
    """Run the app's start-up, as a server does, and its end when the stack closes."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    ready = asyncio.Event()

    async def send(_message: Message) -> None:
        ready.set()

    await inbox.put({"type": "lifespan.startup"})
    task = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, send))  # type: ignore[arg-type]
    waiting = asyncio.ensure_future(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()

    async def end() -> None:
        await inbox.put({"type": "lifespan.shutdown"})
        await task

    stack.push_async_callback(end)


async def whole_calls(sizes: tuple[int, ...], rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """CPU milliseconds per call of every app and body: median, quartiles, and ratio to the floor. The naive way is the same for both
    kinds of patient, and measured once.
    """
    rows = []
    async with AsyncExitStack() as stack:
        made = {name: make() for name, make in apps().items()}
        for app in made.values():
            await _started(app, stack)
        await asyncio.sleep(SETTLE_SECONDS)
        for case in cases(sizes):
            content = case.content
            times: dict[str, list[float]] = {name: [] for name in made if case.ms or case.resources == 1 or name in ("bare", "ranvier")}
            for turn in range(rounds + 1):
                for name in times:
                    if turn and (sum(times[name]) > SECONDS_PER_CASE * 1000 or (turn > 1 and times[name][0] > 1500)):
                        continue
                    await asyncio.sleep(REST_SECONDS)
                    gc.collect()
                    started = time.process_time()
                    await post(made[name], content)
                    spent = (time.process_time() - started) * 1000
                    if turn or spent > 500:  # the first round warms up, unless it is dear
                        times[name].append(spent)
            middle = {name: median(found) for name, found in times.items()}
            rows.append(
                {
                    **case._asdict(),
                    "bytes": len(content),
                    **{name: {"ms": middle[name], "quartiles": quartiles(found), "rounds": len(found)} for name, found in times.items()},
                    "ratio_to_floor": middle["ranvier"] / middle["bare"],
                    "naive_to_ranvier": middle["naive"] / middle["ranvier"] if "naive" in middle else None,
                }
            )
    return rows


def quartiles(found: list[float]) -> tuple[float, float]:
    """The first and the third."""
    if len(found) < 2:
        return found[0], found[0]
    cut = quantiles(found, n=4)
    return cut[0], cut[2]


def extra_memory(name: str, size: int) -> float:
    """Peak memory of one call above what the started process and the received body need, in MB, in a fresh process.

    The bodies are made by this process: making them would leave the other one with memory that it has used before and can use again.
    """
    with tempfile.TemporaryDirectory() as folder:
        for one in (42, size):
            (Path(folder) / str(one)).write_bytes(body(one))
        code = f"from benchmarks.calls import memory_of; print(memory_of({name!r}, {size}, {folder!r}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout.split()[-1])


def memory_of(name: str, size: int, folder: str) -> float:
    """As `extra_memory`, in this process; the bodies are files in `folder`."""

    async def measured() -> float:
        async with AsyncExitStack() as stack:
            app = apps()[name]()
            await _started(app, stack)
            await post(app, (Path(folder) / "42").read_bytes())
            content = (Path(folder) / str(size)).read_bytes()
            _reset_peak()
            before = _peak()
            await post(app, content)
            return _peak() - before - len(content) / 2**20

    return asyncio.run(measured())


def _reset_peak() -> None:
    """Where the system can (Linux), forget the peak that making the body needed."""
    try:
        with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123
            file.write("5")
    except OSError:
        pass


def _peak() -> float:
    try:
        with open("/proc/self/status") as file:  # noqa: PTH123
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

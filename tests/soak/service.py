"""The service itself, watched: on SIGUSR1 each worker process writes what it holds to `SOAK_FOLDER`: `python -m tests.soak.service`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from collections import Counter
from pathlib import Path

from httpcore import AsyncHTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from cds.app import from_environment
from cds.serve import serve
from cds.settings import Settings


class Watched:
    """The app, and a word on what its process holds."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app, self._file, self._times = app, folder / f"{os.getpid()}.json", 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer; begin to listen for the signal when it starts."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._write)
            self._write()
        await self._app(scope, receive, send)

    def _write(self) -> None:
        self._times += 1
        made = [found for found in gc.get_objects() if isinstance(found, AsyncHTTPConnection)]
        outgoing = [connection for connection in made if hasattr(connection, "_connection") and not connection.is_closed()]
        held = {
            "times": self._times,
            "tasks": Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks()),
            "files": Counter(_kind(path) for path in Path("/proc/self/fd").iterdir()),
            "outgoing": len(outgoing),
            "outgoing_busy": sum(not connection.is_idle() for connection in outgoing),
            "rss_mb": round(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20),
        }
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(held))
        new.replace(self._file)


def _kind(path: Path) -> str:
    """`socket`, `pipe`, or the file itself."""
    try:
        target = str(path.readlink())
    except OSError:
        return "gone"
    return target.partition(":")[0]


def make() -> ASGIApp:
    """The app of one worker process."""
    return Watched(from_environment(), Path(os.environ["SOAK_FOLDER"]))


if __name__ == "__main__":
    serve(Settings(), "tests.soak.service:make")

"""A service as a process of its own. RANVIER_WORKERS in the environment is its number of workers, unless a test names it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from cds.settings import PREFIX
from tests.api.conftest import check_answer
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
HOOK = "/cds-services/ms-patient-view"
FEEDBACK = f"{HOOK}/feedback"
STAND_IN = ("-m", "tests.api.live")
"""The service with the stand-in core of `tests.api.fake`."""
REAL = ("-m", "cds", "serve")
"""The service with its content."""
START_SECONDS = 180
STOPPED = (0, -signal.SIGTERM)


def wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> httpx.Response:
    """The first answer of a server that is starting; a test fails with the log if it ends before or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return httpx.get(url, trust_env=False)
        except httpx.TransportError:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.05)


class Service:
    """A running server with its workers, a client for it, and its log."""

    def __init__(self, folder: Path, *, command: tuple[str, ...] = STAND_IN, **settings: object) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log_path = folder / f"log-{self.port}"
        chosen = {"port": self.port, "as_of": "2026-11-20", "public_url": self.base, **settings}
        environment = os.environ | {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
        with self.log_path.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        self.client = httpx.Client(base_url=self.base, timeout=30)
        try:
            answered = wait_for(self.process, f"{self.base}/readyz", self.log_path)
            assert answered.status_code == 200, self.log
        except BaseException:
            self.close()
            raise

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_path.read_text(encoding="utf-8")

    def call(self, body: Any, **headers: str) -> httpx.Response:
        """One service call; the answer keeps to the contract or the test fails."""
        response = self.client.post(HOOK, json=body, headers=headers)
        check_answer(response)
        return response

    def kill(self) -> None:
        """Kill -9, parent and workers at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        assert self.process.wait(10) == -signal.SIGKILL

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) in STOPPED

    def __enter__(self) -> Service:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Kill it if it still runs."""
        self.client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

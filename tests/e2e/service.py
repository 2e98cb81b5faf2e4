"""The service as a process of its own, which may be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from cds.settings import PREFIX

ROOT = Path(__file__).parents[2]
FEEDBACK = "/cds-services/ms-patient-view/feedback"
HOOK = "/cds-services/ms-patient-view"


class Service:
    """A server process with its workers, with the stand-in core."""

    def __init__(self, log: Path, **settings: object) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        chosen = {"port": self.port, "as_of": "2026-11-20", **settings}
        environment = os.environ | {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.api.live"], cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"{self.base}/readyz").status_code == 200
                return
            except httpx.TransportError:
                assert self._process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9, parent and workers at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        assert self._process.wait(10) == -signal.SIGKILL

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(30) in (0, -signal.SIGTERM)

    def remove(self) -> None:
        """Kill it if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

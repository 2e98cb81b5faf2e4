"""Server processes for tests: started on a free port, stopped at the end. And the command line, in this process."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from cds.cli import main
from tests.ports import free_port
from tests.service import wait_for

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(command: Sequence[str], url: str, log: Path, **environment: str) -> Iterator[str]:
    """A server process until the block ends; `url` must answer before the block begins."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output)
        try:
            wait_for(process, url, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@contextmanager
def ranvier(log: Path, **environment: str) -> Iterator[str]:
    """Ranvier itself with its content, on the day on which the synthetic patients are told."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    chosen = {
        "RANVIER_PORT": str(port),
        "RANVIER_PUBLIC_URL": base,
        "RANVIER_AS_OF": "2026-11-20",
        "RANVIER_STATE": str(log.parent),
        **environment,
    }
    with serving([sys.executable, "-m", "cds", "serve"], f"{base}/readyz", log, **chosen):
        yield base


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


def command(*arguments: str) -> Done:
    """Run `ranvier` with these arguments as its entry point does, without a process of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    status = 0
    with patch.object(sys, "argv", ["ranvier", *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return Done(status, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]

"""`--engine ray`: a local cluster of two workers, one of which is killed at work; nothing is lost and nothing is there twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import ray

from cds.population import run as running
from cds.population.engines import on_ray
from tests.unit.population_exports import ask_all, called, everybody, export, rows


def working() -> list[int]:
    """The workers of the cluster of this process that are at work, by the titles that Ray gives them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title, parent = (folder / "cmdline").read_bytes(), _parent(int(folder.name))
            if title.startswith(b"ray::_work") and _parent(parent) == os.getpid():
                found.append(int(folder.name))
        except (OSError, IndexError):
            continue
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers of Ray by /proc")
def test_one_of_two_workers_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "SHARE_SUSPECTS", 1)
    killed: list[int] = []

    def kill_one(what: str, done: int, whole: int) -> None:
        if what == "asking" and done and not killed and (found := working()):
            assert done < whole
            os.kill(found[0], signal.SIGKILL)
            killed.append(found[0])

    summary = ask_all(export(tmp_path / "in", everybody()), tmp_path / "out.csv", engine=on_ray(2), progress=kill_one)
    assert killed
    assert rows(tmp_path / "out.csv") == called()
    assert summary.patients == len(called())
    assert not ray.is_initialized()

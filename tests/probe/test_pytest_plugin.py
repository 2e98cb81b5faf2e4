"""The pytest plugin in a pytest of its own, with the very example that the documentation shows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probe.live import ROOT, ranvier

EXAMPLE = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "testing-your-service.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ranvier(tmp_path_factory.mktemp("ranvier") / "log") as base:
        yield base


def run(folder: Path, code: str, *options: str) -> str:
    (folder / "test_example.py").write_text(code, encoding="utf-8")
    loaded = [] if _is_installed() else ["-p", "cds.pytest_plugin"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *loaded,
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        str(folder),
        str(folder),
        *options,
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False).stdout


def _is_installed() -> bool:
    from importlib.metadata import entry_points

    return any(point.value == "cds.pytest_plugin" for point in entry_points(group="pytest11"))


def test_the_documented_example_passes(service: str, tmp_path: Path) -> None:
    assert EXAMPLE is not None
    printed = run(tmp_path, EXAMPLE[1], "--cds-hooks-url", service)
    assert "2 passed" in printed, printed


def test_a_service_that_fails_fails_the_test(service: str, tmp_path: Path) -> None:
    code = "def test_it(cds_service, hook_request):\n    cds_service.cards(hook_request('cis', without=['patient', 'conditions']))\n"
    printed = run(tmp_path, code, "--cds-hooks-url", service)
    assert "1 failed" in printed
    assert "the request was answered with 412" in printed


def test_feedback_can_be_sent(service: str, tmp_path: Path) -> None:
    code = """
def test_it(cds_service, hook_request):
    card = cds_service.cards(hook_request("ocrelizumab-failure"))[0]
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
    assert cds_service.feedback(cds_service.id_of("patient-view"), entry).status_code == 200
"""
    assert "1 passed" in run(tmp_path, code, "--cds-hooks-url", service)


def test_without_an_address_nothing_is_called(tmp_path: Path) -> None:
    assert "1 skipped" in run(tmp_path, "def test_it(cds_service):\n    assert False\n")

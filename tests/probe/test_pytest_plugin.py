"""The pytest plugin in a pytest of its own, with the very example that the documentation shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from tests.probe.live import ROOT

EXAMPLE = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "testing-your-service.md").read_text(encoding="utf-8"), re.DOTALL)
FURTHER = """
def test_feedback_can_be_sent(cds_service, hook_request):
    card = cds_service.cards(hook_request("ocrelizumab-failure"))[0]
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
    assert cds_service.feedback(cds_service.id_of("patient-view"), entry).status_code == 200


def test_a_refusal_fails_the_test(cds_service, hook_request):
    cds_service.cards(hook_request("cis", without=["patient", "conditions"]))


def test_a_hook_that_nobody_answers_fails_the_test(cds_service):
    cds_service.id_of("order-dispatch")
"""


def run(folder: Path, code: str, *options: str, **environment: str) -> str:
    """Run tests in a pytest of its own, and return what it prints."""
    (folder / "test_example.py").write_text(code, encoding="utf-8")
    installed = any(point.value == "cds.pytest_plugin" for point in entry_points(group="pytest11"))
    loaded = [] if installed and not environment else ["-p", "cds.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", *loaded, "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder), str(folder)]
    return subprocess.run(
        [*command, *options], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    ).stdout


def test_the_documented_example_passes_and_a_faulty_service_fails(service: str, tmp_path: Path) -> None:
    assert EXAMPLE is not None
    printed = run(tmp_path, EXAMPLE[1] + FURTHER, "--cds-hooks-url", service)
    assert "2 failed, 3 passed" in printed, printed
    assert "the request was answered with 412" in printed
    assert "has no service for order-dispatch" in printed


def test_without_an_address_nothing_is_called(tmp_path: Path) -> None:
    code = "def test_it(cds_service):\n    assert False\n"
    assert "1 skipped" in run(tmp_path, code, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

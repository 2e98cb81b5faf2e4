"""`ranvier call` against the service itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probe.live import ROOT, ranvier


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ranvier(tmp_path_factory.mktemp("ranvier") / "log") as base:
        yield base


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cds", "call", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_synthetic_patient_is_called_for_shown_saved_and_reported_on(service: str, tmp_path: Path) -> None:
    done = command(
        "ms-patient-view", "--patient", "ocrelizumab-failure", "--url", service, "--save", str(tmp_path), "--feedback", "overridden"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "feedback overridden: status 200" in done.stdout
    cards = json.loads((tmp_path / "response.json").read_text())["cards"]
    assert cards
    assert cards[0]["summary"][:40] in done.stdout
    request = json.loads((tmp_path / "request.json").read_text())
    assert request["hook"] == "patient-view"
    again = command("ms-patient-view", "--file", str(tmp_path / "request.json"), "--url", service, "--feedback", "accepted")
    assert "feedback accepted: status 200" in again.stdout


def test_curl_prints_a_command_that_works(service: str) -> None:
    printed = command("ms-order-select", "--patient", "ocrelizumab-drafted-hbv-unknown", "--url", service, "--curl")
    done = subprocess.run(["bash", "-c", printed.stdout], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["cards"]


def test_a_refusal_is_shown_with_its_reasons(service: str, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(
        json.dumps(
            {
                "hook": "patient-view",
                "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
                "context": {"userId": "Practitioner/1", "patientId": "x"},
            }
        )
    )
    done = command("ms-patient-view", "--file", str(path), "--url", service)
    assert done.returncode == 1
    assert "refused with 412" in done.stdout
    assert "incomplete" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such", "--patient", "cis"), "has no service"),
        (("ms-patient-view", "--patient", "nobody"), "there is no patient"),
        (("ms-patient-view",), "one of --patient and --file"),
        (("ms-patient-view", "--file", "/no/such/file"), "No such file"),
    ],
)
def test_what_cannot_be_called_is_said_in_a_line(service: str, arguments: tuple[str, ...], words: str) -> None:
    done = command(*arguments, "--url", service)
    assert done.returncode == 2
    assert words in done.stderr


def test_no_answer_is_said_in_a_line() -> None:
    done = command("ms-patient-view", "--patient", "cis", "--url", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "no answer (ConnectError)" in done.stderr

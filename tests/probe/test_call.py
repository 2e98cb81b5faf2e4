"""`ranvier call` against the service itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cds.probe.fhir_stub import listening, pool_of
from cds.vignette import load_patients
from tests.probe.live import ROOT, command


def test_a_synthetic_patient_is_called_for_shown_saved_and_reported_on(service: str, tmp_path: Path) -> None:
    done = command(
        "call", "ms-patient-view", "--patient", "ocrelizumab-failure", "--url", service, "--save", str(tmp_path), "--feedback", "overridden"
    )
    assert done.status == 0, done.out + done.err
    assert "feedback overridden: status 200" in done.out
    cards = json.loads((tmp_path / "response.json").read_text())["cards"]
    assert cards
    assert cards[0]["summary"][:40] in done.out
    request = json.loads((tmp_path / "request.json").read_text())
    assert request["hook"] == "patient-view"
    again = command("call", "ms-patient-view", "--file", str(tmp_path / "request.json"), "--url", service, "--feedback", "accepted")
    assert "feedback accepted: status 200" in again.out


def test_the_service_reads_from_the_fhir_server_that_is_named(service: str, fhir_server: str) -> None:
    arguments = ("call", "ms-patient-view", "--patient", "ocrelizumab-failure", "--url", service)
    sent = command(*arguments)
    with listening(fhir_server) as stub:
        stub.pool = pool_of(load_patients(ROOT / "seeds" / "patients")["ocrelizumab-failure"].expand().request("patient-view"))
        fetched = command(*arguments, "--fhir-server", fhir_server, "--fhir-token", "open-sesame")
        assert {one.authorization for one in stub.asked} == {"Bearer open-sesame"}
    assert fetched.status == 0
    assert fetched.out.partition("\n")[2] == sent.out.partition("\n")[2]


def test_curl_prints_a_command_that_works(service: str) -> None:
    printed = command("call", "ms-order-select", "--patient", "ocrelizumab-drafted-hbv-unknown", "--url", service, "--curl")
    done = subprocess.run(["bash", "-c", printed.out], capture_output=True, text=True, timeout=60, check=True)
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
    done = command("call", "ms-patient-view", "--file", str(path), "--url", service)
    assert done.status == 1
    assert "refused with 412" in done.out
    assert "incomplete" in done.out


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
    done = command("call", *arguments, "--url", service)
    assert done.status == 2
    assert words in done.err


def test_no_answer_is_said_in_a_line() -> None:
    done = command("call", "ms-patient-view", "--patient", "cis", "--url", "http://127.0.0.1:1")
    assert done.status == 2
    assert "no answer (ConnectError)" in done.err

"""The service as it runs: a server process, with one and with two workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.api.conftest import check_answer
from tests.api.samples import MRN, NAME, TOKEN, authorization, patient, request
from tests.api.test_fetch import PATIENT, chart
from tests.service import HOOK, REAL, ROOT, STOPPED


@pytest.mark.row("CH-HTTP-09", "CH-SEC-15", "CH-SEC-19", "CH-ERR-02")
def test_ch_sec_15_over_a_real_connection(start):
    server = start(max_body_bytes=10 * 1024 * 1024)
    assert server.call(request(fhirServer="https://fhir.example", fhirAuthorization=authorization())).json()["cards"]
    for body in (b" " * (10 * 1024 * 1024 + 1), b"[" * 100_000, b"\x00", json.dumps(request(hook=NAME)).encode()):
        response = server.client.post(HOOK, content=body, headers={"Content-Type": "application/json"})
        check_answer(response)
        assert response.status_code in (400, 413)
    head, get = server.client.head("/cds-services"), server.client.get("/cds-services")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(get.content)))
    assert server.client.get("/cds-services/").status_code == 200
    assert server.call(request()).status_code == 200
    server.stop()
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert [line["outcome"] for line in lines if line["event"] == "call"] == ["cards", "refused", "refused", "refused", "refused", "cards"]
    assert not [canary for canary in (NAME, MRN, TOKEN, "1990-05-05") if canary in server.log]


def test_calls_in_flight_are_finished_when_the_service_is_stopped(start, server, fhir_address):
    running = start(fhir_bases=fhir_address, fhir_budget_ms=3500, fhir_timeout_ms=3500)
    server.answers(**{**chart(), PATIENT: {"body": patient(), "together": 2}})
    answers = []
    calling = threading.Thread(target=lambda: answers.append(running.call(server.body())))
    calling.start()
    while PATIENT not in server.asked:
        time.sleep(0.01)
    running.process.send_signal(signal.SIGTERM)
    httpx.get(f"{server.base}/{PATIENT}")
    calling.join(20)
    assert [response.status_code for response in answers] == [200]
    assert running.process.wait(30) in STOPPED


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_two_workers_refuse_a_second_use(start, production):
    settings = production(mode="development") | {"workers": 2}
    running = start(**settings)
    tokens = [production.token() for _ in range(6)]
    statuses = []
    for token in tokens:
        fresh = [httpx.post(running.base + HOOK, json=request(), headers=token) for _ in range(4)]
        statuses.append(sorted(response.status_code for response in fresh))
    assert statuses == [[200, 401, 401, 401]] * len(tokens)
    running.stop()


@pytest.mark.row("CH-SEC-02")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ch_sec_02_a_fault_in_the_settings_stops_the_start_with_a_message(workers):
    """Also with worker processes, which would otherwise be started again for ever."""
    environment = os.environ | {"RANVIER_MODE": "production", "RANVIER_WORKERS": workers}
    found = subprocess.run([sys.executable, *REAL], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert found.stderr == "ranvier: RANVIER_MODE=production needs RANVIER_CLIENTS, a file with the clients that may call\n"


def test_the_counts_of_all_workers_are_one_page(start, tmp_path):
    running = start(workers=2, state=tmp_path / "state")
    for _ in range(20):
        assert httpx.post(running.base + HOOK, json=request()).status_code == 200
    line = 'ranvier_calls_total{client="anonymous",outcome="cards",service="ms-patient-view"} 20.0'
    assert all(line in httpx.get(f"{running.base}/metrics").text.splitlines() for _ in range(4))

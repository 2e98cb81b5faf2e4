"""The service as it runs: a server process, with one and with two workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from cds.settings import PREFIX
from tests.api.conftest import check_answer
from tests.api.samples import MRN, NAME, TOKEN, authorization, patient, request
from tests.api.test_fetch import PATIENT, chart

STOPPED = (0, -signal.SIGTERM)
ROOT = Path(__file__).parents[2]


class Live:
    """A running server process and its log."""

    def __init__(self, folder: Path, **settings):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log_path = folder / f"log-{self.port}"
        chosen = {"port": self.port, "as_of": "2026-11-20", **settings}
        environment = os.environ | {PREFIX + name.upper(): str(value) for name, value in chosen.items()}
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "tests.api.live"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        for _ in range(600):
            try:
                assert self.client.get("/readyz").status_code == 200
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def call(self, body, **headers):
        response = self.client.post("/cds-services/ms-patient-view", json=body, headers=headers)
        check_answer(response)
        return response

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture
def live(tmp_path):
    started = []

    def start(**settings):
        started.append(Live(tmp_path, **settings))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()
        server.client.close()


@pytest.mark.row("CH-HTTP-09", "CH-SEC-15", "CH-SEC-19", "CH-ERR-02")
def test_ch_sec_15_over_a_real_connection(live):
    server = live(max_body_bytes=10 * 1024 * 1024)
    assert server.call(request(fhirServer="https://fhir.example", fhirAuthorization=authorization())).json()["cards"]
    for body in (b" " * (10 * 1024 * 1024 + 1), b"[" * 100_000, b"\x00", json.dumps(request(hook=NAME)).encode()):
        response = server.client.post("/cds-services/ms-patient-view", content=body, headers={"Content-Type": "application/json"})
        check_answer(response)
        assert response.status_code in (400, 413)
    head, get = server.client.head("/cds-services"), server.client.get("/cds-services")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(get.content)))
    assert server.client.get("/cds-services/").status_code == 200
    assert server.call(request()).status_code == 200
    assert server.stop() in STOPPED
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert [line["outcome"] for line in lines if line["event"] == "call"] == ["cards", "refused", "refused", "refused", "refused", "cards"]
    assert not [canary for canary in (NAME, MRN, TOKEN, "1990-05-05") if canary in server.log]


def test_calls_in_flight_are_finished_when_the_service_is_stopped(live, server, fhir_address):
    running = live(fhir_bases=fhir_address, fhir_budget_ms=3500, fhir_timeout_ms=3500)
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
def test_ch_sec_13_two_workers_refuse_a_second_use(live, production, tmp_path):
    settings = production(mode="development") | {"workers": 2}
    running = live(**settings)
    tokens = [production.token() for _ in range(6)]
    statuses = []
    for token in tokens:
        fresh = [
            httpx.post(f"http://127.0.0.1:{running.port}/cds-services/ms-patient-view", json=request(), headers=token) for _ in range(4)
        ]
        statuses.append(sorted(response.status_code for response in fresh))
    assert statuses == [[200, 401, 401, 401]] * len(tokens)
    assert running.stop() in STOPPED


def test_a_fault_in_the_settings_stops_the_start_with_a_message(tmp_path):
    environment = os.environ | {"RANVIER_MODE": "production"}
    found = subprocess.run(
        [sys.executable, "-m", "tests.api.live"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode != 0
    assert "RANVIER_CLIENTS" in found.stderr

"""Errors, what they say and what they and the log never say (contract 2.14, CH-SEC-15, CH-SEC-19)."""

from __future__ import annotations

import json

import pytest

from cds import log
from cds.api.core import Core
from tests.api.fake import core
from tests.api.samples import MRN, NAME, TOKEN, authorization, condition, patient, prefetch, request, with_context

CANARIES = (NAME, "Zaphodina", MRN, TOKEN, "1990-05-05")


class DetailedError(Exception):
    """A fault whose message holds what it worked on, as messages of validators do."""


def broken(_call, values, _as_of):
    raise DetailedError(json.dumps(values))


@pytest.fixture
def broken_core() -> Core:
    return Core("test", "0" * 64, core().hooks, broken)


@pytest.mark.row("CH-ERR-01", "CH-ERR-02", "CH-ERR-04", "CH-ERR-05", "CH-412-05", "CH-HTTP-03")
def test_ch_err_04_a_fault_is_a_500_without_a_trace(make_wire, broken_core, capfd):
    response = make_wire(broken_core).call(request())
    assert response.status_code == 500
    assert "DetailedError" not in response.text
    assert "Traceback" not in response.text
    written = capfd.readouterr()
    assert "DetailedError at hooks.py" in written.err
    assert not [canary for canary in CANARIES if canary in response.text + written.out + written.err]


BAD = [
    request(hook=NAME),
    request(hookInstance={"name": NAME}),
    with_context(patientId=f"{NAME}&{MRN}"),
    with_context(userId=5, **{NAME: MRN}),
    with_context("order-select", draftOrders={NAME: MRN}),
    request(fhirServer=NAME, fhirAuthorization=authorization(expires_in=NAME)),
    request(prefetch={"patient": patient(id=MRN), NAME: MRN}),
    request(prefetch={NAME: patient(), "conditions": NAME}),
    {NAME: MRN, "hook": [NAME]},
]


@pytest.mark.row("CH-ERR-01", "CH-ERR-02", "CH-SEC-15", "CH-SEC-19")
@pytest.mark.parametrize("body", [*BAD, json.dumps(request()).encode()[:-20], f'"{NAME}'.encode()])
@pytest.mark.parametrize("profile", ["interop", "strict"])
def test_ch_err_02_no_input_in_errors_or_log(make_wire, body, profile, capfd):
    response = make_wire(profile=profile).call(body, headers={"Authorization": f"Bearer {TOKEN}", "X-Request-Id": MRN})
    assert response.status_code < 500
    written = capfd.readouterr()
    everything = response.text + str(response.headers) + written.out + written.err
    assert not [canary for canary in CANARIES if canary in everything]


@pytest.mark.row("CH-ERR-01")
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("TRACE", "/cds-services"), ("POST", "/healthz"), ("GET", "/cds-services/a/b/c/d")]
)
def test_ch_err_01_errors_of_the_framework_are_outcomes(wire, method, path):
    assert wire.request(method, path).json()["resourceType"] == "OperationOutcome"


@pytest.mark.row("CH-SEC-15", "CH-SEC-19")
def test_ch_sec_19_one_log_line_a_call_with_our_own_words_only(wire, capfd):
    wire.call(
        request(
            fhirServer="https://fhir.example",
            fhirAuthorization=authorization(),
            hookInstance=NAME,
            prefetch=prefetch(conditions=condition(note=[{"text": NAME}])),
        )
    )
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert len(lines) == 1
    line = lines[0]
    assert (line["event"], line["service"], line["client"], line["outcome"], line["status"]) == (
        "call",
        "ms-patient-view",
        "anonymous",
        "cards",
        200,
    )
    assert line["topics"] == ["dmtSwitch", "msc"]
    assert line["warnings"] == ["hookInstance-not-uuid"]
    assert line["content"] == "0" * 12
    assert {"ms", "request_id", "timestamp", "level"} <= set(line)
    assert not [canary for canary in CANARIES if canary in str(line)]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (request(), "cards"),
        (request(prefetch=prefetch(conditions=None)), "silent"),
        (request(prefetch=None), "dataUnavailable"),
        ({}, "refused"),
    ],
)
def test_the_log_names_the_outcome(wire, body, outcome, capfd):
    wire.call(body)
    assert json.loads(capfd.readouterr().err)["outcome"] == outcome


def test_place_of_an_error_has_no_message():
    with pytest.raises(DetailedError) as caught:
        broken(None, NAME, None)
    assert log.place_of(caught.value).startswith("DetailedError at test_errors.py:")
    assert log.place_of(ValueError(NAME)) == "ValueError"

"""The sandbox's FHIR server and its guard, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from cds.probe.token import Signer
from cds.sandbox.run import ISSUER, make_app
from cds.sandbox.store import build, export
from cds.vignette import load_patients
from tests.probe.live import ROOT

PATIENTS = load_patients(ROOT / "seeds" / "patients")
BASE = "http://127.0.0.1:8800"


def serve(signer: Signer | None) -> TestClient:
    return TestClient(make_app(PATIENTS, {}, "http://127.0.0.1:1", BASE, "sqlite:////no/record", signer), base_url=BASE)


@pytest.fixture(scope="module")
def sandbox() -> TestClient:
    return serve(None)


@pytest.fixture(scope="module")
def secured() -> TestClient:
    return serve(Signer(ECKey.generate_key("P-384"), "k1", "ES384", ISSUER))


def test_reading_and_searching(sandbox: TestClient) -> None:
    patient = sandbox.get("/fhir/Patient/cis")
    assert patient.headers["content-type"].startswith("application/fhir+json")
    assert patient.json()["id"] == "cis"
    first = sandbox.get("/fhir/Observation?patient=ocrelizumab-failure&_sort=-date&_count=2").json()
    seen = [entry["resource"]["id"] for entry in first["entry"]]
    assert len(seen) == 2 < first["total"]
    following = first
    while links := [link["url"] for link in following["link"] if link["relation"] == "next"]:
        following = sandbox.get(links[0]).json()
        seen += [entry["resource"]["id"] for entry in following["entry"]]
    assert len(seen) == len(set(seen)) == first["total"]
    posted = sandbox.post("/fhir/Observation/_search", data={"patient": "ocrelizumab-failure"}).json()
    assert {entry["resource"]["id"] for entry in posted["entry"]} == set(seen)
    everything = sandbox.get("/fhir/Patient/ocrelizumab-failure/$everything?_count=1000").json()
    assert {"Patient", "Observation", "MedicationAdministration"} <= {entry["resource"]["resourceType"] for entry in everything["entry"]}
    one = sandbox.get(f"/fhir/Observation?_id={seen[0]}&_format=json").json()
    assert one["total"] == 1
    assert sandbox.get("/fhir/AllergyIntolerance?patient=cis").json()["total"] == 0


def test_dates_are_sorted_newest_first(sandbox: TestClient) -> None:
    found = sandbox.get("/fhir/MedicationAdministration?patient=ocrelizumab-failure&_sort=-date&_count=500").json()
    dates = [
        str(entry["resource"].get("effectiveDateTime", entry["resource"].get("effectivePeriod", {}).get("start")))
        for entry in found["entry"]
    ]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) > 1


def test_the_server_says_what_it_is(sandbox: TestClient, secured: TestClient) -> None:
    statement = sandbox.get("/fhir/metadata").json()
    assert statement["fhirVersion"] == "4.0.1"
    assert "demonstration" in statement["implementation"]["description"].lower()
    assert "security" in secured.get("/fhir/metadata").json()["rest"][0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/nobody", 404),
        ("Patient/nobody/$everything", 404),
        ("patient", 404),
        ("Patient?colour=blue", 400),
        ("Patient?_count=x", 400),
        ("Condition?code:in=x", 400),
        ("Patient?_sort=name", 400),
        ("Patient?_format=xml", 406),
        ("", 404),
    ],
)
def test_errors_are_operation_outcomes(sandbox: TestClient, path: str, status: int) -> None:
    answer = sandbox.get(f"/fhir/{path}")
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_nothing_can_be_written(sandbox: TestClient) -> None:
    answer = sandbox.put("/fhir/Patient/cis", json={})
    assert answer.status_code == 405
    assert "cis" in sandbox.get("/fhir/Patient/cis").text


def test_other_names_of_the_host_are_refused(sandbox: TestClient) -> None:
    assert sandbox.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_every_form_of_export_holds_every_patient() -> None:
    store = build(PATIENTS.values())
    count = sum(1 for _ in store.all())
    transaction = json.loads(export(store, "transaction"))
    urls = [entry["request"]["url"] for entry in transaction["entry"]]
    assert len(urls) == len(set(urls)) == count
    assert all(entry["request"]["method"] == "PUT" for entry in transaction["entry"])
    assert len(json.loads(export(store, "bundle"))["entry"]) == count
    assert len([json.loads(line) for line in export(store, "ndjson").splitlines()]) == count
    assert set(store.resources["Patient"]) == set(PATIENTS)


def test_references_in_the_export_can_be_followed() -> None:
    store = build(PATIENTS.values())
    known = {f"{resource['resourceType']}/{resource['id']}" for resource in store.all()}
    text = export(store, "ndjson")
    references = {
        reference for resource in store.all() for reference in _references(resource) if reference.partition("/")[0] in store.resources
    }
    assert references <= known
    assert len(references) >= len(PATIENTS)
    assert all(len(line["id"]) <= 64 for line in map(json.loads, text.splitlines()))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "reference" and isinstance(member, str):
                yield member
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)

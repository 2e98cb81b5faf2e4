"""Whole patients: order, duplicates, bundles and noise change no fact; what is taken away never makes a confident no."""

from __future__ import annotations

import copy
from datetime import date
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.content import Content, default_root, load_content
from cds.explain_input import chart_of_request
from cds.patient.context import PatientContext
from cds.patient.facts import CATALOGUE
from cds.patient.read import read_patient
from cds.three_valued import Bounds
from cds.vignette.patients import load_patients

AS_OF = date(2026, 11, 20)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
LISTS = ("conditions", "medicationRequests", "medicationStatements", "medicationAdministrations", "observations", "procedures", "allergies")
DENIALS = ("none", "absent", "excluded", "notActive", "negative")
"""Words by which a fact says no. `notApplicable` is said of the person, not of the records."""
NOISE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("conditions", {"resourceType": "Condition", "code": {"text": "Tennis elbow"}, "onsetDateTime": "2026-08-01"}),
    ("procedures", {"resourceType": "Procedure", "status": "completed", "code": {"text": "Appendectomy"}, "performedDateTime": "2026-08"}),
    ("medicationRequests", {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "medicationCodeableConcept": {"text": "Vitamin D"}, "authoredOn": "2026-08-01"}),
    ("observations", {"resourceType": "Observation", "status": "final", "code": {"text": "Heart rate"}, "valueInteger": 4,
        "effectiveDateTime": "2026-08-01"}),
)  # fmt: skip


@cache
def content() -> Content:
    return load_content()


@cache
def requests() -> dict[str, dict[str, Any]]:
    return {id: patient.expand(AS_OF).request() for id, patient in load_patients(default_root() / "seeds" / "patients").items()}


def read(request: dict[str, Any]) -> PatientContext:
    chart, trigger = chart_of_request(request, content())
    return read_patient(chart, AS_OF, content(), trigger)


def values(request: dict[str, Any]) -> dict[str, Any]:
    return {name: fact.value for name, fact in read(request).facts.items()}


@cache
def known(id: str) -> PatientContext:
    return read(requests()[id])


@st.composite
def patients(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    id = draw(st.sampled_from(sorted(requests())))
    return id, copy.deepcopy(requests()[id])


@FEW
@given(patients(), st.randoms(use_true_random=False))
def test_order_duplicates_and_bundles_change_nothing(patient: tuple[str, dict[str, Any]], random: Random) -> None:
    id, request = patient
    for key in LISTS:
        if entries := (request["prefetch"].get(key) or {}).get("entry"):
            entries += copy.deepcopy(random.sample(entries, random.randint(0, len(entries))))
            random.shuffle(entries)
            cut = random.randint(0, len(entries))
            inner = {"resourceType": "Bundle", "type": "collection", "entry": entries[cut:]}
            request["prefetch"][key].pop("total", None)
            request["prefetch"][key]["entry"] = [*entries[:cut], *([{"resource": inner}] if inner["entry"] else [])]
    assert read(request) == known(id)


@FEW
@given(patients(), st.lists(st.sampled_from(NOISE), min_size=1, max_size=4))
def test_noise_changes_no_fact(patient: tuple[str, dict[str, Any]], noise: list[tuple[str, dict[str, Any]]]) -> None:
    id, request = patient
    subject = {"reference": f"Patient/{request['context']['patientId']}"}
    for number, (key, resource) in enumerate(noise):
        page = request["prefetch"].get(key)
        if isinstance(page, dict) and page.get("resourceType") == "Bundle":
            page.setdefault("entry", []).append({"resource": {**resource, "id": f"noise-{number}", "subject": subject}})
    assert read(request).facts == known(id).facts


def denied(name: str, value: Any) -> bool:
    """Whether a value says no: false, a word of denial, or a number that is certainly zero."""
    if isinstance(value, Bounds):
        return CATALOGUE[name].unit in ("relapses", "lesions", "drugs") and value.high == 0
    return value is False or value in DENIALS


UNREAD = (("conditions",), LISTS[1:4], ("observations",), ("procedures",), ("allergies",))
"""Lists that go missing together: one answered list of medications makes treatment readable (F14)."""


@FEW
@given(patients(), st.sampled_from(UNREAD), st.sampled_from(["missing", "error", "partial"]))
def test_a_list_that_cannot_be_read_makes_no_confident_no(patient: tuple[str, dict[str, Any]], keys: tuple[str, ...], how: str) -> None:
    id, request = patient
    prefetch = request["prefetch"]
    for key in keys:
        if how == "missing":
            prefetch.pop(key, None)
        elif how == "error":
            prefetch[key] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
        else:
            link = [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]
            prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "entry": [], "link": link}
    before, after = known(id).facts, read(request).facts
    flipped = {
        name: (before[name].value, after[name].value, after[name].reason)
        for name in CATALOGUE
        if denied(name, after[name].value) and not denied(name, before[name].value) and name != "treatment.readable"
    }
    if flipped:
        pytest.fail(f"{id}, {keys} {how}: {flipped}", pytrace=False)

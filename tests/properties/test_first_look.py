"""A first look changes nothing: where it says that there is no card, reading everything gives none, with the same verdict on MS."""

from __future__ import annotations

import copy
from datetime import date
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.advice import Policy, advise
from cds.api.advice import applies, concerns, core_of, settled
from cds.calls import KEYS, read_call
from cds.content import Content, default_root, load_content
from cds.fhir.chart import Chart
from cds.first_look import first_look
from cds.patient.orders import Trigger
from cds.protocol.request import read_call as read_request
from cds.vignette.patients import load_patients

DAY = date(2026, 11, 20)
HOOKS = ("patient-view", "encounter-start", "order-select", "order-sign", "problem-list-item-create")
ORDERS = (
    None,
    {"resourceType": "MedicationRequest", "id": "d", "medicationCodeableConcept": {"text": "Natalizumab"}},
    {"resourceType": "MedicationRequest", "id": "d", "medicationCodeableConcept": {"text": "Amoxicillin"}},
    {"resourceType": "ServiceRequest", "id": "d", "code": {"text": "Autologous stem cell transplantation"}},
)
CONDITIONS: tuple[dict[str, Any] | None, ...] = (
    {"text": "Osteoarthritis of knee"},
    {"text": "Multiple sclerosis"},
    {"text": "Possible multiple sclerosis"},
    {"text": "Clinically isolated syndrome"},
    {"text": "NMOSD"},
    {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G35.A"}]},
    {"coding": [{"system": "urn:local", "code": "17"}]},
    None,
)
STATES: tuple[dict[str, Any], ...] = (
    {},
    {"verificationStatus": {"coding": [{"code": "refuted"}]}},
    {"verificationStatus": {"coding": [{"code": "unconfirmed"}]}},
    {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
    {"recordedDate": "not a date"},
    {"id": "a b"},
)


@cache
def content() -> Content:
    return load_content(None, None)


@cache
def look() -> Any:
    return first_look(content())


@cache
def requests() -> dict[str, dict[str, Any]]:
    return {id: patient.expand().request("patient-view") for id, patient in load_patients(default_root() / "seeds" / "patients").items()}


def without_diagnosis(call: dict[str, Any], keep: int) -> dict[str, Any]:
    """The same patient with only the first so many problems; every other record stays."""
    call = copy.deepcopy(call)
    conditions = call["prefetch"]["conditions"]
    conditions["entry"] = conditions.get("entry", [])[:keep]
    conditions["total"] = len(conditions["entry"])
    return call


@st.composite
def charts(draw: st.DrawFn) -> tuple[Chart, Trigger]:
    call = without_diagnosis(requests()[draw(st.sampled_from(sorted(requests())))], draw(st.integers(0, 3)))
    patient, prefetch = call["context"]["patientId"], call["prefetch"]
    for number in range(draw(st.integers(0, 3))):
        made = {"resourceType": "Condition", "id": f"c{number}", "code": draw(st.sampled_from(CONDITIONS))} | draw(st.sampled_from(STATES))
        prefetch["conditions"]["entry"].append({"resource": made | {"subject": {"reference": f"Patient/{patient}"}}})
    prefetch["conditions"]["total"] = len(prefetch["conditions"]["entry"]) + draw(st.sampled_from((0, 0, 1)))
    for key in draw(st.lists(st.sampled_from(sorted(prefetch)), max_size=8)):
        prefetch[key] = draw(st.sampled_from((None, {"resourceType": "OperationOutcome"}, {"resourceType": "Bundle"}, prefetch[key], 5)))
    hook = draw(st.sampled_from(HOOKS))
    orders = draw(st.sampled_from(ORDERS)) if hook.startswith("order") else None
    drafts = {"resourceType": "Bundle", "entry": [{"resource": orders}]} if orders else {"resourceType": "Bundle"}
    picked = ["MedicationRequest/d", "ServiceRequest/d"] if hook == "order-select" else None
    added = (
        {"resourceType": "Bundle", "entry": prefetch["conditions"]["entry"][-1:]}
        if isinstance(prefetch["conditions"], dict) and ("entry" in prefetch["conditions"])
        else None
    )
    return read_call(hook, patient, prefetch, content(), draft_orders=drafts, selections=picked, conditions=added)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(charts())
def test_silence_at_first_look_is_silence(call: tuple[Chart, Trigger]) -> None:
    chart, trigger = call
    seen = look()(chart, trigger, DAY)
    whole = advise(content(), chart, trigger, DAY)
    assert seen.ms == whole.context.facts["ms"]
    if seen.silent:
        assert whole.cards == ()
        assert concerns(seen.ms) == applies(whole)
        assert trigger.hook.startswith("order") or settled(whole)
    assert advise(content(), chart, trigger, DAY, opening=seen.opening) == whole


@pytest.mark.parametrize("answered", [("Condition",), ("Condition", "Observation", "MedicationRequest"), ()])
def test_a_chart_without_records(answered: tuple[str, ...]) -> None:
    chart, trigger = Chart(answered=frozenset(answered)), Trigger(hook="patient-view")
    assert look()(chart, trigger, DAY).silent is bool(answered)
    assert advise(content(), chart, trigger, DAY).context.facts["ms"] == look()(chart, trigger, DAY).ms


@pytest.mark.parametrize("broken", [{}, {"birthDate": "soon"}, {"deceasedBoolean": "perhaps"}])
def test_a_patient_left_aside_is_read_the_same_later(broken: dict[str, Any]) -> None:
    call = next(iter(requests().values()))
    prefetch = call["prefetch"] | {"patient": call["prefetch"]["patient"] | broken}
    later = Chart.from_prefetch(prefetch, call["context"]["patientId"], KEYS, patient=False)
    assert later.patient is None
    assert later.with_patient() == Chart.from_prefetch(prefetch, call["context"]["patientId"], KEYS)


def test_a_patient_without_ms_is_not_read_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way through the core, with `advise` out of reach."""
    core = core_of(content(), Policy())
    monkeypatch.setattr("cds.api.advice.advise", None)
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1980-02-03"}
    prefetch = {"patient": patient, "conditions": {"resourceType": "Bundle", "total": 0}}
    body = {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "prefetch": prefetch}
    body["context"] = {"userId": "Practitioner/x", "patientId": "p"}
    opinion = core.advise(read_request(orjson.dumps(body), "patient-view"), prefetch, DAY)
    assert (opinion.cards, opinion.applies, opinion.settled) == ((), False, True)

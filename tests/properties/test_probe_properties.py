"""Selection before reading changes nothing: the same facts, records and cards as when everything is read."""

from __future__ import annotations

import copy
from datetime import date
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.advice import Advice, advise
from cds.calls import read_call
from cds.content import Content, default_root, load_content
from cds.fhir.codes import Concept
from cds.fhir.probe import plain, selective
from cds.patient.relevance import relevance
from cds.protocol.discovery import KEY_OF_TYPE
from cds.vignette.patients import load_patients

LOINC, SNOMED, RXNORM = "http://loinc.org", "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
CODES = (
    {"coding": [{"system": LOINC, "code": "2093-3", "display": "Cholesterol [Mass/volume] in Serum or Plasma"}]},
    {"coding": [{"system": LOINC, "code": "8867-4"}], "text": "Heart rate"},
    {"coding": [{"system": SNOMED, "code": "239873007", "display": "Osteoarthritis of knee"}]},
    {"coding": [{"system": RXNORM, "code": "617312", "display": "atorvastatin 20 MG Oral Tablet"}]},
    {"coding": [{"system": "urn:local", "code": "17"}]},
    {"text": "EDSS"},
    {"text": "Body temperature"},
    {"text": "Number of relapses in the last 12 months"},
    {"text": "MRI brain: new T2 lesions"},
    {"text": "Natalizumab"},
    {"text": "Rituximab 500 mg"},
    {"text": "Pneumonia"},
    {"text": "NMOSD"},
    {"text": "Autologous stem cell transplantation"},
    {"coding": [None], "text": "Heart rate"},
    {"coding": {"code": "x"}},
    None,
)
ODD: tuple[dict[str, Any], ...] = (
    {},
    {"id": None},
    {"id": "a b"},
    {"note": [{"text": "AQP4 antibodies positive. Relapse in May 2026."}]},
    {"valueString": "Relapse in May 2026, EDSS 4.0"},
    {"valueDateTime": "2015-05"},
    {"valueQuantity": {"value": 39.4, "unit": "Cel"}},
    {"valueQuantity": "much"},
    {"component": [{"code": {"text": "EDSS"}, "valueQuantity": {"value": 6.0}}]},
    {"component": [{"code": {"text": "Heart rate"}, "valueQuantity": {"value": 60}}]},
    {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
    {"contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "Natalizumab"}}], "medicationReference": {"reference": "#m"}},
    {"subject": {"reference": "Patient/another"}},
    {"subject": {"reference": "https://ehr.example/Patient/PATIENT"}},
    {"subject": None},
    {"subject": {"display": "somebody"}},
    {"status": "entered-in-error"},
    {"resourceType": "Encounter"},
    {"resourceType": None},
    {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
    {"meta": {"lastUpdated": "2030-01-01T00:00:00Z"}},
    {"implicitRules": "urn:x"},
)
TYPES = ("Observation", "Condition", "Procedure", "MedicationRequest", "MedicationStatement", "MedicationAdministration")


@cache
def content() -> Content:
    return load_content(None, None)


@cache
def loads() -> Any:
    return selective(relevance(content()))


@cache
def requests() -> dict[str, dict[str, Any]]:
    return {id: patient.expand().request("patient-view") for id, patient in load_patients(default_root() / "seeds" / "patients").items()}


def advice_of(call: dict[str, Any]) -> Advice:
    chart, trigger = read_call("patient-view", call["context"]["patientId"], call["prefetch"], content())
    return advise(content(), chart, trigger, date(2026, 11, 20))


def reading_of(call: dict[str, Any]) -> tuple[Any, ...]:
    """All that advice rests on. What could not be read is left out where it is named only: of a useless resource nobody asks."""
    advice = advice_of(call)
    context = advice.context
    records = (context.treatments, context.relapses, context.scans, context.edss_scores, context.cautions, context.conflicts)
    return context.facts, records, [(m.summary.id, m.fires, m.stance) for m in advice.matches], [card.name for card in advice.cards]


def resource(number: int, type_: str, patient: str, code: Any, odd: dict[str, Any]) -> dict[str, Any]:
    status = {"Condition": {}, "MedicationRequest": {"status": "active", "intent": "order"}, "MedicationStatement": {"status": "active"}}
    made = {
        "resourceType": type_,
        "id": f"b{number}",
        "subject": {"reference": f"Patient/{patient}"},
        **status.get(type_, {"status": "final" if type_ == "Observation" else "completed"}),
        ("medicationCodeableConcept" if type_.startswith("Medication") else "code"): code,
        **({"effectiveDateTime": "2026-05-02"} if type_ in ("Observation", "MedicationStatement", "MedicationAdministration") else {}),
    }
    text = orjson.dumps({**made, **odd}).replace(b"PATIENT", patient.encode())
    return orjson.loads(text)


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    call = copy.deepcopy(requests()[draw(st.sampled_from(sorted(requests())))])
    patient, prefetch = call["context"]["patientId"], call["prefetch"]
    own = [entry["resource"]["id"] for value in prefetch.values() for entry in value.get("entry", ())]
    for number in range(draw(st.integers(0, 12))):
        type_ = draw(st.sampled_from(TYPES))
        made = resource(number, type_, patient, draw(st.sampled_from(CODES)), draw(st.sampled_from(ODD)))
        if own and draw(st.integers(0, 9)) == 0:
            made["id"] = draw(st.sampled_from(own))
        if draw(st.integers(0, 4)) == 0:
            made["reasonReference"] = [{"reference": f"Condition/b{draw(st.integers(0, 12))}"}]
        urls = (
            None,
            f"https://ehr.example/{type_}/{made.get('id')}",
            f"urn:uuid:{made.get('id')}",
            "https://ehr.example/Observation/b1",
            5,
        )
        entry = {"resource": made, "fullUrl": draw(st.sampled_from(urls)), "search": draw(st.sampled_from((None, {"mode": "include"}, {})))}
        value = prefetch.setdefault(KEY_OF_TYPE[type_], {"resourceType": "Bundle", "type": "searchset"})
        if value["resourceType"] == "Bundle":
            entries = value.setdefault("entry", [])
            entries.insert(draw(st.integers(0, len(entries))), {k: v for k, v in entry.items() if v is not None})
            value["total"] = len(entries) + draw(st.sampled_from((0, 0, 0, 1, -1)))
    if draw(st.integers(0, 9)) == 0:
        prefetch["observations"]["entry"] = draw(st.sampled_from((None, {}, [None], [{}], "x")))
    return call


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls())
def test_the_same_advice_as_reading_everything(call: dict[str, Any]) -> None:
    body = orjson.dumps(call)
    assert reading_of(loads()(body)) == reading_of(plain(body))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls())
def test_what_stays_is_as_it_was_sent(call: dict[str, Any]) -> None:
    body = orjson.dumps(call)
    selected, whole = loads()(body), plain(body)
    assert {**selected, "prefetch": None} == {**whole, "prefetch": None}
    assert list(selected["prefetch"]) == list(whole["prefetch"])
    for key, value in whole["prefetch"].items():
        kept = selected["prefetch"][key]
        if kept == value:
            continue
        assert {**kept, "entry": 0, "total": 0} == {**value, "entry": 0, "total": 0}
        assert all(entry in value["entry"] for entry in kept["entry"])
        assert kept["entry"], "a list that held something is not empty"


@pytest.mark.parametrize("name", sorted(load_patients(default_root() / "seeds" / "patients")))
def test_every_synthetic_patient_gets_the_same_cards(name: str) -> None:
    body = orjson.dumps(requests()[name])
    assert advice_of(loads()(body)).cards == advice_of(plain(body)).cards


@pytest.mark.parametrize(
    "words",
    [
        "Cholesterol in HDL [Mass/volume] in Serum or Plasma",
        "Hemoglobin A1c/Hemoglobin.total in Blood",
        "Body Height",
        "Osteoarthritis of knee",
        "Rectal polypectomy",
        "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet",
    ],
)
def test_daily_records_are_left_out(words: str) -> None:
    """A pattern of the rules that found a word such as "or" in any name would have every chart read whole."""
    assert not relevance(content())(Concept.of(words))

"""One resource: accepted, mended where that loses nothing, or refused with its field paths (performance notes 1.4, CH-REQ-17)."""

import copy
import json

import pytest

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept
from cds.fhir.resources import BEARS_ON_FACTS, Refusal, Valid, validate

SUBJECT = {"reference": "Patient/p1"}
MS = {"coding": [{"system": "http://snomed.info/sct", "code": "24700007", "display": "MS"}], "text": "MS"}
SMALLEST = {
    "AllergyIntolerance": {"patient": SUBJECT, "code": MS},
    "Condition": {"subject": SUBJECT, "code": MS},
    "DiagnosticReport": {"status": "final", "code": MS, "subject": SUBJECT},
    "Encounter": {"status": "finished", "class": {"code": "AMB"}, "subject": SUBJECT},
    "Immunization": {"status": "completed", "vaccineCode": MS, "patient": SUBJECT, "occurrenceDateTime": "2024"},
    "Medication": {"code": MS},
    "MedicationAdministration": {"status": "completed", "medicationCodeableConcept": MS, "subject": SUBJECT, "effectiveDateTime": "2024"},
    "MedicationDispense": {"status": "completed", "medicationCodeableConcept": MS, "subject": SUBJECT},
    "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": MS, "subject": SUBJECT},
    "MedicationStatement": {"status": "active", "medicationCodeableConcept": MS, "subject": SUBJECT},
    "Observation": {"status": "final", "code": MS, "subject": SUBJECT},
    "Patient": {"gender": "female"},
    "Procedure": {"status": "completed", "code": MS, "subject": SUBJECT},
    "ServiceRequest": {"status": "active", "intent": "order", "code": MS, "subject": SUBJECT},
}


def make(type_, **more):
    """The smallest valid resource of a type, with elements added, changed, or removed by `...`."""
    raw = {"resourceType": type_, "id": "x"} | copy.deepcopy(SMALLEST[type_]) | more
    return {name: value for name, value in raw.items() if value is not ...}


def refusal(raw):
    found = validate(raw)
    assert isinstance(found, Refusal)
    return found.reason


def accepted(raw):
    found = validate(raw)
    assert isinstance(found, Valid), found
    return found.resource


@pytest.mark.parametrize("type_", BEARS_ON_FACTS)
def test_every_type_that_is_read_is_accepted(type_):
    assert accepted(make(type_)).get_resource_type() == type_
    assert validate(make(type_)).left_out == frozenset()


def test_the_resource_that_was_sent_is_not_changed():
    raw = make("Condition", category={"text": "x"}, onsetDateTime=None, encounter={"reference": ""})
    before = json.dumps(raw)
    accepted(raw)
    assert json.dumps(raw) == before


# Mended


@pytest.mark.parametrize(
    ("type_", "more"),
    [
        ("Condition", {"id": "with_underscore"}),
        ("Condition", {"id": "x" * 300}),
        ("Condition", {"meta": {"lastUpdated": "yesterday"}}),
        ("Condition", {"text": "generated"}),
        ("Condition", {"encounter": "Encounter/1"}),
        ("Condition", {"recorder": {"reference": 5}}),
        ("Condition", {"stage": "early"}),
        ("Condition", {"identifier": [{"use": "nonsense use", "foo": 1}]}),
        ("Condition", {"extension": [{"url": "http://x", "_valueCode": {"id": "a"}}]}),
        ("Condition", {"extension": [{"url": "http://x", "valueUuid": "urn:uuid:c757873d-ec9a-1a33-b0c4-d0e8ab1a5f0b"}]}),
        ("Condition", {"code": MS | {"extension": [{"url": "http://x", "_valueString": {"id": "a"}}]}}),
        (
            "Condition",
            {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "24700007", "display": "", "userSelected": "maybe"}]}},
        ),
        ("Condition", {"search": {"mode": "match"}, "fhir_comment": 5}),
        ("Condition", {"onsetDateTime": None, "abatementDateTime": "", "note": []}),
        ("Condition", {"contained": [{"resourceType": "MedicinalProduct"}]}),
        ("Condition", {"contained": "x"}),
        ("Condition", {"_recordedDate": {"extension": [{"url": "http://x", "_valueCode": {"id": "a"}}]}, "recordedDate": "2024"}),
        ("Observation", {"category": {"coding": [{"code": "laboratory"}]}}),
        ("Observation", {"category": "laboratory"}),
        ("Observation", {"performer": "Dr X"}),
        ("MedicationRequest", {"category": {"coding": [{"code": "community"}]}, "priority": "x y"}),
        ("MedicationRequest", {"dosageInstruction": {"text": "daily"}}),
        ("MedicationRequest", {"requester": None, "substitution": {"allowed": True}}),
        ("Patient", {"name": "X Y", "telecom": [{"system": "pigeon post", "x": 1}]}),
    ],
)
def test_what_bears_on_no_fact_is_left_out(type_, more):
    accepted(make(type_, **more))


def test_one_object_where_a_list_belongs_is_a_list_of_one():
    request = accepted(make("MedicationRequest", dosageInstruction={"text": "daily"}, category={"text": "outpatient"}))
    assert [dosage.text for dosage in request.dosageInstruction] == ["daily"]
    condition = accepted(make("Condition", category={"coding": [{"code": "encounter-diagnosis"}]}))
    assert condition.category[0].coding[0].code == "encounter-diagnosis"


def test_faults_that_come_to_light_in_stages_are_all_mended():
    found = validate(make("Patient", birthDate="1990-13-45", gender="robot", name="X"))
    assert isinstance(found, Valid)
    assert found.left_out >= {"birthDate", "gender", "name"}
    assert found.resource.gender is None


def test_null_list_items_do_not_reach_the_readers():
    condition = accepted(make("Condition", code={"coding": [None, {"code": "1", "system": "s"}, {}]}, note=[None]))
    assert [coding.code for coding in condition.code.coding] == ["1"]
    assert condition.note is None


def test_partial_dates_are_kept():
    assert accepted(make("Condition", onsetDateTime="2019-03")).onsetDateTime == "2019-03"


@pytest.mark.parametrize("type_", ["Observation", "DiagnosticReport"])
@pytest.mark.parametrize("status", ["corrected", "entered-in-error", "cancelled", "unknown", "registered", "amended"])
def test_every_status_of_r4_is_accepted(type_, status):
    assert accepted(make(type_, status=status)).status == status


# Refused


@pytest.mark.parametrize(
    ("type_", "more", "reason"),
    [
        ("Observation", {"status": ...}, "status is missing"),
        ("Observation", {"status": ""}, "status is not valid FHIR R4"),
        ("Observation", {"status": "done"}, "status is not a code of FHIR R4"),
        ("Observation", {"status": ..., "_status": {"extension": [{"url": "http://x", "valueCode": "unknown"}]}}, "status is missing"),
        ("Observation", {"code": None}, "code is missing"),
        ("Observation", {"code": {}}, "code is missing"),
        ("Observation", {"code": ...}, "code is missing"),
        ("Observation", {"valueString": "a", "valueInteger": 1}, "the resource is not valid FHIR R4"),
        ("Observation", {"valueQuantity": "5"}, "valueQuantity"),
        ("Observation", {"effectiveDateTime": "2024-05-01T10:00"}, "effectiveDateTime is not valid FHIR R4"),
        ("Observation", {"effectiveDateTime": 1714521600}, "effectiveDateTime is a number where a date belongs"),
        ("Observation", {"component": [{"valueInteger": 1}]}, "component.0.code is missing"),
        ("Condition", {"clinicalStatus": "active"}, "clinicalStatus is not valid FHIR R4"),
        ("Condition", {"verificationStatus": "confirmed"}, "verificationStatus is not valid FHIR R4"),
        ("Condition", {"subject": ...}, "subject is missing"),
        ("Condition", {"category": ["problem"]}, "category.0"),
        ("Condition", {"onsetDateTime": "2024-02-30"}, "onsetDateTime"),
        ("Condition", {"onsetPeriod": {"start": 5}}, "onsetPeriod.start is a number where a date belongs"),
        ("Condition", {"code": {"coding": [{"code": {"x": 1}}]}}, "code.coding.0.code"),
        ("Condition", {"modifierExtension": [{"url": "http://x", "valueBoolean": True}]}, "modifierExtension may change the meaning"),
        ("Condition", {"implicitRules": "http://x"}, "implicitRules may change the meaning"),
        ("Condition", {"dateRecorded": "2024-01-01"}, "dateRecorded is not an element of FHIR R4"),
        ("Condition", {"assertedDate": "2024-01-01"}, "assertedDate is not an element of FHIR R4"),
        ("MedicationStatement", {"wasNotTaken": True}, "wasNotTaken is not an element of FHIR R4"),
        ("MedicationStatement", {"adherence": {"code": MS}}, "adherence is not an element of FHIR R4"),
        ("MedicationAdministration", {"notGiven": True}, "notGiven is not an element of FHIR R4"),
        ("MedicationRequest", {"intent": "wish"}, "intent is not a code of FHIR R4"),
        ("MedicationRequest", {"medicationCodeableConcept": ...}, "the resource is not valid FHIR R4"),
        ("MedicationRequest", {"medicationCodeableConcept": ..., "medication": {"concept": MS}}, "medication is not an element of FHIR R4"),
        ("MedicationRequest", {"medicationReference": {"reference": "Medication/1"}}, "the resource is not valid FHIR R4"),
        ("MedicationRequest", {"authoredOn": "soon"}, "authoredOn is not valid FHIR R4"),
        ("Procedure", {"notDone": True}, "notDone is not an element of FHIR R4"),
        ("Patient", {"deceasedBoolean": "maybe"}, "deceasedBoolean is not valid FHIR R4"),
        ("Encounter", {"status": "over"}, "status is not a code of FHIR R4"),
    ],
)
def test_what_bears_on_a_fact_is_refused(type_, more, reason):
    assert reason in refusal(make(type_, **more))


def test_a_number_for_a_birth_date_is_left_out_not_guessed():
    assert accepted(make("Patient", birthDate=19800101)).birthDate is None


def deep(levels):
    extension = {"url": "http://x", "valueString": "x"}
    for _ in range(levels):
        extension = {"url": "http://x", "extension": [extension]}
    return extension


@pytest.mark.parametrize("levels", [10, 125, 300, 3000])
def test_deep_extensions_do_no_harm(levels):
    """Nothing is lost with them; deeper than a parser lets through, the resource is refused."""
    found = validate(make("Condition", extension=[deep(levels)]))
    assert isinstance(found, Valid) or found.reason == "nested too deeply"
    assert isinstance(found, Valid) or levels > 300


@pytest.mark.parametrize(
    "raw", [{}, {"resourceType": None}, {"resourceType": 5}, {"resourceType": []}, {"resourceType": "Claim"}, {"resourceType": "Bundle"}]
)
def test_other_types_are_not_read(raw):
    assert refusal(raw) == "its type is not read"


def test_no_value_stands_in_a_reason():
    raw = make("Observation", status="SECRET", code={"coding": "SECRET"}, valueQuantity="SECRET", effectiveDateTime="SECRET")
    assert "SECRET" not in refusal(raw)


def test_no_name_that_a_sender_made_up_stands_in_a_reason():
    raw = make("Condition", code={"Jane Doe 1980-01-01": 5})
    assert refusal(raw) == "code.unnamed is not an element of FHIR R4"


# In a chart


def chart_of(*resources):
    return Chart.from_prefetch({"all": {"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}}, "p1", {})


def test_one_bad_resource_never_hides_the_good_ones():
    chart = chart_of(make("Condition", clinicalStatus="active"), make("Condition", id="good"), make("Observation", status="done"))
    assert [entry.ref for entry in chart.entries("Condition")] == ["Condition/good"]
    assert [(item.what, item.resource, item.type) for item in chart.not_read] == [
        ("a diagnosis", "Condition/x", "Condition"),
        ("a result", "Observation/x", "Observation"),
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (make("Condition", clinicalStatus="active"), [Concept.of(MS)]),
        (make("MedicationRequest", status=...), [Concept.of(MS)]),
        (make("MedicationRequest", medicationCodeableConcept=..., medication={"concept": MS}), [Concept.of(MS)]),
        (
            make("MedicationRequest", status=..., medicationCodeableConcept=..., medicationReference={"display": "Ocrevus"}),
            [Concept(text="Ocrevus")],
        ),
        (
            make(
                "MedicationRequest",
                status=...,
                medicationCodeableConcept=...,
                medicationReference={"reference": "#m"},
                contained=[{"resourceType": "Medication", "id": "m", "code": MS}],
            ),
            [Concept.of(MS)],
        ),
        (make("MedicationRequest", status=..., medicationCodeableConcept="Ocrevus"), [Concept(text="Ocrevus")]),
        (
            make("Condition", clinicalStatus="active", code={"coding": {"code": "1", "system": "s"}}),
            [Concept.of({"code": "1", "system": "s"})],
        ),
        (make("Encounter", status="over", reasonCode=[MS, {"text": "relapse"}]), [Concept.of(MS), Concept(text="relapse")]),
        (make("Condition", clinicalStatus="active", code=...), []),
        (make("Condition", clinicalStatus="active", code=5), []),
    ],
)
def test_what_a_refused_resource_speaks_of_is_salvaged(raw, expected):
    (item,) = chart_of(raw).not_read
    assert list(item.concepts) == expected


def test_a_lost_birth_date_is_named():
    chart = chart_of(make("Patient", id="p1", birthDate="1990-13-45"))
    assert chart.patient is not None
    assert [(item.what, item.reason) for item in chart.not_read] == [("the patient record", "birthDate is not valid FHIR R4")]

"""The drug of an order, statement, administration or dispense; references; and draft orders (CH-PD-13, CH-REQ-17, Q-SBX-10, Q-EPIC-07)."""

import pytest

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept
from cds.fhir.drafts import read_drafts
from cds.fhir.medications import CARRIERS

SUBJECT = {"reference": "Patient/p1"}
OCREVUS = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1876366", "display": "ocrelizumab"}]}
ERX = {"coding": [{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.698288", "code": "9"}]}
BASE = "https://ehr.example/fhir/"


def request(reference=None, **more):
    medication = {"medicationReference": reference} if reference is not None else {"medicationCodeableConcept": OCREVUS}
    return {"resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order", "subject": SUBJECT} | medication | more


def medication(code=OCREVUS, **more):
    return {"resourceType": "Medication", "id": "m", "code": code} | more


def chart_of(*entries):
    listed = [entry if "resource" in entry else {"resource": entry} for entry in entries]
    return Chart.from_prefetch(
        {"medicationRequests": {"resourceType": "Bundle", "entry": listed}}, "p1", {"medicationRequests": "MedicationRequest"}
    )


def drug(chart):
    (entry,) = chart.entries("MedicationRequest")
    return chart.medication(entry)


@pytest.mark.parametrize(
    ("reference", "others"),
    [
        (None, []),
        ({"reference": "Medication/m"}, [medication()]),
        ({"reference": f"{BASE}Medication/m"}, [medication()]),
        ({"reference": "Medication/m/_history/2"}, [medication()]),
        ({"reference": "Medication/m"}, [{"fullUrl": f"{BASE}Medication/m", "resource": medication()}]),
        ({"reference": "urn:uuid:5b"}, [{"fullUrl": "urn:uuid:5b", "resource": medication()}]),
        ({"reference": "m"}, [medication()]),
        ({"reference": "Medication/m", "display": "something else"}, [medication()]),
        ({"reference": "Medication/m"}, [medication(None, ingredient=[{"itemCodeableConcept": OCREVUS}])]),
    ],
)
def test_the_drug_is_found_wherever_it_stands(reference, others):
    """CH-PD-13"""
    chart = chart_of(request(reference), *others)
    assert drug(chart) == Concept.of(OCREVUS)
    assert chart.not_read == ()


@pytest.mark.parametrize("id", ["m", "med_1"])
def test_a_contained_drug(id):
    chart = chart_of(request({"reference": f"#{id}"}, contained=[{"resourceType": "Organization", "id": "o"}, medication(id=id)]))
    assert drug(chart) == Concept.of(OCREVUS)


@pytest.mark.parametrize("type_", CARRIERS)
def test_every_carrier_of_a_drug(type_):
    own = {"MedicationRequest": {"intent": "order"}, "MedicationAdministration": {"effectiveDateTime": "2024"}}.get(type_, {})
    raw = {"resourceType": type_, "id": "x", "status": "completed", "subject": SUBJECT, "medicationCodeableConcept": OCREVUS}
    chart = chart_of(raw | own)
    (entry,) = chart.entries(type_)
    assert chart.medication(entry) == Concept.of(OCREVUS)


def test_the_display_of_the_reference_speaks_where_the_drug_was_not_sent():
    assert drug(chart_of(request({"reference": "Medication/m", "display": "Ocrevus 300 mg"}))) == Concept(text="Ocrevus 300 mg")


def test_the_display_lends_words_to_a_code_without_any():
    found = drug(chart_of(request({"reference": "Medication/m", "display": "Ocrevus"}), medication(ERX)))
    assert found.words == ("Ocrevus",)
    assert [coding.code for coding in found.codings] == ["9"]


@pytest.mark.parametrize(
    ("order", "others", "concepts"),
    [
        (request({"reference": "Medication/m"}), [], ()),
        (request({"reference": "#m"}), [], ()),
        (request({"identifier": {"value": "5"}}), [], ()),
        (request({"reference": "Medication/m"}), [medication({})], ()),
        (request({"reference": "#m"}, contained=[medication(status="lost")]), [], (Concept.of(OCREVUS),)),
        (request({"reference": "Medication/m"}), [medication(status="lost")], (Concept.of(OCREVUS),)),
        (
            request({"reference": "Medication/m"}),
            [medication(None, ingredient=[{"itemCodeableConcept": OCREVUS}, {"itemCodeableConcept": ERX}])],
            (),
        ),
    ],
)
def test_an_order_whose_drug_cannot_be_told_is_not_read(order, others, concepts):
    """It could be any drug, so it is never taken for none of ours."""
    chart = chart_of(order, *others)
    assert chart.entries("MedicationRequest") == ()
    (item,) = [item for item in chart.not_read if item.type == "MedicationRequest"]
    assert item.reason == "the medication it refers to was not sent or could not be read"
    assert item.concepts == concepts


def test_other_resources_have_no_drug():
    chart = chart_of(request(), {"resourceType": "Condition", "id": "c", "subject": SUBJECT, "code": OCREVUS})
    (entry,) = chart.entries("Condition")
    assert chart.medication(entry) == Concept()


# References from a resource


def reason(text):
    return {"resourceType": "Condition", "id": "why", "subject": SUBJECT, "code": {"text": text}}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Condition/why", "Condition/why"),
        (f"{BASE}Condition/why", "Condition/why"),
        ("#inside", "MedicationRequest/r#inside"),
        ("Condition/other", None),
        ("#other", None),
        (None, None),
    ],
)
def test_a_reference_is_resolved(reference, expected):
    chart = chart_of(request(reasonReference=[{"reference": "Condition/why"}], contained=[reason("MS") | {"id": "inside"}]), reason("MS"))
    (entry,) = chart.entries("MedicationRequest")
    found = chart.resolve(entry, reference)
    assert (found.ref if found is not None else None) == expected


def test_a_reference_object_is_resolved():
    chart = chart_of(request(reasonReference=[{"reference": "Condition/why"}]), reason("MS"))
    (entry,) = chart.entries("MedicationRequest")
    found = chart.resolve(entry, entry.resource.reasonReference[0])
    assert found is not None
    assert found.resource.code.text == "MS"


def test_a_contained_resource_that_is_refused_is_not_resolved():
    broken = reason("MS") | {"id": "inside", "clinicalStatus": "active"}
    chart = chart_of(request(contained=[broken]))
    (entry,) = chart.entries("MedicationRequest")
    assert chart.resolve(entry, "#inside") is None


# Draft orders


def drafts(*resources, **bundle):
    return read_drafts({"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources], **bundle})


@pytest.mark.parametrize(
    ("order", "others"),
    [
        (request(), []),
        ({"resourceType": "MedicationRequest", "id": "r", "medicationCodeableConcept": OCREVUS}, []),
        (request(category={"coding": {"code": "outpatient"}}, authoredOn="soon", dosageInstruction="x"), []),
        (request({"reference": "Medication/m"}), [medication()]),
        (request({"reference": "#m"}, contained=[medication()]), []),
        (request({"reference": "#m", "display": "x"}, contained=[medication()]), []),
        ({"resourceType": "MedicationRequest", "id": "r", "medication": {"concept": OCREVUS}}, []),
        ({"resourceType": "MedicationRequest", "id": "r", "medicationCodeableConcept": {"coding": OCREVUS["coding"][0]}}, []),
    ],
)
def test_a_drafted_drug_is_read_where_validation_would_refuse_it(order, others):
    """CH-REQ-17, Q-SBX-10, Q-EPIC-07"""
    (found,) = drafts(order, *others)
    assert (found.ref, found.type) == ("MedicationRequest/r", "MedicationRequest")
    assert found.concept == Concept.of(OCREVUS)


def test_a_drafted_procedure():
    order = {"resourceType": "ServiceRequest", "id": "s", "status": "draft", "intent": "order", "code": {"text": "AHSCT"}}
    (found,) = drafts(order)
    assert (found.ref, found.status, found.intent, found.concept) == ("ServiceRequest/s", "draft", "order", Concept(text="AHSCT"))
    assert found.raw == order


def test_the_display_stands_in_for_a_drug_that_was_not_sent():
    (found,) = drafts(request({"reference": "Medication/none", "display": "Ocrevus"}))
    assert found.concept == Concept(text="Ocrevus")


def test_a_draft_that_says_nothing_is_still_a_draft():
    (found,) = drafts({"resourceType": "MedicationRequest", "id": "r", "status": 5})
    assert (found.concept, found.status) == (Concept(), None)


def test_long_ids_are_kept():
    """CH-REQ-08"""
    (found,) = drafts(request(id="e" * 200))
    assert found.ref == "MedicationRequest/" + "e" * 200


def test_drafts_come_once_in_a_stable_order():
    one, two = request(id="a"), request(id="b")
    assert [order.ref for order in drafts(two, one, two)] == ["MedicationRequest/a", "MedicationRequest/b"]


def test_a_single_resource_and_other_types():
    assert [order.ref for order in read_drafts(request())] == ["MedicationRequest/r"]
    assert drafts(medication(), reason("MS")) == []


@pytest.mark.parametrize(
    "value", [None, "x", 5, [], [request()], {}, {"resourceType": "Bundle"}, {"resourceType": "Bundle", "entry": [None, 5]}]
)
def test_what_holds_no_draft_gives_none(value):
    assert read_drafts(value) == []


def test_a_draft_for_another_patient_is_dropped():
    """CH-REQ-16"""
    mine, other = request(id="a"), request(id="b", subject={"reference": "Patient/p2"})
    raw = {"resourceType": "Bundle", "entry": [{"resource": mine}, {"resource": other}]}
    assert [order.ref for order in read_drafts(raw, "p1")] == ["MedicationRequest/a"]
    assert len(read_drafts(raw)) == 2

"""What holds of every chart: order, duplicates and spreading change nothing; no JSON raises; the bad never hide the good."""

import copy
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept
from cds.fhir.drafts import read_drafts
from cds.fhir.resources import BEARS_ON_FACTS

KEYS = {"patient": "Patient", "conditions": "Condition", "observations": "Observation", "medicationRequests": "MedicationRequest"}
SUBJECT = {"reference": "Patient/p1"}
CODE = {"coding": [{"system": "http://snomed.info/sct", "code": "24700007"}], "text": "MS"}
GOOD = [
    {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980"},
    {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "code": CODE, "onsetDateTime": "2019-03"},
    {"resourceType": "Condition", "subject": SUBJECT, "code": {"text": "without id"}},
    {"resourceType": "Condition", "id": "c2", "subject": {"reference": "Patient/p2"}, "code": CODE},
    {"resourceType": "Condition", "id": "c3", "subject": SUBJECT, "code": CODE, "clinicalStatus": "refused"},
    {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "EDSS"},
        "subject": SUBJECT,
        "valueQuantity": {"value": 3.5},
    },
    {"resourceType": "Medication", "id": "m1", "code": {"text": "ocrelizumab"}},
    {
        "resourceType": "MedicationRequest",
        "id": "r1",
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        "medicationReference": {"reference": "Medication/m1"},
        "dosageInstruction": [{"text": "every 6 months"}],
    },
    {
        "resourceType": "MedicationRequest",
        "id": "r2",
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        "medicationReference": {"reference": "#in"},
        "contained": [{"resourceType": "Medication", "id": "in", "code": {"text": "natalizumab"}}],
    },
    {
        "resourceType": "MedicationRequest",
        "id": "r3",
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        "medicationReference": {"reference": "Medication/none"},
    },
    {"resourceType": "AllergyIntolerance", "id": "a1", "patient": SUBJECT, "code": {"text": "glatiramer"}},
    {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "x"}]},
]

words = st.sampled_from(
    [
        "",
        "a",
        "Patient/p1",
        "Patient/p2",
        "#in",
        "Medication/m1",
        "2024-01",
        "urn:uuid:1",
        "final",
        "entered-in-error",
        "resourceType",
        "\u0000",
        "ß",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words | st.text(max_size=5)
NAMES = """
    resourceType id entry resource subject reference code coding system text status link relation total search mode contained meta
    lastUpdated versionId medicationReference medicationCodeableConcept extension onsetDateTime valueQuantity response
"""
names = st.sampled_from(NAMES.split()) | st.text(max_size=4)
json = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=25)
resources = st.builds(
    lambda type_, rest: rest | {"resourceType": type_},
    st.sampled_from([*BEARS_ON_FACTS, "Bundle", "OperationOutcome"]),
    st.dictionaries(names, json, max_size=6),
)


def bundle(listed):
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in listed]}


def read(prefetch):
    return Chart.from_prefetch(prefetch, "p1", KEYS)


def content(chart):
    """All that a reader can see of a chart."""
    entries = [entry for type_ in sorted(BEARS_ON_FACTS) for entry in chart.entries(type_)]
    seen = [(entry.ref, entry.resource.model_dump_json(), chart.medication(entry)) for entry in entries]
    return seen, chart.patient and chart.patient.resource.model_dump_json(), chart.not_read


WHOLE = content(read({"all": bundle(GOOD)}))


def test_the_chart_that_the_properties_speak_of():
    seen, patient, not_read = WHOLE
    assert seen[0][0] == "AllergyIntolerance/a1"
    assert {ref for ref, _, _ in seen} > {"Condition/c1", "Observation/o1", "Medication/m1", "MedicationRequest/r1", "MedicationRequest/r2"}
    assert patient is not None
    assert [item.resource for item in not_read] == ["Condition/c3", "MedicationRequest/r3"]


@settings(deadline=None)
@given(st.permutations(GOOD))
def test_order_changes_nothing(shuffled):
    assert content(read({"all": bundle(shuffled)})) == WHOLE


@settings(deadline=None)
@given(st.permutations(GOOD), st.lists(st.sampled_from(GOOD), max_size=6))
def test_duplicates_change_nothing(shuffled, again):
    assert content(read({"all": bundle([*shuffled, *copy.deepcopy(again)])})) == WHOLE


@settings(deadline=None)
@given(st.permutations(GOOD), st.lists(st.integers(0, 3), min_size=len(GOOD), max_size=len(GOOD)), st.booleans())
def test_spreading_over_bundles_changes_nothing(shuffled, places, nested):
    shares = [[resource for resource, place in zip(shuffled, places, strict=True) if place == number] for number in range(4)]
    bundles = [bundle(share) for share in shares if share]
    assert content(read({"all": bundle(bundles)} if nested else {str(number): each for number, each in enumerate(bundles)})) == WHOLE


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*KEYS, "other"]), json | st.lists(resources).map(bundle), max_size=5))
def test_no_json_raises(prefetch):
    chart = read(prefetch)
    assert chart.answered <= set(KEYS.values())
    assert not chart.answered & chart.partial
    for type_ in BEARS_ON_FACTS:
        for entry in chart.entries(type_):
            assert Concept.of(chart.medication(entry)) == chart.medication(entry)
    Chart.from_bundle(bundle(list(prefetch.values())))


@settings(deadline=None)
@given(json | st.lists(resources).map(bundle))
def test_no_drafts_raise(raw):
    for order in read_drafts(raw, "p1"):
        assert order.ref.startswith(order.type)


@settings(deadline=None)
@given(json)
def test_no_json_is_a_concept_that_raises(raw):
    assert all(isinstance(word, str) for word in Concept.of(raw if isinstance(raw, dict | str | None) else None).words)


def bend(resource, bend_with, seed):
    """The resource with one value somewhere in it replaced."""
    bent, dice = copy.deepcopy(resource), random.Random(seed)
    places = [(bent, name) for name in bent if name != "resourceType"]
    for container, name in places:
        value = container[name]
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        places += [(value, key) for key, _ in inner]
    container, name = dice.choice(places)
    container[name] = bend_with
    return bent


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([r for r in GOOD if r["resourceType"] in BEARS_ON_FACTS and "id" in r]), json, st.integers(0, 99))
def test_a_bent_resource_never_raises_and_never_hides_the_others(resource, bend_with, seed):
    """Whatever the bent one becomes, the good ones are read as they are without it."""
    others = [one for one in GOOD if one is not resource]
    alone = content(read({"all": bundle(others)}))[0]
    together = content(read({"all": bundle([*others, bend(resource, bend_with, seed)])}))[0]
    assert [seen for seen in alone if seen not in together] == []


@settings(max_examples=50, deadline=None)
@given(st.lists(resources, max_size=8))
def test_every_resource_is_read_named_or_not_the_patients(listed):
    """Nothing of the patient's disappears without a word."""
    marked = [
        resource | {"id": f"x{number}", "subject": SUBJECT, "patient": SUBJECT, "meta": {}}
        for number, resource in enumerate(listed)
        if resource["resourceType"] in BEARS_ON_FACTS
    ]
    chart = read({"all": bundle(marked)})
    seen = {entry.ref for type_ in BEARS_ON_FACTS for entry in chart.entries(type_)} | {item.resource for item in chart.not_read}
    assert {f"{resource['resourceType']}/{resource['id']}" for resource in marked if resource["resourceType"] != "Patient"} <= seen

"""What must hold for every chart: order, duplicates and noise change nothing; less data never makes a finding disappear; coarser dates
never turn one finding into another."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.cautions.read import CautionRules, caution_facts
from cds.patient.cell_therapy import AllCellTherapyRules, cell_therapy_facts
from cds.patient.diagnosis.read import DiagnosisRules, diagnosis_facts, read_diagnosis
from cds.patient.person.read import PersonRules, person_facts
from cds.patient.records.mentions import texts_of
from cds.three_valued import Bounds

SEEDS = Path(__file__).parents[2] / "seeds"
AS_OF = date(2026, 11, 20)
SNOMED, ICD10CM, LOINC, ICD10 = (
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://loinc.org",
    "http://hl7.org/fhir/sid/icd-10",
)
TYPES = ("Condition", "Observation", "Procedure", "MedicationRequest", "AllergyIntolerance")
KEYS = {"patient": "Patient"} | {type_.lower(): type_ for type_ in TYPES}

CONDITIONS = [
    (SNOMED, "24700007"), (SNOMED, "426373005"), (SNOMED, "425500002"), (SNOMED, "428700003"), (SNOMED, "724778008"),
    (SNOMED, "816984002"), (SNOMED, "445967004"), (SNOMED, "16415361000119105"), (ICD10, "G35"), (ICD10CM, "G36.0"), (ICD10CM, "G04.00"),
    (ICD10CM, "A81.2"), (ICD10CM, "C50.9"), (ICD10CM, "C44.91"), (ICD10CM, "B18.1"), (ICD10CM, "I21.9"), (ICD10CM, "I50.9"),
    (ICD10CM, "A41.9"), (ICD10CM, "Z94.84"), (ICD10CM, "F32.9"), (ICD10CM, "I44.2"), (ICD10CM, "Z95.0"), (SNOMED, "77386006"),
    (ICD10CM, "O03.9"),
]  # fmt: skip
TESTS = ["5195-3", "13952-7", "22322-2", "29610-3", "70173-0", "56888-1", "13955-0", "11259-9", "71773-6", "2106-3", "33295-7"]
MEASURES = [("731-0", "10*9/L", (0.3, 2.5)), ("1742-6", "U/L", (10, 300)), ("100977-8", "", (0.1, 4.0)), ("8636-3", "ms", (380, 520))]
BY_CONDITIONS_ALONE = {"mimic", "pml"}
"""Facts whose absence rests on the problem list; tests and medicines can only raise a suspicion."""


@cache
def knowledge():
    found = {}
    for path in sorted((SEEDS / "evidence" / "definitions").glob("**/*.yaml")):
        content = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        for record in content if isinstance(content, list) else [content]:
            found[record["id"]] = record["thresholds"]
    rules = DiagnosisRules.of(found), PersonRules.of(found), AllCellTherapyRules.of(found), CautionRules.of(found)
    return Terminology.load(SEEDS / "terminology"), *rules


def read(resources, missing=(), born="1986-05-17"):
    terminology, diagnosis, person, cells, cautions = knowledge()
    prefetch = {"patient": {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": born}}
    for type_ in TYPES:
        if type_ not in missing:
            own = [{"resource": copy.deepcopy(r)} for r in resources if r["resourceType"] == type_]
            prefetch[type_.lower()] = {"resourceType": "Bundle", "type": "searchset", "entry": own}
    chart = Chart.from_prefetch(prefetch, "p", KEYS)
    readings = (
        diagnosis_facts(read_diagnosis(chart, terminology, diagnosis, AS_OF, False)),
        person_facts(chart, terminology, person, AS_OF),
        cell_therapy_facts(chart, terminology, cells, AS_OF),
        caution_facts(chart, terminology, cautions, texts_of(chart, cautions.results.statuses, AS_OF), AS_OF),
    )
    return {name: fact for reading in readings for name, fact in reading.facts.items()}


def values(facts):
    return {name: fact.value for name, fact in facts.items()}


days = st.integers(0, 365 * 12).map(lambda ago: (AS_OF - timedelta(days=ago)).isoformat())


@st.composite
def conditions(draw):
    system, code = draw(st.sampled_from(CONDITIONS))
    found = {"resourceType": "Condition", "subject": {"reference": "Patient/p"}, "code": {"coding": [{"system": system, "code": code}]}}
    for name, kinds in (
        ("verificationStatus", ["confirmed", "confirmed", "provisional", "refuted", "entered-in-error", None]),
        ("clinicalStatus", ["active", "active", "resolved", "inactive", None]),
    ):
        if (kind := draw(st.sampled_from(kinds))) is not None:
            found[name] = {"coding": [{"code": kind}]}
    found["category"] = [{"coding": [{"code": draw(st.sampled_from(["problem-list-item", "encounter-diagnosis"]))}]}]
    for member in ("onsetDateTime", "recordedDate"):
        if draw(st.integers(0, 3)):
            found[member] = draw(days)
    return found


@st.composite
def observations(draw):
    found = {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p"}, "effectiveDateTime": draw(days)}
    if draw(st.booleans()):
        found["code"] = {"coding": [{"system": LOINC, "code": draw(st.sampled_from(TESTS))}]}
        found["valueString"] = draw(st.sampled_from(["positive", "negative", "not detected", "equivocal"]))
    else:
        code, unit, (low, high) = draw(st.sampled_from(MEASURES))
        found["code"] = {"coding": [{"system": LOINC, "code": code}]}
        found["valueQuantity"] = {"value": round(draw(st.floats(low, high)), 2)} | ({"unit": unit} if unit else {})
        found["referenceRange"] = [{"low": {"value": 1}, "high": {"value": 40}}]
    return found


@st.composite
def others(draw):
    if draw(st.booleans()):
        status = draw(st.sampled_from(["completed", "not-done", "preparation", "stopped"]))
        code = draw(
            st.sampled_from(
                [
                    {"coding": [{"system": SNOMED, "code": "709115004"}]},
                    {"text": "Mesenchymal stem cell infusion"},
                    {"coding": [{"system": SNOMED, "code": "58390007"}]},
                    {"text": "Stem cells at a private clinic"},
                ]
            )
        )
        return {
            "resourceType": "Procedure",
            "subject": {"reference": "Patient/p"},
            "status": status,
            "code": code,
            "performedDateTime": draw(days),
        }
    drug = draw(st.sampled_from(["leflunomide", "satralizumab", "amiodarone 200 mg", "phenelzine"]))
    return {
        "resourceType": "MedicationRequest",
        "subject": {"reference": "Patient/p"},
        "intent": "order",
        "authoredOn": draw(days),
        "status": draw(st.sampled_from(["active", "stopped", "draft"])),
        "medicationCodeableConcept": {"text": drug},
    }


@st.composite
def charts(draw):
    found = draw(st.lists(st.one_of(conditions(), conditions(), observations(), others()), max_size=8))
    return [resource | {"id": f"r{number}"} for number, resource in enumerate(found)]


few = settings(max_examples=60, deadline=None)


@few
@given(charts(), st.randoms(use_true_random=False))
def test_order_never_matters(resources, random):
    shuffled = list(resources)
    random.shuffle(shuffled)
    assert read(shuffled) == read(resources)


@few
@given(charts())
def test_duplicates_never_matter(resources):
    assert read([*resources, *resources]) == read(resources)


NOISE = [
    {"resourceType": "Condition", "id": "n1", "subject": {"reference": "Patient/p"}, "code": {"text": "Migraine"}, "onsetDateTime": "2020"},
    {"resourceType": "Condition", "id": "n2", "subject": {"reference": "Patient/other"}, "code": {"text": "Multiple sclerosis"}},
    {
        "resourceType": "Observation",
        "id": "n3",
        "subject": {"reference": "Patient/p"},
        "status": "final",
        "code": {"text": "Glucose"},
        "valueInteger": 5,
    },
    {
        "resourceType": "MedicationRequest",
        "id": "n4",
        "subject": {"reference": "Patient/p"},
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Vitamin D"},
    },
    {"resourceType": "AllergyIntolerance", "id": "n5", "patient": {"reference": "Patient/p"}, "code": {"text": "Penicillin"}},
    {
        "resourceType": "Procedure",
        "id": "n6",
        "subject": {"reference": "Patient/p"},
        "status": "completed",
        "code": {"text": "Appendectomy"},
    },
]


@few
@given(charts())
def test_unrelated_resources_never_matter(resources):
    assert values(read([*resources, *NOISE])) == values(read(resources))


@few
@given(charts(), st.sampled_from(TYPES))
def test_a_list_that_is_not_sent_never_makes_a_finding_disappear(resources, missing):
    """What was found or unknown stays so or becomes unknown; it never becomes a confident absence."""
    whole, less = values(read(resources)), values(read(resources, missing=(missing,)))
    for name, value in less.items():
        before = whole[name]
        if name in BY_CONDITIONS_ALONE and missing != "Condition":
            continue
        if isinstance(value, Bounds):
            assert not isinstance(before, Bounds) or value.high >= before.low, name
        elif value is False or value in ("absent", "excluded", "none", "negative", "notApplicable", "past", "immune", "resolved"):
            assert before == value, (name, before, value)


def coarse(resource, length):
    found = copy.deepcopy(resource)
    for member in ("onsetDateTime", "recordedDate", "effectiveDateTime", "performedDateTime", "authoredOn"):
        if member in found:
            found[member] = found[member][:length]
    return found


UNSURE = {None, "suspected", "possible", "uncertain"}
"""What a coarser date may turn a word into."""


@few
@given(charts(), st.sampled_from([4, 7]))
def test_coarser_dates_never_turn_one_finding_into_another(resources, length):
    # A record of the same year as the onset is not taken to be older, so the upper bound of a duration is left out.
    fine, blurred = read(resources), read([coarse(resource, length) for resource in resources])
    for name, fact in blurred.items():
        value, before = fact.value, fine[name].value
        if name == "ms.orCis" and blurred["ms"].value == "suspected":
            continue  # a suspicion is no diagnosis: presence in doubt reads as suspected, and this flag as false
        if isinstance(value, Bounds) and isinstance(before, Bounds):
            assert value.low <= before.low + 1e-9, (name, before, value)
            assert value.high >= before.high - 1e-9 or name.startswith("disease."), (name, before, value)
        elif not isinstance(value, Bounds) and value not in UNSURE:
            assert before in (value, None) or (before in UNSURE), (name, before, value, fact.reason, fine[name].reason)


@few
@given(st.dates(date(1930, 1, 1), date(2026, 11, 19)))
def test_a_partial_birth_date_holds_the_true_age(born):
    exact = read([], born=born.isoformat())["person.age"].value
    for length in (4, 7):
        bounds = read([], born=born.isoformat()[:length])["person.age"].value
        assert bounds.low <= exact.low <= bounds.high
        assert bounds.high - bounds.low <= 1

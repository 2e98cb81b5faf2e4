"""F16 and F18 on shapes that no vignette line writes."""

import pytest
from reading_charts import ICD10CM, LOINC, SNOMED, chart_of, concept, condition, observation, read, read_chart

from cds.fhir.chart import Chart


def test_age_on_the_day_before_and_on_the_birthday():
    assert read(patient={"birthDate": "1986-11-21"})["person.age"].value.exact == 39
    assert read(patient={"birthDate": "1986-11-20"})["person.age"].value.exact == 40


def test_a_birth_month_gives_bounds_only_where_it_matters():
    assert read(patient={"birthDate": "1986-11"})["person.age"].value.exact is None
    assert read(patient={"birthDate": "1986-05"})["person.age"].value.exact == 40


@pytest.mark.parametrize("born", ["1880", "2030-01-01"])
def test_a_birth_date_that_is_not_plausible(born):
    assert read(patient={"birthDate": born})["person.age"].value is None


def test_no_patient_at_all():
    facts, _, _ = read_chart(Chart())
    assert facts["person.age"].value is None
    assert facts["person.sex"].value is None
    assert facts["person.deceased"].value is None


def test_deceased_false_is_said():
    assert read(patient={"deceasedBoolean": False})["person.deceased"].how == "coded"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueCodeableConcept": concept(LOINC, "LA15173-0")}, "present"),
        ({"valueCodeableConcept": concept(SNOMED, "60001007")}, "absent"),
        ({"valueCodeableConcept": concept(SNOMED, "146799005")}, None),
        ({"valueString": "Patient is not pregnant"}, "absent"),
        ({"valueString": "Pregnant, first trimester"}, "present"),
        ({"valueBoolean": True}, "present"),
        ({"valueBoolean": False}, "absent"),
    ],
)
def test_pregnancy_status_answers(value, expected):
    assert read(observation(concept(LOINC, "82810-3"), "2026-11-01", **value))["pregnancy"].value == expected


def test_number_of_pregnancies_is_no_status():
    assert read(observation(concept(LOINC, "11996-6"), "2026-11-01", valueInteger=2))["pregnancy"].value is None


def test_a_quantitative_test_needs_its_interpretation():
    hcg = concept(LOINC, "19080-1")
    high = {"coding": [{"code": "POS"}]}
    assert read(observation(hcg, "2026-11-01", valueQuantity={"value": 5000, "unit": "IU/L"}))["pregnancy"].value is None
    assert read(observation(hcg, "2026-11-01", valueQuantity={"value": 5000}, interpretation=[high]))["pregnancy"].value == "present"


def test_an_unconfirmed_pregnancy_is_not_certain():
    assert read(condition(concept(SNOMED, "77386006"), verification="provisional", onsetDateTime="2026-10-01"))["pregnancy"].value is None


def test_an_encounter_for_a_positive_test_speaks_for_six_weeks():
    positive = concept(ICD10CM, "Z32.01")
    assert read(condition(positive, category="encounter-diagnosis", recordedDate="2026-11-01"))["pregnancy"].value == "present"
    assert read(condition(positive, category="encounter-diagnosis", recordedDate="2026-09-01"))["pregnancy"].value is None


def test_an_entry_dated_ahead_says_nothing():
    assert read(condition(concept(SNOMED, "77386006"), onsetDateTime="2027-01-01"))["pregnancy"].value is None


def test_a_refuted_pregnancy_says_nothing():
    assert read(condition(concept(SNOMED, "77386006"), verification="refuted", onsetDateTime="2026-10-01"))["pregnancy"].value is None


def test_breastfeeding_answers_of_one_day_that_contradict_each_other():
    code = concept(LOINC, "63895-7")
    facts = read(observation(code, "2026-10-01", valueBoolean=True), observation(code, "2026-10-01", valueBoolean=False))
    assert facts["breastfeeding"].value is None
    assert "both" in facts["breastfeeding"].reason


def test_reasons_name_no_patient():
    who = {"name": [{"family": "Zygmunt"}], "identifier": [{"value": "MRN-4711"}]}
    facts, cautions, conflicts = read_chart(chart_of(patient=who))
    said = " ".join([fact.reason for fact in facts.values()] + [c.text for c in (*cautions, *conflicts)])
    assert "Zygmunt" not in said
    assert "MRN-4711" not in said

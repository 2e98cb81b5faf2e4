"""F19 on shapes that laboratories and EHRs really send, and the rules against the terminology."""

import re

import pytest
import yaml
from reading_charts import (
    AS_OF,
    ICD10CM,
    LOINC,
    SEEDS,
    SNOMED,
    chart_of,
    concept,
    condition,
    definitions,
    observation,
    read,
    read_chart,
    rules,
    terminology,
)

from cds.evidence.model import Definition
from cds.fhir.dates import DateRange
from cds.patient.cautions.pml import pml_from
from cds.patient.cautions.read import CautionRules
from cds.patient.facts import CATALOGUE
from cds.patient.records.results import Result, newest, unit_key
from cds.patient.rules import RulesError

ALC, ALT, JCV, JCV_INDEX = (concept(LOINC, code) for code in ("731-0", "1742-6", "70173-0", "100977-8"))
HBSAG = concept(LOINC, "5195-3")


VALUE_SET = re.compile(r"(?:ms|cis|ris|ddx|cond|obs|proc|dmt|imm|med|non-ms|nmosd|relapse)-[a-z0-9-]+")


def words_in(node):
    """Every string of the rules."""
    if isinstance(node, str):
        yield node
    else:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from words_in(value)


@pytest.mark.parametrize("folder", ["diagnosis", "person", "cautions"])
def test_every_value_set_that_a_rule_names_exists(folder):
    for path in sorted((SEEDS / "evidence" / "definitions" / folder).glob("*.yaml")):
        record = Definition.model_validate(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader))
        named = {word for word in words_in(record.thresholds) if VALUE_SET.fullmatch(word)}
        assert named <= set(terminology().value_sets), path.name


def test_every_fact_of_a_rule_is_in_the_catalogue_and_every_one_is_provided():
    facts = read()
    sections = ("caution.", "hepatitis", "jcv.")
    single = {"pml", "malignancy", "hiv", "myelodysplasia", "seriousInfection"}
    wanted = {name for name in CATALOGUE if name.startswith(sections) or name in single}
    assert wanted <= set(facts)
    assert set(facts) <= set(CATALOGUE)


def test_a_rule_that_does_not_fit_is_named():
    broken = definitions()["caution-laboratory"] | {"values": {"caution.lvef": {"name": "x"}}}
    with pytest.raises(RulesError, match=r"caution-laboratory.*caution\.lvef"):
        CautionRules.of(definitions() | {"caution-laboratory": broken})


# Numbers and units


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ({"value": 0.4, "unit": "10*9/L"}, 0.4),
        ({"value": 0.4, "code": "10*3/uL"}, 0.4),
        ({"value": 0.4, "unit": "x10^9/L"}, 0.4),
        ({"value": 0.4, "unit": "10E9/L"}, 0.4),
        ({"value": 400, "unit": "cells/µL"}, 0.4),
        ({"value": 400, "code": "{cells}/uL"}, 0.4),
        ({"value": 400, "unit": "/mm3"}, 0.4),
        ({"value": 0.4, "unit": "Gpt/L"}, 0.4),
        ({"value": 12, "unit": "%"}, None),
        ({"value": 0.4}, None),
        ({"value": 400, "unit": "10*9/L"}, None),
    ],
)
def test_units_of_a_count(quantity, expected):
    value = read(observation(ALC, valueQuantity=quantity))["caution.lymphocytes"].value
    assert value is None if expected is None else value.exact == pytest.approx(expected)


def test_units_are_spelt_one_way():
    assert unit_key("x 10^3/µL") == unit_key("10E3/uL") == "10*3/ul"


@pytest.mark.parametrize(("written", "low", "high"), [("<0.2", 0, 0.2), ("> 4.0", 4, None), ("0.35", 0.35, 0.35), ("0,35", 0.35, 0.35)])
def test_numbers_written_as_text(written, low, high):
    value = read(observation(JCV_INDEX, valueString=written))["jcv.index"].value
    assert value.low == pytest.approx(low, abs=1e-6)
    assert value.high == pytest.approx(high, abs=1e-6) if high is not None else value.high > 1e9


def test_a_value_below_the_measuring_range_is_below_it():
    value = read(observation(ALC, valueQuantity={"value": 0.8, "comparator": "<", "unit": "10*9/L"}))["caution.lymphocytes"].value
    assert (value < 0.8) is True


def test_the_index_in_the_words_of_the_antibody():
    facts = read(observation(JCV, valueString="Positive, index 2.9"))
    assert facts["jcv.antibody"].value == "positive"
    assert facts["jcv.index"].value.exact == 2.9


def test_a_panel_with_components():
    panel = observation(
        {"text": "Hepatitis B panel"},
        component=[
            {"code": HBSAG, "valueCodeableConcept": concept(SNOMED, "260385009")},
            {"code": concept(LOINC, "13952-7"), "valueString": "Not detected"},
            {"code": concept(LOINC, "22322-2"), "valueString": "positive"},
        ],
    )
    assert read(panel)["hepatitisB"].value == "immune"


def test_the_multiple_of_the_upper_limit_needs_a_limit():
    assert read(observation(ALT, valueQuantity={"value": 120, "unit": "U/L"}))["caution.altTimesUln"].value is None


def test_several_reference_ranges_give_bounds():
    ranges = [{"high": {"value": 35}}, {"high": {"value": 50}}]
    value = read(observation(ALT, valueQuantity={"value": 105, "unit": "U/L"}, referenceRange=ranges))["caution.altTimesUln"].value
    assert (value.low, value.high) == pytest.approx((2.1, 3.0))


def test_below_the_laboratory_limit_by_flag_or_by_range():
    low = {"coding": [{"code": "L"}]}
    flagged = observation(ALC, valueQuantity={"value": 0.9, "unit": "10*9/L"}, interpretation=[low])
    ranged = observation(ALC, valueQuantity={"value": 1.4, "unit": "10*9/L"}, referenceRange=[{"low": {"value": 1.0}}])
    assert read(flagged)["caution.lymphocytes.belowNormal"].value is True
    assert read(ranged)["caution.lymphocytes.belowNormal"].value is False
    assert read(observation(ALC, valueQuantity={"value": 1.4, "unit": "10*9/L"}))["caution.lymphocytes.belowNormal"].value is None


def test_two_counts_of_one_day_are_bounds():
    facts = read(*(observation(ALC, valueQuantity={"value": value, "unit": "10*9/L"}) for value in (0.7, 0.9)))
    assert (facts["caution.lymphocytes"].value.low, facts["caution.lymphocytes"].value.high) == (0.7, 0.9)


def test_an_unreadable_value_in_between_leaves_the_duration_of_lymphopenia_open():
    low = {"valueQuantity": {"value": 0.5, "unit": "10*9/L"}}
    facts = read(
        observation(ALC, "2026-01-10", **low), observation(ALC, "2026-05-10", valueString="clotted"), observation(ALC, "2026-09-10", **low)
    )
    assert facts["caution.lymphocytes"].value.exact == 0.5
    assert facts["caution.lymphocytes.monthsLow"].value is None


def test_preliminary_counts_error_and_cancelled_do_not():
    usable = {
        status: read(observation(ALC, status=status, valueQuantity={"value": 0.5, "unit": "10*9/L"}))
        for status in ("preliminary", "amended", "entered-in-error", "cancelled")
    }
    assert {status: facts["caution.lymphocytes"].value is not None for status, facts in usable.items()} == {
        "preliminary": True,
        "amended": True,
        "entered-in-error": False,
        "cancelled": False,
    }


# Words


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueCodeableConcept": concept(SNOMED, "10828004")}, "active"),
        ({"valueCodeableConcept": {"text": "Reactive"}}, "active"),
        ({"valueCodeableConcept": {"text": "Non-reactive"}}, None),
        ({"valueString": "NOT DETECTED"}, None),
        ({"valueBoolean": True}, "active"),
        ({"valueString": "see comment", "interpretation": [{"coding": [{"code": "POS"}]}]}, "active"),
        ({"valueString": "Equivocal"}, None),
        ({"dataAbsentReason": {"text": "not performed"}}, None),
    ],
)
def test_words_of_a_qualitative_result(value, expected):
    assert read(observation(HBSAG, **value))["hepatitisB"].value == expected


def test_an_undated_positive_result_is_not_overruled_by_a_dated_negative_one():
    undated = {"resourceType": "Observation", "status": "final", "code": HBSAG, "valueString": "positive"}
    facts, _, conflicts = read_chart(chart_of(undated, observation(HBSAG, valueString="negative")))
    assert facts["hepatitisB"].value is None
    assert [conflict.id for conflict in conflicts] == ["test-hbsag"]


def test_igra_control_tubes_are_no_result():
    assert read(observation(concept(LOINC, "71774-4"), valueQuantity={"value": 8.2, "unit": "IU/mL"}))["caution.tuberculosis"].value is None


def result(ref, day):
    return Result(ref=ref, name="x", hits=(), date=day, number=None, unit="", word=None, text="", low=None, high=None, flags=frozenset())


def test_the_newest_are_all_that_may_be_the_latest():
    year, may, june = (
        result("a", DateRange.parse("2026")),
        result("b", DateRange.parse("2026-05")),
        result("c", DateRange.parse("2026-06-03")),
    )
    assert {one.ref for one in newest([year, may, june], AS_OF)} == {"a", "c"}


# Diagnoses


def test_a_resolved_heart_failure_still_counts_for_ever_but_is_no_recent_event():
    facts = read(condition(concept(SNOMED, "84114007"), clinical="resolved", onsetDateTime="2020-01-01"))
    assert facts["caution.heartFailure"].value is True
    assert facts["caution.recentCardiovascularEvent"].value is False


def test_words_of_a_code_that_is_not_listed():
    stemi = {"coding": [{"system": SNOMED, "code": "401303003", "display": "Acute ST segment elevation myocardial infarction"}]}
    assert read(condition(stemi, onsetDateTime="2026-10-01"))["caution.recentCardiovascularEvent"].value is True


@pytest.mark.parametrize("text", ["Family history of myocardial infarction", "No myocardial infarction", "Screening for diabetes"])
def test_words_that_deny(text):
    facts = read(condition({"text": text}, onsetDateTime="2026-10-01"))
    assert facts["caution.recentCardiovascularEvent"].value is False
    assert facts["caution.diabetes"].value is False


def test_severity_of_the_record_decides_the_sleep_apnoea():
    apnoea = concept(ICD10CM, "G47.33")
    assert read(condition(apnoea, severity=concept(SNOMED, "24484000", "Severe")))["caution.severeSleepApnoea"].value is True
    assert read(condition(apnoea, severity=concept(SNOMED, "255604002", "Mild")))["caution.severeSleepApnoea"].value is False


def test_pml_is_dated_from_the_first_suspicion():
    pml = concept(ICD10CM, "A81.2")
    chart = chart_of(condition(pml, verification="differential", onsetDateTime="2026-08-10"), condition(pml, onsetDateTime="2026-09-20"))
    caution = rules()[3]
    assert read_chart(chart)[0]["pml"].value == "confirmed"
    assert pml_from(chart, terminology(), caution.pml, caution.results, (), AS_OF) == DateRange.parse("2026-08-10").first


def test_undated_pml_counts_from_the_beginning_and_none_has_no_date():
    caution = rules()[3]
    undated = chart_of(condition(concept(ICD10CM, "A81.2")))
    assert pml_from(undated, terminology(), caution.pml, caution.results, (), AS_OF).year == 1
    assert pml_from(chart_of(), terminology(), caution.pml, caution.results, (), AS_OF) is None


# Allergies, genotype, doses


def allergy(code, **members):
    return {"resourceType": "AllergyIntolerance", "code": code} | members


def test_an_intolerance_is_no_hypersensitivity_but_is_not_ignored():
    facts = read(allergy({"text": "dimethyl fumarate"}, type="intolerance"))
    assert facts["caution.hypersensitivity.fumarates"].value is None
    assert "intolerance" in facts["caution.hypersensitivity.fumarates"].reason


def test_an_allergy_to_mannitol_in_words():
    assert read(allergy({"text": "Mannitol"}))["caution.hypersensitivity.mannitol"].value is True


def test_no_known_allergies_is_an_answer():
    assert read(allergy(concept(SNOMED, "716186003", "No known allergy")))["caution.hypersensitivity.natalizumab"].value is False


def test_the_substance_of_a_reaction_counts():
    reaction = [{"substance": {"text": "Glatiramer acetate"}, "manifestation": [concept(SNOMED, "39579001")]}]
    assert read(allergy({"text": "Injection"}, reaction=reaction))["caution.anaphylaxis.glatiramer"].value is True


def test_a_genotype_report_with_the_gene_in_a_component():
    gene = {"code": concept(LOINC, "48018-6"), "valueCodeableConcept": {"text": "CYP2C9"}}
    report = observation(concept(LOINC, "84413-4"), valueCodeableConcept={"text": "*1/*3"}, component=[gene])
    assert read(report)["caution.cyp2c9"].value == "*1/*3"


def test_another_gene_is_not_taken_for_it():
    gene = {"code": concept(LOINC, "48018-6"), "valueCodeableConcept": {"text": "CYP2C19"}}
    report = observation(concept(LOINC, "84413-4"), valueCodeableConcept={"text": "*2/*2"}, component=[gene])
    assert read(report)["caution.cyp2c9"].value is None


def test_the_cumulative_mitoxantrone_dose_is_a_lower_bound():
    def dose(on, quantity):
        return {
            "resourceType": "MedicationAdministration",
            "status": "completed",
            "medicationCodeableConcept": {"text": "mitoxantrone"},
            "effectiveDateTime": on,
            "dosage": {"dose": quantity},
        }

    per_square_metre = {"value": 12, "unit": "mg/m2", "code": "mg/m2"}
    facts = read(
        dose("2020-01-01", per_square_metre), dose("2020-04-01", per_square_metre), dose("2020-07-01", {"value": 20, "unit": "mg"})
    )
    total = facts["caution.mitoxantroneCumulative"]
    assert total.value.low == 24
    assert total.value.exact is None
    assert "not given per square metre" in total.reason


NAMED_IN_WORDS = [
    ("Absolute Lymphocytes", {"value": 0.4, "unit": "K/uL"}, "caution.lymphocytes", 0.4),
    ("Lymphs Abs", {"value": 400, "unit": "cells/mcL"}, "caution.lymphocytes", 0.4),
    ("LVEF", {"value": 40, "unit": "%"}, "caution.lvef", 40),
    ("QTc interval", {"value": 512, "unit": "ms"}, "caution.qtc", 512),
    ("eGFR CKD-EPI", {"value": 22, "unit": "mL/min/{1.73_m2}"}, "caution.egfr", 22),
    ("STRATIFY JCV DxSelect Antibody w/ Index", {"value": 2.45}, "jcv.index", 2.45),
]


@pytest.mark.parametrize(("name", "quantity", "fact", "expected"), NAMED_IN_WORDS, ids=[name for name, *_ in NAMED_IN_WORDS])
def test_values_of_a_laboratory_that_sends_no_codes(name, quantity, fact, expected):
    sent = {"resourceType": "Observation", "status": "final", "code": {"text": name}, "effectiveDateTime": "2026-06-01"}
    assert read(sent | {"valueQuantity": quantity})[fact].value.exact == expected


@pytest.mark.parametrize(("value", "expected"), [("Reactive", "positive"), ("Non Reactive", "negative")])
def test_an_hiv_test_that_is_named_in_words(value, expected):
    sent = {"resourceType": "Observation", "status": "final", "code": {"text": "HIV 1/2 Ag/Ab combo"}, "effectiveDateTime": "2026-06-01"}
    assert read(sent | {"valueString": value})["hiv"].value == expected


@pytest.mark.parametrize("name", ["CSF lymphocytes absolute", "Absolute CD4 lymphocytes", "Lymphocytes %"])
def test_other_lymphocytes_are_no_lymphocyte_count(name):
    sent = {"resourceType": "Observation", "status": "final", "code": {"text": name}, "effectiveDateTime": "2026-06-01"}
    assert read(sent | {"valueQuantity": {"value": 0.4, "unit": "K/uL"}})["caution.lymphocytes"].value is None

"""F19: numbers in words, the laboratory's own limits, and tests recognised by their names."""

import pytest
from reading_charts import LOINC, concept, observation, read

from cds.patient.records.results import written_number
from cds.three_valued import Bounds

HBSAG, ANTI_HBC, ANTI_HBS = (concept(LOINC, code) for code in ("5196-1", "16933-4", "22322-2"))
VZV, HCG, JCV_INDEX, LVEF = (concept(LOINC, code) for code in ("5403-1", "21198-7", "100977-8", "10230-1"))
NEGATIVE = (observation(HBSAG, valueString="Negative"), observation(ANTI_HBC, valueString="Negative"))


def quantity(value, unit="mIU/mL"):
    return {"value": value, "unit": unit}


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("2,9", Bounds.exactly(2.9), ""),
        ("1.62 (H)", Bounds.exactly(1.62), ""),
        ("3.1 index H", Bounds.exactly(3.1), "index"),
        ("5 g/L", Bounds.exactly(5), "g/L"),
        ("12.5 10*9/L", Bounds.exactly(12.5), "10*9/L"),
        ("0.9 10^9/L (L)", Bounds.exactly(0.9), "10^9/L"),
        ("55-60 %", Bounds(55, 60), "%"),
        ("55% to 60%", Bounds(55, 60), "%"),
        ("55 to 60 percent", Bounds(55, 60), "percent"),
        (">=10", Bounds.at_least(10), ""),
        ("60-55 %", None, "%"),
        ("1.2.3", None, ""),
        ("Positive", None, ""),
    ],
)
def test_numbers_as_laboratories_write_them(text, number, unit):
    assert written_number(text) == (number, unit)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"valueQuantity": quantity(150), "referenceRange": [{"low": quantity(10)}]}, "immune"),
        ({"valueQuantity": quantity(10), "referenceRange": [{"low": quantity(10)}]}, "immune"),
        ({"valueQuantity": quantity(9.9), "referenceRange": [{"low": quantity(10)}]}, "negative"),
        ({"valueQuantity": quantity(150), "referenceRange": [{"high": quantity(10)}]}, "immune"),
        ({"valueQuantity": quantity(3), "referenceRange": [{"high": quantity(10)}]}, "negative"),
        ({"valueQuantity": quantity(150), "referenceRange": [{"text": ">=10 mIU/mL"}]}, "immune"),
        ({"valueString": ">1000", "referenceRange": [{"low": quantity(10)}]}, "immune"),
        ({"valueQuantity": quantity(150), "interpretation": [{"coding": [{"code": "H"}]}]}, "immune"),
        ({"valueString": "250 mIU/mL, immune"}, "immune"),
    ],
)
def test_own_limits_decide_what_anti_hbs_means(members, expected):
    assert read(*NEGATIVE, observation(ANTI_HBS, **members))["hepatitisB"].value == expected


@pytest.mark.parametrize(
    "members",
    [
        {"valueQuantity": quantity(150)},
        {"valueQuantity": quantity(10), "referenceRange": [{"low": quantity(8)}, {"high": quantity(12)}]},
        {"valueQuantity": quantity(150), "referenceRange": [{"low": quantity(10, "IU/mL")}]},
        {"valueQuantity": quantity(150), "referenceRange": [{"text": "<8 negative, 8-12 equivocal, >12 positive"}]},
        {"valueQuantity": quantity(150), "interpretation": [{"coding": [{"code": "N"}]}]},
    ],
)
def test_a_number_without_limits_of_its_own_is_no_word(members):
    assert read(observation(HBSAG, valueString="Negative"), observation(ANTI_HBS, **members))["hepatitisB"].value is None
    assert "anti-HBs positive" not in read(*NEGATIVE, observation(ANTI_HBS, **members))["hepatitisB"].reason


def test_a_number_of_anti_hbc_is_no_word_because_in_some_assays_less_is_positive():
    core = observation(ANTI_HBC, valueQuantity=quantity(0.01, "COI"), referenceRange=[{"low": quantity(1, "COI")}])
    fact = read(observation(HBSAG, valueString="Negative"), core)["hepatitisB"]
    assert fact.value is None
    assert 'anti-HBc "0.01 COI", not readable' in fact.reason


@pytest.mark.parametrize(("value", "expected"), [(900, "positive"), (165, "positive"), (100, "negative")])
def test_varicella_antibodies_by_own_limits(value, expected):
    facts = read(observation(VZV, valueQuantity=quantity(value), referenceRange=[{"low": quantity(165)}]))
    assert facts["caution.vzvIgg"].value == expected


def test_hcg_by_own_limits():
    limits = [{"high": quantity(5)}]
    test = observation(HCG, on="2026-11-01", valueQuantity=quantity(25000), referenceRange=limits)
    assert read(test)["pregnancy"].value == "present"
    assert read(test | {"valueQuantity": quantity(2)})["pregnancy"].value == "absent"
    assert read(test | {"referenceRange": []})["pregnancy"].value is None


@pytest.mark.parametrize(
    ("name", "value", "fact", "expected"),
    [
        ("Hepatitis B surface antigen", "Positive", "hepatitisB", "active"),
        ("HBV DNA quant PCR", "2000 IU/mL", "hepatitisB", "active"),
        ("POC urine pregnancy test", "Positive", "pregnancy", "present"),
        ("JCV antibody serostatus", "Positive", "jcv.antibody", "positive"),
        ("John Cunningham virus antibody", "Positive", "jcv.antibody", "positive"),
        ("JC Virus DNA PCR, CSF", "Detected 45 copies/mL", "pml", "suspected"),
        ("JC Virus DNA PCR, CSF", "Indeterminate", "pml", None),
        ("JC Virus DNA PCR, urine", "Detected", "pml", "none"),
        ("Varicella immune status", "Negative", "caution.vzvIgg", "negative"),
    ],
)
def test_tests_by_their_names(name, value, fact, expected):
    assert read(observation({"text": name}, on="2026-11-01", valueString=value))[fact].value == expected


def test_a_surface_antibody_by_its_name_is_immunity():
    assert read(*NEGATIVE, observation({"text": "Hepatitis B Surface Antibody"}, valueString="Positive"))["hepatitisB"].value == "immune"


def test_an_ejection_fraction_as_a_range():
    value = {"low": quantity(50, "%"), "high": quantity(55, "%")}
    assert read(observation(LVEF, valueRange=value))["caution.lvef"].value == Bounds(50, 55)
    assert read(observation(LVEF, valueString="45-55%"))["caution.lvef"].value == Bounds(45, 55)


@pytest.mark.parametrize(("name", "due"), [("Estimated date of delivery", "2027-02-28"), ("EDD", "2026-11-20")])
def test_a_due_date_ahead_is_not_passed_over(name, due):
    fact = read(observation({"text": name}, on="2026-08-01", valueDateTime=due))["pregnancy"]
    assert fact.value is None
    assert f"due date {due}" in fact.reason


def test_a_due_date_gone_by_says_nothing():
    fact = read(observation({"text": "Estimated date of delivery"}, on="2025-08-01", valueDateTime="2026-03-01"))["pregnancy"]
    assert "due date" not in fact.reason


def test_weeks_of_gestation_are_not_passed_over():
    fact = read(observation({"text": "Gestational age"}, on="2026-11-01", valueQuantity=quantity(20, "wk")))["pregnancy"]
    assert fact.value is None
    assert "weeks of gestation measured" in fact.reason

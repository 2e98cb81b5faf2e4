"""F17, F19: what reports and notes may decide, leave open, and never decide."""

import base64

import pytest
from reading_charts import AS_OF, ICD10CM, LOINC, SNOMED, chart_of, concept, condition, observation, read, rules, terminology

from cds.patient.cautions.pml import pml_from
from cds.patient.records.mentions import texts_of
from cds.three_valued import Bounds

LVEF = concept(LOINC, "10230-1")
ECHO = {"text": "Transthoracic echocardiogram"}
MRI = concept(LOINC, "24590-2")


def report(code, conclusion, on="2026-06-01", status="final", **members):
    return {
        "resourceType": "DiagnosticReport",
        "status": status,
        "code": code,
        "effectiveDateTime": on,
        "conclusion": conclusion,
    } | members


def given(name, on, status="completed"):
    return {
        "resourceType": "MedicationAdministration",
        "status": status,
        "medicationCodeableConcept": {"text": name},
        "effectiveDateTime": on,
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("LVEF 40%. Mild mitral regurgitation.", Bounds(40, 40)),
        ("Left ventricular ejection fraction is estimated at 55-60%.", Bounds(55, 60)),
        ("EF 35-40 %", Bounds(35, 40)),
        ("Prior EF 35%, now EF 60%", Bounds(60, 60)),
        ("EF improved from 35% to 60%", Bounds(60, 60)),
        ("RV ejection fraction 40%. LVEF 58%", Bounds(58, 58)),
        ("Biplane EF 52%, 3D EF 46%", Bounds(46, 52)),
        ("Ejection fraction 55 percent", Bounds(55, 55)),
        ("EF previously 35%.", None),
        ("Normal left ventricular systolic function.", None),
        ("Fractional shortening 30%.", None),
    ],
)
def test_an_ejection_fraction_in_the_words_of_a_report(words, expected):
    fact = read(report(ECHO, words))["caution.lvef"]
    assert fact.value == expected
    assert fact.how == ("text" if expected else "notFound")
    assert expected is None or "in the words of a report" in fact.reason


def test_less_than_in_words_and_signs():
    for words in ("LVEF <40%", "Ejection fraction less than 40%"):
        assert (read(report(ECHO, words))["caution.lvef"].value >= 40) is False


def test_words_never_stand_against_a_value_of_the_same_day_but_a_newer_report_does():
    value = observation(LVEF, on="2026-06-01", valueQuantity={"value": 60, "unit": "%"})
    assert read(value, report(ECHO, "LVEF 40%"))["caution.lvef"].value.exact == 60
    assert read(value, report(ECHO, "LVEF 40%", on="2025-06-01"))["caution.lvef"].value.exact == 60
    assert read(value, report(ECHO, "LVEF 40%", on="2026-07"))["caution.lvef"].value.exact == 40


def test_an_ejection_fraction_counts_only_in_a_heart_report():
    assert read(report({"text": "Neurology letter"}, "LVEF 40%"))["caution.lvef"].value is None
    assert read(report(ECHO, "LVEF 40%", status="entered-in-error"))["caution.lvef"].value is None


def test_an_mri_report_as_attached_text_names_pml():
    text = base64.b64encode(b"New lesion. PML cannot be excluded.").decode()
    attached = report(MRI, None, presentedForm=[{"contentType": "text/plain", "data": text}])
    del attached["conclusion"]
    assert read(attached)["pml"].value == "suspected"


@pytest.mark.parametrize(
    "words",
    [
        "Suspicious for PML",
        "Cannot exclude PML",
        "PML is not excluded",
        "Non-enhancing lesion without mass effect suspicious for PML",
        "Given high PML risk, the new lesion is suspicious for PML",
        "Differential includes MS activity versus PML",
        "Findings consistent with progressive multifocal leukoencephalopathy",
        "?PML",
        "Known PML, stable",
        "Clinical information: concern for PML. Stable",
    ],
)
def test_an_mri_report_that_names_pml(words):
    assert read(report(MRI, words, on="2026-09-15"))["pml"].value == "suspected"


@pytest.mark.parametrize(
    "words",
    [
        "No evidence of PML",
        "No MRI signs of PML or IRIS",
        "There is no definite evidence of PML",
        "No lesions suspicious for PML",
        "No imaging features to suggest PML",
        "PML unlikely",
        "PML is considered unlikely",
        "Findings are not typical of PML",
        "Demyelination rather than PML",
        "MRI performed to exclude PML. No new lesions",
        "Clinical information: natalizumab, rule out PML. Stable",
        "PML protocol. Stable",
        "Negative for PML",
    ],
)
def test_an_mri_report_that_denies_pml_or_speaks_of_its_risk(words):
    assert read(report(MRI, words, on="2026-09-15"))["pml"].value == "none"


def test_lesions_from_a_suspicion_on_imaging_on_are_not_ms_activity():
    cautions = rules()[3]
    chart = chart_of(report(MRI, "Suspicious for PML", on="2026-08-10"), condition(concept(ICD10CM, "A81.2"), recordedDate="2026-10-01"))
    texts = texts_of(chart, cautions.results.statuses, AS_OF)
    assert pml_from(chart, terminology(), cautions.pml, cautions.results, texts, AS_OF).isoformat() == "2026-08-10"


@pytest.mark.parametrize(
    ("drugs", "open_"),
    [
        (("carmustine", "etoposide", "cytarabine", "melphalan"), True),
        (("carmustine", "etoposide", "cytarabine"), True),
        (("cyclophosphamide 50 mg/kg", "antithymocyte globulin (rabbit)"), True),
        (("melphalan",), True),
        (("etoposide", "cytarabine"), False),
        (("cyclophosphamide",), False),
        (("antithymocyte globulin",), False),
    ],
)
def test_medicines_that_are_given_before_a_transplantation(drugs, open_):
    fact = read(*(given(drug, f"2022-05-0{day}") for day, drug in enumerate(drugs, start=1)))["priorHsct.forMs"]
    assert fact.value is (None if open_ else False)
    assert len(fact.resources) == (len(drugs) if open_ else 0)


def test_medicines_months_apart_are_no_conditioning():
    facts = read(given("cyclophosphamide", "2020-01-05"), given("antithymocyte globulin", "2022-05-05"))
    assert facts["priorHsct"].value == "none"


def test_medicines_that_were_not_given_are_no_conditioning():
    assert read(given("melphalan", "2022-05-05", status="not-done"))["priorHsct"].value == "none"


@pytest.mark.parametrize(
    ("code", "open_"),
    [
        ({"coding": [{"system": SNOMED, "code": "254837009"}]}, True),
        ({"coding": [{"system": "urn:ehr:local", "code": "12345"}]}, True),
        (concept(SNOMED, "254837009", "Sprained ankle"), False),
        ({"coding": [{"system": ICD10CM, "code": "E78.5"}]}, False),
    ],
)
def test_a_diagnosis_with_an_unknown_code_and_no_words_may_be_anything(code, open_):
    facts = read(condition(code), observation(concept(LOINC, "5196-1"), valueString="Negative"))
    for name in ("malignancy", "pml", "caution.stroke", "myelodysplasia"):
        assert (facts[name].value is None) is open_, name
    assert ("its code has no words" in facts["malignancy"].reason) is open_


def test_a_procedure_with_an_unknown_code_and_no_words_may_be_a_transplantation():
    facts = read({"resourceType": "Procedure", "status": "completed", "code": {"coding": [{"system": "urn:ehr:local", "code": "77"}]}})
    assert facts["priorHsct"].value is None
    assert "its code has no words" in facts["priorHsct"].reason

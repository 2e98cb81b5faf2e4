"""F1 to F3 and F16 on shapes of FHIR that charts really hold."""

import pytest
from reading_charts import ICD10CM, MS, RRMS, SNOMED, chart_of, concept, condition, definitions, observation, read, read_chart

from cds.patient.diagnosis.read import DiagnosisRules
from cds.patient.facts import CATALOGUE
from cds.patient.rules import RulesError
from cds.three_valued import Bounds


def test_every_fact_of_the_section_is_provided_and_fits_its_kind():
    facts = read(condition(RRMS, onsetDateTime="2019"))
    for name in ("ms", "ms.orCis", "ms.previouslyResolved", "subtype", "mimic", "disease.durationYears"):
        assert name in facts
    for name, fact in facts.items():
        kind = CATALOGUE[name]
        assert fact.reason
        assert fact.reason[-1] in ".?", fact.reason
        if fact.value is not None:
            assert isinstance(fact.value, {"word": str, "flag": bool, "number": Bounds}[kind.kind]), name
        if kind.kind == "word":
            assert fact.value is None or fact.value in kind.words


def test_a_verification_status_that_is_not_understood_is_no_confirmation():
    assert read(condition(RRMS, verification="working-diagnosis"))["ms"].value == "suspected"


def test_status_in_words_only():
    assert read(condition(RRMS, verification=None, verificationStatus={"text": "Confirmed"}))["ms"].value == "present"


def test_no_status_at_all():
    assert read(condition(RRMS, verification=None, clinical=None))["ms"].value == "present"


def test_an_abatement_without_status_is_a_resolved_problem():
    assert read(condition(RRMS, clinical=None, abatementDateTime="2020"))["ms"].value == "absent"


def test_one_coding_among_many_is_enough():
    code = {"coding": [{"system": "urn:oid:1.2.840.114350", "code": "123"}, {"system": ICD10CM, "code": "G35.A"}], "text": "MS (HCC)"}
    facts = read(condition(code))
    assert (facts["ms"].value, facts["subtype"].value) == ("present", "rrms")


def test_codings_of_one_record_that_name_two_courses_are_a_conflict():
    code = {"coding": [{"system": SNOMED, "code": "426373005"}, {"system": ICD10CM, "code": "G35.C0"}]}
    facts, _, conflicts = read_chart(chart_of(condition(code)))
    assert facts["ms"].value == "present"
    assert facts["subtype"].value is None
    assert [conflict.id for conflict in conflicts] == ["subtype-within-Condition/r0"]


def test_prms_and_spms_of_one_date_the_problem_list_counts():
    prms = condition(concept(SNOMED, "724778008"), category="encounter-diagnosis", onsetDateTime="2020-05-01")
    spms = condition(concept(SNOMED, "425500002"), onsetDateTime="2020-05-01")
    assert read(prms, spms)["subtype"].value == "spms"


def test_prms_and_spms_whose_order_is_not_known():
    facts, _, conflicts = read_chart(chart_of(condition(concept(SNOMED, "724778008")), condition(concept(SNOMED, "425500002"))))
    assert facts["subtype"].value is None
    assert facts["course.progressive"].value is True
    assert [conflict.id for conflict in conflicts] == ["subtype-contradiction"]


def test_words_that_leave_doubt_name_no_course():
    assert read(condition(concept(ICD10CM, "G35", "MS, transition to secondary progressive?"), clinical="active"))["subtype"].value is None


def test_onset_as_age():
    facts = read(condition(RRMS, onsetAge={"value": 30, "system": "http://unitsofmeasure.org", "code": "a"}))
    years = facts["disease.durationYears"].value
    assert years.low == pytest.approx(9.5, abs=0.1)
    assert years.high == pytest.approx(10.5, abs=0.1)


@pytest.mark.parametrize("written", ["2016", "2016-11", "2016-11-20"])
def test_onset_as_text(written):
    assert read(condition(RRMS, onsetString=written))["disease.durationYears"].value.high == pytest.approx(10, abs=1)


def test_onset_as_text_that_is_no_date():
    assert read(condition(RRMS, onsetString="in her thirties"))["disease.durationYears"].value is None


def test_onset_as_period():
    years = read(condition(RRMS, onsetPeriod={"start": "2016-11-20", "end": "2017-01-01"}))["disease.durationYears"].value
    assert years.exact == 10


def test_an_earlier_record_without_onset_makes_the_duration_a_lower_bound():
    facts = read(condition(RRMS, onsetDateTime="2020-11-20"), condition(MS, recordedDate="2016-11-20"))
    assert facts["disease.durationYears"].value.low == 10
    assert facts["disease.durationYears"].value.exact is None


def test_a_later_record_without_onset_changes_nothing():
    facts = read(condition(RRMS, onsetDateTime="2016-11-20"), condition(MS, recordedDate="2022-11-20", category="encounter-diagnosis"))
    assert facts["disease.durationYears"].value.exact == 10


def test_the_first_symptom_as_an_observation():
    symptom = observation({"text": "Date of first symptom"}, valueDateTime="2014-11-20")
    facts = read(condition(RRMS, onsetDateTime="2018-11-20"), symptom)
    assert facts["disease.durationYears"].value.exact == 12
    assert "first symptom" in facts["disease.durationYears"].reason
    assert facts["disease.yearsSinceDiagnosis"].value.exact == 8


def test_a_refused_ms_entry_beside_a_readable_one_leaves_ms_present():
    refused = {"resourceType": "Condition", "code": MS, "onsetDateTime": "not a date"}
    facts = read(condition(RRMS, onsetDateTime="2019"), refused)
    assert facts["ms"].value == "present"
    assert facts["mimic"].value == "none"


def test_a_refused_condition_without_any_code_leaves_everything_open():
    facts = read({"resourceType": "Condition", "code": 7, "onsetDateTime": "not a date"})
    assert facts["ms"].value is None
    assert facts["mimic"].value is None
    assert facts["pml"].value is None


def test_ms_absent_reads_no_words_twice_and_names_no_patient():
    facts = read(condition(concept(SNOMED, "38341003", "Hypertension")))
    assert facts["ms"].value == "absent"
    assert facts["ms"].resources == ()


def test_a_missing_definition_is_named():
    known = {id: thresholds for id, thresholds in definitions().items() if id != "diagnosis-subtype"}
    with pytest.raises(RulesError, match="no definition 'diagnosis-subtype'"):
        DiagnosisRules.of(known)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"doubt_text": ["("]}, "no regular expression"), ({"sub_types": {}}, "sub_types"), ({"prms_codes": 3}, "prms_codes")],
)
def test_a_definition_that_does_not_fit_is_named_with_its_field(change, says):
    known = definitions() | {"diagnosis-subtype": definitions()["diagnosis-subtype"] | change}
    with pytest.raises(RulesError, match=f"diagnosis-subtype.*{says}"):
        DiagnosisRules.of(known)


def test_a_possible_mimic_in_words_only_is_possible():
    assert read(condition(RRMS), condition({"text": "Possible NMOSD"}))["mimic"].value == "possible"
    assert read(condition(RRMS), condition({"text": "NMOSD"}))["mimic"].value == "withhold"


def test_a_report_that_tells_of_an_antibody():
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Letter"}, "conclusion": "AQP4 antibody: positive."}
    assert read(condition(RRMS), report)["mimic"].value == "possible"


def test_a_sign_of_a_mimic_while_the_problem_list_is_incomplete_leaves_it_open():
    antibody = observation({"text": "MOG IgG"}, valueString="positive")
    facts, _, conflicts = read_chart(chart_of(antibody, missing=("conditions",)))
    assert facts["mimic"].value is None
    assert "MOG" in facts["mimic"].reason
    assert conflicts == []


def panel(**answers):
    """One Observation with an antibody a component."""
    parts = [{"code": {"text": name.replace("_", " ")}, "valueString": value} for name, value in answers.items()]
    return observation({"text": "Demyelinating disease panel"}, component=parts)


def test_an_antibody_in_a_component_of_a_panel():
    assert read(condition(RRMS), panel(AQP4_IgG="Positive", MOG_IgG="Negative"))["mimic"].value == "possible"
    assert read(condition(RRMS), panel(AQP4_IgG="Negative", MOG_IgG="Not detected"))["mimic"].value == "none"


@pytest.mark.parametrize(("flag", "expected"), [("A", "possible"), ("H", "possible"), ("N", "none")])
def test_an_antibody_with_nothing_but_a_number_and_a_flag(flag, expected):
    level = {"valueQuantity": {"value": 80, "unit": "U/mL"}, "interpretation": [{"coding": [{"code": flag}]}]}
    assert read(condition(RRMS), observation({"text": "Aquaporin-4 antibody"}, **level))["mimic"].value == expected


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_an_antibody_that_was_not_reported(status):
    assert read(condition(RRMS), observation({"text": "AQP4 IgG"}, valueString="positive", status=status))["mimic"].value == "none"


def test_a_category_in_words_only():
    found = condition(RRMS, clinical="resolved") | {"category": [{"text": "Encounter Diagnosis"}]}
    assert read(found)["ms"].value == "present"


def test_the_words_of_each_display_are_weighed_by_themselves():
    """The display of the code repeats its name; what the clinician wrote stands beside it."""
    code = {"coding": [{"system": ICD10CM, "code": "G35", "display": "Multiple sclerosis"}], "text": "Multiple sclerosis ruled out"}
    facts, _, conflicts = read_chart(chart_of(condition(code)))
    assert facts["ms"].value == "suspected"
    assert [conflict.id for conflict in conflicts] == ["ms-code-against-words"]


@pytest.mark.parametrize(("certainty", "expected"), [("G", "present"), ("V", "suspected"), ("A", "excluded"), ("Z", "present")])
def test_the_certainty_that_german_charts_state_beside_the_code(certainty, expected):
    extension = {"url": "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit", "valueCoding": {"code": certainty}}
    coding = {"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": "G35.9", "extension": [extension]}
    code = {"coding": [coding | {"display": "Multiple Sklerose, nicht näher bezeichnet"}]}
    assert read(condition(code, verification=None))["ms"].value == expected
    assert read(condition(code, verification="confirmed"))["ms"].value == "present"


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "G35.10"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "G35.9"),
        ("http://id.who.int/icd/release/11/mms", "8A40.0"),
    ],
)
def test_a_code_whose_meaning_was_not_confirmed_is_no_absence(system, code):
    coding = {"coding": [{"system": system, "code": code}]}
    facts = read(condition(coding))
    assert (facts["ms"].value, facts["subtype"].value) == (None, None)
    assert "was not confirmed" in facts["ms"].reason
    assert read(condition(coding, verification="refuted"))["ms"].value == "absent"
    assert read(condition({"coding": [{"system": system, "code": "G43.0"}]}))["ms"].value == "absent"


@pytest.mark.parametrize(
    "words", ["MS", "MS, stable", "Clinically definite MS", "PMH: MS, HTN", "MS on Tysabri", "Neurogenic bladder due to MS"]
)
def test_a_bare_ms_is_neither_read_nor_passed_over(words):
    facts = read(condition({"text": words}))
    assert (facts["ms"].value, facts["subtype"].value) == (None, None)
    assert "is not clear" in facts["ms"].reason


@pytest.mark.parametrize(
    "code",
    [
        {"text": "MS (mitral stenosis)"},
        {"text": "Change in MS"},
        {"text": "MS contin 15 mg"},
        {"text": "MS 15 mg q12h"},
        {"text": "Mother with MS"},
        {"text": "Ms. Smith, fall"},
        {"text": "QRS 120 ms"},
        {"coding": [{"system": ICD10CM, "code": "I05.0"}], "text": "MS"},
    ],
)
def test_another_ms_is_none(code):
    assert read(condition(code))["ms"].value == "absent"


def test_two_certainties_that_contradict_each_other_leave_a_suspicion():
    url = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
    codings = [{"code": "G35.9", "display": "Multiple Sklerose", "extension": [{"url": url, "valueCoding": {"code": c}}]} for c in "GA"]
    assert read(condition({"coding": codings}, verification=None))["ms"].value == "suspected"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AQP4 IgG", "1/320", "possible"),
        ("MOG IgG", "++", "possible"),
        ("Anti-MOG-AK IgG", "positiv", "possible"),
        ("Aquaporin-4-AK", "nachweisbar", "possible"),
        ("Anticorps anti-AQP4", "positif", "possible"),
        ("NMO Ab", "Seropositive", "possible"),
        ("AQP4 IgG", "Positive 1:320. MOG: negative", "possible"),
        ("AQP4 and MOG antibodies", "AQP4 neg, MOG pos", "possible"),
        ("Comment", "AQP4+", "possible"),
        ("Comment", "MOG+ optic neuritis", "possible"),
        ("Comment", "AQP4 Ab (+)", "possible"),
        ("Comment", "anti-AQP4: POS", "possible"),
        ("Comment", "AQP4 IgG 1:320", "possible"),
        ("Comment", "MOG titre <1:10", "none"),
        ("Comment", "MOG IgG negative at 1:10", "none"),
        ("Comment", "AQP4+/-", "none"),
        ("Aquaporin-4-AK", "negativ", "none"),
        ("Aquaporin-4-AK", "nicht nachweisbar", "none"),
        ("AQP4 IgG", "previously positive, now negative", "possible"),
    ],
)
def test_how_laboratories_and_notes_write_an_antibody(name, value, expected):
    assert read(condition(RRMS), observation({"text": name}, valueString=value))["mimic"].value == expected


def test_an_antibody_with_a_number_and_a_flag_in_words():
    level = {"valueQuantity": {"value": 30}, "interpretation": [{"text": "Positive"}]}
    assert read(condition(RRMS), observation({"text": "AQP4 IgG"}, **level))["mimic"].value == "possible"


def test_the_day_of_birth_is_no_onset():
    facts, _, _ = read_chart(chart_of(condition(RRMS, onsetDateTime="1986-05-17")))
    assert facts["disease.durationYears"].value is None


@pytest.mark.parametrize("category", [{"text": "Family history"}, {"coding": [{"system": SNOMED, "code": "57177007"}]}])
def test_a_category_of_family_history(category):
    assert read(condition(RRMS) | {"category": [category]})["ms"].value == "absent"

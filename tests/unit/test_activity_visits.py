"""Visits, infections and steroid doses as EHRs write them: what makes a relapse or an uncertain one, who looked (clinical-rules F4, F6)."""

import base64

import pytest
from activity_charts import AS_OF, activity_rules, chart_of, facts_of, history_of
from reading_charts import LOINC, SNOMED, terminology

from cds.patient.activity.steroids import read_steroids
from cds.three_valued import Bounds

ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
EXACERBATION = {"coding": [{"system": SNOMED, "code": "192929006"}]}
MS = {"coding": [{"system": ICD10CM, "code": "G35.A", "display": "Relapsing-remitting multiple sclerosis"}]}


def visit(on="2026-08-03", **more):
    return {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "period": {"start": on}} | more


def condition(code, verification="confirmed", **more):
    status = {"coding": [{"code": verification}]}
    return {"resourceType": "Condition", "code": code, "verificationStatus": status} | more


def relapse(on="2026-06-10", **more):
    return condition(EXACERBATION, onsetDateTime=on) | more


def attacks(*resources):
    """Onset and status of every attack."""
    history, _ = history_of(chart_of(*resources))
    return [(str(one.onset), one.status) for one in history.relapses]


def assessed(*resources):
    history, _ = history_of(chart_of(*resources))
    return [one.what for one in history.assessments]


# --- visits for a relapse


@pytest.mark.parametrize(
    "words", ["?MS relapse", "Possible MS relapse", "Rule out MS relapse", "MS relapse vs UTI", "Concern for MS flare"]
)
def test_a_visit_for_a_relapse_that_is_in_doubt_is_an_uncertain_attack(words):
    assert attacks(visit(reasonCode=[{"text": words}])) == [("2026-07-20 to 2026-08-03", "uncertain")]


def test_a_visit_for_optic_neuritis_is_an_uncertain_attack():
    assert attacks(visit(reasonCode=[{"text": "Optic neuritis"}])) == [("2026-07-20 to 2026-08-03", "uncertain")]


@pytest.mark.parametrize(
    "link", [{"reasonReference": [{"reference": "Condition/c1"}]}, {"diagnosis": [{"condition": {"reference": "Condition/c1"}}]}]
)
def test_the_visit_that_a_condition_without_a_date_was_for_dates_it(link):
    resources = (condition(EXACERBATION, id="c1"), visit("2026-08-03", id="v1", **link), visit("2026-09-03", id="v2", **link))
    assert attacks(*resources) == [("2026-07-20 to 2026-08-03", "relapse")]


def test_a_condition_without_a_date_may_name_its_visit():
    assert attacks(condition(EXACERBATION, encounter={"reference": "Encounter/v1"}), visit(id="v1")) == [
        ("2026-07-20 to 2026-08-03", "relapse")
    ]


def test_a_later_visit_for_a_dated_relapse_is_no_second_one():
    link = {"reasonReference": [{"reference": "Condition/c1"}]}
    assert attacks(relapse(id="c1"), visit("2026-09-20", **link)) == [("2026-06-10", "relapse")]


def test_a_cancelled_visit_dates_nothing():
    link = {"reasonReference": [{"reference": "Condition/c1"}]}
    assert attacks(condition(EXACERBATION, id="c1"), visit(status="cancelled", **link)) == []


def test_an_age_at_onset_lasts_until_the_next_birthday():
    onset = {"onsetAge": {"value": 36, "unit": "a"}}
    assert attacks(condition(EXACERBATION, **onset)) == [("2026", "relapse")]


# --- who looked


@pytest.mark.parametrize(
    "more",
    [
        {"type": [{"text": "Infusion"}], "reasonCode": [MS]},
        {"type": [{"text": "MRI brain multiple sclerosis protocol"}]},
        {"type": [{"text": "Neurology no-show"}]},
        {"type": [{"text": "Telephone"}], "serviceType": {"text": "Neurology"}},
        {"type": [{"text": "Refill"}], "serviceType": {"text": "Neurology"}},
        {"serviceType": {"text": "Neurology laboratory"}},
    ],
)
def test_a_contact_at_which_nobody_looked_is_no_assessment(more):
    assert assessed(visit(**more)) == []


@pytest.mark.parametrize(
    "more",
    [
        {"type": [{"text": "Office visit"}], "serviceType": {"text": "Neurology"}},
        {"type": [{"text": "Office visit"}], "reasonCode": [MS]},
        {"serviceType": {"text": "Neurology"}, "reasonCode": [{"text": "MS follow-up and MRI results"}]},
        {"type": [{"text": "Telephone consultation, neurology"}]},
    ],
)
def test_a_visit_to_the_neurologist_is_an_assessment(more):
    assert assessed(visit(**more)) == ["neurology visit 2026-08-03"]


# --- infections


def test_an_infection_that_lasts_into_the_window_is_near():
    pneumonia = condition({"text": "Pneumonia"}, onsetPeriod={"start": "2026-05-10", "end": "2026-06-05"})
    assert attacks(relapse(), pneumonia) == [("2026-06-10", "uncertain")]


def test_an_infection_that_was_over_before_the_window_is_not():
    pneumonia = condition({"text": "Pneumonia"}, onsetDateTime="2026-05-10", abatementDateTime="2026-05-26")
    assert attacks(relapse(), pneumonia) == [("2026-06-10", "relapse")]


def test_an_infection_whose_end_may_lie_in_the_window_leaves_it_open():
    pneumonia = condition({"text": "Pneumonia"}, onsetDateTime="2026-04-10", abatementDateTime="2026-05")
    facts = facts_of(chart_of(relapse(), pneumonia))
    assert (facts["relapse.latest"].value, facts["relapse.infectionNear"].value) == ("uncertain", None)


def test_a_problem_that_never_ended_is_no_infection_of_that_day():
    recurrent = condition({"text": "Recurrent urinary tract infections"}, onsetDateTime="2019-01-01")
    assert attacks(relapse(), recurrent) == [("2026-06-10", "relapse")]


def test_a_visit_for_an_infection_is_one():
    history, _ = history_of(chart_of(relapse(), visit("2026-06-08", reasonCode=[{"text": "Urinary tract infection"}])))
    assert history.relapses[0].status == "uncertain"
    assert "visit for Urinary tract infection (2026-06-08)" in history.relapses[0].note


@pytest.mark.parametrize(
    ("code", "quantity", "status"),
    [
        ({"coding": [{"system": LOINC, "code": "8310-5"}]}, {"value": 38.6, "code": "Cel"}, "uncertain"),
        ({"text": "Temp"}, {"value": 101.3, "unit": "°F"}, "uncertain"),
        ({"text": "Temperature"}, {"value": 101.3, "unit": "degrees Fahrenheit"}, "uncertain"),
        ({"text": "Temperature"}, {"value": 100.4, "code": "[degF]"}, "uncertain"),
        ({"text": "Temperature"}, {"value": 100.3, "code": "[degF]"}, "relapse"),
        ({"text": "Temperature"}, {"value": 38.0, "code": "Cel"}, "uncertain"),
        ({"text": "Temperature"}, {"value": 37.9, "code": "Cel"}, "relapse"),
        ({"text": "Temporal artery pressure"}, {"value": 99, "unit": "mm[Hg]"}, "relapse"),
    ],
)
def test_fever_by_its_code_its_name_and_its_unit(code, quantity, status):
    measured = {
        "resourceType": "Observation",
        "status": "final",
        "code": code,
        "effectiveDateTime": "2026-06-05",
        "valueQuantity": quantity,
    }
    assert attacks(relapse(), measured) == [("2026-06-10", status)]


# --- steroid doses


def steroid(words, dosage=None, **dose):
    given = {"resourceType": "MedicationAdministration", "status": "completed", "effectiveDateTime": "2026-06-15"}
    said = ({"text": dosage} if dosage else {}) | ({"dose": dose} if dose else {})
    return given | {"medicationCodeableConcept": {"text": words}} | ({"dosage": said} if said else {})


@pytest.mark.parametrize(
    ("given", "certain"),
    [
        (steroid("methylprednisolone sodium succinate 125 mg vial", "1000 mg IV daily"), [True]),
        (steroid("Solu-Medrol", value=1, unit="g"), [True]),
        (steroid("Urbason 1 g i.v."), [True]),
        (steroid("Solu-Medrol"), [True]),
        (steroid("methylprednisolone", "250 mg IV every 6 hours"), [True]),
        (steroid("methylprednisolone", "250 mg IV QID"), [True]),
        (steroid("methylprednisolone", "125 mg IV every 6 hours"), [True]),
        (steroid("methylprednisolone sodium succinate 125 mg vial"), [False]),
        (steroid("methylprednisolone sodium succinate 100 mg IV", value=100, unit="mg"), []),
        (steroid("methylprednisolone sodium succinate", "100 mg IV 30 minutes before ocrelizumab"), []),
        (steroid("prednisone 10 mg tablet", "20 mg BID"), []),
        (steroid("prednisone 50 mg tablet"), []),
    ],
)
def test_the_dose_of_a_day_makes_a_steroid_course(given, certain):
    found = read_steroids(chart_of(given), terminology(), activity_rules(), AS_OF)
    assert [course.certain for course in found] == certain


def test_the_100_mg_before_an_infusion_are_no_possible_relapse():
    assert attacks(steroid("methylprednisolone sodium succinate 100 mg IV", value=100, unit="mg")) == []


def test_a_dose_may_be_given_several_times_a_day_by_its_timing():
    order = {
        "resourceType": "MedicationRequest", "status": "completed", "intent": "order", "authoredOn": "2026-06-15",
        "medicationCodeableConcept": {"text": "methylprednisolone"},
        "dosageInstruction": [{
            "timing": {"repeat": {"frequency": 1, "period": 6, "periodUnit": "h"}},
            "doseAndRate": [{"doseQuantity": {"value": 250, "unit": "mg"}}],
        }],
    }  # fmt: skip
    [course] = read_steroids(chart_of(order), terminology(), activity_rules(), AS_OF)
    assert course.certain


# --- flowsheet rows on relapses


def answer(name, **value):
    return {"resourceType": "Observation", "status": "final", "code": {"text": name}, "effectiveDateTime": "2026-09-04"} | value


LOOKED = visit("2026-10-01", serviceType={"text": "Neurology"})


@pytest.mark.parametrize(
    "name",
    [
        "Relapse since last visit",
        "Any relapses since last visit?",
        "Has the patient had a relapse?",
        "New relapse",
        "MS relapse",
        "Relapses",
    ],
)
@pytest.mark.parametrize("value", [{"valueBoolean": True}, {"valueString": "Y"}, {"valueCodeableConcept": {"text": "Yes"}}])
def test_a_yes_to_a_question_on_relapses_is_no_silence(name, value):
    facts = facts_of(chart_of(LOOKED, answer(name, **value)))
    assert (facts["activity"].value, str(facts["relapses.last12Months"].value)) == (None, "at least 0")


@pytest.mark.parametrize("value", ["see note", "unknown", "left leg weakness"])
def test_an_answer_that_is_not_understood_is_no_silence(value):
    facts = facts_of(chart_of(LOOKED, answer("Relapse since last visit", valueCodeableConcept={"text": value})))
    assert (facts["activity"].value, str(facts["relapses.last12Months"].value)) == (None, "at least 0")


@pytest.mark.parametrize("name", ["MS relapses (12 mo)", "# of relapses in last year", "Number of relapses in the past 12 months"])
def test_a_number_in_a_row_with_its_time(name):
    history, _ = history_of(chart_of(answer(name, valueInteger=2)))
    assert [str(one.onset) for one in history.relapses] == ["2025-09-04 to 2026-09-04"] * 2


@pytest.mark.parametrize("name", ["Relapse since last visit", "Recent relapse since last visit", "Any relapses since last visit?"])
@pytest.mark.parametrize("value", [{"valueBoolean": False}, {"valueString": "No"}, {"valueString": "N"}, {"valueInteger": 0}])
def test_a_no_to_it_is_an_assessment(name, value):
    facts = facts_of(chart_of(answer(name, **value)))
    assert str(facts["relapses.last12Months"].value) == "0"


@pytest.mark.parametrize(
    "name", ["Relapse rate", "COPD exacerbations", "Relapse prevention education", "Alcohol relapse", "Relapse severity"]
)
def test_what_else_is_called_a_relapse_is_no_count(name):
    history, _ = history_of(chart_of(answer(name, valueInteger=2)))
    assert (history.counts, history.undated) == ((), ())


def test_the_date_of_the_last_relapse():
    assert attacks(answer("Most recent relapse date", valueDateTime="2026-06-10")) == [("2026-06-10", "relapse")]


# --- scans of which nothing is known


def scan(kind="DiagnosticReport", **more):
    said = {"resourceType": kind, "status": "final", "code": {"text": "MRI brain"}}
    return said | more


CLEAN = scan(effectiveDateTime="2026-03-04", conclusion="No new or enlarging T2 lesions. No enhancing lesions.")


@pytest.mark.parametrize(
    "later",
    [
        scan(effectiveDateTime="2026-09-04", conclusion="3 new T2 lesions.", status="unknown"),
        scan(conclusion="3 new T2 lesions."),
        scan("Procedure", status="completed", performedDateTime="2026-09-04"),
        scan("Observation", status="preliminary", code={"text": "New T2 lesions"}, valueInteger=3, effectiveDateTime="2026-09-04"),
        scan(effectiveDateTime="2026-09-04", code={"text": "MRT Kopf"}, conclusion="Zwei neue Herde."),
    ],
)
def test_a_scan_of_which_nothing_is_known_leaves_activity_open(later):
    assert facts_of(chart_of(LOOKED, CLEAN))["activity"].value == "notActive"
    assert facts_of(chart_of(LOOKED, CLEAN, later))["activity"].value is None


def test_a_procedure_whose_report_was_sent_is_that_scan():
    _, scans = history_of(chart_of(CLEAN, scan("Procedure", status="completed", performedDateTime="2026-03-01")))
    assert len(scans) == 1


@pytest.mark.parametrize(
    "later",
    [
        scan("Procedure", status="not-done", performedDateTime="2026-09-04"),
        scan("Procedure", status="completed", performedDateTime="2026-12-04"),
        scan("Procedure", status="completed", performedDateTime="2026-09-04", code={"text": "MRI lumbar spine"}),
        scan(effectiveDateTime="2026-09-04", conclusion="3 new T2 lesions.", status="entered-in-error"),
    ],
)
def test_what_is_no_scan_changes_nothing(later):
    assert facts_of(chart_of(LOOKED, CLEAN, later))["activity"].value == "notActive"


@pytest.mark.parametrize(
    "words", ["MS-Schub", "Schub der Multiplen Sklerose", "Poussée de SEP", "Brote de esclerosis múltiple", "Ricaduta di SM"]
)
def test_a_relapse_in_another_language(words):
    assert attacks(condition({"text": words}, onsetDateTime="2026-06-10")) == [("2026-06-10", "relapse")]


@pytest.mark.parametrize("words", ["?relapse", "Suspected relapse", "MS relapse vs pseudorelapse"])
def test_a_visit_for_what_may_be_a_relapse_is_an_uncertain_attack(words):
    assert [status for _, status in attacks(visit(reasonCode=[{"text": words}]))] == ["uncertain"]


def test_a_visit_that_dates_the_relapse_itself():
    assert attacks(visit(reasonCode=[{"text": "MS relapse 03/2026"}])) == [("2026-03", "relapse")]


@pytest.mark.parametrize("words", ["Follow up after MS relapse", "MS relapse follow-up", "Recent MS relapse"])
def test_a_visit_after_a_relapse_does_not_date_it(words):
    history, _ = history_of(chart_of(visit(reasonCode=[{"text": words}])))
    assert history.relapses == ()
    assert [str(one.known_by) for one in history.undated] == ["2026-08-03"]


def test_a_visit_after_a_relapse_that_is_on_record():
    history, _ = history_of(chart_of(relapse(), visit(reasonCode=[{"text": "Follow up after MS relapse"}])))
    assert [str(one.onset) for one in history.relapses] == ["2026-06-10"]
    assert history.undated == ()


def test_a_relapse_long_ago_is_no_reason_of_today():
    assert attacks(visit(reasonCode=[{"text": "h/o MS relapse in 2019"}])) == []


@pytest.mark.parametrize("name", ["Anzahl Schübe letzte 12 Monate", "Schübe seit letzter Visite", "Nombre de poussées", "Aantal schubs"])
def test_a_number_of_relapses_in_another_language_is_no_silence(name):
    row = {"resourceType": "Observation", "status": "final", "code": {"text": name}, "effectiveDateTime": "2026-08-03", "valueInteger": 2}
    history, _ = history_of(chart_of(row))
    assert sum(one.most for one in history.undated) == 2


ACTIVE = base64.b64encode(b"FINDINGS: Two new T2 lesions.").decode()


def test_lesions_that_only_the_attached_text_of_a_report_names():
    attached = [{"contentType": "text/plain", "data": ACTIVE}]
    _, (clean,) = history_of(chart_of(CLEAN | {"presentedForm": attached}))
    assert (clean.clean, clean.new_t2_lesions) == (None, None)
    _, (silent,) = history_of(chart_of(CLEAN | {"conclusion": "See below.", "presentedForm": attached}))
    assert silent.new_t2_lesions == Bounds.exactly(2)


def test_two_reports_of_one_day_that_contradict_each_other_give_no_number():
    _, (scan_,) = history_of(chart_of(CLEAN, CLEAN | {"conclusion": "Two new T2 lesions. No enlarging lesions."}))
    assert (scan_.new_t2_lesions, scan_.clean) == (None, None)


@pytest.mark.parametrize("name", ["Radiology report", "Diagnostic imaging study", "MRI report"])
def test_a_report_whose_code_names_only_radiology_is_of_the_region_its_text_begins_with(name):
    report = scan(effectiveDateTime="2026-09-04", code={"text": name}, conclusion="MRI BRAIN W WO CONTRAST. 2 new T2 lesions.")
    assert facts_of(chart_of(LOOKED, CLEAN, report))["activity"].value == "active"


@pytest.mark.parametrize(
    ("name", "conclusion"), [("Radiology report", "CT HEAD. 2 new lesions."), ("Letter", "MRI brain of 2024 showed 2 new T2 lesions.")]
)
def test_another_report_is_none_of_an_mri(name, conclusion):
    report = scan(effectiveDateTime="2026-09-04", code={"text": name}, conclusion=conclusion)
    assert facts_of(chart_of(LOOKED, CLEAN, report))["activity"].value == "notActive"


@pytest.mark.parametrize(
    "name",
    [
        "New skin lesions",
        "Enhancing liver lesions",
        "New T1 hypointense lesions",
        "Gd lesions at baseline",
        "New T2 lesions (prior MRI)",
        "Date of MRI with new lesions",
    ],
)
def test_what_counts_no_new_ms_lesion_of_the_day(name):
    _, scans = history_of(chart_of(answer(name, valueInteger=2)))
    assert scans == ()


def test_a_count_that_does_not_say_where_is_neither_counted_nor_passed_over():
    chart = chart_of(LOOKED, CLEAN, answer("New lesions", valueInteger=2))
    assert facts_of(chart)["activity"].value is None
    assert facts_of(chart_of(LOOKED, CLEAN, answer("New lesions", valueInteger=0)))["activity"].value == "notActive"


@pytest.mark.parametrize("more", [{}, {"category": [{"coding": [{"code": "imaging"}]}], "code": {"text": "New lesions"}}])
def test_a_count_that_names_the_scan_or_is_of_imaging(more):
    _, (found,) = history_of(chart_of(answer("New T2 lesions since prior MRI", valueInteger=2) | more))
    assert found.new_t2_lesions == Bounds.exactly(2)


def test_a_visit_for_a_relapse_without_a_date_is_no_silence():
    undated = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "reasonCode": [{"text": "MS relapse"}]}
    history, _ = history_of(chart_of(undated))
    assert [one.known_by for one in history.undated] == [None]


def test_fever_after_a_vaccination_is_fever():
    fever = condition({"text": "Fever after influenza vaccination"}, onsetDateTime="2026-06-09")
    assert attacks(relapse(), fever) == [("2026-06-10", "uncertain")]
    assert attacks(relapse(), condition({"text": "Influenza vaccination"}, onsetDateTime="2026-06-09")) == [("2026-06-10", "relapse")]

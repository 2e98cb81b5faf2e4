"""Activity beyond what a vignette writes: shapes of FHIR, edges of windows, treatments that may act (clinical-rules F4–F7)."""

import base64

import pytest
from activity_charts import AS_OF, activity_rules, chart, chart_of, conflicts_of, day, facts_of, history_of
from msgspec.structs import replace
from reading_charts import LOINC, SNOMED, definitions, terminology

from cds.fhir.dates import DateRange
from cds.patient.activity.attacks import Attack, fewest, merged
from cds.patient.activity.facts import activity_facts
from cds.patient.activity.imaging import read_scans
from cds.patient.activity.relapse_history import Assessment, RelapseHistory
from cds.patient.activity.rules import ActivityRules
from cds.patient.activity.steroids import read_steroids
from cds.patient.context import Episode, Relapse, Scan
from cds.patient.facts import CATALOGUE
from cds.patient.rules import RulesError
from cds.three_valued import Bounds

MRI_BRAIN = {"coding": [{"system": LOINC, "code": "24590-2"}]}
EXACERBATION = {"coding": [{"system": SNOMED, "code": "192929006"}]}


def report(text=None, on="2026-09-02", **more):
    said = {"resourceType": "DiagnosticReport", "status": "final", "code": MRI_BRAIN, "effectiveDateTime": on}
    return said | ({"conclusion": text} if text is not None else {}) | more


def scans_of(*resources):
    return read_scans(chart_of(*resources), terminology(), activity_rules(), AS_OF, None)


# --- MRI records


def test_the_text_may_be_attached():
    form = {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(b"2 new T2 lesions.").decode()}
    [scan] = scans_of(report(presentedForm=[form]))
    assert scan.new_t2_lesions == Bounds.exactly(2)


def test_a_pdf_is_not_read():
    form = {"contentType": "application/pdf", "data": base64.b64encode(b"%PDF 2 new T2 lesions.").decode()}
    [scan] = scans_of(report(presentedForm=[form]))
    assert (scan.clean, scan.note) == (None, "A report without text.")


def test_a_coded_conclusion_is_read_in_words():
    [scan] = scans_of(report(conclusionCode=[{"text": "No new T2 lesions"}]))
    assert scan.clean is True


def test_counts_may_be_components():
    counts = [
        {"code": {"text": "New T2 lesions"}, "valueInteger": 2},
        {"code": {"text": "Gadolinium-enhancing lesions"}, "valueQuantity": {"value": 1}},
        {"code": {"text": "T2 lesions in total"}, "valueInteger": 30},
    ]
    panel = {"resourceType": "Observation", "status": "final", "code": {"text": "MRI lesion counts"}, "effectiveDateTime": "2026-09-02"}
    [scan] = scans_of(panel | {"component": counts})
    assert (scan.new_t2_lesions, scan.gd_lesions) == (Bounds.exactly(2), Bounds.exactly(1))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ({"valueInteger": 3}, Bounds.exactly(3)),
        ({"valueQuantity": {"value": 2, "comparator": ">="}}, Bounds.at_least(2)),
        ({"valueQuantity": {"value": 2, "comparator": "<"}}, Bounds(0, 1)),
        ({"valueString": "none"}, Bounds.exactly(0)),
        ({"valueString": "several"}, Bounds.at_least(2)),
        ({"valueString": "2-3"}, Bounds(2, 3)),
        ({"valueBoolean": True}, Bounds.at_least(1)),
        ({"valueBoolean": False}, Bounds.exactly(0)),
        ({"valueCodeableConcept": {"text": "Present"}}, Bounds.at_least(1)),
        ({"valueCodeableConcept": {"text": "Absent"}}, Bounds.exactly(0)),
    ],
)
def test_values_of_a_lesion_count(value, number):
    count = {"resourceType": "Observation", "status": "final", "code": {"text": "New T2 lesions"}, "effectiveDateTime": "2026-09-02"}
    assert [scan.new_t2_lesions for scan in scans_of(count | value)] == [number]


def test_a_value_that_is_no_count_is_no_scan():
    count = {"resourceType": "Observation", "status": "final", "code": {"text": "New T2 lesions"}, "effectiveDateTime": "2026-09-02"}
    assert scans_of(count | {"valueString": "see report"}) == ()


def test_a_count_belongs_to_the_report_that_names_it():
    count = {"resourceType": "Observation", "id": "c", "status": "final", "code": {"text": "Gd lesions"}, "valueInteger": 2}
    [scan] = scans_of(report("No new lesions.", result=[{"reference": "Observation/c"}]), count | {"effectiveDateTime": "2026-09-04"})
    assert (str(scan.date), scan.gd_lesions, scan.clean) == ("2026-09-02", Bounds.exactly(2), False)


@pytest.mark.parametrize(
    ("code", "region"),
    [
        ({"text": "Brain MRI with contrast"}, "brain"),
        ({"text": "MRI"}, "brain"),
        ({"text": "MRI cervical spine"}, "cord"),
        ({"text": "MRI brain and cervical spine"}, "brain"),
        ({"text": "MRI lumbar spine"}, None),
        ({"text": "MRI knee"}, None),
        ({"text": "CT brain"}, None),
        ({"text": "MRA head"}, None),
    ],
)
def test_what_is_an_mri_of_brain_or_cord(code, region):
    scans = scans_of(report("2 new T2 lesions.", code=code))
    assert [scan.region for scan in scans] == ([region] if region else [])


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_reports_that_do_not_count(status):
    assert scans_of(report("2 new T2 lesions.", status=status)) == ()


def test_two_reports_of_one_day_that_contradict_each_other():
    [scan] = scans_of(report("No new lesions."), report("2 new T2 lesions."))
    assert (scan.new_t2_lesions, scan.clean, scan.active) == (None, None, None)


def test_a_comparison_that_lies_after_the_scan_is_none():
    [scan] = scans_of(report("No new lesions compared with 2026-10."))
    assert scan.compared_with is None


def test_an_unreadable_report_is_named():
    broken = report("2 new T2 lesions.")
    broken.pop("status")
    fact = facts_of(chart_of(broken))["mri.activeLast12Months"]
    assert fact.value is None
    assert "could not be read" in fact.reason


# --- relapses


def attack(on, **more):
    return Attack(onset=DateRange.parse(on), stated=True, provisional=False, resources=(f"Condition/{on}",), how="coded", **more)


def test_records_without_thirty_quiet_days_between_them_are_one_attack():
    found = merged([attack("2026-01-01"), attack("2026-01-25"), attack("2026-02-20"), attack("2026-03-23")], 30)
    assert [str(one.onset) for one in found] == ["2026-01-01", "2026-03-23"]


def test_a_rough_date_may_make_a_later_attack_one_with_it():
    first, second = merged([attack("2026-05"), attack("2026-06-20")], 30)
    assert (str(first.onset), str(second.onset)) == ("2026-05", "2026-05-21 to 2026-06-20")
    assert "may be one attack with that of 2026-05" in second.note


def test_the_onset_is_the_first_of_the_records():
    [one] = merged([attack("2026-06"), attack("2026-06-12")], 30)
    assert str(one.onset) == "2026-06-01 to 2026-06-12"
    assert one.resources == ("Condition/2026-06", "Condition/2026-06-12")


def test_the_same_record_twice_is_one():
    assert len(merged([attack("2026"), attack("2026")], 30)) == 1


def test_the_fewest_attacks_that_explain_the_dates():
    days = [DateRange.parse(text) for text in ("2026-01-10", "2026-01", "2026", "2026-06-01")]
    assert fewest(days, 30) == 2


def test_an_encounter_diagnosis_without_onset_is_dated_by_its_record():
    condition = {
        "resourceType": "Condition", "code": EXACERBATION, "recordedDate": "2026-06-20",
        "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
    }  # fmt: skip
    history, _ = history_of(chart_of(condition))
    assert [str(one.onset) for one in history.relapses] == ["2026-06-06 to 2026-06-20"]


def test_a_problem_without_onset_counts_nowhere_and_keeps_windows_open():
    condition = {"resourceType": "Condition", "code": EXACERBATION, "recordedDate": "2026-06-20"}
    visit = {
        "resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "serviceType": {"text": "Neurology"},
        "period": {"start": "2026-09-01"},
    }  # fmt: skip
    found = chart_of(condition, visit)
    history, _ = history_of(found)
    facts = facts_of(found)
    assert history.relapses == ()
    assert [str(one.known_by) for one in history.undated] == ["2026-06-20"]
    assert facts["relapses.last12Months"].value == Bounds(0, 1)
    assert facts["relapses.last24Months"].value == Bounds.at_least(0)
    assert facts["relapse.latest"].value is None
    assert facts["activity"].value is None


@pytest.mark.parametrize(
    ("status", "start", "counts"),
    [
        ("finished", "2026-09-01", True),
        ("in-progress", "2026-09-01", True),
        ("in-progress", "2026-11-20", False),
        ("planned", "2026-09-01", False),
        ("cancelled", "2026-09-01", False),
        ("entered-in-error", "2026-09-01", False),
    ],
)
def test_which_visits_are_assessments(status, start, counts):
    visit = {"resourceType": "Encounter", "status": status, "class": {"code": "AMB"}, "serviceType": {"text": "Neurology"}}
    history, _ = history_of(chart_of(visit | {"period": {"start": start}}))
    assert bool(history.assessments) is counts


@pytest.mark.parametrize(
    ("visit", "counts"),
    [
        ({"serviceType": {"text": "Neurology"}}, True),
        ({"type": [{"text": "MS clinic follow-up"}]}, True),
        ({"reasonCode": [{"coding": [{"system": SNOMED, "code": "24700007"}]}]}, True),
        ({"serviceType": {"text": "Dermatology"}}, False),
        ({}, False),
    ],
)
def test_what_is_a_neurological_visit(visit, counts):
    whole = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "period": {"start": "2026-09-01"}} | visit
    history, _ = history_of(chart_of(whole))
    assert bool(history.assessments) is counts


@pytest.mark.parametrize(
    ("quantity", "near"),
    [
        ({"value": 38.4, "unit": "Cel", "code": "Cel"}, True),
        ({"value": 101.3, "unit": "degF", "code": "[degF]"}, True),
        ({"value": 37.2, "unit": "Cel", "code": "Cel"}, False),
        ({"value": 98.6, "unit": "degF", "code": "[degF]"}, False),
    ],
)
def test_measured_fever(quantity, near):
    temperature = {
        "resourceType": "Observation", "status": "final", "code": {"text": "Body temperature"}, "effectiveDateTime": "2026-06-08",
        "valueQuantity": quantity,
    }  # fmt: skip
    relapse = {"resourceType": "Condition", "code": EXACERBATION, "onsetDateTime": "2026-06-10"}
    assert facts_of(chart_of(temperature, relapse))["relapse.infectionNear"].value is near


@pytest.mark.parametrize(
    ("medication", "certain"),
    [
        ({"text": "Solu-Medrol 1000 mg IV"}, [True]),
        ({"text": "methylprednisolone 1 g IV"}, [True]),
        ({"text": "methylprednisolone 1,000 mg"}, [True]),
        ({"text": "Depo-Medrol (methylprednisolone acetate) 80 mg"}, []),
        ({"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6902"}], "text": "methylprednisolone"}, [False]),
        ({"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "8640"}], "text": "prednisone 10 mg"}, []),
        ({"text": "ibuprofen 600 mg"}, []),
    ],
)
def test_what_is_a_high_dose_course(medication, certain):
    order = {
        "resourceType": "MedicationRequest", "status": "completed", "intent": "order", "medicationCodeableConcept": medication,
        "authoredOn": "2026-06-12",
    }  # fmt: skip
    found = read_steroids(chart_of(order), terminology(), activity_rules(), AS_OF)
    assert [course.certain for course in found] == certain


@pytest.mark.parametrize("change", [{"intent": "proposal"}, {"status": "draft"}, {"status": "cancelled"}, {"doNotPerform": True}])
def test_courses_that_were_not_given(change):
    order = {
        "resourceType": "MedicationRequest", "status": "completed", "intent": "order", "authoredOn": "2026-06-12",
        "medicationCodeableConcept": {"text": "Solu-Medrol 1000 mg IV"},
    }  # fmt: skip
    assert read_steroids(chart_of(order | change), terminology(), activity_rules(), AS_OF) == ()


def test_doses_of_one_course_are_one_course():
    found = read_steroids(
        chart("F30, RRMS since 2019\nsteroids 2026-06-12\nsteroids 2026-06-13\nsteroids 2026-06-14\nsteroids 2026-08-14"),
        terminology(), activity_rules(), AS_OF,
    )  # fmt: skip
    assert [str(course.date) for course in found] == ["2026-06-12", "2026-08-14"]


# --- activity under treatment


def episode(name, phase, start="2026-01-10", wash_in_ends="2026-07-10", **more):
    values = {
        "drug": name, "name": name, "tier": "high", "tier_reason": "", "start": DateRange.parse(start) if start else None, "end": None,
        "ongoing": True, "doses": (), "phase": phase, "acts_until": day("2027-01-01"),
        "wash_in_ends": day(wash_in_ends) if wash_in_ends else None, "window_ends": None, "induction_incomplete": False,
        "outcome": "ongoing", "failure_kind": None, "failed_on": None, "early": False, "stop_reason": None, "reason": "", "resources": (),
        "how": "coded",
    }  # fmt: skip
    return Episode(**(values | more))


def relapse(on):
    return Relapse(onset=DateRange.parse(on), status="relapse", resources=(f"Condition/{on}",), how="coded")


def current(events, *episodes):
    history = RelapseHistory(relapses=tuple(relapse(on) for on in events), complete=True)
    return activity_facts(history, (), episodes, activity_rules(), AS_OF)["activity.current"].value


@pytest.mark.parametrize(
    ("onset", "value"),
    [
        ("2026-07-10", "notYetAssessable"),
        ("2026-07-11", "active"),
        ("2026-07", None),
        ("2025-11-19", None),
        ("2025-12-01", "notYetAssessable"),
    ],
)
def test_the_last_day_of_the_wash_in_belongs_to_it(onset, value):
    assert current([onset], episode("natalizumab", "acting")) == value


@pytest.mark.parametrize("phase", ["off", "rebound", "residual"])
def test_what_no_longer_acts_answers_for_nothing(phase):
    assert current(["2026-03-01"], episode("fingolimod", phase)) == "active"


def test_whether_a_drug_acts_is_not_known():
    assert current(["2026-03-01"], episode("teriflunomide", "unknown")) is None
    assert current(["2026-08-01"], episode("teriflunomide", "unknown")) == "active"


def test_the_last_started_drug_is_the_present_treatment():
    old, new = episode("ocrelizumab", "acting", "2024-01-10", "2024-07-10"), episode("natalizumab", "washIn", "2026-09-01", "2027-03-01")
    assert current(["2026-08-01"], old, new) == "notYetAssessable"
    assert current(["2026-08-01"], new, old) == "notYetAssessable"


def test_a_start_that_is_not_known_leaves_the_wash_in_open():
    assert current(["2026-08-01"], episode("teriflunomide", "acting", start=None, wash_in_ends=None)) is None


def test_a_rough_start_leaves_the_end_of_the_wash_in_open():
    rough = episode("glatiramer", "acting", "2026", "2027-06-30")
    assert current(["2026-06-01"], rough) == "notYetAssessable"
    assert current(["2026-09-01"], rough) is None


def test_early_activity_counts_only_in_the_look_back():
    early = {"induction_incomplete": True, "wash_in_ends": None, "early_activity": True}
    assert current(["2026-03-01"], episode("alemtuzumab", "washIn", **early, early_on=DateRange.parse("2026-03-01"))) == "active"
    assert current(["2026-03-01"], episode("alemtuzumab", "washIn", **early, early_on=DateRange.parse("2025-03-01"))) == "notYetAssessable"


def test_early_activity_that_is_not_certain_leaves_it_open():
    early = {"early_activity": None, "early_on": DateRange.parse("2026-03-01")}
    assert current(["2026-03-01"], episode("natalizumab", "acting", **early)) is None


# --- windows and rules


def clean_scan(on, **more):
    values = {
        "date": DateRange.parse(on), "gd_lesions": None, "new_t2_lesions": Bounds.exactly(0), "compared_with": None,
        "marked_t2_increase": False, "clean": True, "counts": True, "resources": (), "how": "text",
    }  # fmt: skip
    return Scan(**(values | more))


@pytest.mark.parametrize(
    ("visits", "number"),
    [
        (["2025-02-20", "2026-02-20"], Bounds.exactly(0)),
        (["2026-02-20"], Bounds.at_least(0)),  # fifteen months from the beginning, but a single contact
        (["2025-05-20", "2026-05-20"], Bounds.exactly(0)),
        (["2026-03-01", "2026-09-01"], Bounds.at_least(0)),
        (["2025-01-20", "2025-06-20"], Bounds.at_least(0)),
    ],
)
def test_coverage_of_two_years(visits, number):
    seen = tuple(Assessment(date=DateRange.parse(on), what=f"visit {on}", resources=()) for on in visits)
    history = RelapseHistory(assessments=seen, complete=True)
    assert activity_facts(history, (), (), activity_rules(), AS_OF)["relapses.last24Months"].value == number


def test_a_longer_window_that_is_covered_covers_the_shorter():
    seen = (Assessment(date=DateRange.parse("2026-09-01"), what="visit", resources=()),)
    scans = [clean_scan(on) for on in ("2022-08", "2024-08", "2026-08")]
    facts = activity_facts(RelapseHistory(assessments=seen, complete=True), scans, (), activity_rules(), AS_OF)
    assert [facts[f"relapses.last{months}Months"].value for months in (6, 12, 24, 60)] == [Bounds.exactly(0)] * 4


def test_windows_hold_one_another():
    history = RelapseHistory(relapses=tuple(relapse(on) for on in ("2022-01-01", "2025-01-01", "2026-01-01", "2026-10-01")))
    facts = activity_facts(history, (), (), activity_rules(), AS_OF)
    assert [facts[f"relapses.last{months}Months"].value.low for months in (6, 12, 24, 60)] == [1, 2, 3, 4]


def test_every_fact_of_activity_and_disability_is_given():
    named = [name for name in CATALOGUE if name.split(".")[0] in ("activity", "relapses", "relapse", "mri", "edss", "worsening")]
    given = facts_of(chart("F30, RRMS since 2019"))
    assert set(given) == set(named) - {"worsening.actingLast12Months"}
    assert all(fact.reason for fact in given.values())


def test_an_empty_chart_is_unknown_throughout():
    for name, fact in facts_of(chart_of()).items():
        assert fact.value is None or fact.value == Bounds.at_least(0), name


def test_conflicts_are_shown_once():
    [conflict] = conflicts_of(chart("F52, non-active SPMS since 2022, recorded 2026-03-10\nrelapse 2026-06-10"))
    assert conflict.resources == ("Condition/non-active-spms-2022", "Condition/relapse-2026-06-10")


@pytest.mark.parametrize("id", ["ranvier-relapse-merging", "ranvier-reading-mri", "ranvier-activity-records", "ranvier-activity-codes"])
def test_a_missing_definition_is_named(id):
    with pytest.raises(RulesError, match=id):
        ActivityRules.of({name: thresholds for name, thresholds in definitions().items() if name != id})


def test_a_wrong_field_is_named():
    with pytest.raises(RulesError, match=r"ranvier-relapse-merging.*within_weeks"):
        ActivityRules.of(definitions() | {"ranvier-relapse-merging": {"within_weeks": 4}})


def test_a_window_without_a_rule_is_named():
    with pytest.raises(RulesError, match="no window of 36 months"):
        activity_rules().assessment.window(36)


def test_rules_decide_the_windows():
    wider = replace(activity_rules(), look_back=activity_rules().look_back.model_copy(update={"months": 24}))
    history = RelapseHistory(relapses=(relapse("2025-03-01"),), complete=True)
    assert activity_facts(history, (), (), activity_rules(), AS_OF)["activity"].value is None
    assert activity_facts(history, (), (), wider, AS_OF)["activity"].value == "active"

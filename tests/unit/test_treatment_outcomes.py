"""Outcomes of courses: F12 at its thresholds, F12e, kinds of failure, what stays unknown, counts by tier (F13, F15)."""

import math

import pytest
from treatment_charts import AS_OF, DMF_ORDER, courses, day, facts, infusion, record, relapse, request, rxnorm, scan, verdicts

from cds.patient.disability.worsening import Worsening
from cds.patient.treatment.exposure import Stop
from cds.three_valued import Bounds

ON = record("natalizumab", "taken", "2024-01-10", supply_until="2027-01-01")


def verdict(*records, **events):
    (found,) = verdicts(*(records or (ON,)), **events)
    return found


def worsening(onset, confirmed="2026-09-01"):
    return Worsening(
        rule="cdw-24w-5.5", reference=day("2024-01-05"), from_value=4.0, onset=day(onset), to_value=5.0, confirmed_on=day(confirmed),
        course="pira", drug="natalizumab", resources=(f"Observation/edss-{onset}",),
    )  # fmt: skip


@pytest.mark.parametrize("status", ["uncertain", "possible"])
def test_only_certain_relapses_count(status):
    assert verdict(relapses=[relapse("2026-03-01", status)]).outcome == "ongoing"


def test_lesions_after_the_first_suspicion_of_pml_are_not_ms():
    found = verdict(scans=[scan("2026-10-20", gd=2, t2=4, counts=False)])
    assert found.outcome == "ongoing"
    assert any("PML" in note for note in found.notes)


@pytest.mark.parametrize(
    ("gd", "t2", "outcome"),
    [
        (1, None, "failed"),
        (0, 1, "ongoing"),
        (0, 2, "failed"),
        (None, 3, "failed"),
        ((1, math.inf), None, "failed"),
        ((0, math.inf), None, "unknown"),
        (None, (1, math.inf), "unknown"),
        (None, (2, math.inf), "failed"),
        (None, (0, 1), "ongoing"),
        (0, 0, "ongoing"),
        (None, None, "ongoing"),
    ],
)
def test_lesion_counts(gd, t2, outcome):
    assert verdict(scans=[scan("2026-03-01", gd=gd, t2=t2, vs="2025-03-01")]).outcome == outcome


def test_a_marked_increase_without_a_number_is_unknown():
    assert verdict(scans=[scan("2026-03-01", marked=True, vs="2025-03-01")]).outcome == "unknown"


def test_the_reason_names_event_rule_and_wash_in():
    found = verdict(relapses=[relapse("2026-03-01")], scans=[scan("2026-04-01", t2=2, vs="2025-03-01")])
    assert found.reason == (
        "Breakthrough after wash-in (ended 2024-07-10), while natalizumab acted: relapse 2026-03-01; 2 new T2 lesions on MRI 2026-04-01 "
        "(threshold 2 (AAN 2018 digest, Danish rule); compared with MRI 2025-03-01)."
    )


def test_resources_are_those_of_drug_and_events():
    assert verdict(relapses=[relapse("2026-03-01")]).resources == ("Condition/relapse-2026-03-01", ON.ref)


@pytest.mark.parametrize(
    ("on", "outcome"), [("2024-07-10", "ongoing"), ("2024-07-11", "failed"), ("2024-07", "unknown"), ("2024-08", "failed")]
)
def test_partial_dates_on_the_boundary(on, outcome):
    assert verdict(relapses=[relapse(on)]).outcome == outcome


def test_failed_on_is_the_first_breakthrough():
    assert str(verdict(relapses=[relapse("2026-03-01"), relapse("2025-03-01")]).failed_on) == "2025-03-01"


def test_worsening_without_inflammation_has_its_own_kind():
    found = verdict(worsenings=[worsening("2026-01-15")])
    assert (found.outcome, found.kind, found.inflammatory, found.failed) == ("failed", "worseningOnly", False, True)


def test_worsening_with_breakthrough_is_inflammatory():
    found = verdict(relapses=[relapse("2026-01-01")], worsenings=[worsening("2026-01-15")])
    assert (found.outcome, found.kind) == ("failed", "inflammatory")


def test_worsening_in_the_wash_in_is_no_failure():
    assert verdict(worsenings=[worsening("2024-05-15", "2025-02-01")]).outcome == "ongoing"


def test_worsening_with_a_doubtful_breakthrough_keeps_both():
    found = verdict(scans=[scan("2026-03-01", t2=(1, math.inf), vs="2025-03-01")], worsenings=[worsening("2026-01-15")])
    assert (found.outcome, found.kind, found.inflammatory) == ("failed", "worseningOnly", None)


def test_lack_of_efficacy_in_the_wash_in_still_is_recorded_failure():
    stop = Stop(kind="efficacy", says="lack of efficacy", written="not working")
    found = verdict(record("glatiramer", "ended", "2026-01-10", "2026-03-10", stops=(stop,)))
    assert (found.outcome, found.kind, str(found.failed_on)) == ("failed", "recorded", "2026-03-10")


def test_non_adherence_leaves_a_recorded_failure_open():
    stops = (Stop(kind="efficacy", says="lack of efficacy", written="a"), Stop(kind="adherence", says="non-adherence", written="b"))
    assert verdict(record("glatiramer", "ended", "2022-01-10", "2026-03-10", stops=stops)).outcome == "unknown"


def test_the_reason_of_an_earlier_course_is_not_that_of_a_later_one():
    stop = Stop(kind="efficacy", says="lack of efficacy", written="relapses")
    first, second = verdicts(
        record("glatiramer", "ended", "2018-01-10", "2020-01-10", stops=(stop,)),
        record("glatiramer", "taken", "2025-01-10", supply_until="2027-01-01"),
    )
    assert (first.outcome, second.outcome) == ("failed", "ongoing")


def test_early_activity_needs_certain_dates():
    new = record("natalizumab", "taken", "2026-05-10", supply_until="2027-01-01")
    found = verdict(new, relapses=[relapse("2026-08"), relapse("2026-10-01")])
    assert (found.outcome, found.inflammatory, found.established) == ("unknown", None, False)


def test_early_activity_counts_once_the_wash_in_is_known_to_run():
    new = record("natalizumab", "taken", "2026-05-10", supply_until="2027-01-01")
    found = verdict(new, relapses=[relapse("2026-09"), relapse("2026-10-01")])
    assert (found.outcome, found.early, found.established) == ("failed", True, False)


def test_events_while_a_later_drug_answers_are_not_laid_at_the_earlier_ones_door():
    first, second = verdicts(
        record("ocrelizumab", "given", "2024-06-10"),
        record("natalizumab", "ended", "2024-09-10", "2025-05-10"),
        relapses=[relapse("2025-04-01")],
    )
    assert (first.inflammatory, second.inflammatory) == (None, True)
    assert "relapse" not in first.reason


def test_breakthrough_of_both_while_the_later_one_is_in_its_wash_in():
    first, second = verdicts(
        record("natalizumab", "ended", "2024-01-10", "2026-09-10"),
        record("ocrelizumab", "given", "2026-10-01"),
        relapses=[relapse("2026-10-20")],
    )
    assert (first.outcome, second.outcome) == ("failed", "ongoing")


def test_high_efficacy_failures_are_bounded_by_what_is_unknown():
    stopped = request(
        rxnorm("354770", "natalizumab"), status="stopped", authoredOn="2020-01-10", meta={"lastUpdated": "2021-01-10T00:00:00Z"}
    )
    found = facts(stopped, infusion(rxnorm("1876366", "ocrelizumab"), "2026-03-10"))
    assert found["failures.highEfficacy"].value == Bounds(0, 1)
    assert found["failures.differsOrEarly"].value == Bounds(0, 1)


def test_nothing_recorded_counts_nothing():
    found = facts()
    assert {name: str(fact.value) for name, fact in found.items() if name.startswith("failures.")} == {
        "failures.any": "0",
        "failures.inflammatory": "0",
        "failures.highEfficacy": "0",
        "failures.highEfficacyEstablished": "0",
        "failures.differsOrEarly": "0",
    }


def test_without_assessment_no_breakthrough_is_not_said():
    found = facts(DMF_ORDER)
    assert found["breakthrough.actingLast12Months"].value is None
    assert "not assessed" in found["breakthrough.actingLast12Months"].reason


def test_months_on_a_drug():
    assert facts(infusion(rxnorm("1876366", "ocrelizumab"), "2026-05-20"))["dmt.actingMonths"].value == Bounds.exactly(6)


def test_two_drugs_acting_show_the_later_one():
    found = facts(infusion(rxnorm("1876366", "ocrelizumab"), "2026-03-10"), infusion(rxnorm("354770", "natalizumab"), "2026-10-10"))
    assert found["dmt.acting"].value == "natalizumab"
    assert "ocrelizumab" in found["dmt.acting"].reason


def test_natalizumab_months_without_an_end():
    found = facts(request(rxnorm("354770", "natalizumab"), authoredOn="2020-01-10"))
    assert found["natalizumab.exposureMonths"].value.low <= 3
    assert found["natalizumab.exposureMonths"].value.high > 80


def test_every_course_has_a_reason():
    assert all(course.reason.endswith(".") for course in courses(DMF_ORDER, as_of=AS_OF))


def test_the_words_of_a_status_reason_count_beside_its_code():
    reason = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-status-reason", "code": "altchoice"}]}
    stopped = {"resourceType": "MedicationRequest", "status": "stopped", "intent": "order", "authoredOn": "2023-01-10"}
    stopped |= {"medicationCodeableConcept": {"text": "natalizumab"}}
    (bare,) = courses(stopped | {"statusReason": reason})
    (told,) = courses(stopped | {"statusReason": reason | {"text": "Ineffective"}})
    assert (bare.outcome, told.outcome) == ("stoppedOther", "failed")

"""EDSS records and worsening beyond what a vignette writes (clinical-rules F8–F10)."""

from datetime import timedelta

import pytest
from activity_charts import AS_OF, activity_rules, chart, chart_of, day, disability_rules, facts_of, history_of
from msgspec.structs import replace
from reading_charts import SNOMED, definitions, terminology

from cds.fhir.dates import DateRange
from cds.patient.activity.relapse_history import RelapseHistory, UndatedRelapse
from cds.patient.context import EdssScore, Episode, Relapse
from cds.patient.disability.edss import edss_records
from cds.patient.disability.facts import read_edss
from cds.patient.disability.rules import DisabilityRules, WorseningRule
from cds.patient.disability.worsening import confirmed, read_worsenings
from cds.patient.rules import RulesError, parse_rules
from cds.three_valued import Bounds

KURTZKE = {"coding": [{"system": SNOMED, "code": "273554001"}]}


def edss(value=None, on="2026-09-20", code=None, **more):
    observation = {"resourceType": "Observation", "status": "final", "code": code or KURTZKE, "effectiveDateTime": on}
    return observation | ({"valueQuantity": value} if value is not None else {}) | more


def values(*resources):
    found = chart_of(*resources)
    return [(record.value, record.how) for record in edss_records(found, terminology(), activity_rules(), AS_OF)]


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (edss({"value": 3.5}), [(3.5, "coded")]),
        (edss({"value": 3.5, "unit": "{score}", "code": "{score}"}), [(3.5, "coded")]),
        (edss({"value": 3.5, "unit": "points"}), [(3.5, "coded")]),
        (edss({"value": 3.5, "unit": "mg"}), [(None, "coded")]),
        (edss({"value": 4, "comparator": ">="}), [(None, "coded")]),
        (edss(valueInteger=4), [(4, "coded")]),
        (edss(valueString="4.5"), [(4.5, "text")]),
        (edss(valueString="EDSS 4,5"), [(4.5, "text")]),
        (edss(valueString="6.5/10"), [(6.5, "text")]),
        (edss(valueString="EDSS 4.0, was previously 3.0"), [(None, "text")]),
        (edss(valueCodeableConcept={"text": "4.0"}), [(4, "coded")]),
        (edss({"value": 0.5}), [(None, "coded")]),
        (edss({"value": 10}), [(10, "coded")]),
        (edss({"value": 10.5}), [(None, "coded")]),
        (edss({"value": -1}), [(None, "coded")]),
        (edss({"value": 3.25}), [(None, "coded")]),
        (edss(), []),
        (edss({"value": 3.5}, status="entered-in-error"), []),
        (edss({"value": 3.5}, status="preliminary"), [(None, "coded")]),
        (edss({"value": 3.5}, on="2027-01-01"), []),
        (edss({"value": 3}, code={"text": "EDSS functional system: pyramidal"}), []),
        (edss({"value": 4}, code={"text": "PDDS score"}), []),
        (edss({"value": 1}, code={"text": "EDSS change from baseline"}), []),
        (edss({"value": 4}, code={"text": "Expanded Disability Status Scale"}), [(4, "text")]),
        (edss({"value": 4, "unit": "/10"}), [(4, "coded")]),
        (edss(valueString="6.5 (walker)"), [(6.5, "text")]),
        (edss(valueString="3.5 - fully ambulatory"), [(3.5, "text")]),
        (edss(valueString="3.0-3.5"), [(3, "text"), (3.5, "text")]),
        (edss(valueRange={"low": {"value": 3}, "high": {"value": 3.5}}), [(3, "coded"), (3.5, "coded")]),
        (edss(valueRange={"low": {"value": 3}}), [(None, "coded")]),
        (edss(valueString="4.0, 3.0 last year"), [(None, "text")]),
        (edss(valueString="not done"), []),
        (edss({"value": 5}, code={"text": "Patient-reported EDSS"}), []),
        (edss({"value": 5}, code={"text": "Baseline EDSS"}), []),
        (edss({"value": 5}, code={"text": "Previous EDSS score"}), []),
        (edss({"value": 5}, code={"text": "EDSS at diagnosis"}), []),
        (edss({"value": 5}, code={"text": "EDSS of family member"}), []),
        (edss({"value": 6.5}, code={"text": "MSSS (EDSS adjusted for duration)"}), []),
        (edss({"value": 6.5}, code={"text": "EDSS age-related MS severity (ARMSS)"}), []),
        (edss({"value": 6}, code={"text": "EDSS percentile"}), []),
        (edss({"value": 2}, code={"text": "EDSS category"}), []),
        (edss({"value": 1}, code={"text": "EDSS-Plus"}), []),
        (edss({"value": 2}, code={"text": "Kurtzke functional systems score"}), []),
        (edss({"value": 2}, code={"text": "EDSS mental function"}), []),
        (edss({"value": 3}, code={"text": "EDSS Funktionssystem Pyramidenbahn"}), []),
        (edss({"value": 3}, code={"text": "EDSS - fonction pyramidale"}), []),
        (edss({"value": 5}, code={"text": "EDSS Gehstrecke"}), []),
        (edss({"value": 2}, code={"text": "EDSS at treatment start"}), []),
        (edss({"value": 2}, code={"text": "EDSS at first visit"}), []),
        (edss({"value": 6}, code={"text": "EDSS nadir"}), []),
        (edss({"value": 3}, code={"text": "EDSS 12 months ago"}), []),
        (edss({"value": 3}, code={"text": "Initial EDSS"}), []),
        (edss({"value": 2.5}, code={"text": "EDSS Vorwert"}), []),
        (edss({"value": 3}, code={"text": "EDSS-PRO"}), []),
        (edss({"value": 4}, code={"text": "EDSS-Wert"}), [(4, "text")]),
        (edss({"value": 4}, code={"text": "EDSS"}, method={"text": "Patient self-report"}), [(None, "text")]),
        (edss({"value": 4}, performer=[{"reference": "Patient/p1"}]), [(None, "coded")]),
        (edss({"value": 4}, performer=[{"reference": "Practitioner/1"}, {"reference": "Patient/p1"}]), [(4, "coded")]),
        (edss(valueString="3.0 (05/2023)"), [(None, "text")]),
        (edss(valueString="3.0", code={"text": "Vorwert EDSS"}), []),
        (edss(valueString="EDSS 3.5 -> 4.0"), [(None, "text")]),
    ],
)
def test_records(observation, expected):
    assert values(observation) == expected


def test_a_component_can_hold_the_score():
    panel = edss(code={"text": "MS examination"}, component=[{"code": KURTZKE, "valueQuantity": {"value": 5.5}}])
    assert values(panel) == [(5.5, "coded")]


@pytest.mark.parametrize(
    ("note", "value"),
    [
        ("EDSS 4.5", 4.5),
        ("EDSS: 6.0, walks with a stick", 6),
        ("EDSS score of 3", 3),
        ("EDSS today 2.5, stable", 2.5),
        ("EDSS 6.5/10", 6.5),
        ("EDSS remains 4.0", 4),
        ("2026-09-20: EDSS 4.0", 4),
        ("EDSS 4.0 on 20 Sep 2026", 4),
        ("EDSS 4.5, last visit 4.0", 4.5),
        ("EDSS 3.0 in 05/2023. EDSS today 4.0.", 4),
        ("Expanded Disability Status Scale 5.0", 5),
        ("MS diagnosed in 2019. Now stable, EDSS 2.0.", 2),
        ("EDSS was 3.0 in 2024", None),
        ("EDSS 3.5 (2024), 4.0 now.", None),
        ("EDSS 6.0 -> 6.5", None),
        ("EDSS 6.0 then 6.5", None),
        ("EDSS 3.0, now 4.0", None),
        ("EDSS 4 or 4.5", None),
        ("EDSS 4.0?", None),
        ("EDSS: 2.0 on 2024-03-01", None),
        ("2024-03-01: EDSS 2.0", None),
        ("In March 2024 EDSS 2.0", None),
        ("EDSS 3.0 am 01.02.2023", None),
        ("EDSS 3.0 (05/2023)", None),
        ("EDSS 3.0 05/23", None),
        ("EDSS 3.0 two years ago", None),
        ("EDSS 4 at diagnosis", None),
        ("EDSS 3.0 at last visit", None),
        ("last EDSS 3.0", None),
        ("Prev EDSS 3.0", None),
        ("initial EDSS 3.0", None),
        ("worst EDSS 6.5", None),
        ("EDSS 10 meters", None),
        ("EDSS 4.0. In 2024 EDSS 3.0.", None),
        ("EDSS 0-10 scale", None),
        ("EDSS change +1.0", None),
        ("EDSS FS pyramidal 3", None),
        ("PDDS 4", None),
        ("EDSS 3.5 (previously 3.0)", None),
        ("EDSS 4.0 and EDSS 4.5", None),
        ("EDSS < 6", None),
        ("EDSS of 5.5 or less", None),
        ("EDSS 2.0 to 3.0", None),
        ("EDSS 3.25", None),
        ("EDSS 12", None),
        ("EDSS after 6 months", None),
        ("Trial inclusion EDSS 5.5", None),
        ("Patient estimated EDSS 3.5", None),
    ],
)
def test_notes(note, value):
    found = chart(f'F30, RRMS since 2019\nnote "{note}" on 2026-09-20')
    assert [score.value for score in read_edss(found, terminology(), disability_rules(), AS_OF, ())] == ([] if value is None else [value])


def test_a_later_record_that_is_not_clear_leaves_the_present_edss_open():
    """F8: the latest counts. What a later record says, though not clearly, an older value must not cover."""
    known = facts_of(chart_of(edss({"value": 3}, on="2026-01-10"), edss({"value": 6, "comparator": ">="}, on="2026-09-20")))
    assert known["edss"].value is None
    assert "not clear; last clear value 3.0 on 2026-01-10" in known["edss"].reason
    assert known["edss"].resources == ("Observation/r0", "Observation/r1")
    assert "not clear" in known["worsening.last12Months"].reason


def test_an_unclear_record_before_the_latest_matters_to_worsening_only():
    known = facts_of(chart_of(edss({"value": 6, "comparator": ">="}, on="2026-01-10"), edss({"value": 3}, on="2026-09-20")))
    assert known["edss"].value == Bounds.exactly(3)
    assert known["worsening.last12Months"].value is None


@pytest.mark.parametrize(
    ("reference", "threshold"), [(0, 1.5), (1.0, 2.0), (1.5, 2.5), (3.0, 4.0), (5.0, 6.0), (5.5, 6.0), (6.0, 6.5), (9.5, 10.0)]
)
def test_steps_of_the_rule(reference, threshold):
    """cdw-24w-5.5: +1.5 from 0, +1.0 from 1.0 to 5.0, +0.5 from 5.5 (F9)."""
    rule = disability_rules().worsening
    assert (rule.threshold(reference), rule.name) == (threshold, "cdw-24w-5.5")


def test_steps_out_of_order_are_an_error():
    broken = {"name": "x", "confirmed_after_months": 6, "steps": [{"from": 5.5, "to": 10, "rise": 0.5}, {"from": 0, "to": 5, "rise": 1}]}
    with pytest.raises(RulesError, match=r"cdw-24w-5-5.*from 0 upwards"):
        parse_rules(WorseningRule, {"cdw-24w-5-5": broken}, "cdw-24w-5-5")


def test_a_missing_definition_is_named():
    known = {id: thresholds for id, thresholds in definitions().items() if id != "ranvier-pira-window"}
    with pytest.raises(RulesError, match="ranvier-pira-window"):
        DisabilityRules.of(known)


def test_an_unknown_field_is_named():
    with pytest.raises(RulesError, match=r"ranvier-edss-current.*weeks"):
        DisabilityRules.of(definitions() | {"ranvier-edss-current": {"months": 24, "marked_after_months": 12, "weeks": 1}})


WHOLE = RelapseHistory(complete=True)


def scores(*pairs):
    return tuple(EdssScore(value=value, date=DateRange.parse(on), resources=(f"Observation/{on}",), how="coded") for value, on in pairs)


def episode(drug, start, until):
    return Episode(
        drug=drug, name=drug, tier="high", tier_reason="", start=DateRange.parse(start), end=None, ongoing=True, doses=(), phase="acting",
        acts_until=day(until), wash_in_ends=None, window_ends=None, induction_incomplete=False, outcome="ongoing", failure_kind=None,
        failed_on=None, early=False, stop_reason=None, reason="", resources=(), how="coded",
    )  # fmt: skip


def worsenings(found, history=WHOLE, episodes=()):
    return read_worsenings(found, history, episodes, disability_rules(), AS_OF)


def test_reference_is_the_score_nearest_to_the_start_of_the_drug():
    found = scores((2.0, "2022-03-01"), (3.0, "2023-01-20"), (3.5, "2025-01-01"), (4.0, "2025-09-01"), (4.0, "2026-05-01"))
    before, on_drug = worsenings(found, episodes=[episode("ocrelizumab", "2023-01-10", "2027-04-01")])
    assert (before.drug, str(before.onset)) == (None, "2023-01-20")
    assert (on_drug.from_value, on_drug.drug, str(on_drug.onset)) == (3.0, None, "2025-09-01")


def test_a_drug_baseline_is_not_worse_than_itself():
    found = scores((3.0, "2023-01-20"), (2.0, "2024-01-01"), (3.0, "2025-01-01"), (3.0, "2026-05-01"))
    assert worsenings(found, episodes=[episode("ocrelizumab", "2023-01-10", "2027-04-01")]) == ()
    assert len(worsenings(found)) == 1


def test_a_score_seven_months_after_the_start_is_no_reference_of_the_drug():
    found = scores((2.0, "2023-08-20"), (3.0, "2024-09-01"), (3.0, "2025-05-01"))
    [one] = worsenings(found, episodes=[episode("ocrelizumab", "2023-01-10", "2027-04-01")])
    assert one.drug is None


def test_the_last_started_drug_gives_the_reference():
    found = scores((2.0, "2022-01-01"), (3.0, "2024-01-01"), (3.0, "2025-01-01"), (3.0, "2026-01-01"))
    drugs = [episode("glatiramer", "2022-01-10", "2024-02-01"), episode("ocrelizumab", "2024-01-05", "2027-01-01")]
    assert [(one.drug, str(one.onset)) for one in worsenings(found, episodes=drugs)] == [("glatiramer", "2024-01-01")]


def test_confirmation_needs_a_score_free_of_relapse():
    history = replace(WHOLE, relapses=(Relapse(onset=DateRange.parse("2026-04-20"), status="relapse", resources=(), how="coded"),))
    found = scores((3.0, "2025-01-01"), (4.0, "2025-09-01"), (4.0, "2026-05-01"))
    assert [one.confirmed for one in worsenings(found, history)] == [False]
    later = (*found, *scores((4.0, "2026-09-01")))
    assert [str(one.confirmed_on) for one in worsenings(later, history)] == ["2026-09-01"]


def test_only_confirmed_ones_are_handed_on():
    found = scores((3.0, "2025-01-01"), (4.0, "2026-05-01"))
    assert len(worsenings(found)) == 1
    assert confirmed(worsenings(found)) == ()


@pytest.mark.parametrize(
    ("onset", "course"),
    [
        ("2025-06-02", "pira"),  # 91 days before the event
        ("2025-06-03", "raw"),  # 90 days before
        ("2025-09-01", "raw"),  # the same day
        ("2025-10-01", "neither"),  # 30 days after
        ("2025-10-02", "pira"),  # 31 days after
        ("2026-01-30", "pira"),  # 91 days before the confirmation
        ("2026-05-31", "neither"),  # 30 days after the confirmation
        ("2026-06-01", "pira"),
    ],
)
def test_windows_of_raw_and_pira(onset, course):
    """RAW: within 90 days after a relapse. PIRA: none from 90 days before to 30 after event and confirmation (F10)."""
    history = replace(WHOLE, relapses=(Relapse(onset=DateRange.parse(onset), status="relapse", resources=(), how="coded"),))
    [one] = worsenings(scores((3.0, "2025-01-01"), (4.0, "2025-09-01"), (4.0, "2026-05-01")), history)
    assert one.course == course


def test_an_uncertain_attack_keeps_a_worsening_from_being_independent_of_relapse():
    history = replace(WHOLE, relapses=(Relapse(onset=DateRange.parse("2025-08-20"), status="uncertain", resources=(), how="coded"),))
    [one] = worsenings(scores((3.0, "2025-01-01"), (4.0, "2025-09-01"), (4.0, "2026-05-01")), history)
    assert one.course == "neither"


@pytest.mark.parametrize(
    "history", [replace(WHOLE, complete=False), replace(WHOLE, undated=(UndatedRelapse(known_by=None, resources=()),))]
)
def test_relapses_that_cannot_be_dated_make_it_neither(history):
    [one] = worsenings(scores((3.0, "2025-01-01"), (4.0, "2025-09-01"), (4.0, "2026-05-01")), history)
    assert one.course == "neither"


def test_the_order_of_scores_never_matters():
    found = scores((3.0, "2025-01-01"), (4.0, "2025-09-01"), (4.0, "2026-05-01"), (5.0, "2026-09-01"))
    assert worsenings(found) == worsenings(tuple(reversed(found)))


def test_no_worsening_is_only_said_with_a_score_at_the_beginning():
    lines = "F30, RRMS since 2019\nEDSS 3.0 on {}\nEDSS 3.0 on 2026-10-01"
    start = AS_OF.replace(year=AS_OF.year - 1)
    assert facts_of(chart(lines.format(start)))["worsening.last12Months"].value is False
    assert facts_of(chart(lines.format(start + timedelta(days=1))))["worsening.last12Months"].value is None


def test_a_value_off_the_scale_is_named():
    fact = facts_of(chart("F30, RRMS since 2019\nEDSS 0.5 on 2026-10-01"))["edss"]
    assert fact.value is None
    assert "0.5 is no EDSS value" in fact.reason
    assert fact.resources == ("Observation/edss-2026-10-01",)


def test_an_edss_is_a_clinical_assessment():
    history, _ = history_of(chart("F30, RRMS since 2019\nEDSS 3.0 on 2026-10-01\nEDSS 0.5 on 2026-11-01"))
    assert [one.what for one in history.assessments] == ["EDSS 3 2026-10-01"]


def test_the_current_edss_spans_values_of_one_day():
    fact = facts_of(chart("F30, RRMS since 2019\nEDSS 3.0 on 2026-10-01\nEDSS 4.5 on 2026-10-01"))["edss"]
    assert fact.value == Bounds(3, 4.5)

"""Order, noise and duplicates change nothing; a rougher date never flips a fact; less evidence never says more."""

import copy
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.evidence.load import read_records
from cds.evidence.model import Definition
from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.activity.facts import activity_facts
from cds.patient.activity.imaging import read_scans
from cds.patient.activity.relapses import read_relapses
from cds.patient.activity.rules import ActivityRules
from cds.patient.disability.facts import disability_facts, read_edss
from cds.patient.disability.rules import DisabilityRules
from cds.patient.disability.worsening import read_worsenings
from cds.three_valued import Bounds
from cds.vignette import expand

AS_OF = date(2026, 11, 20)
SEEDS = Path(__file__).parents[2] / "seeds"
KEYS = {
    "patient": "Patient",
    "conditions": "Condition",
    "medicationRequests": "MedicationRequest",
    "medicationStatements": "MedicationStatement",
    "medicationAdministrations": "MedicationAdministration",
    "observations": "Observation",
    "procedures": "Procedure",
    "allergies": "AllergyIntolerance",
}
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

DAYS = st.integers(0, 5 * 365).map(lambda back: AS_OF - timedelta(days=back))
EVENTS = st.sampled_from(
    [
        "relapse {day}",
        "relapse {day} (suspected)",
        "relapse {day} (encounter)",
        "infection {day}",
        "steroids {day}",
        "relapse count 0 on {day}",
        "relapse count 2 on {day}",
        "visit {day}",
        "MRI {day}: clean",
        "MRI {day}: 2 new T2, 1 Gd",
        "MRI {day}: new T2",
        'MRI {day}: text "See PACS."',
        "MRI {day}: clean, cord",
        "EDSS 2.0 on {day}",
        "EDSS 3.0 on {day}",
        "EDSS 4.0 on {day}",
        "EDSS 6.5 on {day}",
    ]
)
LINES = st.lists(st.tuples(EVENTS, DAYS), max_size=8, unique_by=lambda line: line[1])
ASSESSMENTS = ("visit", "EDSS", "clean")


@pytest.fixture(scope="module")
def known():
    """Terminology, and the rules of activity and disability."""
    definitions = read_records((SEEDS / "evidence" / "definitions").glob("**/*.yaml"), Definition)
    thresholds = {record.id: record.thresholds for _, record in definitions}
    return Terminology.load(SEEDS / "terminology"), (ActivityRules.of(thresholds), DisabilityRules.of(thresholds))


def prefetch(lines):
    text = "\n".join(["F34, RRMS since 2019", *(event.format(day=day) for event, day in lines)])
    return expand(text, AS_OF).prefetch


def facts(sent, known):
    terminology, rules = known
    chart = Chart.from_prefetch(sent, "patient-1", KEYS)
    scans = read_scans(chart, terminology, rules[0], AS_OF, None)
    history = read_relapses(chart, terminology, rules[0], AS_OF, scans)
    scores = read_edss(chart, terminology, rules[1], AS_OF, history.relapses)
    worse = read_worsenings(scores, history, (), rules[1], AS_OF)
    return {
        **activity_facts(history, scans, (), rules[0], AS_OF),
        **disability_facts(scores, worse, history, (), rules[1], AS_OF),
    }


def values(found):
    return {name: fact.value for name, fact in found.items()}


@QUICK
@given(LINES, st.randoms(use_true_random=False))
def test_order_never_matters(known, lines, shuffle: random.Random):
    sent = prefetch(lines)
    mixed = copy.deepcopy(sent)
    for page in mixed.values():
        if "entry" in page:
            shuffle.shuffle(page["entry"])
    assert facts(sent, known) == facts(mixed, known)


@QUICK
@given(LINES, DAYS)
def test_noise_changes_nothing(known, lines, day):
    sent = prefetch(lines)
    noisy = copy.deepcopy(sent)
    subject = {"reference": "Patient/patient-1"}
    noise = [
        (
            "conditions",
            {"resourceType": "Condition", "id": "n1", "subject": subject, "code": {"text": "Asthma attack"}, "onsetDateTime": str(day)},
        ),
        ("conditions", {"resourceType": "Condition", "id": "n2", "subject": {"reference": "Patient/x"}, "code": {"text": "MS relapse"}}),
        (
            "observations",
            {
                "resourceType": "Observation", "id": "n3", "status": "final", "subject": subject, "code": {"text": "Heart rate"},
                "valueQuantity": {"value": 4}, "effectiveDateTime": str(day),
            },
        ),
        (
            "observations",
            {
                "resourceType": "DiagnosticReport", "id": "n4", "status": "final", "subject": subject, "code": {"text": "MRI knee"},
                "conclusion": "New lesion of the meniscus.", "effectiveDateTime": str(day),
            },
        ),
    ]  # fmt: skip
    for key, resource in noise:
        noisy[key].setdefault("entry", []).append({"resource": resource})
    assert facts(sent, known) == facts(noisy, known)


@QUICK
@given(LINES)
def test_a_resource_sent_twice_is_one(known, lines):
    sent = prefetch(lines)
    twice = copy.deepcopy(sent)
    for page in twice.values():
        page.get("entry", []).extend(copy.deepcopy(page.get("entry", [])))
    assert facts(sent, known) == facts(twice, known)


def rougher(day, length):
    return str(day)[:length]


def not_flipped(name, exact, rough):
    """A rougher date may leave a fact open, never answer it otherwise. `uncertain` and `neither` are how openness is said."""
    if isinstance(exact, Bounds):
        return rough is None or (rough.low <= exact.low and exact.high <= rough.high)
    if isinstance(rough, Bounds):
        return False
    return rough in (None, exact) or (name, rough) in (("relapse.latest", "uncertain"), ("worsening.course", "neither"))


@settings(QUICK, max_examples=150)
@given(LINES.filter(bool), st.data(), st.sampled_from([7, 4]))
def test_a_rougher_date_never_flips_a_fact(known, lines, data, length):
    number = data.draw(st.integers(0, len(lines) - 1))
    event, day = lines[number]
    rough = [*lines[:number], (event, rougher(day, length)), *lines[number + 1 :]]
    exact, blurred = values(facts(prefetch(lines), known)), values(facts(prefetch(rough), known))
    flipped = {name: (exact[name], blurred[name]) for name in exact if not not_flipped(name, exact[name], blurred[name])}
    if flipped:
        said = [event.format(day=day) for event, day in lines]
        pytest.fail("\n".join([*said, f"line {number + 1} rougher: {rougher(day, length)}", str(flipped)]), pytrace=False)


@settings(QUICK, max_examples=80)
@given(LINES.filter(lambda lines: any(word in event for event, _ in lines for word in ASSESSMENTS)), st.data())
def test_taking_an_assessment_away_never_says_more(known, lines, data):
    numbers = [number for number, (event, _) in enumerate(lines) if any(word in event for word in ASSESSMENTS)]
    number = data.draw(st.sampled_from(numbers))
    before, after = values(facts(prefetch(lines), known)), values(facts(prefetch([*lines[:number], *lines[number + 1 :]]), known))
    for name in ("activity", "activity.current", "relapse.latest"):
        assert not (after[name] in ("notActive", "none") and before[name] != after[name]), name
    for name in before:
        if name.startswith("relapses."):
            assert after[name].high >= before[name].high, name
    if "EDSS" not in lines[number][0]:
        assert after["mri.activeLast12Months"] is not False or before["mri.activeLast12Months"] is False
        assert after["mri.newLesionsLast36Months"].high >= before["mri.newLesionsLast36Months"].high


@QUICK
@given(LINES, st.sampled_from(["conditions", "observations"]), st.sampled_from(["missing", "partial", "error"]))
def test_what_was_not_read_is_never_no(known, lines, key, how):
    sent = prefetch(lines)
    if how == "missing":
        sent.pop(key)
    elif how == "error":
        sent[key] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    else:
        sent[key]["link"] = [{"relation": "next", "url": "https://ehr.example/page2"}]
    found = values(facts(sent, known))
    assert found["activity"] != "notActive"
    assert found["relapse.latest"] != "none"
    assert found["worsening.last24Months"] is not False
    assert all(found[f"relapses.last{months}Months"].high == float("inf") for months in (6, 12, 24, 60))


@QUICK
@given(LINES)
def test_every_fact_has_a_reason(known, lines):
    for name, fact in facts(prefetch(lines), known).items():
        assert fact.reason.endswith("."), name
        assert "Synthetic" not in fact.reason, name

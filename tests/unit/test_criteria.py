"""Conditions in YAML: every operator, three-valued, and the errors an editor sees."""

import pytest

from cds.content import load_content
from cds.evidence.criteria import CriterionError, compile_condition, judge
from cds.evidence.match import judging, match_all
from cds.evidence.model import Criterion
from cds.patient.context import Fact
from cds.patient.facts import CATALOGUE
from cds.three_valued import Bounds


def fact(value, reason="because", resources=()):
    return Fact(value=value, reason=reason, resources=resources)


def evaluate(when, **facts):
    condition = compile_condition(when, CATALOGUE, "criterion x")
    return condition.test({name.replace("_", "."): fact(value) for name, value in facts.items()})


@pytest.mark.parametrize(
    ("when", "value", "expected"),
    [
        ({"fact": "edss", "atLeast": 6}, Bounds.exactly(6), True),
        ({"fact": "edss", "atLeast": 6}, Bounds.exactly(5.5), False),
        ({"fact": "edss", "atLeast": 6}, Bounds(5, 7), None),
        ({"fact": "edss", "atLeast": 6}, None, None),
        ({"fact": "edss", "moreThan": 6}, Bounds.exactly(6), False),
        ({"fact": "edss", "moreThan": 6}, Bounds.exactly(6.5), True),
        ({"fact": "edss", "atMost": 6}, Bounds.exactly(6), True),
        ({"fact": "edss", "atMost": 6}, Bounds.at_least(6), None),
        ({"fact": "edss", "atMost": 6}, Bounds.at_least(6.5), False),
        ({"fact": "edss", "lessThan": 6}, Bounds.exactly(6), False),
        ({"fact": "edss", "lessThan": 6}, Bounds.exactly(5.5), True),
    ],
)
def test_numbers(when, value, expected):
    assert evaluate(when, edss=value) is expected


@pytest.mark.parametrize(
    ("when", "value", "expected"),
    [
        ({"fact": "subtype", "is": "rrms"}, "rrms", True),
        ({"fact": "subtype", "is": "rrms"}, "spms", False),
        ({"fact": "subtype", "is": "rrms"}, None, None),
        ({"fact": "subtype", "in": ["spms", "ppms"]}, "ppms", True),
        ({"fact": "subtype", "in": ["spms", "ppms"]}, "rrms", False),
        ({"fact": "subtype", "is": "unknown"}, None, True),
        ({"fact": "subtype", "is": "unknown"}, "rrms", False),
    ],
)
def test_words(when, value, expected):
    assert evaluate(when, subtype=value) is expected


@pytest.mark.parametrize(
    ("when", "value", "expected"),
    [
        ({"fact": "hiv", "is": "positive"}, None, None),
        ({"not": {"fact": "hiv", "is": "positive"}}, "positive", False),
        ({"not": {"fact": "hiv", "is": "positive"}}, None, None),
        ({"undecided": {"fact": "hiv", "is": "positive"}}, "positive", None),
        ({"undecided": {"fact": "hiv", "is": "positive"}}, None, None),
        ({"undecided": {"fact": "hiv", "is": "positive"}}, "negative", False),
    ],
)
def test_not_and_undecided(when, value, expected):
    assert evaluate(when, hiv=value) is expected


def test_all_and_any_keep_unknown_unless_one_part_decides():
    active, edss = {"fact": "hiv", "is": "positive"}, {"fact": "edss", "lessThan": 6}
    assert evaluate({"all": [active, edss]}, hiv="positive", edss=None) is None
    assert evaluate({"all": [active, edss]}, hiv="negative", edss=None) is False
    assert evaluate({"any": [active, edss]}, hiv="positive", edss=None) is True
    assert evaluate({"any": [active, edss]}, hiv="negative", edss=None) is None


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"fact": "edsss", "atLeast": 6}, "no fact is named 'edsss'"),
        ({"fact": "edss", "is": "high"}, "does not fit the number fact"),
        ({"fact": "edss", "atLeast": True}, "does not fit the number fact"),
        ({"fact": "subtype", "is": "rms"}, "'rms' is not a word of 'subtype'"),
        ({"fact": "subtype", "atLeast": 2}, "does not fit the word fact"),
        ({"fact": "dmt.naive", "is": "yes"}, "does not fit the flag fact"),
        ({"fact": "edss", "atLeast": 6, "atMost": 7}, "exactly one test"),
        ({"some": []}, "expected all, any, not"),
    ],
)
def test_an_editor_is_told_what_is_wrong(when, message):
    with pytest.raises(CriterionError, match="criterion x") as error:
        compile_condition(when, CATALOGUE, "criterion x")
    assert message in str(error.value)


def test_a_finding_gives_the_reason_and_resources_of_the_facts_that_decide():
    criterion = Criterion(id="x", text="X", when={"all": []}, basis=("judgement",), item="x")
    condition = compile_condition({"all": [{"fact": "hiv", "is": "negative"}, {"fact": "edss", "lessThan": 6}]}, CATALOGUE, "x")
    known = fact("negative", "HIV test negative on 2026-01-05.", ("Observation/hiv",))
    unknown = fact(None, "No EDSS found.")
    finding = judge(criterion, condition, {"hiv": known, "edss": unknown})
    assert (finding.verdict, finding.reason, finding.resources) == ("unknown", "No EDSS found.", ())
    finding = judge(criterion, condition, {"hiv": known, "edss": fact(Bounds.exactly(3), "EDSS 3.", ("Observation/edss",))})
    assert (finding.verdict, finding.resources) == ("met", ("Observation/hiv", "Observation/edss"))


def test_a_chart_is_judged_by_each_criterion_once():
    evidence, asked = load_content().evidence, []

    class Noted(dict):
        def __getitem__(self, name):
            asked.append(name)
            return super().__getitem__(name)

    facts = Noted({name: fact(None, f"{name} not found.") for name in CATALOGUE})
    finding = judging(evidence, facts)
    first = finding("no-hiv")
    assert asked
    assert first.verdict == "unknown"
    asked.clear()
    assert finding("no-hiv") is first
    assert not asked
    assert {f.criterion.id: f for match in match_all(evidence, facts, "patient-view", finding) for f in match.findings}["no-hiv"] is first

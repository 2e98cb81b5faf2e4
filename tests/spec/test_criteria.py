"""Every criterion is shown met, not met and unknown, and the table notices if one of its operators, words or thresholds changes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds.evidence.criteria import CriterionError, compile_condition
from cds.evidence.load import load_evidence
from cds.patient.context import Fact
from cds.patient.facts import CATALOGUE
from cds.three_valued import Bounds, Truth

ROOT = Path(__file__).parents[2]
TABLE: dict[str, dict[str, list[dict[str, Any]]]] = yaml.safe_load((Path(__file__).parent / "criteria" / "truth.yml").read_text("utf-8"))
CRITERIA = load_evidence(ROOT / "seeds", CATALOGUE).criteria
VERDICTS: dict[str, Truth] = {"met": True, "notMet": False, "unknown": None}
WITHOUT = {"age-known": {"notMet"}, "disabling-relapses-stated": {"met"}, "subtype-recorded": {"unknown"}}
"""Criteria that cannot have every verdict: any known age is an age, charts do not say `disabling`, and not recorded is known."""


COUNTED = ("relapses", "lesions", "drugs")
"""Units that come whole: between one and two there is nothing to notice."""


def facts_of(named: dict[str, Any]) -> dict[str, Fact]:
    assert named.keys() <= CATALOGUE.keys(), named.keys() - CATALOGUE.keys()
    return {name: Fact(value=_value(named.get(name)), reason="") for name in CATALOGUE}


def _value(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(">="):
        return Bounds.at_least(float(value[2:]))
    return Bounds.exactly(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


EXAMPLES = {
    id: [(facts_of(named), VERDICTS[verdict]) for verdict, cases in verdicts.items() for named in cases] for id, verdicts in TABLE.items()
}


def holds(id: str, when: dict[str, Any]) -> bool:
    """Whether a condition gives what the table says for every example of a criterion."""
    test = compile_condition(when, CATALOGUE, id).test
    return all(test(facts) is expected for facts, expected in EXAMPLES[id])


def test_every_criterion_is_in_the_table():
    assert TABLE.keys() == CRITERIA.keys()


@pytest.mark.parametrize("id", TABLE)
def test_verdicts(id: str):
    assert holds(id, CRITERIA[id].when)
    assert TABLE[id].keys() == VERDICTS.keys() - WITHOUT.get(id, set())


def mutants(when: Any) -> Iterator[Any]:
    """The condition with one operator, word, truth or threshold changed."""
    if not isinstance(when, dict):
        return
    for joint, other in (("all", "any"), ("any", "all")):
        if joint in when:
            if len(when[joint]) > 1:
                yield {other: when[joint]}
            for index, part in enumerate(when[joint]):
                yield {joint: [*when[joint][:index], *when[joint][index + 1 :]]}
                for changed in mutants(part):
                    yield {joint: [*when[joint][:index], changed, *when[joint][index + 1 :]]}
    for wrap in ("not", "undecided"):
        if wrap in when:
            yield when[wrap]
            yield from ({wrap: changed} for changed in mutants(when[wrap]))
    if "fact" in when:
        yield from _tests(when)


def _tests(when: dict[str, Any]) -> Iterator[Any]:
    name, (operator, operand) = when["fact"], next((k, v) for k, v in when.items() if k != "fact")
    if CATALOGUE[name].kind == "number":
        for other in {"atLeast", "moreThan", "atMost", "lessThan"} - {operator}:
            yield {"fact": name, other: operand}
        steps = (1, -1) if CATALOGUE[name].unit in COUNTED else (1, -1, 0.5, -0.5)
        yield from ({"fact": name, operator: operand + step} for step in steps)
    elif CATALOGUE[name].kind == "flag":
        yield {"fact": name, "is": not operand if isinstance(operand, bool) else True}
    else:
        words = operand if operator == "in" else [operand]
        others = [word for word in CATALOGUE[name].words if word not in words and word != "*"]
        yield {"not": deepcopy(when)}
        yield from ({"fact": name, "in": [word for word in words if word != left]} for left in words if len(words) > 1)
        yield from ({"fact": name, "in": [*words, word]} for word in others if operand != "unknown")


def caught(id: str, changed: dict[str, Any]) -> bool:
    try:
        return not holds(id, changed)
    except CriterionError:
        return True


def test_a_changed_criterion_is_noticed():
    """At least 95 of 100 changes of one operator, word or threshold make some example fail; the rest are named."""
    all_mutants = [(id, changed) for id, criterion in CRITERIA.items() for changed in mutants(criterion.when)]
    survived = [f"{id}: {changed}" for id, changed in all_mutants if not caught(id, changed)]
    assert len(all_mutants) > 600
    assert len(survived) <= len(all_mutants) * 0.05, "\n".join(survived)

"""How many drugs failed, by tier (clinical-rules F13, F15).

Counts are bounds: an outcome that is unknown, or a tier on which lists differ, raises the upper one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cds.patient.context import Fact, Tier
from cds.patient.reading import unique
from cds.patient.treatment.outcomes import Verdict
from cds.patient.treatment.words import sentence
from cds.three_valued import Bounds, Truth, all_of, any_of, negate


class Drug(NamedTuple):
    """One drug (a family counts as one) with all its courses."""

    name: str
    tier: Tier
    verdicts: tuple[Verdict, ...]

    def any(self, test: Callable[[Verdict], Truth]) -> Truth:
        """Whether it holds of any course."""
        return any_of(test(verdict) for verdict in self.verdicts)


def failure_facts(absent: Truth, caveat: str, verdicts: Sequence[Verdict]) -> dict[str, Fact]:
    """The facts `failures.*`. `absent` is `None` where the history is visibly incomplete; then every count is a lower bound."""
    drugs = _drugs(verdicts)
    high = [drug for drug in drugs if drug.tier == "high"]
    differs = [drug for drug in drugs if drug.tier == "differs"]
    ending = f" {caveat}" if caveat else ""

    def fact(counted: Sequence[Drug], test: Callable[[Verdict], Truth], what: str, disputed: Sequence[Drug] = ()) -> Fact:
        return _count(counted, test, what, disputed, absent is None, ending)

    return {
        "failures.any": fact(drugs, lambda verdict: verdict.failed, "Failed DMTs"),
        "failures.inflammatory": fact(drugs, lambda verdict: verdict.inflammatory, "DMTs failed by breakthrough or lack of efficacy"),
        "failures.highEfficacy": fact(high, lambda verdict: verdict.inflammatory, "Failed high-efficacy DMTs", differs),
        "failures.highEfficacyEstablished": fact(
            high, lambda verdict: verdict.established, "Failed high-efficacy DMTs, early activity left out", differs
        ),
        "failures.differsOrEarly": _differs_or_early(high, differs, absent is None, ending),
    }


def _drugs(verdicts: Sequence[Verdict]) -> list[Drug]:
    families: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        families.setdefault(verdict.exposure.family, []).append(verdict)
    return [
        Drug(" / ".join(dict.fromkeys(v.exposure.name for v in found)), found[0].exposure.tier, tuple(found)) for found in families.values()
    ]


def _count(counted: Sequence[Drug], test: Callable[[Verdict], Truth], what: str, disputed: Sequence[Drug], more: bool, ending: str) -> Fact:
    failed = [drug for drug in counted if drug.any(test) is True]
    unknown = [drug for drug in counted if drug.any(test) is None]
    differing = [drug for drug in disputed if drug.any(test) is not False] if not failed else []
    value = Bounds(len(failed), math.inf if more else len(failed) + len(unknown) + len(differing))
    parts = [f"{what}: {value}."]
    parts += [f"{sentence(drug.name)}: {_why(drug, test, True)} Class: {_tier(drug)}." for drug in failed]
    parts += [f"{sentence(drug.name)}, not known: {_why(drug, test, None)}" for drug in unknown]
    parts += [f"Classifications differ on {drug.name} ({_tier(drug)}): {_why(drug, test, drug.any(test))}" for drug in differing]
    if not failed:
        parts += [f"{sentence(drug.name)}: {_why(drug, test, False)}" for drug in counted if drug.any(test) is False]
    return Fact(value=value, reason=" ".join(parts) + ending, resources=_resources((*failed, *unknown, *differing), test))


def _differs_or_early(high: Sequence[Drug], differs: Sequence[Drug], more: bool, ending: str) -> Fact:
    def inflammatory(verdict: Verdict) -> Truth:
        return verdict.inflammatory

    truths = [(drug, drug.any(inflammatory)) for drug in differs]
    truths += [(drug, all_of((drug.any(inflammatory), negate(drug.any(lambda verdict: verdict.established))))) for drug in high]
    low, high_bound = sum(truth is True for _, truth in truths), sum(truth is not False for _, truth in truths)
    value = Bounds(low, math.inf if more else high_bound)
    shown = [drug for drug, truth in truths if truth is not False]
    parts = [f"Failed drugs on whose class lists differ, or high-efficacy drugs failed by early activity only: {value}."]
    parts += [f"{sentence(drug.name)} ({_tier(drug)}): {_why(drug, inflammatory, drug.any(inflammatory))}" for drug in shown]
    return Fact(value=value, reason=" ".join(parts) + ending, resources=_resources(shown, inflammatory))


def _why(drug: Drug, test: Callable[[Verdict], Truth], truth: Truth) -> str:
    verdicts = [verdict for verdict in drug.verdicts if test(verdict) is truth]
    uncounted = [text for verdict in verdicts for text in verdict.uncounted] if truth is not True else []
    return " ".join(dict.fromkeys([*(verdict.reason for verdict in verdicts), *uncounted]))


def _tier(drug: Drug) -> str:
    return drug.verdicts[0].exposure.tier_reason


def _resources(drugs: Sequence[Drug], test: Callable[[Verdict], Truth]) -> tuple[str, ...]:
    return unique(resource for drug in drugs for verdict in drug.verdicts if test(verdict) is not False for resource in verdict.resources)

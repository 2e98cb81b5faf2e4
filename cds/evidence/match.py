"""Match summaries to a chart's facts (clinical-rules, "Criterion kinds").

A gate must be met. A limit must not be failed; unknown limits are named on the card. A favourable feature never decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from msgspec import Struct

from cds.evidence.criteria import Facts, Finding, judge
from cds.evidence.load import Evidence
from cds.evidence.model import Stance, Summary

Judge = Callable[[str], Finding]
"""A criterion's id → its finding in one chart."""


class Match(Struct, frozen=True):
    """One summary against one chart. `fires` when it has something to say; `because` says why not."""

    summary: Summary
    stance: Stance
    leading_claims: tuple[str, ...]
    gates: tuple[Finding, ...]
    limits: tuple[Finding, ...]
    favourable: tuple[Finding, ...]
    fires: bool
    hook: str

    @property
    def because(self) -> str:
        """Why it has nothing to say on this hook; empty where it has."""
        return "" if self.fires else _reason_for_silence(self.gates, self.limits, self.hook)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every criterion with its verdict, gates first."""
        return self.gates + self.limits + self.favourable


def match(summary: Summary, evidence: Evidence, facts: Facts, hook: str, finding: Judge) -> Match:
    """Decide whether a summary speaks on this hook. `finding` judges a criterion by its id."""
    gates, limits = tuple(map(finding, summary.gates)), tuple(map(finding, summary.limits))
    stance: Stance = summary.stance
    leading: tuple[str, ...] = ()
    for change, condition in zip(summary.stance_changes, evidence.stance_conditions[summary.id], strict=True):
        if condition.test(facts) is True:
            stance, leading = change.stance, change.claims
            break
    fires = (
        all(gate.verdict == "met" for gate in gates)
        and all(limit.verdict != "notMet" for limit in limits)
        and (not summary.hooks or hook in summary.hooks)
    )
    return Match(summary, stance, leading, gates, limits, tuple(map(finding, summary.favourable)), fires, hook)


def _reason_for_silence(gates: tuple[Finding, ...], limits: tuple[Finding, ...], hook: str) -> str:
    failed = [finding for finding in gates + limits if finding.verdict == "notMet"]
    unknown = [finding for finding in gates if finding.verdict == "unknown"]
    if failed:
        return "Not met: " + "; ".join(f"{f.criterion.text} ({f.reason})" for f in failed)
    if unknown:
        return "Unknown: " + "; ".join(f"{f.criterion.text} ({f.reason})" for f in unknown)
    return f"Not shown on {hook}"


def judging(evidence: Evidence, facts: Facts) -> Judge:
    """What judges the criteria against the facts of one chart, each only once however often it is asked for."""

    @cache
    def finding(id: str) -> Finding:
        return judge(evidence.criteria[id], evidence.conditions[id], facts)

    return finding


def match_all(evidence: Evidence, facts: Facts, hook: str, finding: Judge) -> tuple[Match, ...]:
    """Every summary against the facts, in the order of their ids. `finding` judges a criterion by its id (`judging`)."""
    return tuple(match(summary, evidence, facts, hook, finding) for summary in evidence.in_order)

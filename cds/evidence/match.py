"""Match summaries to a chart's facts (clinical-rules, "Criterion kinds").

A gate must be met. A limit must not be failed; unknown limits are named on the card. A favourable feature never decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds.evidence.criteria import Facts, Finding, judge
from cds.evidence.load import Evidence
from cds.evidence.model import Stance, Summary


@dataclass(frozen=True, slots=True)
class Match:
    """One summary against one chart. `fires` when it has something to say; `because` says why not."""

    summary: Summary
    stance: Stance
    leading_claims: tuple[str, ...]
    gates: tuple[Finding, ...]
    limits: tuple[Finding, ...]
    favourable: tuple[Finding, ...]
    fires: bool
    because: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every criterion with its verdict, gates first."""
        return self.gates + self.limits + self.favourable


def match(summary: Summary, evidence: Evidence, facts: Facts, hook: str) -> Match:
    """Judge every criterion of a summary and decide whether it speaks on this hook."""

    def findings(ids: tuple[str, ...]) -> tuple[Finding, ...]:
        return tuple(judge(evidence.criteria[id], evidence.conditions[id], facts) for id in ids)

    gates, limits = findings(summary.gates), findings(summary.limits)
    stance: Stance = summary.stance
    leading: tuple[str, ...] = ()
    for change, condition in zip(summary.stance_changes, evidence.stance_conditions[summary.id], strict=True):
        if condition.test(facts) is True:
            stance, leading = change.stance, change.claims
            break
    because = _reason_for_silence(summary, gates, limits, hook)
    return Match(summary, stance, leading, gates, limits, findings(summary.favourable), because == "", because)


def _reason_for_silence(summary: Summary, gates: tuple[Finding, ...], limits: tuple[Finding, ...], hook: str) -> str:
    failed = [finding for finding in gates + limits if finding.verdict == "notMet"]
    unknown = [finding for finding in gates if finding.verdict == "unknown"]
    if failed:
        return "Not met: " + "; ".join(f"{f.criterion.text} ({f.reason})" for f in failed)
    if unknown:
        return "Unknown: " + "; ".join(f"{f.criterion.text} ({f.reason})" for f in unknown)
    if summary.hooks and hook not in summary.hooks:
        return f"Not shown on {hook}"
    return ""


def match_all(evidence: Evidence, facts: Facts, hook: str) -> tuple[Match, ...]:
    """Every summary against the facts, in the order of their ids."""
    return tuple(match(evidence.summaries[id], evidence, facts, hook) for id in sorted(evidence.summaries))

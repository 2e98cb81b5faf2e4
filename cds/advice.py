"""From a chart to cards: the one way through the house. Pure: no I/O, no clock.

chart → patient context → matches → candidates → cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cds.content import Content
from cds.deck.missing import BASIC, Missing, missing_items
from cds.deck.rank import Candidate, HeldBack, Situation, select
from cds.deck.render import Card, Pen, render
from cds.evidence.criteria import Finding, judge
from cds.evidence.match import Match, match_all
from cds.fhir.chart import Chart
from cds.patient.context import PatientContext
from cds.patient.orders import Trigger
from cds.patient.read import read_patient


ORDER_HOOKS = ("order-select", "order-sign")
"""Hooks that speak only to an order that concerns MS."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site sets: how many cards at most, which topics are off, and where evidence pages live."""

    cap: int = 3
    topics_off: frozenset[str] = frozenset()
    evidence_base: str | None = None
    """https address under which `/evidence/{summary}` is served; no evidence link without it."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The cards, and everything that led to them or held others back."""

    as_of: date
    context: PatientContext
    matches: tuple[Match, ...]
    held_back: tuple[HeldBack, ...]
    missing: tuple[Missing, ...]
    cards: tuple[Card, ...]


def advise(content: Content, chart: Chart, trigger: Trigger, as_of: date, policy: Policy = Policy()) -> Advice:
    """Advice for one chart on one day. Same chart, content, trigger and day: the same advice."""
    context = read_patient(chart, as_of, content, trigger)

    def finding(id: str) -> Finding:
        return judge(content.evidence.criteria[id], content.evidence.conditions[id], context.facts)

    matches = match_all(content.evidence, context.facts, trigger.hook)
    unrelated_order = trigger.hook in ORDER_HOOKS and not trigger.orders
    if unrelated_order or finding("deceased").verdict == "met" or finding("ms-suspected-or-present").verdict == "notMet" and not any(m.fires for m in matches):
        return Advice(as_of, context, matches, (), (), ())

    candidates = [_candidate(content, match) for match in matches if match.fires and match.summary.topic not in policy.topics_off]
    situation = Situation(
        transplant_first=finding("transplant-before-drugs").verdict == "met",
        pml=finding("pml-confirmed-or-suspected").verdict == "met",
        car_t_named=finding("car-t-recorded-or-ordered").verdict == "met",
    )
    shown, _ = select(candidates, situation, policy.cap)
    missing = missing_items({id: finding(id) for id in BASIC}, matches, _named_items(shown))
    if missing and "missingData" not in policy.topics_off:
        first = any(item.basic for item in missing)
        candidates.append(Candidate("missing-data", "MD", "missingData", "background", first=first))
    shown, held = select(candidates, situation, policy.cap)
    cards = tuple(_render(content, context, candidate, missing, policy) for candidate in shown)
    return Advice(as_of, context, matches, tuple(held), tuple(missing), cards)


def _candidate(content: Content, match: Match) -> Candidate:
    summary = match.summary
    return Candidate(summary.id, summary.rule, summary.topic, match.stance, match=match)


def _named_items(shown: Sequence[Candidate]) -> list[str]:
    """What the shown cards name as not found."""
    return [f.criterion.item for c in shown if c.match for f in c.match.limits + c.match.favourable if f.verdict == "unknown"]


def _render(content: Content, context: PatientContext, candidate: Candidate, missing: Sequence[Missing], policy: Policy) -> Card:
    pen = Pen(content.evidence, content.deck, context, candidate.match, content.edition, missing=missing)
    url = f"{policy.evidence_base}/evidence/{candidate.name}" if policy.evidence_base and candidate.match else None
    return render(
        candidate.name,
        content.deck,
        pen,
        rule=candidate.rule,
        stance=candidate.stance,
        indicator=candidate.indicator,
        evidence_url=url,
    )

"""How an advice came about, as one JSON object and as a page of text for a clinician (`ranvier explain`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from cds.advice import Advice
from cds.api.cards import criterion, not_read, wire_cards
from cds.content import Content
from cds.patient.context import Episode, Fact, PatientContext
from cds.protocol.card import prune
from cds.three_valued import Bounds

ACTIVITY_UNKNOWN = "indeterminate"
NOTHING_READ = "No source on this pair was read; that is not the absence of a hazard."


def explain_json(advice: Advice, content: Content) -> dict[str, Any]:
    """The contract of design.md section 3: asOf, context, matches (also those without a card, and why) and cards."""
    held = {h.candidate.name: h.because for h in advice.held_back}
    shown = {card.name for card in advice.cards}
    return {
        "asOf": advice.as_of.isoformat(),
        "context": context_json(advice.context),
        "matches": [
            {
                "id": match.summary.id,
                "rule": match.summary.rule,
                "topic": match.summary.topic,
                "stance": match.stance,
                "card": match.summary.id in shown,
                "because": held.get(match.summary.id, match.because) or "Shown",
                "criteria": [criterion(finding) for finding in match.findings],
            }
            for match in advice.matches
        ],
        "safety": safety_json(advice, content),
        "cards": [prune(card.model_dump(by_alias=True)) for card in wire_cards(advice, content)],
    }


def safety_json(advice: Advice, content: Content) -> list[dict[str, Any]]:
    """Every hazard of every drug that acts, lingers or is drafted, with its verdict, and the pairs on which nothing was read."""
    rows: list[tuple[Any, ...]] = [
        (finding.drug, finding.hazard.hazard, finding.hazard.column, finding.verdict, finding.reason, list(finding.resources))
        for finding in advice.safety
    ]
    unread: list[tuple[Any, ...]] = [
        (drug, hazard, None, "noEvidenceRead", NOTHING_READ, [])
        for drug in advice.drugs_assessed
        if drug in content.safety.rows
        for hazard in content.safety.rows[drug].no_evidence_read
    ]
    names = ("drug", "hazard", "column", "verdict", "reason", "resources")
    return [dict(zip(names, row, strict=True)) for row in (*rows, *unread)]


def context_json(context: PatientContext) -> dict[str, Any]:
    """The patient context of the contract; every fact with its value, reason, date and resources under `facts`."""
    facts = context.facts
    return {
        "ms": _word(facts["ms"], "unknown"),
        "subtype": _word(facts["subtype"], "unknown"),
        "progressive": facts["course.progressive"].value,
        "relapsingCourse": facts["course.relapsing"].value,
        "aggressive": facts["course.aggressive"].value,
        "activity": _word(facts["activity"], ACTIVITY_UNKNOWN),
        "currentActivity": _word(facts["activity.current"], ACTIVITY_UNKNOWN),
        "edss": _number(facts["edss"]),
        "age": _number(facts["person.age"], whole=True),
        "treatments": [treatment_json(episode) for episode in context.treatments],
        "failedDmts": _count(facts["failures.any"]),
        "failedHighEfficacyDmts": _count(facts["failures.highEfficacy"]),
        "priorHsct": {"value": facts["priorHsct.forMs"].value, "kind": _word(facts["priorHsct"], "unknown")},
        "cautions": [
            {
                "id": caution.id,
                "status": caution.status,
                "text": caution.text,
                "date": str(caution.date) if caution.date else None,
                "stale": caution.stale,
                "resources": list(caution.resources),
            }
            for caution in context.cautions
        ],
        "conflicts": [{"id": c.id, "text": c.text, "resources": list(c.resources)} for c in context.conflicts],
        "notRead": [not_read(item) for item in context.not_read],
        "facts": {name: fact_json(fact) for name, fact in sorted(facts.items())},
    }


def treatment_json(episode: Episode) -> dict[str, Any]:
    """One treatment episode as the contract lists it."""
    return {
        "drug": episode.drug,
        "name": episode.name,
        "tier": episode.tier,
        "start": str(episode.start) if episode.start else None,
        "end": str(episode.end) if episode.end else None,
        "ongoing": episode.ongoing,
        "outcome": episode.outcome,
        "failureKind": episode.failure_kind,
        "early": episode.early,
        "phase": episode.phase,
        "reason": episode.reason,
        "resources": list(episode.resources),
    }


def fact_json(fact: Fact) -> dict[str, Any]:
    """One fact: value (`null` is unknown), reason, date, how it was read, and the resources behind it."""
    value: Any = fact.value
    if isinstance(value, Bounds):
        value = value.exact if value.exact is not None else {"low": _finite(value.low), "high": _finite(value.high)}
    return {
        "value": value,
        "reason": fact.reason,
        "date": str(fact.date) if fact.date else None,
        "how": fact.how,
        "resources": list(fact.resources),
    }


def _finite(number: float) -> float | None:
    return None if math.isinf(number) else number


def _word(fact: Fact, unknown: str) -> str:
    return fact.value if isinstance(fact.value, str) else unknown


def _number(fact: Fact, *, whole: bool = False) -> float | None:
    """A number where it is known; an age is known when both ends fall into the same year of life."""
    if not isinstance(fact.value, Bounds):
        return None
    if whole:
        low, high = math.floor(fact.value.low), math.floor(fact.value.high) if math.isfinite(fact.value.high) else -1
        return low if low == high else None
    return fact.value.exact


def _count(fact: Fact) -> dict[str, Any]:
    if not isinstance(fact.value, Bounds):
        return {"value": 0, "atLeast": True}
    return {"value": int(fact.value.low), "atLeast": fact.value.exact is None}


def explain_text(advice: Advice, content: Content) -> Iterator[str]:
    """Lines for a clinician: the facts with their sources, what fired, what stayed silent and why, and the cards."""
    context = advice.context
    yield f"As of {advice.as_of}, content {content.edition.version} ({content.edition.hash[:12]})"
    yield ""
    yield "FACTS"
    for name, fact in context.facts.items():
        if fact.value is not None or fact.how != "notFound":
            value = "unknown" if fact.value is None else _shown(fact.value)
            sources = f"  [{', '.join(fact.resources)}]" if fact.resources else ""
            yield f"  {name:<34} {value:<16} {fact.reason}{sources}"
    unknown = [name for name, fact in context.facts.items() if fact.value is None and fact.how == "notFound"]
    if unknown:
        yield f"  not found: {', '.join(unknown)}"
    conflicts = [conflict.text for conflict in context.conflicts]
    unread = [f"{item.what}: {item.reason}" for item in context.not_read]
    for title, texts in (("CONFLICTS", conflicts), ("COULD NOT BE READ", unread)):
        if texts:
            yield ""
            yield title
            yield from (f"  {text}" for text in texts)
    yield ""
    yield "EVIDENCE"
    held = {h.candidate.name: h.because for h in advice.held_back}
    shown = {card.name for card in advice.cards}
    for match in advice.matches:
        state = "shown" if match.summary.id in shown else "held" if match.fires else "silent"
        yield f"  {state:<7} {match.summary.rule:<4} {match.summary.title}"
        reason = held.get(match.summary.id, match.because)
        if reason:
            yield f"          {reason}"
    safety = safety_json(advice, content)
    if safety:
        yield ""
        yield "SAFETY"
    for row in safety:
        if row["verdict"] != "noEvidenceRead":
            yield f"  {row['verdict']:<7} {row['drug']}, {row['hazard']} ({row['column']}): {row['reason']}"
    for drug in advice.drugs_assessed:
        if unread := [row["hazard"] for row in safety if row["drug"] == drug and row["verdict"] == "noEvidenceRead"]:
            yield f"  nothing read on {drug}: {', '.join(unread)}"
    for number, card in enumerate(advice.cards, start=1):
        yield ""
        yield f"CARD {number}: {card.topic} ({card.stance}, {card.indicator})"
        yield card.summary
        yield ""
        yield from card.detail.splitlines()
    if not advice.cards:
        yield ""
        yield "No card."


def _shown(value: str | bool | Bounds) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

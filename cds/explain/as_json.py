"""How an advice came about, as one JSON object (`ranvier explain --json`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cds.advice import Advice
from cds.api.cards import criterion, not_read, wire_cards
from cds.content import Content
from cds.fhir.chart import Chart
from cds.fhir.dates import DateRange
from cds.patient.context import Episode, Fact, PatientContext
from cds.patient.records.sources import Source, sources_of
from cds.protocol.card import prune
from cds.three_valued import Bounds

ACTIVITY_UNKNOWN = "indeterminate"
ALWAYS = "Named whenever this is assessed; it rests on no finding in the chart."
NOTHING_READ = "No source on this pair was read; that is not the absence of a hazard."


def explain_json(advice: Advice, content: Content, chart: Chart) -> dict[str, Any]:
    """The contract of design.md section 3: asOf, context, matches (also those without a card, and why) and cards.

    `sources` are the resources behind it as they stand in the chart.
    """
    sources = cited_sources(advice.context, chart)
    held = {h.candidate.name: h.because for h in advice.held_back}
    shown = {card.name for card in advice.cards}
    return {
        "asOf": advice.as_of.isoformat(),
        "context": context_json(advice.context, sources),
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
        "sources": {one.ref: {"date": _date(one.date), "status": one.status, "says": one.says} for one in sources.values()},
    }


def cited_sources(context: PatientContext, chart: Chart) -> dict[str, Source]:
    """Every resource that a fact, a record or a conflict rests on, as it stands in the chart."""
    records: Iterable[Sequence[Any]] = (
        tuple(context.facts.values()), context.treatments, context.relapses, context.scans, context.edss_scores, context.response_scores,
        context.cautions, context.conflicts,
    )  # fmt: skip
    return sources_of(chart, (ref for listed in records for one in listed for ref in one.resources))


def dated(date: DateRange | None, resources: Iterable[str], sources: Mapping[str, Source]) -> DateRange | None:
    """The date of a fact; of one that rests on other facts, the date of the newest record behind it."""
    dates = [found.date for ref in resources if (found := sources.get(ref)) is not None and found.date is not None]
    return date or max(dates, key=lambda one: (one.last, one.first), default=None)


def safety_json(advice: Advice, content: Content) -> list[dict[str, Any]]:
    """Every hazard of every drug that acts, lingers or is drafted, with its verdict, and the pairs on which nothing was read."""
    rows: list[tuple[Any, ...]] = [
        (finding.drug, finding.hazard.hazard, finding.hazard.column, finding.verdict, finding.reason or ALWAYS, list(finding.resources))
        for finding in advice.safety
        if finding.hazard.column != "unread"
    ]
    unread: list[tuple[Any, ...]] = [
        (drug, hazard, None, "noEvidenceRead", NOTHING_READ, [])
        for drug in advice.drugs_assessed
        if drug in content.safety.rows
        for hazard in content.safety.rows[drug].no_evidence_read
    ]
    names = ("drug", "hazard", "column", "verdict", "reason", "resources")
    return [dict(zip(names, row, strict=True)) for row in (*rows, *unread)]


def context_json(context: PatientContext, sources: Mapping[str, Source]) -> dict[str, Any]:
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
        "relapses": [{"onset": str(r.onset), "status": r.status, "note": r.note, **_origin(r, r.onset)} for r in context.relapses],
        "scans": [
            {
                "region": scan.region,
                "gdLesions": _span(scan.gd_lesions),
                "newT2Lesions": _span(scan.new_t2_lesions),
                "comparedWith": _date(scan.compared_with),
                "active": scan.active,
                "countsAsActivity": scan.counts,
                "note": scan.note,
                **_origin(scan, scan.date),
            }
            for scan in context.scans
        ],
        "edssScores": [{"value": e.value, "nearRelapse": e.near_relapse, **_origin(e, e.date)} for e in context.edss_scores],
        "responseScores": [
            {"name": one.name, "drug": one.drug, "points": _span(one.points), "reason": one.reason, **_origin(one, one.date)}
            for one in context.response_scores
        ],
        "cautions": [
            {
                "id": caution.id,
                "status": caution.status,
                "text": caution.text,
                "stale": caution.stale,
                **_origin(caution, dated(caution.date, caution.resources, sources)),
            }
            for caution in context.cautions
        ],
        "conflicts": [
            {
                "id": conflict.id,
                "text": conflict.text,
                "date": _date(dated(None, conflict.resources, sources)),
                "how": "derived",
                "resources": list(conflict.resources),
            }
            for conflict in context.conflicts
        ],
        "notRead": [not_read(item) for item in context.not_read],
        "facts": {name: fact_json(fact, sources) for name, fact in sorted(facts.items())},
    }


def _origin(record: Any, date: DateRange | None) -> dict[str, Any]:
    return {"date": _date(date), "how": record.how, "resources": list(record.resources)}


def _date(date: DateRange | None) -> str | None:
    return str(date) if date else None


def _span(number: Bounds | None) -> float | dict[str, float | None] | None:
    if number is None or number.exact is not None:
        return number.exact if number else None
    return {"low": _finite(number.low), "high": _finite(number.high)}


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
        "how": episode.how,
        "resources": list(episode.resources),
    }


def fact_json(fact: Fact, sources: Mapping[str, Source]) -> dict[str, Any]:
    """One fact: value (`null` is unknown), reason, date, how it was read, and the resources behind it."""
    value = _span(fact.value) if isinstance(fact.value, Bounds) else fact.value
    return {"value": value, "reason": fact.reason, **_origin(fact, dated(fact.date, fact.resources, sources))}


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

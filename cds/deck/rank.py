"""Which matches become cards, and in which order (clinical-rules section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from cds.deck.cards import Indicator
from cds.evidence.match import Match
from cds.evidence.model import Stance, Topic

STANCE_ORDER: tuple[Stance, ...] = ("option", "caution", "trialOnly", "background", "notSupported")
_LOWER: frozenset[Stance] = frozenset(("trialOnly", "background", "notSupported"))


class Candidate(Struct, frozen=True):
    """Something that could become a card, with what ranking needs to know of it."""

    name: str
    rule: str
    topic: Topic
    stance: Stance
    indicator: Indicator = "info"
    match: Match | None = None
    first: bool = False
    """`missingData` of kind (a) without an option card comes right after warnings."""


class HeldBack(Struct, frozen=True):
    """A candidate that gave no card, and why."""

    candidate: Candidate
    because: str


class Situation(Struct, frozen=True):
    """What ranking needs to know of the chart; each a criterion of `seeds/evidence/criteria/ranking.yaml`."""

    transplant_first: bool
    pml: bool
    car_t_named: bool


def select(candidates: Iterable[Candidate], situation: Situation, cap: int) -> tuple[list[Candidate], list[HeldBack]]:
    """The cards to show, most consequential first, and what was held back and why."""
    held: list[HeldBack] = []

    def hold(dropped: Iterable[Candidate], because: str) -> None:
        held.extend(HeldBack(candidate, because) for candidate in dropped)

    remaining = list(candidates)
    alone = [c for c in remaining if c.topic == "notMs"]
    if alone:
        hold((c for c in remaining if c not in alone), "A disease that imitates MS is recorded; nothing else is shown")
        return alone[:1], held
    if situation.pml:
        kept = [c for c in remaining if c.topic == "dmtSafety"]
        hold((c for c in remaining if c not in kept), "PML is confirmed or suspected; only safety is shown")
        remaining = kept

    remaining, lost = _one_per_topic(remaining)
    hold(lost, "Another summary of the same topic is shown")
    remaining, lost = _collapse(remaining, situation)
    hold(lost, "Absorbed by another card")
    options = any(candidate.stance == "option" for candidate in remaining)
    remaining = sorted(remaining, key=lambda candidate: _rank(candidate, situation, options))
    remaining, lost = _one_lower(remaining)
    hold(lost, "One card without an option is enough")
    hold(remaining[cap:], f"More than {cap} cards")
    return remaining[:cap], held


def _one_per_topic(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    best: dict[Topic, Candidate] = {}
    for candidate in sorted(candidates, key=lambda c: (STANCE_ORDER.index(c.stance), -favourable_met(c), unknown_limits(c), c.name)):
        best.setdefault(candidate.topic, candidate)
    kept = [c for c in candidates if best[c.topic] is c]
    return kept, [c for c in candidates if best[c.topic] is not c]


def _collapse(candidates: Sequence[Candidate], situation: Situation) -> tuple[list[Candidate], list[Candidate]]:
    """SPMS: the progressive card absorbs the switch card. A4 absorbs MSC; MSC absorbs CAR-T that nobody named."""
    topics = {c.topic: c for c in candidates}
    absorbed: set[Topic] = set()
    if "dmtProgressive" in topics:
        absorbed.add("dmtSwitch")
    if "ahsct" in topics and topics["ahsct"].rule == "A4":
        absorbed.add("msc")
    if "msc" in topics and not situation.car_t_named:
        absorbed.add("cellularImmunotherapy")
    return [c for c in candidates if c.topic not in absorbed], [c for c in candidates if c.topic in absorbed]


def _one_lower(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """At most one card of a lower stance, besides one `dmtProgressive` and what is missing."""
    kept, lost, seen = [], [], False
    for candidate in candidates:
        counts = candidate.stance in _LOWER and candidate.topic not in ("dmtProgressive", "missingData", "dmtEvidence")
        if counts and seen:
            lost.append(candidate)
            continue
        seen = seen or counts
        kept.append(candidate)
    return kept, lost


def _rank(candidate: Candidate, situation: Situation, options: bool) -> tuple[object, ...]:
    leading_topics = ("ahsct",) if situation.transplant_first else ("dmtSwitch", "dmtProgressive")
    return (
        _group(candidate, options),
        candidate.topic not in leading_topics,
        -favourable_met(candidate),
        unknown_limits(candidate),
        candidate.topic,
    )


def _group(candidate: Candidate, options: bool) -> int:
    if candidate.indicator == "warning":
        return 1
    if candidate.topic == "dmtEvidence":
        return 2
    if candidate.topic == "missingData" and candidate.first and not options:
        return 3
    if candidate.topic == "acuteRelapse":
        return 4
    if candidate.stance in ("option", "caution") and candidate.topic not in ("dmtSafety", "missingData"):
        return 5
    if candidate.topic == "dmtSafety":
        return 6
    if candidate.topic == "missingData":
        return 7
    return {"trialOnly": 8, "background": 9}.get(candidate.stance, 10)


def favourable_met(candidate: Candidate) -> int:
    """How many favourable features are met."""
    return sum(f.verdict == "met" for f in candidate.match.favourable) if candidate.match else 0


def unknown_limits(candidate: Candidate) -> int:
    """How many limits could not be checked."""
    return sum(f.verdict == "unknown" for f in candidate.match.limits) if candidate.match else 0

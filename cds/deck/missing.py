"""What is missing and would decide something (clinical-rules, summary MD)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cds.deck.wording import Wording
from cds.evidence.criteria import Finding
from cds.evidence.match import Match
from cds.fhir.chart import NotRead

MOST_ITEMS = 4
"""Items a card names at the most, those that decide most first."""
BASIC = ("ms-suspected", "subtype-recorded", "mimic-undecided", "treatment-readable")
"""Criteria of kind (a): what must be known before any evidence can be matched."""
SUSPICIONS = ("ms-suspected", "mimic-undecided")
"""Those of them that tell of a doubt."""


class Missing(Struct, frozen=True):
    """One datum that is not known, what is known of it, and what it would let us match."""

    item: str
    reason: str
    decides: tuple[str, ...]
    basic: bool


def missing_items(basic: Mapping[str, Finding], matches: Sequence[Match], named_on_cards: Iterable[str]) -> list[Missing]:
    """The data worth asking for: kind (a) always, kind (b) for options that only an unknown gate keeps silent.

    `basic` holds the findings of `BASIC`. Items that a shown card names already are left out of kind (b).
    """
    found: dict[str, Missing] = {}
    named = set(named_on_cards)
    options = [match for match in matches if match.summary.stance == "option"]
    for id in BASIC:
        finding = basic[id]
        if _undecided(id, finding):
            item = finding.criterion.item
            titles = tuple(m.summary.title for m in options if item in _unknown_items(m) and not _refused(m))
            found[item] = Missing(item, finding.reason, titles, basic=True)
    for match in options:
        if _nearly(match):
            for finding in _unknown_gates(match):
                item = _same_gap(finding, found) or finding.criterion.item
                if item in found:
                    merged = tuple(dict.fromkeys((*found[item].decides, match.summary.title)))
                    found[item] = replace(found[item], decides=merged)
                elif item not in named:
                    found[item] = Missing(item, finding.reason, (match.summary.title,), basic=False)
    ranked = sorted(found.values(), key=lambda missing: (not missing.basic, -len(missing.decides)))
    return ranked[:MOST_ITEMS]


def _same_gap(finding: Finding, found: Mapping[str, Missing]) -> str | None:
    """The basic item that is missing for the same reason, such as medication data that could not be read: it is named once."""
    return next((item for item, missing in found.items() if missing.basic and missing.reason and missing.reason in finding.reason), None)


def unread_items(not_read: Iterable[NotRead], wording: Wording) -> list[Missing]:
    """What was asked for and not answered, where no card would say so: silence would read as nothing to say (CH-412-05, CH-SAFE-02)."""
    gaps = {item.what: item.reason for item in not_read if item.resource is None}
    named = ((wording.phrase("asked_for", what=what), wording.phrase("unanswered", reason=reason)) for what, reason in gaps.items())
    return [Missing(item, reason, (), basic=True) for item, reason in named][:MOST_ITEMS]


def _undecided(id: str, finding: Finding) -> bool:
    """Suspicions count unless it is known that there is none; things that must be recorded count when they are not."""
    return finding.verdict != ("notMet" if id in SUSPICIONS else "met")


def _nearly(match: Match) -> bool:
    """Some gate unknown, nothing failed, and a gate that belongs to this patient's present problem met."""
    return bool(_unknown_gates(match)) and not _refused(match) and any(g.verdict == "met" and g.criterion.specific for g in match.gates)


def _refused(match: Match) -> bool:
    return any(finding.verdict == "notMet" for finding in match.gates + match.limits)


def _unknown_gates(match: Match) -> list[Finding]:
    return [finding for finding in match.gates if finding.verdict == "unknown"]


def _unknown_items(match: Match) -> set[str]:
    return {finding.criterion.item for finding in _unknown_gates(match)}

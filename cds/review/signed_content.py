"""What a signature is about: a card with its summary, criteria, definitions, claims and sources, as one value with a hash."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import orjson

from cds.content import Content
from cds.evidence.model import Record

_NAMED = re.compile(r'"([a-z][a-z0-9]*(?:-[a-z0-9]+)+)"')
"""Ids of claims and criteria that a card file names itself."""


def content_of(content: Content, name: str) -> dict[str, Any]:
    """Everything that decides whether the card speaks, and all that it can say; the safety card rests on the whole safety matrix."""
    evidence, card = content.evidence, content.deck.cards[name]
    summary = evidence.summaries.get(name)
    named = set(_NAMED.findall(card.source))
    claims, criteria = named & evidence.claims.keys(), named & evidence.criteria.keys()
    if summary:
        claims |= {*summary.claims, *(position.claim for position in summary.positions)}
        claims |= {id for change in summary.stance_changes for id in change.claims}
        criteria |= {*summary.gates, *summary.limits, *summary.favourable}
    drafted = content.drug_evidence.drugs if card.front.topic == "dmtEvidence" else {}
    claims |= {id for drug in drafted.values() for row in drug.rows for id in row.claims}
    basis = {id for criterion in criteria for id in evidence.criteria[criterion].basis}
    claims |= basis & evidence.claims.keys()
    hazards = {drug: row for drug, row in content.safety.rows.items() if card.front.topic in ("dmtSafety", row.topic)}
    sources = {id for claim in claims for id in evidence.claims[claim].sources}
    sources |= {id for row in hazards.values() for hazard in row.hazards for id in hazard.sources}
    words = content.deck.wording
    return {
        "card": card.source.splitlines(),
        "wording": {**words.openings, "topic": words.topics[card.front.topic]},
        "summary": _plain(summary) if summary else {},
        "criteria": {id: _plain(evidence.criteria[id]) for id in sorted(criteria)},
        "definitions": {id: _plain(evidence.definitions[id]) for id in sorted(basis & evidence.definitions.keys())},
        "claims": {id: _plain(evidence.claims[id]) for id in sorted(claims)},
        "hazards": {id: _plain(row) for id, row in sorted(hazards.items())},
        "drafted": {id: _plain(drug) for id, drug in sorted(drafted.items())},
        "sources": {id: _plain(evidence.sources[id]) for id in sorted(sources)},
    }


def _plain(record: Record) -> Any:
    return record.model_dump(mode="json", exclude_defaults=True)


def as_json(value: dict[str, Any]) -> str:
    """The content as text, always the same for the same content."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def hash_of(text: str) -> str:
    """The hash that is signed (SHA-256)."""
    return hashlib.sha256(text.encode()).hexdigest()


def hashes(content: Content) -> dict[str, str]:
    """The present hash of every card."""
    return {name: hash_of(as_json(content_of(content, name))) for name in content.deck.cards}


def changes(before: str, now: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What a reader would notice since a signature: record by record, the lines that went (`-`) and came (`+`)."""
    old = orjson.loads(before)
    for part in sorted({*old, *now}, key=lambda part: list(now).index(part) if part in now else len(now)):
        if part == "card":
            pairs = {"card file": (old.get(part, []), now.get(part, []))}
        else:
            first, second = old.get(part, {}), now.get(part, {})
            single = part in ("summary", "wording")
            ids = [part] if single else sorted({*first, *second})
            pairs = {id if single else f"{part}: {id}": (_shown(first, id, single), _shown(second, id, single)) for id in ids}
        for title, (was, is_now) in pairs.items():
            lines = [(line[0], line[2:]) for line in difflib.ndiff(was, is_now) if line[0] in "-+"]
            if lines:
                yield title, lines


def _shown(part: dict[str, Any], id: str, single: bool) -> list[str]:
    return list(_lines(part if single else part.get(id, {})))


def _lines(value: Any, name: str = "") -> Iterator[str]:
    """A record as lines to read: one a field, nested ones with their path."""
    if isinstance(value, dict):
        for key, inner in sorted(value.items()):
            yield from _lines(inner, f"{name} {key}".strip())
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner, name)
    else:
        yield f"{name}: {value}"

"""The deck's cards as they stand on the wire, each with the explanation extension (design.md section 3)."""

from __future__ import annotations

from typing import Any

from cds.advice import Advice
from cds.content import Content
from cds.deck.render import Card
from cds.evidence.criteria import Finding
from cds.fhir.chart import NotRead
from cds.protocol.card import Card as WireCard
from cds.protocol.card import Link, Source, Topic

EXPLANATION = "org.ranvier.explanation"
TOPIC_SYSTEM = "https://ranvier.org/fhir/CodeSystem/topic"
SOURCE_LABEL = "Ranvier MS evidence"


def wire_cards(advice: Advice, content: Content, *, explain: bool = True) -> tuple[WireCard, ...]:
    """Every card of the advice with a new uuid; `explain=False` leaves the extension out for clients that refuse extensions."""
    return tuple(
        WireCard(
            summary=card.summary,
            detail=card.detail,
            indicator=card.indicator,
            source=Source(
                label=SOURCE_LABEL,
                topic=Topic(code=card.topic, system=TOPIC_SYSTEM, display=content.deck.wording.topics[card.topic]),
            ),
            links=tuple(Link(label=link.label, url=link.url) for link in card.links),
            extension={EXPLANATION: explanation(card, advice, content)} if explain else None,
        )
        for card in advice.cards
    )


def explanation(card: Card, advice: Advice, content: Content) -> dict[str, Any]:
    """Why the card is there: criteria with verdicts and resources, claims with certainty and sources, and what could not be read."""
    return {
        "contentVersion": content.edition.version,
        "contentHash": content.edition.hash,
        "asOf": advice.as_of.isoformat(),
        "summaryId": card.name,
        "stance": card.stance,
        "criteria": [criterion(finding) for finding in card.criteria],
        "claims": [{"id": claim.id, "certainty": claim.certainty, "sources": list(claim.sources)} for claim in card.claims],
        "notRead": [not_read(item) for item in advice.context.not_read],
    }


def criterion(finding: Finding) -> dict[str, Any]:
    """One criterion with its verdict, as the extension and `ranvier explain --json` print it."""
    return {
        "id": finding.criterion.id,
        "text": finding.criterion.text,
        "verdict": finding.verdict,
        "reason": finding.reason,
        "resources": list(finding.resources),
    }


def not_read(item: NotRead) -> dict[str, Any]:
    """One thing that could not be read; `resource` only where it has an id."""
    return {"what": item.what, "reason": item.reason} | ({"resource": item.resource} if item.resource else {})

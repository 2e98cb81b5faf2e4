"""The deck's cards as they stand on the wire, each with the explanation extension (design.md section 3)."""

from __future__ import annotations

from typing import Any

from cds.advice import Advice
from cds.content import Content
from cds.deck.render import Card
from cds.deck.render import Suggestion as Offered
from cds.evidence.criteria import Finding
from cds.fhir.chart import NotRead
from cds.protocol.card import OVERRIDE_REASONS, Action, Link, Source, Suggestion, Topic
from cds.protocol.card import Card as WireCard
from cds.protocol.profiles import EXPLANATION

TOPIC_SYSTEM = "https://ranvier.org/fhir/CodeSystem/topic"
SOURCE_LABEL = "Ranvier MS evidence"
REASONS = {reason.code: reason for reason in OVERRIDE_REASONS}
"""Code → reason to override."""


def wire_cards(advice: Advice, content: Content, *, explain: bool = True, patient_id: str = "") -> tuple[WireCard, ...]:
    """Every card of the advice with a new uuid; `explain=False` leaves the extension out for clients that refuse extensions.

    `patient_id` names the patient in drafts that cards suggest.
    """
    wording = content.decks[advice.language].wording
    return tuple(
        WireCard(
            summary=card.summary,
            detail=card.detail,
            indicator=card.indicator,
            source=Source(
                label=SOURCE_LABEL,
                topic=Topic(code=card.topic, system=TOPIC_SYSTEM, display=wording.topics[card.topic]),
            ),
            suggestions=tuple(_suggestion(suggestion, patient_id) for suggestion in card.suggestions),
            selection_behavior="any" if card.suggestions else None,
            override_reasons=tuple(REASONS[code] for code in wording.override_reasons[card.topic]),
            links=tuple(Link(label=link.label, url=link.url) for link in card.links),
            extension={EXPLANATION: explanation(card, advice, content)} if explain else None,
        )
        for card in advice.cards
    )


def _suggestion(offered: Offered, patient_id: str) -> Suggestion:
    resource = {**offered.resource, offered.subject: {"reference": f"Patient/{patient_id}"}}
    return Suggestion(label=offered.label, actions=(Action(description=offered.label, resource=resource),))


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

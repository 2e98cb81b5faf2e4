"""`/review/cards/{topic}`: the source of each card of a topic, what it says to every patient it fires for, and its signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from cds.content import Content
from cds.deck.lengths import DETAIL_LIMIT
from cds.deck.render import Card
from cds.evidence.model import Claim, Summary
from cds.protocol.outcome import Issue, Refusal
from cds.review.card_view import CardView, card_view
from cds.review.readability import Readability, readability
from cds.review.reading import Reading
from cds.review.signed_content import changes, content_of
from cds.review.signoff import DECISIONS, STATES, Standing


class Shown(Struct, frozen=True):
    """A card as one patient gets it."""

    reading: Reading
    view: CardView
    figures: Readability


class CardPage(Struct, frozen=True):
    """One card file with all that a reviewer asks of it."""

    name: str
    summary: Summary | None
    source: str
    shown: tuple[Shown, ...]
    used: tuple[Claim, ...]
    unused: tuple[Claim, ...]
    standing: Standing
    changes: tuple[tuple[str, list[tuple[str, str]]], ...]


def overview(content: Content, readings: Mapping[str, Reading], standings: Mapping[str, Standing]) -> dict[str, Any]:
    """Every card by topic: how it stands, and for how many patients it fires."""
    fired = [card.name for reading in readings.values() for card in reading.advice.cards]
    cards = content.deck.cards
    return {
        "topics": {topic: _names(content, topic) for topic in content.deck.wording.topics},
        "titles": {name: _title(content, name) for name in cards},
        "fired": {name: fired.count(name) for name in cards},
        "standings": standings,
        "sign_states": STATES,
    }


def topic_page(content: Content, topic: str, readings: Mapping[str, Reading], standings: Mapping[str, Standing]) -> dict[str, Any]:
    """The cards of one topic. Raises `Refusal` 404 for a topic that does not exist."""
    if topic not in content.deck.wording.topics:
        raise Refusal(404, (Issue("not-found", "There is no such topic. /review/cards lists them."),))
    names = _names(content, topic)
    return {
        "topic": topic,
        "detail_limit": DETAIL_LIMIT,
        "cards": [_card_page(content, name, readings, standings[name]) for name in names],
        "titles": {name: _title(content, name) for name in names},
        "decisions": DECISIONS,
        "sign_states": STATES,
    }


def _names(content: Content, topic: str) -> list[str]:
    """The cards of a topic in the order of their rules."""
    return sorted((name for name, card in content.deck.cards.items() if card.front.topic == topic), key=lambda name: _title(content, name))


def _title(content: Content, name: str) -> str:
    summary = content.evidence.summaries.get(name)
    return f"{summary.rule} {summary.title}" if summary else content.deck.wording.topics[content.deck.cards[name].front.topic]


def _card_page(content: Content, name: str, readings: Mapping[str, Reading], standing: Standing) -> CardPage:
    of = [(reading, card) for reading in readings.values() for card in reading.advice.cards if card.name == name]
    shown = tuple(_shown(content, reading, card) for reading, card in of)
    used = {claim.id: claim for _, card in of for claim in card.claims}
    now = content_of(content, name)
    unused = [content.evidence.claims[id] for id in now["claims"] if id not in used]
    changed = tuple(changes(standing.earlier.signed, now)) if standing.earlier and standing.state == "unsigned" else ()
    summary = content.evidence.summaries.get(name)
    return CardPage(name, summary, content.deck.cards[name].source, shown, tuple(used.values()), tuple(unused), standing, changed)


def _shown(content: Content, reading: Reading, card: Card) -> Shown:
    return Shown(reading, card_view(card, reading.advice.context, content.evidence), readability(card.detail))

"""Render one card for one chart: headline, body, the claims it shows and the links that carry them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from cds.deck import safety as say
from cds.deck.abbreviations import in_words
from cds.deck.cards import CardFile, Deck, Indicator
from cds.deck.inert import inert
from cds.deck.lengths import DETAIL_LIMIT, SUMMARY_LIMIT, cut, read_length
from cds.deck.pen import VERBS, Pen
from cds.deck.size import FULL, Size
from cds.deck.wording import Wording
from cds.evidence.criteria import Finding
from cds.evidence.model import Claim, Stance, Topic


class Link(Struct, frozen=True):
    """One absolute link of a card; labels are unique within the card (CH-LINK-06)."""

    label: str
    url: str


class Suggestion(Struct, frozen=True):
    """A draft that a card offers: its label, the FHIR resource without the patient, and the element that names the patient."""

    label: str
    resource: dict[str, Any]
    subject: str


class Card(Struct, frozen=True):
    """One card as the core knows it; the rim adds the uuid and encodes it (cds.protocol.card)."""

    name: str
    rule: str
    topic: Topic
    stance: Stance
    indicator: Indicator
    summary: str
    detail: str
    links: tuple[Link, ...]
    claims: tuple[Claim, ...]
    criteria: tuple[Finding, ...]
    suggestions: tuple[Suggestion, ...] = ()


def render_to_fit(
    name: str, deck: Deck, pen_of: Callable[[Size], Pen], *, rule: str, stance: Stance, indicator: Indicator, evidence_url: str | None
) -> Card:
    """The card; where it would be too long, with what may be left out left out until it fits. What `claim` names goes last."""
    size = FULL
    while True:
        pen = pen_of(size)
        detail = _detail(name, deck, pen, stance)
        fits = read_length(detail) <= DETAIL_LIMIT
        smaller = None if fits else size.smaller(pen.lists, pen.leading_lists, min(size.hazards, len(pen.told)))
        if smaller is None:
            return render(name, deck, pen, detail=detail, rule=rule, stance=stance, indicator=indicator, evidence_url=evidence_url)
        size = smaller


def _detail(name: str, deck: Deck, pen: Pen, stance: Stance) -> str:
    """The body of a card; where it is too long without the words of its abbreviations, they stay as they are."""
    body = _tidy(deck.cards[name].body.render(_verbs(pen, stance)))
    detail = _in_language(inert(body, {source.identifiers.link or "" for source in pen.cited.values()}), deck.wording)
    room = DETAIL_LIMIT - read_length(detail)
    if room < 0:
        return detail
    sources = {source.citation for claim in pen.claims for source in pen.evidence.sources_of(claim)}
    return in_words(detail, deck.wording.abbreviations, None if pen.size.spelled else room, sources)


def _verbs(pen: Pen, stance: Stance) -> dict[str, Any]:
    return {verb: getattr(pen, verb, None) for verb in VERBS} | {"stance": stance}


def render(
    name: str, deck: Deck, pen: Pen, *, detail: str, rule: str, stance: Stance, indicator: Indicator, evidence_url: str | None
) -> Card:
    """The card around its body; the pen that wrote it knows which claims and sources it shows."""
    file = deck.cards[name]
    changed = pen.match is not None and stance != pen.match.summary.stance
    headline = file.headlines.get(stance if changed else "", file.headlines[""]).render(_verbs(pen, stance)).strip()
    first_words = file.front.opening if file.front.opening and not changed else deck.wording.openings[stance]
    summary_link = [Link(deck.wording.phrase("evidence_link"), evidence_url)] if evidence_url else []
    links = summary_link + [Link(source.citation, source.identifiers.link or "") for source in pen.cited.values()]
    return Card(
        name=name,
        rule=rule,
        topic=file.front.topic,
        stance=stance,
        indicator=indicator,
        summary=cut(f"{first_words} {headline}", SUMMARY_LIMIT),
        detail=detail,
        links=_unique_labels(links),
        claims=tuple({claim.id: claim for claim in pen.claims}.values()),
        suggestions=() if changed else _suggestions(file, pen),
        criteria=(*(pen.match.findings if pen.match else ()), *say.findings_as_criteria(pen.safety)),
    )


def _suggestions(file: CardFile, pen: Pen) -> tuple[Suggestion, ...]:
    """What the card may offer to draft for this chart, dated the day of the advice."""
    offered = (draft for draft, condition in file.drafts if condition is None or condition.test(pen.context.facts) is True)
    day = pen.context.as_of.isoformat()
    return tuple(Suggestion(draft.label, {**draft.resource, "authoredOn": day}, draft.subject) for draft in offered)


def _in_language(detail: str, wording: Wording) -> str:
    """The headings of an English body in the language of the deck."""
    if not wording.headings:
        return detail
    return "\n".join(
        f"**{wording.headings[line[2:-2]]}**" if _heading(line) and line[2:-2] in wording.headings else line for line in detail.splitlines()
    )


def _tidy(text: str) -> str:
    """Drop headings left without a line under them; one blank line before each heading and each plain paragraph."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    kept = [
        line for line, following in zip(lines, [*lines[1:], ""], strict=True) if not (_heading(line) and not following.startswith("- "))
    ]
    spaced = [line if line.startswith("- ") else f"\n{line}" for line in kept]
    return "\n".join(spaced).strip()


def _heading(line: str) -> bool:
    return line.startswith("**") and line.endswith("**")


def _unique_labels(links: Iterable[Link]) -> tuple[Link, ...]:
    """Number labels that occur twice."""
    seen: dict[str, int] = {}
    unique = []
    for link in links:
        seen[link.label] = seen.get(link.label, 0) + 1
        unique.append(link if seen[link.label] == 1 else Link(f"{link.label} ({seen[link.label]})", link.url))
    return tuple(unique)

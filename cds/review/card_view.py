"""A card as an EHR shows it, and what stands behind each of its sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markupsafe import Markup
from msgspec import Struct

from cds.deck.render import Card
from cds.deck.safety import lower
from cds.evidence.criteria import Finding
from cds.evidence.load import Evidence
from cds.evidence.model import Claim, Source
from cds.patient.context import Episode, Fact, PatientContext

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")
"""What EHRs render of a card's detail; raw HTML stays text, and nothing is fetched from elsewhere."""
_LED_BY_CITATION = re.compile(r"- \[[^\]]*\]\([^)]*\)(?: \+\d+)?:")
_SHORTEST = 8
"""Reasons shorter than this many characters are found by chance."""


class Sentence(Struct, frozen=True):
    """One line of a card, and where it comes from. Without any origin it is in the words of the card file or summary itself."""

    html: Markup
    heading: str
    claims: tuple[Claim, ...]
    sources: tuple[Source, ...]
    facts: tuple[tuple[str, Fact], ...]
    criteria: tuple[Finding, ...]
    episodes: tuple[Episode, ...]

    @property
    def origin(self) -> str:
        """In one word: evidence, chart, or card."""
        if self.claims or self.sources:
            return "evidence"
        return "chart" if self.facts or self.criteria or self.episodes else "card"


class CardView(Struct, frozen=True):
    """A card, its detail as HTML, and its sentences."""

    card: Card
    html: Markup
    sentences: tuple[Sentence, ...]


def card_view(card: Card, context: PatientContext, evidence: Evidence) -> CardView:
    """Everything the pages show of one card."""
    return CardView(card, html_of(card.detail), tuple(_sentences(card, context, evidence)))


def html_of(markdown: str) -> Markup:
    """Markdown of a card as HTML; the portable subset only, everything else escaped."""
    return Markup(_MARKDOWN.render(markdown))  # noqa: S704 the renderer escapes


def line_html(line: str) -> Markup:
    """One line of a card as HTML, without its bullet."""
    return Markup(_MARKDOWN.renderInline(line.removeprefix("- ")))  # noqa: S704 the renderer escapes


def _sentences(card: Card, context: PatientContext, evidence: Evidence) -> Iterator[Sentence]:
    heading = ""
    named = tuple(evidence.sources[id] for id in sorted({id for claim in card.claims for id in claim.sources}))
    for line in filter(None, card.detail.splitlines()):
        if line.startswith("**") and line.endswith("**"):
            heading = line.strip("*")
            continue
        claims = tuple(claim for claim in card.claims if _says(line, claim))
        own = not claims
        yield Sentence(
            line_html(line),
            heading,
            claims,
            tuple(source for source in (named if own else ()) if source.citation in line),
            tuple(_facts(line, context)) if own or any(claim.topic == "safety" for claim in claims) else (),
            tuple(_criteria(line, card.criteria)) if own else (),
            tuple(episode for episode in context.treatments if own and f"{episode.name} (".casefold() in line.casefold()),
        )


def _says(line: str, claim: Claim) -> bool:
    """Whether the line carries the claim: its words, its words after a citation that is a link, or the short name of its hazard."""
    words = (claim.brief or claim.sentence).removesuffix(".")
    after_citation = words.partition(":")[2]
    if words in line or (after_citation and after_citation in line and _LED_BY_CITATION.match(line)):
        return True
    return claim.topic == "safety" and line.startswith(("- Recorded against:", "- Also:")) and f"{claim.therapy} (" in line


def _facts(line: str, context: PatientContext) -> Iterable[tuple[str, Fact]]:
    """The facts whose reason the line repeats."""
    for name, fact in context.facts.items():
        reason = fact.reason.removesuffix(".")
        if len(reason) > _SHORTEST and reason.casefold() in line.casefold() and (fact.value is not None or "MS subtype" in line):
            yield name, fact


def _criteria(line: str, findings: Iterable[Finding]) -> Iterable[Finding]:
    """The criteria that the line counts up: features that fit or differ, and data that were not found."""
    if line.startswith(("- Fits", "- Differs")):
        return [finding for finding in findings if lower(finding.criterion.text) in line and finding.verdict != "unknown"]
    if line.startswith("- Not found"):
        return [finding for finding in findings if finding.criterion.item in line and finding.verdict == "unknown"]
    return []

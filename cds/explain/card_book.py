"""The card book: everything that Ranvier says of the synthetic patients, for a reviewer to read in an evening.

Identical answers are printed once; which hooks give them stands above them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from markdown_it import MarkdownIt

from cds.advice import advise
from cds.content import Content
from cds.deck.render import Card
from cds.explain_input import chart_of_request
from cds.vignette.patients import Hook, SyntheticPatient

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Ranvier: the card book</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }}
h2 {{ margin-top: 4rem; border-top: 1px solid #999; padding-top: 1rem; }}
h4 {{ margin-bottom: 0; }}
blockquote {{ margin: 0.5rem 0 1.5rem; padding: 0.1rem 1rem; border-left: 4px solid #557; background: #f6f6f9; }}
</style>
{body}
</html>
"""


def card_book(content: Content, patients: Iterable[SyntheticPatient]) -> str:
    """The book in Markdown."""
    listed = list(patients)
    lines = [
        "# The card book",
        "",
        f"Every card that Ranvier shows for its {len(listed)} synthetic patients, on every hook; content {content.edition.version}, "
        f"reviewed {content.edition.reviewed}.",
        "Made from `cards/` and `seeds/` by `make content`.",
        "",
        *(f"- [{patient.title}](#{patient.id})" for patient in listed),
    ]
    for patient in listed:
        lines += ["", *_chapter(content, patient)]
    return "\n".join(lines) + "\n"


def as_html(markdown: str) -> str:
    """The same book as one page; HTML in the Markdown is let through only for the anchors that this module writes."""
    return _PAGE.format(body=MarkdownIt("commonmark", {"html": True}).render(markdown))


def _chapter(content: Content, patient: SyntheticPatient) -> list[str]:
    lines = [f'<a id="{patient.id}"></a>', "", f"## {patient.title}", "", patient.story.strip(), "", "```text", patient.lines.strip()]
    lines += [*(f"order {order}" for order in patient.orders), "```"]
    if patient.near_misses:
        lines += ["", f"Nearly, and yet silent: {', '.join(content.deck.wording.topics[topic] for topic in patient.near_misses)}."]
    for hooks, cards in _answers(content, patient):
        lines += ["", f"### {', '.join(hooks)}", ""]
        lines += [line for card in cards for line in _card(card)] or ["No card."]
    return lines


def _answers(content: Content, patient: SyntheticPatient) -> list[tuple[list[str], tuple[Card, ...]]]:
    """The different answers, each with the hooks that give it."""
    found: list[tuple[list[str], tuple[Card, ...]]] = []
    for hook in get_args(Hook):
        chart, trigger = chart_of_request(patient.expand().request(hook), content)
        cards = advise(content, chart, trigger, patient.as_of).cards
        same = next(
            (hooks for hooks, given in found if [(c.summary, c.detail) for c in given] == [(c.summary, c.detail) for c in cards]), None
        )
        if same is None:
            found.append(([hook], cards))
        else:
            same.append(hook)
    return found


def _said(cards: Iterable[Card]) -> list[tuple[str, str]]:
    return [(card.summary, card.detail) for card in cards]


def _card(card: Card) -> list[str]:
    body = [f"> {line}".rstrip() for line in card.detail.splitlines()]
    return [f"#### {card.summary}", "", f"*{card.topic}, rule {card.rule}, {card.stance}, {card.indicator}*", "", *body, ""]

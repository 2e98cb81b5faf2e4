"""Every card of every synthetic patient: short enough, cited in the line and in the links, informing, and the same twice."""

import re

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from cds.advice import advise
from cds.api.cards import wire_cards
from cds.content import load_content
from cds.deck import render
from cds.deck.lengths import DETAIL_LIMIT, SUMMARY_LIMIT, read_length
from cds.deck.size import FULL
from cds.explain_input import chart_of_request
from cds.vignette.patients import load_patients

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")
HOOKS = ("patient-view", "encounter-start", "order-select", "order-sign")


def advice_for(patient, hook="patient-view"):
    chart, trigger = chart_of_request(patient.expand().request(hook), CONTENT)
    return advise(CONTENT, chart, trigger, patient.as_of)


ADVICE = {(id, hook): advice_for(patient, hook) for id, patient in PATIENTS.items() for hook in HOOKS}
CARDS = [pytest.param(card, id=f"{id}-{hook}-{card.topic}") for (id, hook), advice in ADVICE.items() for card in advice.cards]


@pytest.mark.parametrize("card", CARDS)
def test_fits_its_panel(card):
    assert len(card.summary.encode("utf-16-le")) // 2 <= SUMMARY_LIMIT
    assert read_length(card.detail) <= DETAIL_LIMIT


@pytest.mark.parametrize("id", PATIENTS)
def test_no_card_leaves_out_what_it_must_say(id, monkeypatch):
    """Only what `more` names gives way to the limit: every claim and hazard stands in full, every abbreviation in words."""
    sizes = {}
    real = render.render

    def noted(name, deck, pen, **of):
        sizes[name] = replace(pen.size, claims=())
        return real(name, deck, pen, **of)

    monkeypatch.setattr(render, "render", noted)
    for hook in HOOKS:
        for card in advice_for(PATIENTS[id], hook).cards:
            assert sizes[card.name] == FULL, (hook, card.name)


@pytest.mark.parametrize("card", CARDS)
def test_first_words_say_the_stance(card):
    words = [*CONTENT.deck.wording.openings.values(), *(file.front.opening for file in CONTENT.deck.cards.values() if file.front.opening)]
    assert card.summary.startswith(tuple(words))


@pytest.mark.parametrize("card", CARDS)
def test_every_address_in_the_text_is_a_link_and_the_other_way_round(card):
    in_text = set(re.findall(r"\]\((https://[^)\s]+)\)", card.detail))
    in_links = {link.url for link in card.links if "/evidence/" not in link.url}
    assert in_text == in_links
    assert len({link.label for link in card.links}) == len(card.links)


@pytest.mark.parametrize("card", CARDS)
def test_every_claim_shown_resolves_to_an_identifier(card):
    for claim in card.claims:
        assert any(CONTENT.evidence.sources[id].identifiers.citable for id in claim.sources), claim.id


@pytest.mark.parametrize("card", CARDS)
def test_portable_markdown_only(card):
    """CH-CARD-03: paragraphs, lists, bold and links; no HTML, tables, images or headings."""
    assert "<" not in re.sub(r"<(?=[\s\d])", "", card.detail)
    allowed = {"paragraph", "bullet_list", "list_item", "inline", "text", "strong", "link", "softbreak"}
    tokens = MarkdownIt("commonmark").parse(card.detail)
    kinds = {re.sub(r"_(open|close)$", "", t.type) for token in tokens for t in [token, *(token.children or [])]}
    assert kinds <= allowed


@pytest.mark.parametrize("card", CARDS)
def test_nothing_directs(card):
    never = re.compile(r"\b(?:" + "|".join(CONTENT.deck.wording.never) + r")\b", re.IGNORECASE)
    text = card.summary + " " + card.detail
    for phrase in CONTENT.deck.wording.quoted:
        text = text.replace(phrase, "")
    assert not never.search(text)


@pytest.mark.parametrize("id", PATIENTS)
def test_the_same_twice(id):
    again = advice_for(PATIENTS[id])
    assert [(c.summary, c.detail, c.links) for c in again.cards] == [
        (c.summary, c.detail, c.links) for c in ADVICE[id, "patient-view"].cards
    ]


@pytest.mark.parametrize("id", PATIENTS)
def test_no_name_or_identifier_reaches_a_card(id):
    patient = PATIENTS[id]
    for card in ADVICE[id, "patient-view"].cards:
        assert patient.name not in card.summary + card.detail
        assert all(part not in card.detail for part in patient.name.split())


def test_every_wire_card_carries_the_explanation():
    for advice in ADVICE.values():
        for card in wire_cards(advice, CONTENT):
            explanation = card.extension["org.ranvier.explanation"]
            assert explanation["contentHash"] == CONTENT.edition.hash
            assert explanation["stance"] in ("option", "trialOnly", "notSupported", "caution", "background")
            assert explanation["criteria"] or card.source.topic.code in ("missingData", "dmtSafety", "dmtEvidence")


def test_every_topic_speaks_for_some_patient():
    spoken = {card.topic for advice in ADVICE.values() for card in advice.cards}
    assert {"ahsct", "dmtSwitch", "dmtProgressive", "dmtInitiation", "dmtDiscontinuation", "acuteRelapse", "missingData", "notMs"} <= spoken

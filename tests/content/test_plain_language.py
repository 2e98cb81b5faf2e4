"""What stands on a card reads plainly: short sentences, abbreviations in words, harms beside benefits, and whom the evidence is about."""

import re

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.deck.safety import in_brief
from cds.explain_input import chart_of_request
from cds.vignette import expand
from cds.vignette.patients import load_patients

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")
WORDING = CONTENT.deck.wording
MOST_WORDS = 30


def cards_of(patient, hook):
    chart, trigger = chart_of_request(patient.expand().request(hook), CONTENT)
    return advise(CONTENT, chart, trigger, patient.as_of).cards


CARDS = {
    (id, hook, card.topic): card
    for id, patient in PATIENTS.items()
    for hook in dict.fromkeys(("patient-view", patient.hook))
    for card in cards_of(patient, hook)
}
SHOWN = [pytest.param(card, id="-".join(key)) for key, card in CARDS.items()]


def said(markdown):
    """The text without its citations: what one reads aloud."""
    text = re.sub(r"\[([^\]]*)\]\(https://[^)]*\)", "§", markdown)
    text = re.sub(r" \([^()]*(?:\([^()]*\)[^()]*)*; (?:high|moderate|low|very low)\)$", ".", text, flags=re.MULTILINE)
    return text.replace("§", "").replace("**", "")


def too_long(markdown):
    """Sentences of more than thirty words. A list after a colon, its parts parted by semicolons, is read part by part."""
    parts = re.split(r"(?<=[.!?])\s+|[;:]\s|\n", said(markdown))
    return [part for part in parts if len(re.findall(r"[^\W\d_]+(?:[-'’/][^\W\d_]+)*", part)) > MOST_WORDS]


def unlisted(markdown):
    """Words in capitals that are neither spelled out nor known as a name."""
    known = {*WORDING.abbreviations, *(name for names in WORDING.names.values() for name in names)}
    found = re.findall(r"(?<![\w-])[A-Za-z]*[A-Z][A-Za-z0-9]*[A-Z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*", said(markdown))
    words = [word for word in found if not re.search(r"NCT\d|[A-Z][a-z]{2}", word)]
    parts = ({word, word.partition("-")[0], word.rstrip("s")} for word in words)
    return sorted(min(forms) for forms in parts if not forms & known)


@pytest.mark.parametrize("card", SHOWN)
def test_no_sentence_is_longer_than_thirty_words(card):
    assert too_long(card.detail) == []
    assert too_long(card.summary) == []


def test_a_long_sentence_is_noticed():
    assert too_long("- " + "word " * 31 + "([A source](https://doi.org/10.1/x); high)")
    assert not too_long("- " + "word " * 30 + "([A source](https://doi.org/10.1/x); high)")


@pytest.mark.parametrize("card", SHOWN)
def test_every_word_in_capitals_is_listed(card):
    assert unlisted(card.detail) == []


def test_a_word_in_capitals_is_noticed():
    assert unlisted("- XQZ rose.") == ["XQZ"]


@pytest.mark.parametrize("card", [card for card in SHOWN if card.values[0].stance == "option" and card.values[0].topic != "dmtEvidence"])
def test_an_option_names_harms(card):
    """Harms are as prominent as benefits: at least one in full, under a heading of its own."""
    blocks = re.findall(r"^\*\*(.*)\*\*\n((?:- .*\n?)+)", card.detail, re.MULTILINE)
    assert any(re.search("[Hh]arms|^Against it", heading) and "; " in lines for heading, lines in blocks)


@pytest.mark.parametrize("card", SHOWN)
def test_the_day_and_the_version_of_the_content_are_on_the_card(card):
    assert card.detail.endswith(f"; content {CONTENT.edition.version}, reviewed {CONTENT.edition.reviewed}.")
    assert "Chart as of 2026-11-20" in card.detail


def card_for(text, topic, hook="patient-view"):
    from datetime import date

    chart, trigger = chart_of_request(expand(text, date(2026, 11, 20)).request(hook), CONTENT)
    return next(card for card in advise(CONTENT, chart, trigger, date(2026, 11, 20)).cards if card.topic == topic)


FAILING = "M{age}, RRMS since 2019\nocrelizumab since 2024-01, last 2026-07\nMRI 2024-07: clean\nMRI 2026-09: 3 new T2 (vs 2024-07)\n{edss}"


def test_a_difference_from_the_people_studied_is_said():
    text = card_for(FAILING.format(age=52, edss="EDSS 6.5 on 2026-09-20"), "ahsct").detail
    assert "Evidence was in people with" in text
    assert "under 6.0 (preferred) (ECTRIMS-EBMT 2025); this patient: " in text
    assert "an age under 45 (preferred)" in text
    assert "this patient: 52 years old; " in text


def test_differences_from_the_same_source_share_a_bullet():
    text = card_for(FAILING.format(age=52, edss="EDSS 6.5 on 2026-09-20"), "ahsct").detail
    (bullet,) = [line for line in text.splitlines() if line.startswith("- Evidence was in people with") and "(preferred)" in line]
    assert bullet.endswith("this patient: 52 years old; EDSS 6.5 on 2026-09-20.")


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (["Natalizumab is a high-efficacy drug (ABN 2015: high (by exclusion); He 2020: high)."], "natalizumab is a high-efficacy drug"),
        (["EDSS 6.0 on 2026-09-25."], "EDSS 6.0 on 2026-09-25"),
        (["Not active since 2025-11-20: a visit and an MRI. No relapse.", "52 years old."], "not active since 2025-11-20; 52 years old"),
        (["1 relapse since 2025-11-20: 2026-05-12."], "1 relapse since 2025-11-20"),
        (
            ["Gd lesions on one scan of the last 12 months: 0. MRI 2026-10: no new or enlarging T2 lesion and no Gd lesion."],
            "Gd lesions on one scan of the last 12 months: 0",
        ),
        (["Recorded: siponimod since 2024-02."], "recorded: siponimod since 2024-02"),
    ],
)
def test_what_a_reason_says_first(reasons, said):
    assert in_brief(reasons) == said


def test_what_is_not_known_is_no_difference():
    text = card_for(FAILING.format(age=38, edss=""), "ahsct").detail
    assert "under 6.0 (preferred)" not in text

"""Cards in Spanish and German: summaries and headings complete, the rest in English; another language is only a folder."""

import re
import shutil
from datetime import date

import pytest

from cds.advice import Policy, advise
from cds.content import load_content
from cds.deck.lengths import SUMMARY_LIMIT
from cds.evidence.load import ContentError
from cds.explain_input import chart_of_request
from cds.protocol.language import preferred
from cds.vignette import expand
from cds.vignette.patients import load_patients

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")
ENGLISH = CONTENT.deck
OTHERS = [language for language in CONTENT.decks if language != "en"]
HEADING = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)


def test_english_spanish_and_german_are_there():
    assert {"en", "es", "de"} <= set(CONTENT.decks)


@pytest.mark.parametrize("language", OTHERS)
def test_every_summary_line_is_translated(language):
    deck = CONTENT.decks[language]
    for name, card in ENGLISH.cards.items():
        other = deck.cards[name].front
        assert (CONTENT.root / "cards" / language).glob(f"**/{name}.md"), name
        assert set(other.headlines) == set(card.front.headlines), name
        assert bool(other.opening) == bool(card.front.opening), name
        if name != "dmt-safety":  # its headline is put together from `titles` and `terms`
            assert other.headline != card.front.headline, name
        assert all(other.headlines[stance] != text for stance, text in card.front.headlines.items()), name
    for part in ("openings", "topics", "titles"):
        english, said = getattr(ENGLISH.wording, part), getattr(deck.wording, part)
        assert set(said) == set(english)
        assert not [word for word in english if said[word] == english[word]], part


@pytest.mark.parametrize("language", OTHERS)
def test_every_heading_is_translated(language):
    headings = {heading for card in ENGLISH.cards.values() for heading in HEADING.findall(card.source)}
    assert headings <= set(CONTENT.decks[language].wording.headings)


@pytest.mark.parametrize("language", OTHERS)
def test_every_drug_hazard_and_missing_datum_of_a_headline_is_translated(language):
    from cds.deck.safety import lower

    terms = CONTENT.decks[language].wording.terms
    rows = CONTENT.safety.rows.values()
    options = [summary for summary in CONTENT.evidence.summaries.values() if summary.stance == "option"]
    items = {CONTENT.evidence.criteria[id].item for summary in options for id in summary.gates}
    wanted = {row.name for row in rows} | {lower(hazard.hazard) for row in rows for hazard in row.hazards} | items
    assert sorted(wanted - set(terms)) == []


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("id", PATIENTS)
def test_the_same_cards_fit_in_the_other_language(id, language):
    patient = PATIENTS[id]
    chart, trigger = chart_of_request(patient.expand().request(patient.hook), CONTENT)
    english = advise(CONTENT, chart, trigger, patient.as_of)
    other = advise(CONTENT, chart, trigger, patient.as_of, Policy(language=language))
    assert [(card.name, card.stance, card.claims) for card in other.cards] == [(c.name, c.stance, c.claims) for c in english.cards]
    headings = set(CONTENT.decks[language].wording.headings.values())
    for card in other.cards:
        assert len(card.summary.encode("utf-16-le")) // 2 <= SUMMARY_LIMIT
        assert not card.summary.endswith("…")
        assert set(HEADING.findall(card.detail)) <= headings


def test_a_hazard_in_german():
    chart, trigger = chart_of_request(
        expand("F30, RRMS since 2021, 9 weeks pregnant\nteriflunomide since 2024", date(2026, 11, 20)).request("patient-view"), CONTENT
    )
    first = advise(CONTENT, chart, trigger, date(2026, 11, 20), Policy(language="de")).cards[0]
    assert first.summary.startswith("Sicherheit: Teriflunomid, Schwangerschaft: Kontraindikation in dieser Akte erfasst")


@pytest.fixture
def copy(tmp_path):
    for folder in ("cards", "seeds"):
        shutil.copytree(CONTENT.root / folder, tmp_path / folder)
    return tmp_path


def test_a_language_is_added_without_code(copy):
    (copy / "cards/fr/msc").mkdir(parents=True)
    (copy / "cards/fr/wording.yaml").write_text("openings: {trialOnly: 'Seulement en essai :'}\ntopics: {}\ntitles: {}\n")
    (copy / "cards/fr/msc/msc.md").write_text("---\ncard: msc\ntopic: msc\nheadline: cellules mésenchymateuses.\n---\n")
    content = load_content(copy)
    patient = PATIENTS["msc-at-a-paid-clinic"]
    chart, trigger = chart_of_request(patient.expand().request("patient-view"), content)
    card = advise(content, chart, trigger, patient.as_of, Policy(language="fr")).cards[0]
    assert card.summary == "Seulement en essai : cellules mésenchymateuses."
    assert "**Why here**" in card.detail


def test_a_translated_detail_is_shown(copy):
    path = copy / "cards/es/msc/msc.md"
    path.write_text(path.read_text() + "\n**Por qué aquí**\n- Texto propio.\n\n{{ dates() }}\n")
    content = load_content(copy)
    patient = PATIENTS["msc-at-a-paid-clinic"]
    chart, trigger = chart_of_request(patient.expand().request("patient-view"), content)
    assert "- Texto propio." in advise(content, chart, trigger, patient.as_of, Policy(language="es")).cards[0].detail


def test_a_card_that_does_not_exist_in_english_is_refused(copy):
    (copy / "cards/es/other.md").write_text("---\ncard: other\ntopic: msc\nheadline: x\n---\n")
    with pytest.raises(ContentError, match="there is no English card 'other'"):
        load_content(copy)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr, es;q=0.5", "es"),
        ("en;q=0.2, es;q=0.9", "es"),
        ("es;q=0, de;q=0.1", "de"),
        ("*", "en"),
        ("fr", "en"),
        ("de;q=often, es", "es"),
        (";;,,", "en"),
    ],
)
def test_accept_language(header, language):
    assert preferred(header, ("en", "de", "es")) == language

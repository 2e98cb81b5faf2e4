"""The lines that code fills in are content: each is checked when it is loaded, said in any language, and falls back to English."""

import shutil
from datetime import date

import pytest

from cds.advice import Policy, advise
from cds.content import load_content
from cds.deck.wording import PHRASES, Wording
from cds.evidence.load import ContentError
from cds.explain_input import chart_of_request
from cds.vignette import expand

CONTENT = load_content()
DAY = date(2026, 11, 20)
FAILING = """F34, RRMS since 2019
ocrelizumab since 2024-01, last 2026-07
MRI 2024-07: clean
MRI 2026-09: 3 new T2 (vs 2024-07)"""


@pytest.fixture
def copy(tmp_path):
    for folder in ("cards", "seeds"):
        shutil.copytree(CONTENT.root / folder, tmp_path / folder)
    return tmp_path


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def details(content, text, hook="patient-view", language=None):
    chart, trigger = chart_of_request(expand(text, DAY).request(hook), content)
    return "\n".join(card.detail for card in advise(content, chart, trigger, DAY, Policy(language=language)).cards)


def test_english_has_every_phrase():
    assert set(CONTENT.deck.wording.phrases) == set(PHRASES)


def test_a_phrase_that_is_missing_is_refused(copy):
    edit(copy / "cards/en/wording.yaml", '  tried: "Tried: {drugs}."\n', "")
    with pytest.raises(ContentError, match="phrases: 'tried' is missing"):
        load_content(copy)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("{drug}", r"'tried' has the blanks \['drug'\]; it takes \['drugs'\]"),
        ("nothing", r"'tried' has the blanks \[\]; it takes \['drugs'\]"),
        ("{drugs.__class__}", r"'tried' has the blanks"),
        ("{drugs", "phrases: Value error"),
    ],
)
def test_a_phrase_with_other_blanks_is_refused(copy, new, message):
    edit(copy / "cards/en/wording.yaml", "Tried: {drugs}.", f"Tried: {new}.")
    with pytest.raises(ContentError, match=message):
        load_content(copy)


def test_a_phrase_that_no_card_uses_is_refused():
    with pytest.raises(ValueError, match="'greeting' is no phrase of a card"):
        Wording.model_validate({"openings": {}, "topics": {}, "titles": {}, "phrases": {"greeting": "Hello"}})


def test_other_words_reach_the_card_without_code(copy):
    edit(copy / "cards/en/wording.yaml", "Tried: {drugs}.", "Drugs so far: {drugs}.")
    assert "- Drugs so far: ocrelizumab (since 2024-01, failed)." in details(load_content(copy), FAILING)


def test_a_translation_may_leave_phrases_out(copy):
    with (copy / "cards/de/wording.yaml").open("a", encoding="utf-8") as file:
        file.write("phrases:\n  tried: 'Bisher: {drugs}.'\n")
    text = details(load_content(copy), FAILING, language="de")
    assert "- Bisher: ocrelizumab (since 2024-01, failed)." in text
    assert "Chart as of 2026-11-20" in text


def test_what_changes_the_stance_of_a_drafted_drug_is_content(copy):
    text = "F34, RRMS since 2020, 9 weeks pregnant\norder glatiramer"

    def stances(content):
        chart, trigger = chart_of_request(expand(text, DAY).request("order-select"), content)
        return [card.stance for card in advise(content, chart, trigger, DAY).cards if card.topic == "dmtEvidence"]

    assert stances(CONTENT) == ["caution"]
    edit(copy / "seeds/evidence/drafted-drug.yaml", "is: present", "is: absent")
    assert stances(load_content(copy)) == ["option"]
    edit(copy / "seeds/evidence/drafted-drug.yaml", "gates: [ms-present,", "gates: [subtype-spms,")
    assert stances(load_content(copy)) == []


def test_a_gate_of_a_drafted_drug_that_does_not_exist_is_refused(copy):
    edit(copy / "seeds/evidence/drafted-drug.yaml", "ms-present", "ms-presnt")
    with pytest.raises(ContentError, match="there is no criterion 'ms-presnt'"):
        load_content(copy)


@pytest.mark.parametrize(("old", "new"), [("pregnancy", "pregnant"), ("gates: [", "gates: [no-such, ")])
def test_a_broken_drafted_drug_is_refused(copy, old, new):
    edit(copy / "seeds/evidence/drafted-drug.yaml", old, new)
    with pytest.raises(ContentError, match=r"drafted-drug\.yaml"):
        load_content(copy)


def test_what_holds_of_every_drafted_drug_is_said_once(copy):
    path = copy / "seeds/evidence/drafted-drug.yaml"
    path.write_text("- {gates: [ms-present]}\n- {gates: [age-known]}\n", encoding="utf-8")
    with pytest.raises(ContentError, match="holds 2 records"):
        load_content(copy)

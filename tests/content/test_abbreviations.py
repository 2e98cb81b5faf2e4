"""Every card of every stored answer says in words what an abbreviation means, where it is first used."""

import re

import pytest
import yaml

from cds.content import load_content
from cds.deck.abbreviations import in_words, stem
from tests.golden.answers import FOLDER

CONTENT = load_content()
WORDING = CONTENT.deck.wording
SOURCES = re.compile("|".join(sorted((re.escape(s.citation) for s in CONTENT.evidence.sources.values()), key=len, reverse=True)))
LINK = re.compile(r"\[[^\]]*\]\(https://[^)]*\)")
CITATION = re.compile(r" \([^()]*(?:\([^()]*\)[^()]*)*; (?:high|moderate|low|very low)\)$", re.MULTILINE)
SHORT = {short: re.compile(rf"(?<![\w/-]){re.escape(short)}(?![\w/]|-[\dA-Z])") for short in WORDING.abbreviations}


def stored_cards():
    """(patient, hook, card) of every stored answer that is not the same as at an earlier hook."""
    for path in sorted(FOLDER.glob("*.yaml")):
        for hook, answer in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader).items():
            for card in answer["cards"] if isinstance(answer, dict) else ():
                yield path.stem, hook, card


CARDS = [pytest.param(card, id=f"{id}-{hook}-{card['source']['topic']['code']}") for id, hook, card in stored_cards()]


def without_citations(markdown):
    """What is read as text: links and the sources at the end of a bullet are names."""
    return SOURCES.sub("§", CITATION.sub("", LINK.sub("§", markdown)))


def not_spelled_out(markdown):
    """Abbreviations whose first use is not preceded by their words."""
    text = without_citations(markdown)
    first = {short: found.start() for short, pattern in SHORT.items() if (found := pattern.search(text))}
    told = {stem(short) for short, place in first.items() if WORDING.abbreviations[short].lower() in text[:place].lower()}
    return sorted(short for short, place in first.items() if stem(short) not in told)


@pytest.mark.parametrize("card", CARDS)
def test_abbreviations_are_spelled_out_at_first_use(card):
    assert not_spelled_out(card["detail"]) == []


@pytest.mark.parametrize("card", CARDS)
def test_an_abbreviation_of_the_summary_line_is_spelled_out_below_it(card):
    """A summary line of 139 characters has no room for the words; the text under it has them."""
    text = without_citations(card["detail"]).lower()
    short = [short for short, pattern in SHORT.items() if pattern.search(card["summary"])]
    assert [name for name in short if WORDING.abbreviations[name].lower() not in f"{card['summary'].lower()} {text}"] == []


def test_the_name_of_a_source_is_left_as_it_is():
    text = in_words("- A CI (CI trial 2024; Lancet).", WORDING.abbreviations, names=["CI trial 2024"])
    assert text == "- A confidence interval (CI) (CI trial 2024; Lancet)."
    assert (
        in_words("- In CI trial 2024 a CI.", WORDING.abbreviations, names=["CI trial 2024"])
        == "- In CI trial 2024 a confidence interval (CI)."
    )


def test_what_is_not_spelled_out_has_a_reason_and_no_words():
    names = [name for names in WORDING.names.values() for name in names]
    assert all(len(reason) > 10 for reason in WORDING.names)
    assert len(names) == len(set(names))
    assert not set(names) & set(WORDING.abbreviations)


def test_an_abbreviation_without_words_is_noticed():
    assert not_spelled_out("- After AHSCT nothing was read.") == ["AHSCT"]
    assert not_spelled_out("- After AHSCT, autologous hematopoietic stem-cell transplantation.") == ["AHSCT"]
    assert not_spelled_out("- [CI of a trial](https://doi.org/CI).") == []
    assert not_spelled_out("- Rose (Trial of HR, Lancet; high)\n- OR 2.") == ["OR"]
    assert not_spelled_out(in_words("- After AHSCT nothing was read.", WORDING.abbreviations)) == []


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("- CI and CI.", "- Confidence interval (CI) and CI."),
        ("- Odds (95% CI 1-2).", "- Odds (95% confidence interval [CI] 1-2)."),
        ("- A [CI of x](https://doi.org/CI).", "- A [CI of x](https://doi.org/CI)."),
        ("- PML-free, MS.", "- Progressive multifocal leukoencephalopathy (PML)-free, MS."),
        ("- One DMT, two DMTs.", "- One disease-modifying treatment (DMT), two DMTs."),
        ("- Two DMTs, one DMT.", "- Two disease-modifying treatments (DMTs), one DMT."),
        ("- EDSS-Plus.", "- EDSS-Plus."),
        ("- NEDA and NEDA-3.", "- No evidence of disease activity (NEDA) and no relapse, no new MRI lesion and no worsening (NEDA-3)."),
    ],
)
def test_how_an_abbreviation_is_spelled_out(text, spelled):
    assert in_words(text, WORDING.abbreviations) == spelled


@pytest.mark.parametrize(
    ("room", "spelled"),
    [
        (0, "- HR, CI, HR."),
        (14, "- HR, CI, HR."),
        (15, "- Hazard ratio (HR), CI, HR."),
        (36, "- Hazard ratio (HR), CI, HR."),
        (37, "- Hazard ratio (HR), confidence interval (CI), HR."),
        (None, "- Hazard ratio (HR), confidence interval (CI), HR."),
    ],
)
def test_where_room_is_short_as_many_are_spelled_out_as_fit(room, spelled):
    text = in_words("- HR, CI, HR.", WORDING.abbreviations, room)
    assert text == spelled
    assert room is None or len(text) - len("- HR, CI, HR.") <= max(room, 0)

"""`ranvier content check` finds what is broken: each test breaks a copy of the content in one place."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from cds.authoring.check import check, coverage
from cds.content import load_content
from cds.evidence.figures import numbers
from cds.evidence.load import ContentError

ROOT = Path(__file__).parent.parent.parent
TODAY = date(2026, 11, 20)


@pytest.fixture
def copy(tmp_path):
    """A copy of the content that a test may break."""
    for folder in ("cards", "seeds"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def errors(root: Path, today: date = TODAY) -> str:
    return "\n".join(f"{p.where}: {p.what}" for p in check(load_content(root), today) if p.level == "error")


def test_the_content_as_it_is_has_no_error():
    assert errors(ROOT) == ""


def test_coverage_leaves_nothing_unexplained():
    assert {row.kind: row.unexplained for row in coverage(load_content())} == dict.fromkeys(
        (row.kind for row in coverage(load_content())), 0
    )


def test_a_claim_that_names_no_source(copy):
    edit(copy / "seeds/evidence/claims/ahsct/trials.yaml", "burt-2019-mist", "burt-2019-mistake")
    with pytest.raises(ContentError, match=r"there is no source 'burt-2019-mistake'"):
        load_content(copy)


def test_a_figure_that_stands_in_no_source(copy):
    edit(copy / "seeds/evidence/claims/ahsct/trials.yaml", "0.02-0.24", "0.02-0.25")
    assert "claim hsct-020: the number 0.25 stands in none of its sources (burt-2019-mist)" in errors(copy)


def test_a_figure_whose_source_lost_it(copy):
    edit(copy / "seeds/evidence/sources/ahsct/burt-2019-mist.yaml", "value: HR 0.07", "value: HR 0.08")
    assert "claim hsct-020: the number 0.07" in errors(copy)


def test_a_template_variable_that_does_not_exist(copy):
    card = copy / "cards/en/msc/msc.md"
    edit(card, "{{ dates() }}", "{{ dates() }}{{ patient_name }}")
    assert "card msc: its template uses 'patient_name'" in errors(copy)


def test_a_template_that_calls_what_does_not_exist(copy):
    edit(copy / "cards/en/msc/msc.md", "{{ dates() }}", "{{ today() }}")
    assert "card msc: its template calls 'today'" in errors(copy)


def test_a_template_that_is_not_one(copy):
    edit(copy / "cards/en/msc/msc.md", "{{ dates() }}", "{{ dates( }}")
    with pytest.raises(ContentError, match=r"msc\.md: line"):
        load_content(copy)


def test_a_criterion_that_does_not_exist(copy):
    edit(copy / "seeds/evidence/summaries/msc/msc.yaml", "ms-present", "ms-presents")
    with pytest.raises(ContentError, match=r"summary msc: there is no criterion 'ms-presents'"):
        load_content(copy)


def test_a_criterion_over_a_fact_that_does_not_exist(copy):
    edit(copy / "seeds/evidence/criteria/disability.yaml", "fact: edss,", "fact: edsss,")
    with pytest.raises(ContentError, match="no fact is named 'edsss'"):
        load_content(copy)


def test_a_criterion_whose_basis_does_not_exist(copy):
    edit(copy / "seeds/evidence/criteria/person.yaml", "basis: [risk-02]", "basis: [risk-99]")
    assert "criterion not-pregnant: its basis 'risk-99'" in errors(copy)


def test_a_card_with_a_figure_of_its_own(copy):
    edit(copy / "cards/en/msc/msc.md", "{{ dates() }}", "- It helped 40% of people.\n\n{{ dates() }}")
    assert "card msc: types a figure of its own" in errors(copy)


def test_a_card_that_shows_a_claim_of_another_summary(copy):
    edit(copy / "cards/en/msc/msc.md", '"msc-mesems-primary"', '"hsct-020"')
    assert "card msc: shows claim hsct-020, which its summary does not list" in errors(copy)


def test_a_card_that_shows_a_claim_without_a_citable_source(copy):
    path = copy / "seeds/evidence/sources/ahsct/burt-2019-mist.yaml"
    text = re.sub(r"  (?:doi|pmid|pmcid): .*\n", "", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    assert "card ahsct-after-high-efficacy-failure: shows claim hsct-020, whose sources (burt-2019-mist) have no DOI" in errors(copy)


@pytest.mark.parametrize("word", ["should", "must", "is a candidate", "is safe", "Switch to"])
def test_a_claim_that_directs(copy, word):
    path = copy / "seeds/evidence/claims/ahsct/trials.yaml"
    path.write_text(re.sub(r"(  brief: ['\"]?)", rf"\g<1>{word} ", path.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    assert "(brief): says" in errors(copy)


def test_a_statement_that_nobody_carries(copy):
    path = copy / "seeds/documents/cellular-immunotherapies.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["statements"][3] = {"row": document["statements"][3]["row"], "statement": "Nobody carries this."}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert "no claim and no source record carries it" in errors(copy)


def test_an_unfinished_source(copy):
    edit(copy / "seeds/evidence/sources/ahsct/burt-2019-mist.yaml", "citation: Burt 2019, JAMA", "citation: FILL IN")
    assert "a field still says FILL IN" in errors(copy)


def test_an_overdue_review_is_a_warning():
    problems = check(load_content(), date(2028, 1, 1))
    assert any(p.level == "warning" and "its review was due" in p.what for p in problems)


def test_a_withdrawn_source_takes_its_claims_off_the_cards(copy):
    path = copy / "seeds/evidence/sources/ahsct/burt-2019-mist.yaml"
    notice = "\ncorrection:\n  status: retracted\n  note: Test.\n"
    path.write_text(path.read_text(encoding="utf-8") + notice, encoding="utf-8")
    content = load_content(copy)
    assert not content.evidence.showable(content.evidence.claims["hsct-020"])
    path.write_text(path.read_text(encoding="utf-8") + "  cleared: 2026-11-20\n", encoding="utf-8")
    content = load_content(copy)
    assert content.evidence.showable(content.evidence.claims["hsct-020"])


def test_the_hash_changes_with_any_word(copy):
    before = load_content(copy).edition.hash
    edit(copy / "cards/en/msc/msc.md", "**Why here**", "**Why**")
    assert load_content(copy).edition.hash != before
    assert before == load_content(ROOT).edition.hash


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 vs 34 (HR 0.07, 95% CI 0.02-0.24)", "3 34 0.07 95 0.02 0.24"),
        ("4,915 people", "4915"),
        ("CD34, ATA188, beta-1a, NCT04047628", ""),
        ("0.20 and 12.2%", "0.2 12.2"),
    ],
)
def test_numbers(text, expected):
    assert {f"{number:f}" for number in numbers(text)} == set(expected.split())

"""The card book holds every card of every synthetic patient, and the one in docs/ is the present one."""

from pathlib import Path

import pytest
import yaml

from cds.content import load_content
from cds.explain.card_book import as_html, card_book
from cds.vignette.patients import load_patients
from tests.golden.answers import FOLDER

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")
WRITTEN = Path(__file__).parents[2] / "docs" / "card-book.md"


@pytest.fixture(scope="module")
def book():
    return card_book(CONTENT, PATIENTS.values())


def test_the_book_in_docs_is_the_present_one(book):
    assert WRITTEN.read_text(encoding="utf-8") == book, "make content"


def test_it_holds_every_card_of_every_patient(book):
    for id, patient in PATIENTS.items():
        chapter = book.partition(f'<a id="{id}"></a>')[2].partition("<a id=")[0]
        assert f"## {patient.title}" in chapter
        answers = yaml.load((FOLDER / f"{id}.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for answer in answers.values():
            for card in answer["cards"] if isinstance(answer, dict) else ():
                assert f"#### {card['summary']}" in chapter
                assert all(f"> {line}".rstrip() in chapter for line in card["detail"].splitlines())


def test_as_a_page(book):
    page = as_html(book)
    assert page.startswith("<!doctype html>")
    assert page.count("<h2>") == len(PATIENTS)
    assert "<blockquote>" in page

"""What the start of the service leaves until it is asked for, and what it never does twice."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cds.api.garbage import collect_seldom, keep_all
from cds.content import default_root, load_content
from cds.deck.cards import PlainText, environment
from cds.fhir.compiled import by_library, compiled, model_of
from cds.patient.rules import searcher


@pytest.fixture
def own_collector() -> Iterator[None]:
    """The collector of this process as it was, afterwards."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("own_collector")
def test_what_a_service_is_made_of_is_not_looked_through_again() -> None:
    gc.unfreeze()
    collect_seldom()
    keep_all()
    assert gc.get_threshold()[0] > 10_000
    assert gc.get_freeze_count() > 10_000
    assert gc.isenabled()


def test_the_library_makes_its_own_validator_when_it_is_asked() -> None:
    request = {"resourceType": "EnrollmentRequest", "status": "active"}
    assert not model_of("EnrollmentRequest").__pydantic_complete__
    made = compiled("EnrollmentRequest", request)
    assert not model_of("EnrollmentRequest").__pydantic_complete__
    assert by_library("EnrollmentRequest", request) == made
    assert model_of("EnrollmentRequest").__pydantic_complete__


def test_words_without_jinja_are_what_a_template_would_make_of_them() -> None:
    texts = [
        (made, text)
        for deck in load_content().decks.values()
        for card in deck.cards.values()
        for made in (*card.headlines.values(), card.body)
        if isinstance(made, PlainText)
        for text in (made.text,)
    ]
    assert len(texts) > 50
    assert [text for made, text in texts if made.render({}) != environment().from_string(text).render({})] == []


def test_a_pattern_is_compiled_as_it_is_used() -> None:
    assert searcher("Relapse").__self__ is re.compile("Relapse", re.IGNORECASE)


def test_what_serving_does_not_need_is_not_imported() -> None:
    heavy = ("sqlalchemy", "alembic", "pygal", "fhir.resources.evidence")
    program = (
        "import sys, tempfile, pathlib\n"
        "from cds.app import create_app\n"
        "from cds.settings import Settings\n"
        "create_app(Settings(state=pathlib.Path(tempfile.mkdtemp())))\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=default_root())
    assert done.stdout.strip() == "[]"

"""Every answer for every synthetic patient is the stored one. `make golden` renews them; the change is reviewed as a diff."""

from __future__ import annotations

import difflib

import pytest

from cds.content import load_content
from cds.vignette.patients import load_patients
from tests.golden.answers import FOLDER, answers, as_text

CONTENT = load_content()
PATIENTS = load_patients(CONTENT.root / "seeds" / "patients")


@pytest.mark.parametrize("id", PATIENTS)
def test_the_answers_are_the_stored_ones(id: str) -> None:
    path = FOLDER / f"{id}.yaml"
    stored = path.read_text(encoding="utf-8") if path.is_file() else ""
    actual = as_text(answers(PATIENTS[id], CONTENT))
    if actual != stored:
        lines = difflib.unified_diff(stored.splitlines(), actual.splitlines(), f"tests/golden/patients/{id}.yaml", "now", lineterm="", n=2)
        pytest.fail("\n".join([*lines, "", "If this is meant: make golden, and review the diff."]), pytrace=False)


def test_no_answer_is_left_of_a_patient_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(PATIENTS)

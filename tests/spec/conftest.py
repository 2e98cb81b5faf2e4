"""The content that the tables are run with, loaded once and only as far as a case needs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .tables import FOLDER, SEEDS, Case

SITE_CODES = FOLDER / "site-codes.yml"
Knowledge = Callable[[Case], Any]


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """What a case is read with: terminology and reading rules, and evidence and cards if it asks for them."""
    return lambda case: _loaded(case.needs_deck, SITE_CODES if case.local_codes else None, case.efficacy_list)


@cache
def _loaded(with_deck: bool, local_codes: Path | None, efficacy_list: str | None) -> Any:
    if with_deck:
        from cds.content import load_content

        return load_content(SEEDS.parent, local_codes, efficacy_list)
    from cds.evidence.load import read_records
    from cds.evidence.model import Definition
    from cds.fhir.codes import Terminology
    from cds.patient.read import ReadingRules

    terminology = Terminology.load(SEEDS / "terminology", local_codes=local_codes)
    definitions = read_records((SEEDS / "evidence" / "definitions").glob("**/*.yaml"), Definition)
    rules = ReadingRules.of({record.id: record.thresholds for _, record in definitions}, efficacy_list)
    return SimpleNamespace(terminology=terminology, rules=rules)

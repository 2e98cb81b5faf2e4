"""The conformance table is the one that the tests make."""

from __future__ import annotations

from pathlib import Path

from tests.api.conformance import table


def test_the_table_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "conformance.md"
    assert page.read_text(encoding="utf-8") == table(), "run: python -m tests.api.conformance"

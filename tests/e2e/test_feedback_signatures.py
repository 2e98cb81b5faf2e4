"""Signatures of reviewers in both databases: kept, added, read again, and none lost where a second process writes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cds.feedback import signatures
from cds.feedback.records import Signature
from cds.settings import Settings
from tests.e2e.postgres import Postgres

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def signature(number: int, decision: str = "approve", comment: str = "") -> Signature:
    """A signature, a minute after the one before."""
    id = f"00000000-0000-4000-8000-{number:012}"
    return Signature(
        id, NOW.replace(minute=number), "msc", "0" * 64, "2026.11.1", decision, "Å. Reviewer", "Neurologist", "", comment, '{"card": []}'
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return Settings(_env_file=None, state=tmp_path / "folder").database
    postgres: Postgres = request.getfixturevalue("postgres")
    return Settings(_env_file=None, database_url=postgres.database()).database


async def test_signatures_are_kept_and_read_again_in_their_order(url: str):
    assert signatures.read(url) == []
    rows = [signature(1), signature(2, "reject", "Wrong | figure\n<b>, '; DROP TABLE x")]
    for row in reversed(rows):
        await signatures.keep(url, row)
    assert signatures.read(url) == rows

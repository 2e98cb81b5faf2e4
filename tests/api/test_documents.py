"""Documents that say the same as the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds.api.clients import Caller, Client
from cds.protocol.discovery import PREFETCH
from cds.protocol.profiles import PROFILES

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")


def part(name: str) -> list[str]:
    return [line for line in PAGE.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].splitlines() if line.startswith("| `")]


def yes(value: bool) -> str:
    return "yes" if value else "no"


def test_the_profiles_are_those_of_the_code():
    assert part("profiles") == [
        f"| `{name}` | {row.checks} | {yes(row.explanation)} | {yes(row.content_type)} | {yes(row.replay)} | {row.note} |"
        for name, row in PROFILES.items()
    ]


@pytest.mark.row("CH-DISC-15")
def test_ch_disc_15_the_prefetch_sheet_is_that_of_discovery():
    rows = [f"| `{entry.key}` | `{entry.template}` |" for entry in PREFETCH]
    assert part("prefetch") == rows


def test_every_field_of_a_client_is_described():
    for name in (*Client.model_fields, *Caller.model_fields):
        assert f"| `{name}` |" in PAGE, name


@pytest.mark.row("CH-SEC-18")
def test_ch_sec_18_scopes_are_listed_and_only_for_reading():
    for entry in PREFETCH:
        assert f"`patient/{entry.resource_type}.rs`" in PAGE
        assert f"`patient/{entry.resource_type}.read`" in PAGE
    assert not [word for word in (".write", ".cruds", ".cud", "*.*") if word in PAGE]

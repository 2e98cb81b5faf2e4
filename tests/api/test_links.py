"""Cards link to few hosts, and docs/link-hosts.md publishes them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cds.evidence.load import load_evidence
from cds.patient.facts import CATALOGUE
from cds.protocol.card import Link

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def citable():
    return [source for source in load_evidence(ROOT / "seeds", CATALOGUE).sources.values() if source.identifiers.citable]


@pytest.mark.row("CH-LINK-05")
def test_ch_link_05_hosts_are_published(citable):
    published = re.findall(r"^- `(.+)`$", (ROOT / "docs" / "link-hosts.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert published == sorted({urlsplit(source.identifiers.link).hostname for source in citable})


@pytest.mark.row("CH-LINK-04")
def test_ch_link_04_every_source_that_a_card_may_cite_has_a_link_that_a_card_may_carry(citable):
    for source in citable:
        assert Link(label=source.citation, url=source.identifiers.link).url

"""A drug is not praised without its harms, and a drug that failed is not offered again."""

import re
from datetime import date

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.vignette import expand

CONTENT = load_content()
CLAIMS = CONTENT.evidence.claims
AS_OF = date(2026, 11, 20)
UNREAD = {"rituximab", "monomethyl-fumarate"}
"""Drugs on whose harms in MS no source was read: their gaps say so."""
ROWS = [
    pytest.param(name, row, id=f"{name}-{place}")
    for name, drug in CONTENT.drug_evidence.drugs.items()
    for place, row in enumerate(drug.rows)
    if row.stance == "option" and name not in UNREAD
]
FAILED_ALEMTUZUMAB = (
    "M33, RRMS since 2021\nalemtuzumab courses 2023-02 2024-02\nrelapse 2026-03-09\nMRI 2026-03-16: 1 Gd\nEDSS 3.0 on 2026-09-10"
)
FAILED_OCRELIZUMAB = (
    "M38, RRMS since 2019\nocrelizumab since 2024-01, last 2026-07\nMRI 2024-07: clean\nMRI 2026-09: 3 new T2, 1 Gd (vs 2024-07)"
)
ACTIVE_SPMS = "F52, RRMS since 2006\nSPMS since 2022\n{drug}MRI 2025-01: clean\nrelapse 2026-05-12\nMRI 2026-06-18: 2 new T2 (vs 2025-01)"


HEADING = re.compile(r"^\*\*(.+)\*\*$")
VERB = re.compile(r"(?:claim|more)\(([^)]*)\)")


def under_harms(source):
    """The claims that a card names under a heading of harms."""
    harms = False
    for line in source.splitlines():
        if heading := HEADING.match(line):
            harms = heading[1].startswith(("Harms", "Against it"))
        if harms:
            yield from re.findall(r'"([^"]+)"', " ".join(VERB.findall(line)))


@pytest.mark.parametrize("name", CONTENT.deck.cards)
def test_no_benefit_stands_among_the_harms(name):
    assert [id for id in under_harms(CONTENT.deck.cards[name].source) if CLAIMS[id].topic.startswith("efficacy")] == []


def test_new_lesions_after_neural_stem_cells_stand_beside_their_tolerability():
    """In 6 of 12 people, half of them enhancing (src-genchi-2023)."""
    assert "nsc-genchi-mri" in under_harms(CONTENT.deck.cards["cell-pipeline-nsc"].source)


def cards(lines):
    chart, trigger = chart_of_request(expand(lines, AS_OF).request("patient-view"), CONTENT)
    return {card.rule: card for card in advise(CONTENT, chart, trigger, AS_OF).cards}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_evidence_on_a_drafted_drug_names_a_harm(name, row):
    assert any(CLAIMS[id].topic.startswith("safety") or "warning" in id for id in row.claims), name


@pytest.mark.parametrize("name", sorted(UNREAD))
def test_where_no_harm_was_read_a_gap_says_so(name):
    drug = CONTENT.drug_evidence.drugs[name]
    assert any("safety" in gap or "harm" in gap for gap in drug.gaps), drug.gaps


def test_alemtuzumab_that_failed_is_no_evidence_for_the_next_drug():
    assert "CARE-MS" not in cards(FAILED_ALEMTUZUMAB)["S2"].detail
    assert "CARE-MS" in cards(FAILED_OCRELIZUMAB)["S2"].detail


def test_siponimod_that_failed_does_not_head_the_card():
    before, after = (cards(ACTIVE_SPMS.format(drug=drug))["P3"] for drug in ("", "siponimod since 2024-02\n"))
    assert "siponimod and other approaches" in before.summary
    assert "after siponimod" in after.summary
    assert "Siponimod was tried here" in after.detail

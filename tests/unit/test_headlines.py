"""A headline never makes a card fail: what does not fit into a summary is left out, and said to be."""

from datetime import date

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.deck.lengths import SUMMARY_LIMIT
from cds.explain_input import chart_of_request
from cds.vignette import expand

CONTENT = load_content()
AS_OF = date(2026, 11, 20)
DRAFTED = ("dimethyl fumarate", "diroximel fumarate", "fingolimod", "natalizumab", "ponesimod", "rituximab", "ublituximab")


def summaries(text, hook="patient-view"):
    chart, trigger = chart_of_request(expand(text, AS_OF).request(hook), CONTENT)
    return {card.name: card.summary for card in advise(CONTENT, chart, trigger, AS_OF).cards}


def test_many_drafted_drugs_are_counted_and_the_verdict_stays():
    summary = summaries("\n".join(["F34, RRMS since 2019", *(f"order {drug}" for drug in DRAFTED)]), "order-select")["dmt-evidence"]
    assert len(summary) <= SUMMARY_LIMIT
    assert summary.endswith("dimethyl fumarate, diroximel fumarate, fingolimod and 4 more; a label or trial covers this course of MS.")


@pytest.mark.parametrize("damage", ["medications refused", "medications unavailable", "no medications key"])
def test_many_missing_things_never_make_a_summary_too_long(damage):
    drugs = "ocrelizumab since 2024\nnatalizumab 2019 to 2022, stopped"
    summary = summaries(f"F34, MS since 2019 (suspected)\n{drugs}\nrelapse 2026-09-01\n{damage}")
    assert summary["missing-data"].endswith(" not known; some evidence cannot be matched.")
    assert all(len(text) <= SUMMARY_LIMIT for text in summary.values())

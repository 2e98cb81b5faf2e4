"""problem-list-item-create: only a subtype that was not known before is worth a card."""

from datetime import date

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.vignette import expand

CONTENT = load_content()
AS_OF = date(2026, 11, 20)
ACTIVE = "relapse 2026-08-03\nMRI 2026-09-04: 2 Gd"


def topics(before, added, both_in_prefetch=True):
    """Cards after `added` was recorded in a chart that held `before`; clients may or may not have stored it already."""
    whole = expand(f"F27\n{before}\n{added}\n{ACTIVE}", AS_OF).request("problem-list-item-create")
    new = {entry["resource"]["id"] for entry in expand(f"F27\n{added}", AS_OF).prefetch["conditions"].get("entry", [])}
    whole["context"]["conditions"]["entry"] = [e for e in whole["context"]["conditions"]["entry"] if e["resource"]["id"] in new]
    if not both_in_prefetch:
        stored = whole["prefetch"]["conditions"]
        stored["entry"] = [entry for entry in stored["entry"] if entry["resource"]["id"] not in new]
    chart, trigger = chart_of_request(whole, CONTENT)
    return [card.topic for card in advise(CONTENT, chart, trigger, AS_OF).cards]


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("before", ["", "condition hypertension 2020", "MS since 2020 (icd10 G35)", "CIS since 2025", "RIS since 2025"])
def test_a_first_subtype_speaks(before, both):
    assert topics(before, "RRMS since 2026-09", both)


@pytest.mark.parametrize("both", [True, False])
def test_a_subtype_known_before_is_silent(both):
    assert topics("RRMS since 2026-08", "SPMS since 2026-09", both) == []
    assert topics("RRMS since 2026-08", "condition depression 2026-10", both) == []


def test_other_records_are_silent():
    assert topics("", "condition hypertension 2026") == []
    assert topics("", "MS since 2026-09 (icd10 G35)") == []


def test_without_conditions_in_the_context_nothing_is_new():
    request = expand(f"F27\nRRMS since 2026-09\n{ACTIVE}", AS_OF).request("problem-list-item-create")
    del request["context"]["conditions"]
    chart, trigger = chart_of_request(request, CONTENT)
    assert advise(CONTENT, chart, trigger, AS_OF).cards == ()

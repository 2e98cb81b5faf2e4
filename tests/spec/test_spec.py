"""The tables, run: each case expands its patient to FHIR, reads it back, and compares."""

from __future__ import annotations

from typing import Any

import pytest

from cds.vignette import expand

from .compare import (
    card_differences,
    context_differences,
    fact_differences,
    safety_differences,
    silence_differences,
    wording_differences,
)
from .conftest import Knowledge
from .tables import FOLDER, Case, tables

CASES = [
    pytest.param(case, id=f"{path.relative_to(FOLDER).with_suffix('')}: {case.name}") for path, table in tables() for case in table.cases
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: Case, knowledge: Knowledge) -> None:
    differences = with_cards(case, knowledge(case)) if case.needs_deck else facts_only(case, knowledge(case))
    if differences:
        patient = [f"  {line}" for line in case.lines.splitlines()]
        pytest.fail("\n".join([case.why, *differences, "", f"The patient on {case.as_of}:", *patient]).strip(), pytrace=False)


def facts_only(case: Case, reading: Any) -> list[str]:
    """Read the chart; no evidence and no cards are needed."""
    from cds.explain_input import chart_of_request
    from cds.patient.read import read_patient

    chart, trigger = chart_of_request(expand(case.lines, case.as_of).request(case.hook), reading)
    context = read_patient(chart, case.as_of, reading, trigger)
    return [*fact_differences(case.facts, context), *context_differences(case.context, context)]


def with_cards(case: Case, content: Any) -> list[str]:
    """Advise on the chart, and compare what was read and what was said."""
    from cds.advice import advise
    from cds.explain_input import chart_of_request

    chart, trigger = chart_of_request(expand(case.lines, case.as_of).request(case.hook), content)
    advice = advise(content, chart, trigger, case.as_of)
    return [
        *(card_differences(case.cards, advice.cards) if case.cards is not None else ()),
        *silence_differences(case.silent, advice),
        *wording_differences(case.says, advice),
        *safety_differences(case.safety, advice),
        *fact_differences(case.facts, advice.context),
        *context_differences(case.context, advice.context),
    ]

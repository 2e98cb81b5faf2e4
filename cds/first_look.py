"""A first look at a chart: most patients have no MS, and for them nothing more needs to be read.

It reads only what says whether the patient has MS. Where that alone silences every summary, `advise` would give no card; everything else
is left unread. The answer is the one that `advise` gives (tests/properties/test_first_look.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from msgspec import Struct

from cds.advice import MS_IS_ABSENT, ORDER_HOOKS
from cds.content import Content
from cds.fhir.chart import Chart, NotRead
from cds.patient.context import Fact
from cds.patient.orders import Trigger
from cds.patient.read import Opening, read_opening

_CHARTS_WITHOUT_RECORDS = 256
"""Of how many combinations of questions answered and days the outcome is remembered, for charts that hold no record at all."""


class FirstLook(Struct, frozen=True):
    """Whether the patient has MS, and whether that settles that there is no card. `opening` goes to `advise` where it does not."""

    ms: Fact
    silent: bool
    opening: Opening


def first_look(content: Content) -> Callable[[Chart, Trigger, date], FirstLook]:
    """The look for this content. Which criteria it can judge is worked out once."""
    conditions = content.evidence.conditions
    known = read_opening(Chart(), date(2000, 1, 1), content).diagnosis.facts.keys()
    of_summary = {
        frozenset(id for id in summary.gates + summary.limits if known >= set(conditions[id].facts))
        for summary in content.evidence.summaries.values()
    }
    gates = frozenset(id for ids in of_summary for id in ids)

    def read(chart: Chart, as_of: date) -> FirstLook:
        opening = read_opening(chart, as_of, content)
        facts = opening.diagnosis.facts
        failed = {id for id in gates if conditions[id].test(facts) is False}
        refused = not any(failed.isdisjoint(ids) for ids in of_summary)
        absent = all(conditions[id].test(facts) is False for id in MS_IS_ABSENT)
        return FirstLook(facts["ms"], refused and absent, opening)

    @lru_cache(maxsize=_CHARTS_WITHOUT_RECORDS)
    def read_without_records(answered: frozenset[str], partial: frozenset[str], not_read: tuple[NotRead, ...], as_of: date) -> FirstLook:
        return read(Chart(answered=answered, partial=partial, not_read=not_read), as_of)

    def look(chart: Chart, trigger: Trigger, as_of: date) -> FirstLook:
        if chart.holds_records or any(item.resource is not None for item in chart.not_read):
            found = read(chart, as_of)
        else:
            found = read_without_records(chart.answered, chart.partial, chart.not_read, as_of)
        if trigger.hook in ORDER_HOOKS and not trigger.orders:
            return FirstLook(found.ms, True, found.opening)
        return found

    return look

"""Every pregnancy that the chart dates, past ones too, for the drawing of a course; the facts (F18) do not rest on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange, add_days
from cds.patient.person.pregnancy import PregnancyRules, began_on
from cds.patient.records.conditions import date_range, read_conditions


class Pregnancy(Struct, frozen=True, kw_only=True):
    """One pregnancy: `start` is missing where only its end is recorded, `end` where none is."""

    start: DateRange | None
    end: DateRange | None
    resources: tuple[str, ...]


def pregnancies(chart: Chart, terminology: Terminology, rules: PregnancyRules, as_of: date) -> tuple[Pregnancy, ...]:
    """Recorded pregnancies, oldest first, each with the birth or loss that ended it.

    Records that lie within the longest pregnancy of the rules, and before its end, are of the same one. What is not dated, suspected
    or planned is left out.
    """
    longest = 7 * rules.pregnancy_weeks
    ends = sorted(
        (end for end in _ends(chart, terminology, rules) if end[0].first <= as_of), key=lambda end: (end[0].first, end[0].last, end[1])
    )
    found: list[Pregnancy] = []
    for start, end, ref in sorted(_records(chart, terminology, rules), key=lambda record: (record[0].first, record[0].last, record[2])):
        if start.first > as_of:
            continue
        last = found[-1] if found else None
        if last and last.start and start.first <= add_days(last.start.last, longest) and not (last.end and last.end.last < start.first):
            found[-1] = Pregnancy(start=last.start, end=last.end or end, resources=(*last.resources, ref))
            continue
        ended = next((one for one in ends if start.first <= one[0].last and one[0].first <= add_days(start.last, longest)), None)
        if ended is None:
            found.append(Pregnancy(start=start, end=end, resources=(ref,)))
        else:
            ends.remove(ended)
            found.append(Pregnancy(start=start, end=ended[0], resources=tuple(dict.fromkeys((ref, ended[1])))))
    alone: dict[date, Pregnancy] = {}
    for end, ref in ends:
        if not any(one.end and abs((one.end.first - end.first).days) <= longest / 2 for one in found):
            alone.setdefault(end.first, Pregnancy(start=None, end=end, resources=(ref,)))
    return tuple(sorted([*found, *alone.values()], key=lambda one: (one.start or one.end or DateRange(as_of, as_of)).first))


def _records(chart: Chart, terminology: Terminology, rules: PregnancyRules) -> Iterator[tuple[DateRange, DateRange | None, str]]:
    """Start, recorded end and reference of every dated record of a pregnancy; a positive test alone is none."""
    ends = {entry.ref: date_range(entry.resource.abatementDateTime) for entry in chart.entries("Condition")}
    for record in read_conditions(chart, terminology, *rules.conditions):
        start = began_on(record, rules) or record.date
        if record.asserted and start is not None and record.of(*rules.conditions, roles=("include",)):
            yield start, ends.get(record.ref), record.ref


def _ends(chart: Chart, terminology: Terminology, rules: PregnancyRules) -> Iterator[tuple[DateRange, str]]:
    """Births and losses with their dates."""
    for record in read_conditions(chart, terminology, *rules.ends):
        if record.asserted and record.date is not None:
            yield record.date, record.ref
    for entry in chart.entries("Procedure"):
        procedure = entry.resource
        ends = any(hit.role == "include" for hit in terminology.match(entry.concept, *rules.ends))
        if procedure.status == "completed" and ends:
            day = date_range(procedure.performedDateTime or (procedure.performedPeriod.start if procedure.performedPeriod else None))
            if day is not None:
                yield day, entry.ref

"""Visits: for a relapse, for an infection, and those at which a neurologist looked (clinical-rules F4, F6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange, add_days
from cds.patient.activity.attacks import Attack
from cds.patient.activity.rules import ActivityRules
from cds.patient.records.conditions import date_range, words_of
from cds.patient.rules import found
from cds.patient.words.dates import DATE, read_date


class Visit(Struct, frozen=True):
    """One Encounter that took place, or may have: its day, what it was for, and what it was."""

    ref: str
    date: DateRange
    status: str
    reasons: tuple[Concept, ...]
    kinds: tuple[Concept, ...]


def read_visits(chart: Chart, rules: ActivityRules) -> tuple[Visit, ...]:
    """Every dated visit that was not cancelled, planned or entered in error."""
    records = rules.records
    visits = []
    for entry in chart.entries("Encounter"):
        encounter = entry.resource
        day = date_range(encounter.period.start or encounter.period.end) if encounter.period else None
        if day is not None and encounter.status in (*records.visited, *records.visited_before_today):
            reasons = tuple(map(Concept.of, encounter.reasonCode or ()))
            kinds = (Concept.of(encounter.serviceType), *map(Concept.of, encounter.type or ()))
            visits.append(Visit(entry.ref, day, encounter.status, reasons, kinds))
    return tuple(visits)


def visits_of_conditions(chart: Chart, visits: tuple[Visit, ...]) -> dict[str, DateRange]:
    """Of each Condition that one of the visits names as its reason or diagnosis, or that names the visit: the first such visit."""
    seen = {visit.ref: visit.date for visit in visits}
    pairs: list[tuple[str, DateRange]] = []
    for entry in chart.entries("Encounter"):
        encounter = entry.resource
        named = [*(encounter.reasonReference or ()), *(one.condition for one in encounter.diagnosis or ())]
        conditions = [chart.resolve(entry, reference) for reference in named if reference is not None]
        pairs += [(condition.ref, seen[entry.ref]) for condition in conditions if condition is not None and entry.ref in seen]
    for entry in chart.entries("Condition"):
        visit = chart.resolve(entry, entry.resource.encounter) if entry.resource.encounter is not None else None
        if visit is not None and visit.ref in seen:
            pairs.append((entry.ref, seen[visit.ref]))
    first: dict[str, DateRange] = {}
    for ref, day in pairs:
        first[ref] = min(first.get(ref, day), day, key=lambda one: (one.first, one.last))
    return first


def relapse_visits(visits: tuple[Visit, ...], terminology: Terminology, rules: ActivityRules) -> Iterator[Attack]:
    """Visits with a relapse as their reason; one that words call possible is provisional. A date in the reason is that of the relapse."""
    for visit in visits:
        for reason in visit.reasons:
            coded, worded = _relapse_in(reason, terminology, rules)
            words = words_of(reason)
            if coded or (worded and not found((rules.records.relapse_before,), words)):
                doubtful = found((rules.records.relapse_doubt,), words)
                written = _written_before(words, visit)
                dated = "not recorded; taken from the visit" if written is None else "named by the visit"
                note = f"Onset {dated} of {visit.date}."
                yield Attack(
                    onset=written or before_visit(visit.date, rules),
                    stated=written is not None,
                    provisional=doubtful,
                    resources=(visit.ref,),
                    how="coded" if coded else "text",
                    note=f"{note} Recorded as provisional or doubtful." if doubtful else note,
                )


def undated_relapse_visits(chart: Chart, terminology: Terminology, rules: ActivityRules) -> Iterator[str]:
    """Visits for a relapse that have no date."""
    for entry in chart.entries("Encounter"):
        encounter = entry.resource
        dated = encounter.period is not None and (encounter.period.start or encounter.period.end) is not None
        if dated or encounter.status not in rules.records.visited:
            continue
        if any(any(_relapse_in(Concept.of(reason), terminology, rules)) for reason in encounter.reasonCode or ()):
            yield entry.ref


def visits_after_relapse(visits: tuple[Visit, ...], terminology: Terminology, rules: ActivityRules) -> Iterator[Visit]:
    """Visits whose reason is that a relapse was there before, such as "follow-up after MS relapse": when it began is not said."""
    for visit in visits:
        if any(
            _relapse_in(reason, terminology, rules) == (False, True)
            and found((rules.records.relapse_before,), words_of(reason))
            and _written_before(words_of(reason), visit) is None
            for reason in visit.reasons
        ):
            yield visit


def _relapse_in(reason: Concept, terminology: Terminology, rules: ActivityRules) -> tuple[bool, bool]:
    """Whether a reason is a relapse, by its code and by its words."""
    records, words = rules.records, words_of(reason)
    coded = any(hit.how == "coded" and hit.role == "include" for hit in terminology.match(reason, records.relapse_value_set))
    return coded, found(records.relapse_name, words) and not found(records.relapse_name_not, words)


def _written_before(words: str, visit: Visit) -> DateRange | None:
    """The date that the reason of a visit names, if the visit was not before it."""
    dates = (read_date(hit) for hit in re.findall(DATE, words, re.IGNORECASE))
    return next((day for day in dates if day is not None and day.first <= visit.date.last), None)


def before_visit(visit: DateRange, rules: ActivityRules) -> DateRange:
    """The days on which an attack may have begun that was seen at the visit."""
    return DateRange(add_days(visit.first, -rules.onset.days_before_encounter), visit.last)


def neurology_visits(visits: tuple[Visit, ...], terminology: Terminology, rules: ActivityRules, as_of: date) -> Iterator[Visit]:
    """Visits up to `as_of` at which a neurologist looked; not infusions, scans, laboratory visits, messages or missed appointments."""
    records = rules.records
    for visit in visits:
        about = (*visit.kinds, *visit.reasons)
        over = visit.status in records.visited or visit.date.last < as_of
        neurological = any(found((records.neurology,), words_of(concept)) for concept in about) or any(
            terminology.match(reason, *records.neurology_value_sets) for reason in visit.reasons
        )
        looked = not any(found((records.not_assessed,), words_of(concept)) for concept in about)
        if over and neurological and looked and visit.date.first <= as_of:
            yield visit

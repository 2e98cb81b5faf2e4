"""How long the disease has lasted: from the first symptom, else from the diagnosis (clinical-rules F16)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from cds.fhir.chart import Chart
from cds.fhir.dates import DateRange
from cds.patient.context import Fact, How, Relapse
from cds.patient.reading import count_words, earliest, sentence, unique, years_since
from cds.patient.records.conditions import Diagnosed, refs, words_of
from cds.patient.rules import Pattern, found
from cds.three_valued import Bounds


class Symptom(NamedTuple):
    """The first symptom, where an Observation dates it."""

    date: DateRange
    resources: tuple[str, ...]


def first_symptom(chart: Chart, patterns: tuple[Pattern, ...], earliest_day: date, as_of: date) -> Symptom | None:
    """The earliest date from `earliest_day` on that an Observation named like "date of first symptom" has as its value."""
    dates, resources = [], []
    for entry in chart.entries("Observation"):
        observation = entry.resource
        if observation.valueDateTime is None or observation.status in ("entered-in-error", "cancelled"):
            continue
        if found(patterns, words_of(entry.concept)):
            dates.append(DateRange.parse(observation.valueDateTime))
            resources.append(entry.ref)
    first = earliest(day for day in dates if day.first <= as_of and day.last >= earliest_day)
    return None if first is None else Symptom(first, unique(resources))


def disease_duration(records: Sequence[Diagnosed], symptom: Symptom | None, as_of: date) -> Fact:
    """Years since the first symptom, else since the recorded onset, else at least those since the first record.

    An onset counts as first symptom where the record also has a date of diagnosis, and in clinically isolated syndrome.
    """
    known = [record for record in records if record.onset is not None and record.onset.first <= as_of]
    attacks = [record for record in known if record.asserted_on is not None or record.of("cis")]
    first = earliest([symptom.date if symptom else None, *(record.onset for record in attacks)])
    resources = unique([*(symptom.resources if symptom else ()), *refs(attacks)])
    if first is not None:
        return _years(first, years_since(first, as_of), f"since the first symptom ({first})", resources, "coded")
    return _since_record(known, [record.onset for record in known], records, "since the recorded onset", as_of)


def open_to_syndromes(duration: Fact, syndromes: Sequence[Relapse], as_of: date) -> Fact:
    """The duration, longer if an optic neuritis or myelitis that may lie earlier was the first symptom; nobody says if so (F16)."""
    years, since = duration.value, duration.date
    earlier = [one for one in syndromes if since is not None and one.onset.first < since.last]
    first = earliest(one.onset for one in earlier)
    if not isinstance(years, Bounds) or first is None:
        return duration
    longest = years_since(first, as_of)
    return Fact(
        value=Bounds(years.low, max(years.high, longest.high)),
        reason=f"{duration.reason} {count_words(longest, 'years').capitalize()} if what is recorded of {first} was the first symptom.",
        resources=unique((*duration.resources, *(ref for one in earlier for ref in one.resources))),
        date=DateRange(first.first, since.last) if since is not None else first,
        how=duration.how,
    )


def since_diagnosis(records: Sequence[Diagnosed], as_of: date) -> Fact:
    """Years since MS was diagnosed: from that date, else from the recorded onset, else at least those since the first record."""
    known = [record for record in records if (day := _diagnosed_on(record)) is not None and day.first <= as_of]
    return _since_record(known, [_diagnosed_on(record) for record in known], records, "since the diagnosis", as_of)


def _diagnosed_on(record: Diagnosed) -> DateRange | None:
    return record.asserted_on or record.onset


def _since_record(
    known: Sequence[Diagnosed], dates: Sequence[DateRange | None], records: Sequence[Diagnosed], words: str, as_of: date
) -> Fact:
    first = earliest(dates)
    entered = earliest(_not_ahead(record.recorded, as_of) for record in records)
    if first is not None and (entered is None or entered.last >= first.first):
        return _years(first, years_since(first, as_of), f"{words} ({first})", refs(known), "coded")
    if entered is not None:
        years = Bounds.at_least(years_since(entered, as_of).low)
        return _years(entered, years, f"{words}, which is not stated (recorded on {entered})", refs(records), "derived")
    return Fact(value=None, reason="No date of onset or diagnosis is recorded.", resources=refs(records), how="notFound")


def _not_ahead(day: DateRange | None, as_of: date) -> DateRange | None:
    """The date, unless it lies wholly ahead."""
    return day if day is not None and day.first <= as_of else None


def _years(day: DateRange, years: Bounds, words: str, resources: tuple[str, ...], how: How) -> Fact:
    return Fact(value=years, reason=sentence(f"{count_words(years, 'years')} {words}."), resources=resources, date=day, how=how)

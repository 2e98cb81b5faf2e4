"""Free text of a chart that can speak of MS, with the date it was written: notes, letters, annotations of the MS diagnosis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.patient.activity.rules import ChartRecords
from cds.patient.records.conditions import date_range, notes_of, words_of
from cds.patient.records.results import observed_on


class Narrative(Struct, frozen=True):
    """One piece of text. That of an Observation begins with what the Observation is called, so that words keep their subject."""

    ref: str
    written: DateRange | None
    text: str


def narratives(chart: Chart, terminology: Terminology, rules: ChartRecords, as_of: date) -> Iterator[Narrative]:
    """Text of final observations and reports up to `as_of`, and notes of the MS diagnosis. MRI reports have their own reader."""
    for entry in chart.entries("Observation"):
        observation, day = entry.resource, observed_on(entry.resource)
        if observation.status not in rules.records.final or (day is not None and day.first > as_of):
            continue
        value = observation.valueString or (str(date_range(observation.valueDateTime)) if observation.valueDateTime else "")
        for text in (value, notes_of(observation)):
            if text:
                yield Narrative(entry.ref, day, f"{words_of(Concept.of(observation.code))}: {text}")
    imaging = (*rules.imaging.brain_value_sets, *rules.imaging.cord_value_sets)
    for entry in chart.entries("DiagnosticReport"):
        report, day = entry.resource, observed_on(entry.resource)
        wanted = report.status in rules.records.final and report.conclusion and (day is None or day.first <= as_of)
        if wanted and not terminology.match(Concept.of(report.code), *imaging):
            yield Narrative(entry.ref, day, report.conclusion)
    for entry in chart.entries("Condition"):
        text = notes_of(entry.resource)
        if text and terminology.match(Concept.of(entry.resource.code), *rules.records.neurology_value_sets):
            yield Narrative(entry.ref, date_range(entry.resource.recordedDate), text)

"""Free text of a chart that can speak of MS, with the date it was written: notes, letters, annotations of the MS diagnosis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
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
        observation = entry.resource
        value = observation.valueString or (str(date_range(observation.valueDateTime)) if observation.valueDateTime else "")
        texts = [text for text in (value, notes_of(observation)) if text]
        if not texts or observation.status not in rules.records.final:
            continue
        day = observed_on(observation)
        if day is None or day.first <= as_of:
            for text in texts:
                yield Narrative(entry.ref, day, f"{words_of(entry.concept)}: {text}")
    imaging = (*rules.imaging.brain_value_sets, *rules.imaging.cord_value_sets)
    for entry in chart.entries("DiagnosticReport"):
        report, day = entry.resource, observed_on(entry.resource)
        wanted = report.status in rules.records.final and report.conclusion and (day is None or day.first <= as_of)
        if wanted and not terminology.match(entry.concept, *imaging):
            yield Narrative(entry.ref, day, report.conclusion)
    for entry in chart.entries("Condition"):
        text = notes_of(entry.resource)
        if text and terminology.match(entry.concept, *rules.records.neurology_value_sets):
            yield Narrative(entry.ref, date_range(entry.resource.recordedDate), text)

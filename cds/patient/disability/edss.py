"""EDSS values in a chart: which records give one, and which values exist on the scale (clinical-rules F8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.fhir.resources import element
from cds.fhir.value_sets import ValueRule
from cds.patient.activity.rules import ChartRecords
from cds.patient.context import How
from cds.patient.records.conditions import says, words_of
from cds.patient.records.narratives import narratives
from cds.patient.records.results import observed_on, parts_of
from cds.patient.rules import found
from cds.patient.words.dates import dates_replaced, names_day, read_date
from cds.three_valued import Truth

_OTHER_DAY = "§"
"""Stands for a date of another day (definition `ranvier-edss-records`)."""


class EdssRecord(Struct, frozen=True, kw_only=True):
    """One EDSS as recorded; `value` is `None` where the record is preliminary or its value is none of the scale.

    `unclear`: the record states a value of the scale, but not which. A record that gives a span is one of either end.
    """

    ref: str
    date: DateRange
    value: float | None
    how: How
    why_not: str = ""
    unclear: bool = False


def edss_records(chart: Chart, terminology: Terminology, rules: ChartRecords, as_of: date) -> tuple[EdssRecord, ...]:
    """Every record of an EDSS up to `as_of`: observations by code or name, then notes with one EDSS and one value."""
    scale = terminology.value_sets[rules.edss.value_set].value_rule
    named = tuple(_observed(chart, terminology, rules, scale, as_of))
    seen = {record.ref for record in named} | {
        entry.ref for entry in chart.entries("Observation") if _names(entry.concept, terminology, rules) is False
    }
    written = tuple(record for record in _written(chart, terminology, rules, scale, as_of) if record.ref not in seen)
    return tuple(sorted((*named, *written), key=lambda one: (one.date.first, one.date.last, one.ref)))


def _observed(chart: Chart, terminology: Terminology, rules: ChartRecords, scale: ValueRule | None, as_of: date) -> Iterator[EdssRecord]:
    for entry in chart.entries("Observation"):
        observation, day = entry.resource, observed_on(entry.resource)
        if day is None or day.first > as_of:
            continue
        for part, concept in parts_of(entry):
            coded = any(hit.how == "coded" for hit in terminology.match(concept, rules.edss.value_set))
            if not coded and not _names(concept, terminology, rules):
                continue
            values, unit, raw = _values(part, rules, day)
            how: How = "coded" if coded and part.valueString is None else "text"
            if observation.status in rules.records.provisional:
                yield EdssRecord(ref=entry.ref, date=day, value=None, how=how, why_not=f"preliminary {raw}".strip())
            elif observation.status in rules.records.final and raw and _self_rated(observation, terminology, rules):
                yield EdssRecord(ref=entry.ref, date=day, value=None, how=how, why_not=f"{raw} as the patient scored it")
            elif observation.status in rules.records.final and raw:
                if values and all(_on_scale(value, unit, scale) for value in values):
                    yield from (EdssRecord(ref=entry.ref, date=day, value=value, how=how) for value in values)
                else:
                    why_not = f"{raw} is no EDSS value" if values else raw
                    yield EdssRecord(ref=entry.ref, date=day, value=None, how=how, why_not=why_not, unclear=not values)


def _names(concept: Concept, terminology: Terminology, rules: ChartRecords) -> Truth:
    """Whether words name the EDSS of the day: `False` if they name something else of it, such as an earlier one; `None` if nothing."""
    if not says(concept, terminology, rules.edss.name):
        return None
    return not says(concept, terminology, rules.edss.name_not)


def _self_rated(observation: Any, terminology: Terminology, rules: ChartRecords) -> bool:
    """Whether the patient, or a relative, gave the score: nobody else performed it, or the method says so."""
    performers = [performer for performer in observation.performer or () if performer is not None]
    own = [one for one in performers if one.type in _PERSONS or any(f"{person}/" in (one.reference or "") for person in _PERSONS)]
    return (bool(own) and len(own) == len(performers)) or says(Concept.of(observation.method), terminology, rules.edss.self_rated)


_PERSONS = ("Patient", "RelatedPerson")
_UNCLEAR = "a record without one clear value"


def _values(part: object, rules: ChartRecords, on: DateRange) -> tuple[tuple[float, ...], str, str]:
    """The value, or the ends of a span of values, its unit, and what was written. No value where it is not clear which one is meant."""
    quantity, span = element(part, "valueQuantity"), element(part, "valueRange")
    if quantity is not None and quantity.value is not None:
        exact = () if quantity.comparator else (float(quantity.value),)
        return exact, quantity.code or quantity.unit or "", f"{quantity.comparator or ''}{float(quantity.value):g}"
    if span is not None:
        ends = [float(end.value) for end in (span.low, span.high) if end is not None and end.value is not None]
        return (tuple(ends), "", " to ".join(f"{end:g}" for end in ends)) if len(ends) == 2 else ((), "", _UNCLEAR)
    integer = element(part, "valueInteger")
    if integer is not None:
        return (float(integer),), "", str(integer)
    text = element(part, "valueString") or words_of(Concept.of(element(part, "valueCodeableConcept")))
    if number := re.fullmatch(r"\s*(\d{1,2}(?:[.,]\d+)?)\s*(?:/\s*10)?\s*", text or ""):
        return (_number(number[1]),), "", text
    if not any(letter.isdigit() for letter in text):
        return (), "", ""
    begins = re.match(rules.edss.value, text)
    if begins and not found((rules.edss.text_not,), text) and _OTHER_DAY not in _masked(text, on):
        return tuple(_number(end) for end in begins.group("score", "other") if end), "", text
    scores = _scores(text, rules, on)
    return ((scores[0],), "", text) if len(scores) == 1 else ((), "", _UNCLEAR)


def _number(written: str) -> float:
    return float(written.replace(",", "."))


def _masked(text: str, on: DateRange) -> str:
    """The text with a mark for each date of another day."""
    return dates_replaced(text, lambda hit: "today" if names_day(read_date(hit[0]), on) else _OTHER_DAY)


def _scores(text: str, rules: ChartRecords, on: DateRange) -> list[float]:
    """The different EDSS values that a text states; none if a sentence on the EDSS also speaks of other times, plans or people."""
    scores: set[float] = set()
    if not found((rules.edss.name,), text):
        return []  # most texts are about something else
    for sentence in re.split(r"\.(?=\s|$)|[;\n]", _masked(text, on)):
        hits = list(re.finditer(rules.edss.text, sentence, re.IGNORECASE))
        if hits and found((rules.edss.text_not,), sentence):
            return []
        scores |= {_number(hit["score"]) for hit in hits}
    return sorted(scores)


def _written(chart: Chart, terminology: Terminology, rules: ChartRecords, scale: ValueRule | None, as_of: date) -> Iterator[EdssRecord]:
    for note in narratives(chart, terminology, rules, as_of):
        scores = _scores(note.text, rules, note.written) if note.written is not None else []
        if note.written is not None and note.written.first <= as_of and len(scores) == 1 and _on_scale(scores[0], "", scale):
            yield EdssRecord(ref=note.ref, date=note.written, value=scores[0], how="text")


def _on_scale(value: float, unit: str, scale: ValueRule | None) -> bool:
    """Whether the scale has the value: in its bounds, on its grid, none of its undefined steps, in its unit or none."""
    if scale is None:
        return True
    on_grid = (value / scale.step).is_integer()
    known_unit = not unit or unit.lower() in ("1", "score", "points", *(own.lower() for own in scale.units))
    return scale.low <= value <= scale.high and on_grid and value not in scale.undefined and known_unit

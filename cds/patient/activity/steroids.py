"""High-dose corticosteroid courses, and whether silence about them means that there was none (clinical-rules F4, R1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from msgspec import Struct

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange
from cds.fhir.medications import CARRIERS
from cds.fhir.resources import element
from cds.patient.activity.rules import ActivityRules, SteroidCourseRules
from cds.patient.context import How
from cds.patient.reading import unique
from cds.patient.records.conditions import first_name, says, words_of
from cds.patient.records.unread import elsewhere
from cds.patient.treatment.medication_dates import administration_dates, dispense_dates, request_dates, statement_dates
from cds.patient.treatment.rules import Says
from cds.three_valued import Truth

_DATES = {
    "MedicationAdministration": administration_dates,
    "MedicationDispense": dispense_dates,
    "MedicationRequest": request_dates,
    "MedicationStatement": statement_dates,
}
_GIVEN: tuple[Says, ...] = ("taken", "finished", "ended", "given", "brokenOff")
_OPEN: tuple[Says, ...] = ("paused", "unknown")
_HOURS = {"h": 1, "d": 24}


class SteroidCourse(Struct, frozen=True, kw_only=True):
    """One course. `certain` is false where dose or status leave open whether a high-dose course was given."""

    date: DateRange
    name: str
    certain: bool
    resources: tuple[str, ...]
    how: How


def read_steroids(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date) -> tuple[SteroidCourse, ...]:
    """High-dose courses, and steroids whose dose is not stated, in the order of time. Low doses are left out."""
    records = sorted(
        _records(chart, terminology, rules, as_of), key=lambda one: (not one.certain, one.date.first, one.date.last, one.resources)
    )
    courses: list[list[SteroidCourse]] = []
    for record in records:
        home = next((course for course in courses if _same_course(course, record, rules.steroids.course_days)), None)
        if home is None:
            courses.append([record])
        else:
            home.append(record)
    merged = [_merged(course) for course in courses]
    return tuple(sorted(merged, key=lambda course: (course.date.first, course.date.last, course.resources)))


def _same_course(course: list[SteroidCourse], record: SteroidCourse, days: int) -> bool:
    start = course[0].date
    apart = max(abs((record.date.last - start.first).days), abs((start.last - record.date.first).days))
    return apart <= days and (course[0].certain or not record.certain)


def _merged(course: list[SteroidCourse]) -> SteroidCourse:
    first = course[0]
    return SteroidCourse(
        date=first.date,
        name=first.name,
        certain=first.certain,
        resources=unique(ref for record in course for ref in record.resources),
        how="coded" if any(record.how == "coded" for record in course) else "text",
    )


def _records(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date) -> Iterator[SteroidCourse]:
    for carrier in CARRIERS:
        for entry in chart.entries(carrier):
            concept = chart.medication(entry)
            hits = terminology.match(concept, rules.steroids.value_set)
            given = _says(entry, carrier, rules)
            if not _steroid(hits, concept, terminology, rules.steroids) or given not in (*_GIVEN, *_OPEN):
                continue
            words = words_of(concept)
            day = _DATES[carrier](entry.resource).start
            high = _high_dose(entry.resource, words, any(hit.role == "include" for hit in hits), rules.steroids)
            if day is not None and day.first <= as_of and high is not False:
                yield SteroidCourse(
                    date=day,
                    name=first_name(words),
                    certain=high is True and given in _GIVEN,
                    resources=(entry.ref,),
                    how="coded" if any(hit.how == "coded" for hit in hits) else "text",
                )


def _steroid(hits: Iterable[Hit], concept: Concept, terminology: Terminology, rules: SteroidCourseRules) -> bool:
    """Whether it is a systemic corticosteroid or corticotropin, by code or by name."""
    roles = {hit.role for hit in hits}
    known = bool(roles) or says(concept, terminology, rules.name)
    return known and "exclude" not in roles and not says(concept, terminology, rules.low_dose_products)


def _says(entry: Entry, carrier: str, rules: ActivityRules) -> Says:
    resource = entry.resource
    if carrier == "MedicationRequest" and (resource.intent in rules.medication_statuses.plan_intents or resource.doNotPerform):
        return "never"
    return rules.medication_statuses.says(carrier, resource.status)


def _high_dose(resource: Any, words: str, pulse: bool, rules: SteroidCourseRules) -> Truth:
    """Whether the dose of a day reaches the limit: the dosage decides, without one the strength in the name; unknown if neither tells.

    `pulse`: a product given in high doses. It counts where nothing is stated; a small strength of it is a vial, not yet a dose.
    """
    if stated := list(_daily_doses(resource, rules)):
        return max(stated) >= rules.high_dose_mg
    if named := list(_doses_in_words(words, rules)):
        return True if max(named) >= rules.high_dose_mg else None if pulse else False
    return True if pulse else None


def _daily_doses(resource: Any, rules: SteroidCourseRules) -> Iterator[float]:
    """Every dose that the dosage states, in mg a day."""
    for dosage in _dosages(resource):
        words = " ".join(text for text in (dosage.text, element(dosage, "patientInstruction")) if text)
        times = max([1.0, *_times_a_day(dosage, words, rules)])
        for dose in (*_doses_in_words(words, rules), *_quantities(dosage)):
            yield dose * times


def _times_a_day(dosage: Any, words: str, rules: SteroidCourseRules) -> Iterator[float]:
    yield from (float(24 / int(hit["hours"])) for hit in re.finditer(rules.every_hours, words, re.IGNORECASE))
    yield from (float(times) for pattern, times in rules.times_a_day.items() if re.search(pattern, words, re.IGNORECASE))
    timing = element(dosage, "timing")
    repeat = timing.repeat if timing is not None else None
    if repeat is not None and repeat.frequency and repeat.period and repeat.periodUnit in _HOURS:
        yield repeat.frequency * 24 / (float(repeat.period) * _HOURS[repeat.periodUnit])


def _doses_in_words(text: str, rules: SteroidCourseRules) -> Iterator[float]:
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for dose in re.finditer(rules.dose, text, re.IGNORECASE):
        amount = float(dose["amount"].replace(",", "."))
        yield amount if dose["unit"].lower().startswith("m") else amount * 1000


def _quantities(dosage: Any) -> Iterator[float]:
    rates = element(dosage, "doseAndRate")
    doses = [rate.doseQuantity for rate in rates or ()] if rates else [element(dosage, "dose")]
    for dose in doses:
        if dose is None or dose.value is None:
            continue
        unit = str(dose.code or dose.unit or "").lower()
        if unit in ("mg", "g"):
            yield float(dose.value) * (1000 if unit == "g" else 1)


def _dosages(resource: Any) -> tuple[Any, ...]:
    dosage = element(resource, "dosageInstruction") or element(resource, "dosage") or ()
    return tuple(dosage) if isinstance(dosage, list | tuple) else (dosage,)


def steroids_readable(chart: Chart, terminology: Terminology, rules: ActivityRules) -> bool:
    """Whether silence about steroids means that none is recorded: medications were answered, and none that may be one was refused."""
    if not chart.answered & set(CARRIERS) or chart.partial & set(CARRIERS):
        return False
    refused = [item for item in chart.not_read if item.type in (*CARRIERS, "Medication")]
    return all(elsewhere(item.concepts, terminology, (rules.steroids.value_set,), (rules.steroids.name,)) for item in refused)

"""High-dose corticosteroid courses, and whether silence about them means that there was none (clinical-rules F4, R1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from cds.fhir.chart import CARRIERS, Chart, Entry
from cds.fhir.codes import Hit, Terminology
from cds.fhir.dates import DateRange
from cds.patient.activity.rules import ActivityRules, SteroidCourseRules
from cds.patient.context import How
from cds.patient.reading import unique
from cds.patient.records.conditions import words_of
from cds.patient.records.unread import elsewhere
from cds.patient.rules import found
from cds.patient.treatment.medication_dates import administration_dates, dispense_dates, request_dates, statement_dates
from cds.patient.treatment.rules import Says
from cds.three_valued import Truth

_DATES = {
    "MedicationAdministration": administration_dates,
    "MedicationDispense": dispense_dates,
    "MedicationRequest": request_dates,
    "MedicationStatement": statement_dates,
}
_GIVEN: tuple[Says, ...] = ("taken", "finished", "ended", "given")
_OPEN: tuple[Says, ...] = ("paused", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class SteroidCourse:
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
            hits = _steroid(terminology.match(concept, rules.steroids.value_set))
            says = _says(entry, carrier, rules)
            words = words_of(concept)
            if not hits or says not in (*_GIVEN, *_OPEN) or found((rules.steroids.low_dose_products,), words):
                continue
            day = _DATES[carrier](entry.resource).start
            high = True if any(hit.role == "include" for hit in hits) else _high_dose(entry.resource, words, rules.steroids)
            if day is not None and day.first <= as_of and high is not False:
                yield SteroidCourse(
                    date=day,
                    name=words.split(" | ")[0],
                    certain=high is True and says in _GIVEN,
                    resources=(entry.ref,),
                    how="coded" if any(hit.how == "coded" for hit in hits) else "text",
                )


def _steroid(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    hits = tuple(hits)
    return () if any(hit.role == "exclude" for hit in hits) else hits


def _says(entry: Entry, carrier: str, rules: ActivityRules) -> Says:
    resource = entry.resource
    if carrier == "MedicationRequest" and (resource.intent in rules.medication_statuses.plan_intents or resource.doNotPerform):
        return "never"
    return rules.medication_statuses.says(carrier, resource.status)


def _high_dose(resource: Any, words: str, rules: SteroidCourseRules) -> Truth:
    """Whether the largest dose on the record reaches the limit; unknown if no dose is stated."""
    doses = [*_doses_in_words(" ".join((words, *_dosage_words(resource))), rules), *_quantities(resource)]
    return max(doses) >= rules.high_dose_mg if doses else None


def _doses_in_words(text: str, rules: SteroidCourseRules) -> Iterator[float]:
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for dose in re.finditer(rules.dose, text, re.IGNORECASE):
        amount = float(dose["amount"].replace(",", "."))
        yield amount if dose["unit"].lower().startswith("m") else amount * 1000


def _dosage_words(resource: Any) -> Iterator[str]:
    for dosage in _dosages(resource):
        yield from (text for text in (dosage.text, getattr(dosage, "patientInstruction", None)) if text)


def _quantities(resource: Any) -> Iterator[float]:
    for dosage in _dosages(resource):
        rates = getattr(dosage, "doseAndRate", None)
        doses = [rate.doseQuantity for rate in rates or ()] if rates else [getattr(dosage, "dose", None)]
        for dose in doses:
            if dose is None or dose.value is None:
                continue
            unit = str(dose.code or dose.unit or "").lower()
            if unit in ("mg", "g"):
                yield float(dose.value) * (1000 if unit == "g" else 1)


def _dosages(resource: Any) -> tuple[Any, ...]:
    dosage = getattr(resource, "dosageInstruction", None) or getattr(resource, "dosage", None) or ()
    return tuple(dosage) if isinstance(dosage, list | tuple) else (dosage,)


def steroids_readable(chart: Chart, terminology: Terminology, rules: ActivityRules) -> bool:
    """Whether silence about steroids means that none is recorded: medications were answered, and none that may be one was refused."""
    if not chart.answered & set(CARRIERS) or chart.partial & set(CARRIERS):
        return False
    refused = [item for item in chart.not_read if item.type in (*CARRIERS, "Medication")]
    return all(elsewhere(item.concepts, terminology, (rules.steroids.value_set,)) for item in refused)

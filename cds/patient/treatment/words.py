"""Courses of treatment in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from cds.fhir.dates import DateRange
from cds.patient.reading import unique
from cds.patient.treatment.exposure import Exposure
from cds.patient.treatment.rules import BEGINNING, FOREVER


def sentence(text: str) -> str:
    """The text with a capital letter."""
    return text[:1].upper() + text[1:]


def by(day: DateRange) -> str:
    """A boundary in time: the day itself, or the last day on which it can lie."""
    return str(day) if day.first == day.last else f"by {day.last}"


def on(day: DateRange | None) -> str:
    """A date in words, also where one end of it is open."""
    if day is None or (day.first == BEGINNING and day.last == FOREVER):
        return "an unknown date"
    if day.first == BEGINNING:
        return f"{day.last} or earlier"
    return f"{day.first} or later" if day.last == FOREVER else str(day)


def listed(exposures: Iterable[Exposure]) -> str:
    """Drugs with their dates, in the order of time."""
    return "; ".join(f"{exposure.name} {span_words(exposure)}" for exposure in exposures)


def span_words(exposure: Exposure) -> str:
    """The dates of a course in words."""
    start = on(exposure.start or (exposure.clock if exposure.shown is not None else None))
    if exposure.ongoing is False:
        return f"{start} to {on(exposure.end)}" if exposure.end != exposure.start else start
    return f"since {start}"


def resources_of(exposures: Iterable[Exposure]) -> tuple[str, ...]:
    """The resources behind the courses, each once."""
    return unique(resource for exposure in exposures for resource in exposure.resources)


def open_words(exposure: Exposure) -> str:
    """A course of which it is not known whether it acts, and why."""
    why = exposure.doubt or f"last shown {exposure.shown or 'at no known date'}"
    return f"{exposure.name} {span_words(exposure)} ({why})"


def wash_in_end(exposure: Exposure) -> str:
    """The last day on which the wash-in can end; a day that is not known where rough dates leave open whether it ends."""
    ends = exposure.wash_in.last if exposure.wash_in is not None else FOREVER
    return str(ends) if ends != FOREVER else "a day that is not known"


def phase_words(exposure: Exposure, as_of: date) -> str:
    """Where a course stands on a day, in words."""
    match exposure.phase(as_of):
        case "washIn" if exposure.induction_incomplete:
            return f"induction incomplete ({len(exposure.courses)} of {exposure.courses_needed} courses)"
        case "washIn":
            return f"in wash-in until {wash_in_end(exposure)}"
        case "residual":
            return f"residual effect until {exposure.window.last}"
        case "rebound":
            return f"in the rebound window until {exposure.window.last}"
        case "acting" if exposure.assumed:
            return exposure.assumed
        case "acting":
            return "acting"
    return "off"

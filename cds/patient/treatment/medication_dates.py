"""When a medication record says a drug was taken: start, end, supply and last date, for each FHIR carrier (clinical-rules F11)."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from cds.fhir.dates import DateRange
from cds.patient.reading import earliest, latest
from cds.patient.records.conditions import date_range
from cds.patient.treatment.rules import Step

_UNITS = {
    "d": "days", "day": "days", "days": "days", "wk": "weeks", "week": "weeks", "weeks": "weeks",
    "mo": "months", "month": "months", "months": "months",
}  # fmt: skip
_YEARS = ("a", "year", "years", "yr")


class Dates(NamedTuple):
    """`start` and `end` of taking as stated, `supply_until` the end of what was supplied, `last` the last date on the record.

    `one_day`: the start is no more than a day on which the drug was taken.
    """

    start: DateRange | None = None
    end: DateRange | None = None
    supply_until: DateRange | None = None
    last: DateRange | None = None
    one_day: bool = False


def request_dates(request: Any) -> Dates:
    """Dates of a MedicationRequest: dosage bounds, validity period, supply times refills, `authoredOn`."""
    repeats = [dosage.timing.repeat for dosage in request.dosageInstruction or () if dosage.timing and dosage.timing.repeat]
    bounds = [repeat.boundsPeriod for repeat in repeats if repeat.boundsPeriod]
    authored = date_range(request.authoredOn)
    dispense = request.dispenseRequest
    validity = dispense.validityPeriod if dispense else None
    start = earliest(date_range(period.start) for period in bounds) or date_range(validity.start if validity else None) or authored
    ends = [date_range(period.end) for period in bounds]
    lasting = [_shifted(start, step) for repeat in repeats if (step := _step(repeat.boundsDuration, 1)) is not None]
    supplied = _step(dispense.expectedSupplyDuration, 1 + (dispense.numberOfRepeatsAllowed or 0)) if dispense else None
    from_day = latest((start, authored))
    supply = latest((*lasting, _shifted(from_day, supplied), date_range(validity.end if validity else None)))
    return Dates(start, latest(ends), supply, authored)


def statement_dates(statement: Any) -> Dates:
    """Dates of a MedicationStatement: its effective date or period, and when it was asserted."""
    period = statement.effectivePeriod
    start = date_range(period.start) if period else date_range(statement.effectiveDateTime)
    return Dates(start, date_range(period.end) if period else None, None, date_range(statement.dateAsserted), one_day=period is None)


def administration_dates(administration: Any) -> Dates:
    """Dates of a MedicationAdministration."""
    period = administration.effectivePeriod
    if period is None:
        return Dates(date_range(administration.effectiveDateTime))
    return Dates(date_range(period.start) or date_range(period.end), date_range(period.end))


def dispense_dates(dispense: Any) -> Dates:
    """Dates of a MedicationDispense: when it was handed over, and how long it lasts."""
    start = date_range(dispense.whenHandedOver or dispense.whenPrepared)
    return Dates(start, None, _shifted(start, _step(dispense.daysSupply, 1, "d")))


def procedure_dates(procedure: Any) -> Dates:
    """Dates of a Procedure."""
    period = procedure.performedPeriod
    if period is None:
        return Dates(date_range(procedure.performedDateTime))
    return Dates(date_range(period.start) or date_range(period.end), date_range(period.end))


def not_after(dates: Dates, as_of: date) -> Dates:
    """The dates as far as they lie in the past: what was taken cannot have begun after the day of the advice."""
    return dates._replace(start=_clamped(dates.start, as_of), last=_clamped(dates.last, as_of))


def _clamped(day: DateRange | None, as_of: date) -> DateRange | None:
    if day is None or day.first > as_of:
        return None
    return DateRange(day.first, min(day.last, as_of))


def _shifted(day: DateRange | None, step: Step | None) -> DateRange | None:
    return step.from_(day) if day is not None and step is not None else None


def _step(quantity: Any, times: int, unit: str = "") -> Step | None:
    """A Duration or Quantity as calendar time; `None` if it is missing or in a unit that is not understood."""
    if quantity is None or quantity.value is None:
        return None
    number = round(float(quantity.value) * times)
    name = str(quantity.code or quantity.unit or unit).strip().lower()
    if name in _YEARS:
        return Step(months=12 * number)
    field = _UNITS.get(name)
    return Step.model_validate({field: number}) if field else None

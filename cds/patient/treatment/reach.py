"""How far the records of one course reach: which of them end it, when the drug was last taken, and the doses and courses given (F11).

A stop that a later record overtakes ends nothing; an order that nothing closes stays open, and how long it is believed is a rule.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from cds.fhir.dates import DateRange
from cds.patient.reading import latest
from cds.patient.treatment.exposure import Record, Stop
from cds.patient.treatment.rules import BEGINNING, FOREVER, TreatmentRules, Window


class Reach(NamedTuple):
    """Until when a record shows the drug taken; `known` if that is stated, `open` if the record is still in force."""

    until: DateRange
    known: bool
    open: bool


class LastTaken(NamedTuple):
    """When a drug was last taken, whether a stop says so, and what had to be assumed for it.

    `broken_off` are the reasons for which the last dose was broken off; they are among those overtaken, as no stop of the drug is recorded.
    """

    when: DateRange
    stopped: bool
    stops: tuple[Stop, ...] = ()
    overtaken: tuple[Stop, ...] = ()
    assumed: str = ""
    broken_off: tuple[Stop, ...] = ()


def evidence(record: Record) -> DateRange | None:
    """The last day on which the record itself shows the drug in use."""
    if record.start is None or record.last is None:
        return record.start or record.last
    return latest((record.start, record.last))


def begins(record: Record) -> DateRange | None:
    """The first day on which the record shows the drug in use."""
    return record.start or record.last


def reach(record: Record, window: Window, rules: TreatmentRules, as_of: date) -> Reach:
    """Until when one record, taken alone, shows the drug taken."""
    last, stated = evidence(record), record.end or record.supply_until
    first = last.first if last else BEGINNING
    if record.says in ("given", "finished"):
        if record.says == "finished" and window.given != "supply" and record.end is None and stated is not None:
            return Reach(DateRange(first, max(first, min(stated.last, as_of))), False, False)
        if stated is not None:
            return Reach(stated, True, False)
        until = last or DateRange(BEGINNING, as_of)
        return Reach(window.assumed_supply.from_(until) if window.assumed_supply else until, window.assumed_supply is None, False)
    if record.says == "ended":
        if record.end is not None:
            return Reach(record.end, True, False)
        # No order is followed for long past its last date without a renewal.
        lapsed = record.supply_until.last if record.supply_until else rules.records.renewal_gap.after(last.last) if last else as_of
        return Reach(DateRange(first, max(first, min(as_of, lapsed))), False, False)
    if record.says == "taken" and stated is not None:
        return Reach(DateRange(stated.last, FOREVER), True, True)
    return Reach(DateRange(last.last if last else BEGINNING, FOREVER), False, True)


def close_overtaken(records: Sequence[Record]) -> tuple[Record, ...]:
    """Records in force that a later stop of the same drug has overtaken are ended by the first such stop."""
    dated = [(when, record) for record in records if record.says == "ended" and (when := _ended_by(record)) is not None]
    stops = sorted(dated, key=lambda stop: (stop[0].first, stop[0].last, stop[1].ref))
    firsts = [when.first for when, _ in stops]

    def close(record: Record) -> Record:
        last = evidence(record) or record.not_on
        if record.says not in ("taken", "paused") or last is None:
            return record
        number = bisect_right(firsts, last.last)
        if number == len(stops):
            return record
        when, stop = stops[number]
        note = f"{record.ref} is still marked active, but {stop.ref} records a later stop."
        shown = record.last if stop.end is None and stop.not_on is not None else when
        return replace(
            record, says="ended", end=stop.end, supply_until=stop.not_on, not_on=stop.not_on, last=shown, notes=(*record.notes, note)
        )

    return tuple(close(record) for record in records)


def _ended_by(record: Record) -> DateRange | None:
    """The day of a stop or, where none is stated, the day on which the record speaks of it."""
    return record.end or record.not_on or begins(record)


def last_taken(records: Sequence[Record], doses: Sequence[DateRange], window: Window, rules: TreatmentRules, as_of: date) -> LastTaken:
    """When the drug of one course was last taken."""
    reaches = [(record, reach(record, window, rules, as_of)) for record in records]
    stops = tuple(dict.fromkeys(stop for record in records for stop in record.stops))
    signs = _signs(records)
    last_broken_off = [record for record in records if record.broken_off and not _overtaken(record, signs)]
    broken_off = tuple(dict.fromkeys(stop for record in last_broken_off for stop in record.stops))
    if any(reached.open for _, reached in reaches):
        when, assumed = _open_end(reaches, doses, window, rules, as_of)
        return LastTaken(when, False, (), stops, assumed, broken_off)
    ended = [record for record in records if _has_ended(record, window, as_of) and not _overtaken(record, signs)]
    final = latest(_stretched(record, signs, window, rules, as_of) for record in ended)
    if final is None:
        when = latest(reached.until for _, reached in reaches) or DateRange(BEGINNING, as_of)
        stated = latest(reached.until for _, reached in reaches if reached.known)
        assumed = ""
        if window.assumed_supply is not None and (stated is None or stated.last < when.last):
            assumed = f"no supply is stated after {latest(evidence(record) for record in records)}; {window.assumed_supply} are assumed"
        return LastTaken(when, False, (), stops, assumed, broken_off)
    kept = tuple(dict.fromkeys(stop for record in records if not _overtaken(record, signs) for stop in record.stops))
    overtaken = tuple(stop for stop in stops if stop not in kept)
    if window.given == "dose" and (last := latest(doses)) is not None:
        final = last if window.acts.after(last.last) >= final.first else DateRange(last.first, final.last)
    return LastTaken(final, True, kept, overtaken)


class _Signs(NamedTuple):
    """The last signs of use in a course: any sign, the last record that began, the last order that began."""

    shown: DateRange | None
    begun: date
    ordered: date


def _signs(records: Sequence[Record]) -> _Signs:
    starts = [(record.says, record.start.first) for record in records if record.start is not None]
    return _Signs(
        latest(evidence(record) for record in records),
        max((day for _, day in starts), default=BEGINNING),
        max((day for says, day in starts if says != "given"), default=BEGINNING),
    )


def _stretched(record: Record, signs: _Signs, window: Window, rules: TreatmentRules, as_of: date) -> DateRange:
    """When a record says that the drug ended; a stop without a date lies after the last sign of use."""
    until = reach(record, window, rules, as_of).until
    if record.end is not None or signs.shown is None:
        return until
    return DateRange(max(until.first, signs.shown.first), max(until.last, signs.shown.last))


def _has_ended(record: Record, window: Window, as_of: date) -> bool:
    """Whether a record says that the drug was stopped; the end of one course of an induction drug is no stop unless a reason is given."""
    if window.given == "course":
        return record.says in ("ended", "finished") and bool(record.stops)
    return record.says == "ended" or (record.says == "finished" and record.end is not None and record.end.first <= as_of)


def _overtaken(record: Record, signs: _Signs) -> bool:
    """Whether another record shows the drug begun after this one's end; after a stop without a date only a new order can.

    A dose has a date, so that any later dose overtakes it.
    """
    end = record.end or record.not_on or evidence(record)
    dated = record.end is not None or record.says == "given"
    return end is not None and (signs.begun if dated else signs.ordered) > end.last


def _open_end(
    reaches: Sequence[tuple[Record, Reach]], doses: Sequence[DateRange], window: Window, rules: TreatmentRules, as_of: date
) -> tuple[DateRange, str]:
    """The last day of a drug whose order is in force: as far as supplies and doses reach for certain, and open beyond.

    Where no supply or dose was recorded since it began, the order itself is believed for a while and called assumed.
    """
    tracked = [_certain(reached) for record, reached in reaches if reached.known or record.says == "given"]
    paused = not any(record.says == "taken" for record, _ in reaches)
    bare = [record for record, reached in reaches if reached.open and not reached.known]
    if paused and (doses or not tracked):
        return DateRange(max((dose.last for dose in doses), default=_last_day(bare)), FOREVER), ""
    first = max([*tracked, *(_assumed_end(record, window) for record in bare)])
    begun, last = latest(begins(record) for record in bare), latest(evidence(record) for record in bare)
    if paused or begun is None or last is None or any(day >= begun.first for day in tracked) or first >= as_of:
        return DateRange(first, FOREVER), ""
    if as_of > rules.records.believed_active.after(last.last):
        return DateRange(first, FOREVER), ""
    return DateRange(as_of, FOREVER), f"the order is active, but no dose or supply after {last} is on record; taken as ongoing (assumed)"


def _certain(reached: Reach) -> date:
    return reached.until.first if reached.open else reached.until.last


def _last_day(records: Sequence[Record]) -> date:
    """The first day on which the last sign of use can lie."""
    last = latest(evidence(record) for record in records)
    return last.first if last else BEGINNING


def _assumed_end(record: Record, window: Window) -> date:
    last = evidence(record)
    if last is None:
        return BEGINNING
    return window.assumed_supply.after(last.last) if window.assumed_supply and record.says == "taken" else last.last


def doses_given(records: Sequence[Record]) -> tuple[DateRange, ...]:
    """The recorded doses and dispenses, each day once, in the order of time."""
    days = {record.start for record in records if record.says == "given" and record.start is not None}
    return tuple(sorted(days, key=lambda day: (day.first, day.last)))


def course_days(records: Sequence[Record], doses: Sequence[DateRange], rules: TreatmentRules, as_of: date) -> tuple[DateRange, ...]:
    """The days of an induction drug: its recorded doses; without any, the starts of its orders and the far end of a long one.

    A record that tells no start tells no course.
    """
    if doses:
        return tuple(doses)
    days: list[DateRange] = []
    for record in records:
        start = record.start
        if start is None:
            continue
        days.append(start)
        end = record.end
        if end is not None and end.first <= as_of and rules.records.regimen.after(start.last) <= end.first:
            days.append(end)
    return tuple(sorted(set(days), key=lambda day: (day.first, day.last)))


class Courses(NamedTuple):
    """The first day of each course of an induction drug: of all that may be courses of their own, and of those that surely are."""

    possible: tuple[DateRange, ...] = ()
    sure: tuple[DateRange, ...] = ()


def courses_of(days: Sequence[DateRange], window: Window) -> Courses:
    """The courses that lie in the days: days close together are one course; rough dates may leave open whether they are."""
    within = window.same_course_within
    possible: list[DateRange] = []
    sure: list[DateRange] = []
    for day in days:
        if within is None or not possible or day.last > within.after(possible[-1].first):
            possible.append(day)
        if within is None or not sure or day.first > within.after(sure[-1].last):
            sure.append(day)
    return Courses(tuple(possible), tuple(sure))

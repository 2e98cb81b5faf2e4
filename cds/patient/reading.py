"""What a reader hands back, and how it puts dates and durations into words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from cds.fhir.dates import DateRange
from cds.patient.context import Caution, Conflict, Fact
from cds.three_valued import Bounds, Truth


class Reading(NamedTuple):
    """What a reader found: its facts by name, and the cautions and conflicts behind them."""

    facts: dict[str, Fact]
    cautions: tuple[Caution, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def years_since(day: DateRange, as_of: date) -> Bounds:
    """Years from the date to `as_of`; a date that may lie ahead counts as none gone by."""
    return _not_negative(day.years_until(as_of))


def months_since(day: DateRange, as_of: date) -> Bounds:
    """Calendar months from the date to `as_of`; a date that may lie ahead counts as none gone by."""
    return _not_negative(day.months_until(as_of))


def _not_negative(bounds: Bounds) -> Bounds:
    return Bounds(max(0.0, bounds.low), max(0.0, bounds.high))


def count_words(bounds: Bounds, unit: str) -> str:
    """A bounded number for a sentence, to one decimal: `8.2 years`, `at least 3 years`, `0.4 to 1.3 years`."""
    low, high = f"{bounds.low:.1f}".removesuffix(".0"), f"{bounds.high:.1f}".removesuffix(".0")
    if low == high:
        return f"{low} {unit}"
    return f"at least {low} {unit}" if high == "inf" else f"{low} to {high} {unit}"


def earliest(dates: Iterable[DateRange | None]) -> DateRange | None:
    """The range of days on which the first of several dates can lie; missing ones are left out."""
    known = [day for day in dates if day is not None]
    if len(known) < 2:
        return known[0] if known else None
    return DateRange(min(day.first for day in known), min(day.last for day in known))


def latest(dates: Iterable[DateRange | None]) -> DateRange | None:
    """The range of days on which the last of several dates can lie; missing ones are left out."""
    known = [day for day in dates if day is not None]
    if len(known) < 2:
        return known[0] if known else None
    return DateRange(max(day.first for day in known), max(day.last for day in known))


def later(one: DateRange | None, other: DateRange | None) -> Truth:
    """Whether the first date lies after the second; unknown if either is missing or they overlap."""
    if one is None or other is None:
        return None
    if one.first > other.last:
        return True
    return False if one.last <= other.first else None


def in_months_before(day: DateRange | None, as_of: date, months: float) -> Truth:
    """Whether the date lies in the `months` before `as_of`; unknown if it is missing or could lie on either side."""
    return None if day is None else months_since(day, as_of) <= months


def sentence(text: str) -> str:
    """The text with a capital, unless its second letter is one: `eGFR` stays as it is."""
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


def one_line(text: str) -> str:
    """The text in one line: what is quoted from a chart may hold line breaks, and would look like words of our own below them."""
    return " ".join(text.split())


def quoted(text: str, most: int) -> str:
    """Words of a chart in one line, cut to so many characters."""
    text = one_line(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def unique(resources: Iterable[str]) -> tuple[str, ...]:
    """The resources in a stable order, each once."""
    return tuple(sorted(set(resources)))

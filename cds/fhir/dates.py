"""Dates as FHIR writes them: a partial date is the range of days it could mean (clinical-rules, preamble).

Months are calendar months; bounds include the end day.
"""

from __future__ import annotations

import calendar
from datetime import MAXYEAR, MINYEAR, date, datetime

from msgspec import Struct

from cds.three_valued import Bounds, Truth, negate


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later (or earlier), clamped to the month's end and to the calendar's ends."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        return date.max if months > 0 else date.min
    wanted = day.day
    return date(year, month0 + 1, wanted if wanted <= 28 else min(wanted, _days_in(year, month0 + 1)))


def _days_in(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def add_days(day: date, days: int) -> date:
    """The day `days` later (or earlier), clamped to the calendar's ends."""
    return date.fromordinal(min(max(day.toordinal() + days, date.min.toordinal()), date.max.toordinal()))


def months_between(start: date, end: date) -> float:
    """Calendar months from `start` to `end`; a whole number exactly on the day of the month, negative if `end` is first."""
    if end < start:
        return -months_between(end, start)
    whole = (end.year - start.year) * 12 + end.month - start.month
    anchor = add_months(start, whole)
    if anchor > end:
        whole -= 1
        anchor = add_months(start, whole)
    if anchor == end:
        return whole
    return whole + (end - anchor).days / (add_months(start, whole + 1) - anchor).days


class DateRange(Struct, frozen=True):
    """The days that a full or partial date could mean: `2024` is 2024-01-01 to 2024-12-31."""

    first: date
    last: date

    @classmethod
    def parse(cls, value: str | date | datetime) -> DateRange:
        """Read a FHIR `date`, `dateTime` or `instant` (also as fhir.resources gives them).

        Raises `ValueError` if the text is none of them.
        """
        if isinstance(value, datetime):
            return cls.on(value.date())
        if isinstance(value, date):
            return cls.on(value)
        match len(value):
            case 4:
                return cls(date(int(value), 1, 1), date(int(value), 12, 31))
            case 7:
                first = date.fromisoformat(f"{value}-01")
                return cls(first, first.replace(day=_days_in(first.year, first.month)))
            case _:
                return cls.on(date.fromisoformat(value[:10]))

    @classmethod
    def on(cls, day: date) -> DateRange:
        """A date known to the day."""
        return cls(day, day)

    def before(self, day: date) -> Truth:
        """Whether it lies before `day`."""
        return True if self.last < day else False if self.first >= day else None

    def after(self, day: date) -> Truth:
        """Whether it lies after `day`."""
        return True if self.first > day else False if self.last <= day else None

    def on_or_before(self, day: date) -> Truth:
        """Whether it lies on or before `day`."""
        return negate(self.after(day))

    def on_or_after(self, day: date) -> Truth:
        """Whether it lies on or after `day`."""
        return negate(self.before(day))

    def within(self, first: date, last: date) -> Truth:
        """Whether it lies in the window, both ends included."""
        if self.first >= first and self.last <= last:
            return True
        return False if self.last < first or self.first > last else None

    def months_until(self, day: date) -> Bounds:
        """Calendar months from this date to `day`."""
        return Bounds(months_between(self.last, day), months_between(self.first, day))

    def days_until(self, day: date) -> Bounds:
        """Days from this date to `day`."""
        return Bounds((day - self.last).days, (day - self.first).days)

    def years_until(self, day: date) -> Bounds:
        """Years from this date to `day`."""
        months = self.months_until(day)
        return Bounds(months.low / 12, months.high / 12)

    def __str__(self) -> str:
        if self.first == self.last:
            return self.first.isoformat()
        first, last = self.first.isoformat(), self.last.isoformat()
        if first[4:] == "-01-01" and last == f"{first[:4]}-12-31":
            return first[:4]
        if first[7:] == "-01" and self.last.day == _days_in(self.last.year, self.last.month) and first[:7] == last[:7]:
            return first[:7]
        return f"{first} to {last}"

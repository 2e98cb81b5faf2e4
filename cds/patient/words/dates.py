"""Dates as people write them in notes and reports: `2024-07`, `12 July 2024`, `July 2024`, `03/04/2025`, `spring 2024`, `2024`.

A date that can be read in two ways is the range that holds both readings.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date

from cds.fhir.dates import DateRange

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_DAYS = 31
_SEASONS = {"spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "fall": (9, 11)}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d{2}"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"

DATE = (
    rf"(?:{_YEAR}-\d{{2}}-\d{{2}}|{_YEAR}-\d{{2}}(?!\d)"
    rf"|\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}|\b{_MONTH}\s+{_DAY},?\s+{_YEAR}|\b{_MONTH},?\s+{_YEAR}"
    rf"|\b\d{{1,2}}[/.]\d{{1,2}}[/.]{_YEAR}|\b\d{{1,2}}/{_YEAR}|\b(?:spring|summer|autumn|fall|winter)\s+(?:of\s+)?{_YEAR}|\b{_YEAR}\b)"
)
"""A regular expression for one written date (no groups); longer forms before shorter ones."""


_DATE = re.compile(DATE, re.IGNORECASE)


def dates_replaced(text: str, instead: str | Callable[[re.Match[str]], str]) -> str:
    """The text with something else instead of each date that it writes."""
    return _DATE.sub(instead, text) if "19" in text or "20" in text else text  # no date without its century


def read_date(text: str) -> DateRange | None:
    """The date that the whole text writes; `None` if it is none, such as `2024-13` or `31/02/2024`."""
    text = text.strip().lower().rstrip(".,;")
    if re.fullmatch(rf"{_YEAR}(?:-\d{{2}}){{0,2}}", text):
        return _parsed(text)
    if numbers := re.fullmatch(rf"(?:(\d{{1,2}})[/.])?(\d{{1,2}})[/.]({_YEAR})", text):
        return _numeric(text, *numbers.groups())
    year = re.search(_YEAR, text)
    if year is None:
        return None
    if season := re.match(r"(spring|summer|autumn|fall|winter)\b", text):
        return _season(season[1], int(year[0]))
    month = re.search(_MONTH, text)
    if month is None:
        return None
    number = _MONTHS.index(month[0][:3]) + 1
    day = re.search(r"\b(\d{1,2})(?!\d)", text.replace(year[0], " "))
    return _parsed(f"{year[0]}-{number:02}" + (f"-{int(day[1]):02}" if day else ""))


def names_day(written: DateRange | None, on: DateRange) -> bool:
    """Whether a written date is that of the day, to the month at least."""
    return (
        written is not None and (written.last - written.first).days <= _MONTH_DAYS and on.within(written.first, written.last) is not False
    )


def _parsed(text: str) -> DateRange | None:
    try:
        return DateRange.parse(text)
    except ValueError:
        return None


def _numeric(text: str, first: str | None, second: str, year: str) -> DateRange | None:
    """Slashes are day first in Europe and month first in the US; dots are day first."""
    if first is None:
        return _parsed(f"{year}-{int(second):02}")
    readings = [_parsed(f"{year}-{int(second):02}-{int(first):02}")]
    if "/" in text:
        readings.append(_parsed(f"{year}-{int(first):02}-{int(second):02}"))
    found = [reading for reading in readings if reading is not None]
    return DateRange(min(day.first for day in found), max(day.last for day in found)) if found else None


def _season(name: str, year: int) -> DateRange:
    if name == "winter":
        return DateRange(date(year - 1, 12, 1), date(year + 1, 2, monthrange(year + 1, 2)[1]))
    first, last = _SEASONS[name]
    return DateRange(date(year, first, 1), date(year, last, monthrange(year, last)[1]))

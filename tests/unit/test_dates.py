"""Partial dates as ranges of days, and calendar months between them."""

from datetime import UTC, date, datetime

import pytest

from cds.fhir.dates import DateRange, add_months, months_between
from cds.three_valued import Bounds

D = date.fromisoformat


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-03-31", -1, "2024-02-29"),
        ("2024-11-20", 3, "2025-02-20"),
        ("2024-01-15", -13, "2022-12-15"),
        ("9999-12-31", 1, "9999-12-31"),
        ("0001-01-31", -1, "0001-01-01"),
    ],
)
def test_months_are_added_by_the_calendar(day, months, expected):
    assert add_months(D(day), months) == D(expected)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2024-05-20", "2024-11-20", 6),
        ("2024-05-20", "2024-11-19", 5 + 30 / 31),
        ("2024-11-20", "2024-05-20", -6),
        ("2024-01-31", "2024-02-29", 1),
        ("2024-01-15", "2024-01-15", 0),
        ("9999-12-01", "9999-12-31", 1),
    ],
)
def test_months_between_two_days(start, end, expected):
    assert months_between(D(start), D(end)) == pytest.approx(expected)


def test_months_to_the_end_of_the_calendar_do_not_overflow():
    assert months_between(date(2024, 1, 1), date.max) > 95_000
    assert DateRange.parse("2024").years_until(date.max).low > 7_900


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-12", "2023-12-01", "2023-12-31"),
        ("9999-12", "9999-12-01", "9999-12-31"),
        ("2024-02-03", "2024-02-03", "2024-02-03"),
        ("2024-02-03T23:30:00-05:00", "2024-02-03", "2024-02-03"),
        (date(2024, 2, 3), "2024-02-03", "2024-02-03"),
        (datetime(2024, 2, 3, 23, 30, tzinfo=UTC), "2024-02-03", "2024-02-03"),
    ],
)
def test_a_partial_date_is_a_range_of_days(written, first, last):
    assert DateRange.parse(written) == DateRange(D(first), D(last))


@pytest.mark.parametrize("written", ["", "soon", "2024-13", "2024-02-30", "20", "2024-1-5"])
def test_what_is_no_date_is_refused(written):
    with pytest.raises(ValueError, match=r"."):
        DateRange.parse(written)


@pytest.mark.parametrize(
    ("method", "day", "expected"),
    [
        ("before", "2024-01-01", False),
        ("before", "2024-06-01", None),
        ("before", "2024-12-31", None),
        ("before", "2025-01-01", True),
        ("after", "2023-12-31", True),
        ("after", "2024-01-01", None),
        ("after", "2024-12-31", False),
        ("on_or_before", "2024-12-31", True),
        ("on_or_before", "2023-12-31", False),
        ("on_or_after", "2024-01-01", True),
        ("on_or_after", "2025-01-01", False),
        ("on_or_after", "2024-06-01", None),
    ],
)
def test_comparing_a_year_with_a_day(method, day, expected):
    assert getattr(DateRange.parse("2024"), method)(D(day)) is expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2024-03-01", "2024-03-31", True),
        ("2024-03-02", "2024-12-31", None),
        ("2024-03-31", "2024-03-31", None),
        ("2024-04-01", "2024-12-31", False),
        ("2023-01-01", "2024-02-29", False),
    ],
)
def test_a_month_within_a_window_of_days(first, last, expected):
    assert DateRange.parse("2024-03").within(D(first), D(last)) is expected


def test_spans_from_a_partial_date_are_bounds():
    march = DateRange.parse("2024-03")
    assert march.months_until(date(2024, 9, 30)) == Bounds(6, 6 + 29 / 30)
    assert march.days_until(date(2024, 4, 1)) == Bounds(1, 31)
    assert DateRange.on(date(2000, 5, 1)).years_until(date(2026, 5, 1)) == Bounds.exactly(26)


@pytest.mark.parametrize("written", ["2024", "2024-02", "2024-02-03"])
def test_it_is_written_as_precisely_as_it_is_known(written):
    assert str(DateRange.parse(written)) == written


def test_a_range_of_other_days_is_written_out():
    assert str(DateRange(D("2024-02-03"), D("2024-05-01"))) == "2024-02-03 to 2024-05-01"

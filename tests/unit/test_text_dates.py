"""Dates and numbers as people write them."""

import re

import pytest
from activity_charts import activity_rules

from cds.patient.words.dates import DATE, read_date
from cds.three_valued import Bounds


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024", "2024"),
        ("2024-07", "2024-07"),
        ("2024-07-09", "2024-07-09"),
        ("9 July 2024", "2024-07-09"),
        ("9th of July 2024", "2024-07-09"),
        ("July 9, 2024", "2024-07-09"),
        ("Jul 2024", "2024-07"),
        ("Sept. 2024", "2024-09"),
        ("07/2024", "2024-07"),
        ("13/07/2024", "2024-07-13"),
        ("07/13/2024", "2024-07-13"),
        ("03/04/2024", "2024-03-04 to 2024-04-03"),
        ("03.04.2024", "2024-04-03"),
        ("winter 2024", "2023-12-01 to 2025-02-28"),
        ("2024-13", "None"),
        ("31/02/2024", "None"),
        ("soon", "None"),
    ],
)
def test_date(text, meant):
    assert str(read_date(text)) == meant


def test_dates_are_found_in_text():
    text = "MRI 2024-07-09, again in March 2025, 03/2026 and 2027."
    assert re.findall(DATE, text, re.IGNORECASE) == ["2024-07-09", "March 2025", "03/2026", "2027"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", Bounds.exactly(3)),
        ("two", Bounds.exactly(2)),
        ("a single", Bounds.exactly(1)),
        ("several", Bounds.at_least(2)),
        ("at least 3", Bounds.at_least(3)),
        ("2-3", Bounds(2, 3)),
        ("2 to 4", Bounds(2, 4)),
        ("3+", Bounds.at_least(3)),
        ("2 or more", Bounds.at_least(2)),
        ("about five", Bounds.at_least(2)),
        ("up to 3", Bounds(1, 3)),
        ("none", Bounds.exactly(0)),
        ("0", Bounds.exactly(0)),
        ("blue", None),
        ("", None),
        (None, None),
    ],
)
def test_number(text, number):
    assert activity_rules().numbers.read(text) == number

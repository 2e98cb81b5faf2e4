"""Conditions as statements: what recognises them, and in which order they were made."""

import pytest
from reading_charts import RRMS, chart_of, condition, read, terminology

from cds.patient.records.conditions import read_conditions, standing


def statements(*conditions):
    """What the Conditions say together."""
    return standing(read_conditions(chart_of(*conditions), terminology(), "ms-any"))


@pytest.mark.parametrize(("text", "expected"), [("Stroke-like episode, CVA ruled out", 0), ("Stroke-like episode after a CVA", 1)])
def test_words_that_take_an_entry_back_hold_for_one_that_only_a_guard_recognises(text, expected):
    entries = read_conditions(
        chart_of(condition({"text": text})), terminology(), "cond-stroke-tia", worded=(r"\bCVA\b",), unless=(r"\bruled out\b",)
    )
    assert len(entries) == expected


def test_words_never_take_back_what_a_value_set_names():
    chart = chart_of(condition(RRMS | {"text": "RRMS, relapse ruled out"}))
    assert len(read_conditions(chart, terminology(), "ms-any", unless=(r"\bruled out\b",))) == 1


def test_a_stroke_that_was_ruled_out_is_none():
    assert read(condition({"text": "Stroke-like episode, cerebrovascular accident ruled out"}))["caution.stroke"].value is False


CONFIRMED, REFUTED, SUSPECTED = "confirmed", "refuted", "provisional"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(CONFIRMED, "2019"), (REFUTED, "2020")], ("excluded", True)),
        ([(CONFIRMED, "2020"), (REFUTED, "2019")], ("present", True)),
        ([(CONFIRMED, "2019"), (REFUTED, "2019")], ("suspected", True)),
        ([(CONFIRMED, "2019"), (REFUTED, "2020"), (SUSPECTED, "2021")], ("suspected", True)),
        ([(CONFIRMED, "2019"), (SUSPECTED, "2020"), (REFUTED, "2021")], ("excluded", True)),
        ([(CONFIRMED, "2019"), (REFUTED, "2020"), (CONFIRMED, "2021")], ("present", True)),
        ([(REFUTED, "2019"), (SUSPECTED, "2020")], ("suspected", False)),
        ([(SUSPECTED, "2019"), (REFUTED, "2020")], ("excluded", False)),
    ],
)
def test_the_last_statement_counts(entries, expected):
    conditions = [condition(RRMS, verification=verification, recordedDate=day) for verification, day in entries]
    assert statements(*conditions) == expected
    assert statements(*reversed(conditions)) == expected


def test_an_onset_alone_tells_only_the_first_day_on_which_it_can_have_been_stated():
    refuted = condition(RRMS, verification="refuted", recordedDate="2020")
    assert statements(condition(RRMS, onsetDateTime="2015"), refuted) == ("suspected", True)
    assert statements(condition(RRMS, onsetDateTime="2021"), refuted) == ("present", True)


def test_a_pml_confirmed_and_refuted_in_no_known_order_stays_suspected():
    pml = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "A81.2"}]}
    facts = read(condition(pml, onsetDateTime="2024"), condition(pml, verification="refuted", recordedDate="2025"))
    assert facts["pml"].value == "suspected"
    assert facts["pml"].resources == ("Condition/r0", "Condition/r1")

"""What fuzzing found: values at the ends of the calendar, of numbers and of the FHIR library."""

from datetime import date

import pytest

from cds.advice import advise
from cds.content import load_content
from cds.explain_input import chart_of_request
from cds.fhir.chart import Chart
from cds.fhir.dates import DateRange, add_days
from cds.vignette import expand

CONTENT = load_content()
AS_OF = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("day", "days", "expected"),
    [
        (date.min, -30, date.min),
        (date.max, 1, date.max),
        (date(2026, 2, 28), 1, date(2026, 3, 1)),
        (date(2026, 3, 1), -1, date(2026, 2, 28)),
    ],
)
def test_days_end_with_the_calendar(day, days, expected):
    assert add_days(day, days) == expected


def test_a_date_of_the_first_millennium_can_be_written():
    assert str(DateRange.parse("0001")) == "0001"


@pytest.mark.parametrize("day", ["0001-01-01", "0001", "9999-12-31"])
def test_a_relapse_at_the_ends_of_the_calendar(day):
    request = expand("F34, RRMS since 2019\nrelapse 2026-05-10\npregnant 2025-01 to 2025-10\nvisit 2026-06-01", AS_OF).request()
    for entry in request["prefetch"]["conditions"]["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Condition":
            resource["onsetDateTime"] = resource["recordedDate"] = day
    chart, trigger = chart_of_request(request, CONTENT)
    assert advise(CONTENT, chart, trigger, AS_OF).context.facts


def test_a_shadow_element_that_the_library_trips_over():
    resource = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "recordedDate": "2020", "_recordedDate": 5}
    chart = Chart.from_bundle({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}, "p")
    assert [item.resource for item in chart.not_read] == ["Condition/c"] or chart.entries("Condition")


def test_a_code_of_a_million_letters_takes_no_time():
    request = expand("F34\ncode G35.A 2024", AS_OF).request()
    coding = request["prefetch"]["conditions"]["entry"][0]["resource"]["code"]["coding"][0]
    coding["code"] = coding["code"] * 200_000
    chart, trigger = chart_of_request(request, CONTENT)
    assert advise(CONTENT, chart, trigger, AS_OF).context.facts["subtype"].value is None


@pytest.mark.parametrize("blank", [" ", "\n", "\t"])
def test_words_with_thousands_of_blanks_between_take_no_time(blank):
    text = f"({blank * 8_000}MRI: no new lesions"
    request = expand("F34, RRMS since 2019\nMRI 2026-06-18: clean\nvisit 2026-06-01", AS_OF).request()
    resources = [entry["resource"] for value in request["prefetch"].values() for entry in (value or {}).get("entry", ())]
    next(one for one in resources if one["resourceType"] == "DiagnosticReport")["conclusion"] = text
    next(one for one in resources if one["resourceType"] == "Condition")["code"] = {"text": text}
    chart, trigger = chart_of_request(request, CONTENT)
    assert advise(CONTENT, chart, trigger, AS_OF).context.facts


@pytest.mark.parametrize("issued", ["2026-09-10T10:00:00Z", None])
def test_a_report_that_says_only_when_it_was_issued(issued):
    request = expand("F34, RRMS since 2019\nMRI 2026-09-10: 2 new T2 (text)", AS_OF).request()
    for entry in request["prefetch"]["observations"]["entry"]:
        del entry["resource"]["effectiveDateTime"]
        if issued:
            entry["resource"]["issued"] = issued
    chart, trigger = chart_of_request(request, CONTENT)
    assert [str(scan.date) for scan in advise(CONTENT, chart, trigger, AS_OF).context.scans] == (["2026-09-10"] if issued else [])

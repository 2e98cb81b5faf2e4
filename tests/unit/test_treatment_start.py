"""Dates that are no start: renewals, refills, home medications, numbered infusions (F11). What was begun earlier excuses no activity."""

import pytest
from treatment_charts import courses, facts, infusion, relapse, request, rxnorm

NATALIZUMAB = rxnorm("354770", "natalizumab")
DMF = rxnorm("1373491", "dimethyl fumarate 240 MG Delayed Release Oral Capsule")
INPATIENT = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category", "code": "inpatient"}]}


def statement(**members):
    return {"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": DMF} | members


def dispense(code):
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code}]}
    return {
        "resourceType": "MedicationDispense", "status": "completed", "medicationCodeableConcept": DMF, "type": kind,
        "whenHandedOver": "2026-08-01", "daysSupply": {"value": 180, "unit": "days"},
    }  # fmt: skip


BEGUN_EARLIER = {
    "renewal": request(DMF, authoredOn="2026-08-01", priorPrescription={"reference": "MedicationRequest/not-sent"}),
    "patient's own report": request(DMF, authoredOn="2026-08-01", reportedBoolean=True),
    "order of a stay": request(DMF, authoredOn="2026-08-01", category=[INPATIENT]),
    "note": request(DMF, authoredOn="2026-08-01", note=[{"text": "Renewal, tolerates it well."}]),
    "note with a year": request(DMF, authoredOn="2026-08-01", note=[{"text": "On it since 2021"}]),
    "dosage": request(DMF, authoredOn="2026-08-01", dosageInstruction=[{"text": "Continue 240 mg twice a day"}]),
    "refill": dispense("RF"),
    "one day of use": statement(effectiveDateTime="2026-08-01"),
    "only asserted": statement(dateAsserted="2026-08-01"),
    "numbered infusion": infusion(NATALIZUMAB, "2026-10-01", note=[{"text": "Infusion #23, uneventful"}]),
    "ordinal infusion": infusion(NATALIZUMAB, "2026-10-01", dosage={"text": "41st infusion, 300 mg"}),
}


@pytest.mark.parametrize("resource", BEGUN_EARLIER.values(), ids=BEGUN_EARLIER.keys())
def test_a_drug_begun_earlier_has_no_known_start(resource):
    (course,) = courses(resource, relapses=[relapse("2026-08-20")])
    assert (course.start, course.outcome) == (None, "unknown")
    assert facts(resource)["dmt.actingMonths"].value.high == float("inf")


STARTS = {
    "first fill": dispense("FF"),
    "plain order": request(DMF, authoredOn="2026-08-01"),
    "dose with a unit": request(DMF, authoredOn="2026-08-01", dosageInstruction=[{"text": "dose 20 mg daily"}]),
    "one day of an infusion": statement(effectiveDateTime="2026-08-01", medicationCodeableConcept=NATALIZUMAB),
    "first infusion": infusion(NATALIZUMAB, "2026-08-01", note=[{"text": "Infusion #1 over 2 hours"}]),
    "period": statement(effectivePeriod={"start": "2026-08-01"}, dateAsserted="2026-11-01"),
}


@pytest.mark.parametrize("resource", STARTS.values(), ids=STARTS.keys())
def test_a_start_stays_a_start(resource):
    (course,) = courses(resource)
    assert str(course.start) == "2026-08-01"


def test_a_renewal_of_an_order_that_was_sent_adds_nothing():
    first = request(DMF, status="completed", authoredOn="2026-01-10", id="first")
    renewal = request(DMF, authoredOn="2026-08-01", priorPrescription={"reference": "MedicationRequest/first"})
    (course,) = courses(first, renewal)
    assert str(course.start) == "2026-01-10"


def test_a_course_of_unknown_start_lies_after_the_stop_before_it():
    stopped = request(
        DMF,
        status="stopped",
        authoredOn="2018-01-10",
        statusReason={"text": "cost"},
        dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": "2018-01-10", "end": "2020-03-01"}}}}],
    )
    first, second = courses(stopped, statement(dateAsserted="2026-08-01"), relapses=[relapse("2019-05-01")])
    assert (first.outcome, str(second.start)) == ("failed", "2020-03-01 to 2026-08-01")
    assert second.outcome == "ongoing"


def test_a_bare_order_is_believed_for_fifteen_months():
    assert courses(request(DMF, authoredOn="2025-08-20"))[0].ongoing is True
    assert courses(request(DMF, authoredOn="2025-08-19"))[0].ongoing is None

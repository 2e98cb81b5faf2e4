"""Treatment out of FHIR as EHRs really write it (F11, F14): every carrier, partial dates, sparse and contradictory records."""

import pytest
from treatment_charts import ATC, SNOMED, courses, facts, infusion, relapse, request, rxnorm

from cds.three_valued import Bounds

NATALIZUMAB = rxnorm("354770", "natalizumab")
DMF = rxnorm("1373491", "dimethyl fumarate 240 MG Delayed Release Oral Capsule")
OCRELIZUMAB = rxnorm("1876366", "ocrelizumab")
DAYS_30 = {"value": 30, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}


def one(*resources, **options):
    """The only course."""
    (course,) = courses(*resources, **options)
    return course


def test_bare_active_order_is_taken_as_ongoing_and_called_assumed():
    course = one(request(DMF, authoredOn="2026-03-01"))
    assert (course.ongoing, course.phase) == (True, "acting")
    assert any("assumed" in note for note in course.notes)


def test_bare_active_order_of_many_years_ago_is_unknown():
    course = one(request(DMF, authoredOn="2019-03-01"))
    assert (course.ongoing, course.phase, course.outcome) == (None, "unknown", "unknown")


def test_refills_say_how_far_a_supply_reaches():
    dispense = {"numberOfRepeatsAllowed": 11, "expectedSupplyDuration": DAYS_30}
    course = one(request(DMF, authoredOn="2025-12-01", dispenseRequest=dispense))
    assert course.acts_until.isoformat() == "2026-12-26"
    assert course.ongoing is True


def test_a_supply_that_ran_out_leaves_an_active_order_open():
    dispense = {"numberOfRepeatsAllowed": 2, "expectedSupplyDuration": DAYS_30}
    course = one(request(DMF, authoredOn="2025-01-01", dispenseRequest=dispense))
    assert (course.ongoing, course.phase) == (None, "unknown")


@pytest.mark.parametrize(("unit", "ends"), [("wk", "2026-07-26"), ("mo", "2026-12-31"), ("a", "2031-07-01"), ("fortnight", None)])
def test_supply_units(unit, ends):
    dispense = {"expectedSupplyDuration": {"value": 6 if unit != "a" else 5, "code": unit}}
    course = one(request(DMF, authoredOn="2026-05-15" if unit == "wk" else "2026-06-01", status="completed", dispenseRequest=dispense))
    if ends is None:
        assert course.acts_until.isoformat() == "2026-09-29"
    else:
        assert course.acts_until.isoformat() == ends


def test_dosage_bounds_give_start_and_end():
    bounds = {"timing": {"repeat": {"boundsPeriod": {"start": "2023-02-01", "end": "2024-05-31"}}}}
    reason = {"coding": [{"system": SNOMED, "code": "182841002"}]}
    course = one(request(DMF, status="stopped", authoredOn="2023-01-20", dosageInstruction=[bounds], statusReason=reason))
    assert (str(course.start), str(course.end), course.outcome) == ("2023-02-01", "2024-05-31", "failed")


def test_dosage_duration_counts_as_supply():
    bounds = {"timing": {"repeat": {"boundsDuration": {"value": 12, "code": "mo"}}}}
    course = one(request(DMF, status="completed", authoredOn="2025-01-10", dosageInstruction=[bounds]))
    assert course.acts_until.isoformat() == "2026-02-09"


def test_a_stop_without_a_date_is_not_later_than_the_last_change_of_the_record():
    course = one(request(NATALIZUMAB, status="stopped", authoredOn="2023-01-10", meta={"lastUpdated": "2023-04-01T10:00:00Z"}))
    assert str(course.end) == "2023-01-10 to 2023-04-01"
    assert course.phase == "off"


def test_a_stop_without_any_date_of_its_own_is_open_only_for_as_long_as_an_order_runs():
    assert one(request(DMF, status="stopped", authoredOn="2022-01-10")).phase == "off"
    assert one(request(DMF, status="stopped", authoredOn="2026-06-10")).phase == "unknown"


def test_a_stop_without_a_date_lies_before_the_next_drug():
    first, second = courses(
        request(DMF, status="stopped", authoredOn="2026-01-10"),
        request(NATALIZUMAB, authoredOn="2026-03-01"),
        infusion(NATALIZUMAB, "2026-11-01"),
    )
    assert str(first.end) == "2026-01-10 to 2026-03-01"
    assert second.ongoing is True


def test_a_stop_without_a_date_lies_after_the_last_infusion():
    order = request(NATALIZUMAB, status="stopped", authoredOn="2021-01-05", statusReason={"text": "JCV index 2.9"})
    infusions = [infusion(NATALIZUMAB, f"2026-{month:02}-05", id=f"i{month}") for month in range(2, 9)]
    early = [infusion(NATALIZUMAB, f"{year}-{month:02}-05", id=f"{year}-{month}") for year in range(2021, 2026) for month in range(1, 13)]
    course = one(order, *early, infusion(NATALIZUMAB, "2026-01-05", id="i1"), *infusions)
    assert (str(course.end), course.outcome, course.phase) == ("2026-08-05", "stoppedOther", "rebound")


def test_a_stop_without_a_date_is_overtaken_by_a_new_order():
    old = request(DMF, status="stopped", authoredOn="2025-01-10", statusReason={"text": "dose change"})
    course = one(
        old, request(DMF, authoredOn="2025-03-10", dispenseRequest={"validityPeriod": {"start": "2025-03-10", "end": "2027-01-01"}})
    )
    assert (course.ongoing, course.stop_reason) == (True, None)


def test_non_adherence_on_a_running_order():
    code = {"coding": [{"system": SNOMED, "code": "7058009"}]}
    statement = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": DMF,
        "effectivePeriod": {"start": "2025-01-10"},
        "dateAsserted": "2026-11-01",
        "statusReason": [code],
    }
    assert one(statement).outcome == "ongoing"
    assert one(statement, relapses=[relapse("2026-03-01")]).outcome == "unknown"


def test_non_adherence_in_a_note():
    order = request(DMF, authoredOn="2026-01-10", note=[{"text": "Poor adherence, takes it about twice a week."}])
    assert one(order, relapses=[relapse("2026-10-01")]).outcome == "unknown"
    order = request(DMF, authoredOn="2026-01-10", note=[{"text": "No poor adherence reported."}])
    assert one(order, relapses=[relapse("2026-10-01")]).outcome == "failed"


def test_future_end_of_an_active_order():
    bounds = {"timing": {"repeat": {"boundsPeriod": {"start": "2025-02-01", "end": "2027-01-31"}}}}
    assert one(request(DMF, authoredOn="2025-01-20", dosageInstruction=[bounds])).ongoing is True


def test_an_order_that_begins_in_the_future_is_a_plan():
    bounds = {"timing": {"repeat": {"boundsPeriod": {"start": "2027-01-05"}}}}
    found = facts(request(DMF, authoredOn="2026-11-10", dosageInstruction=[bounds]))
    assert found["dmt.noneRecorded"].value is True
    assert found["dmt.plannedOrDrafted"].value is True


def test_a_reported_plan_is_neither_history_nor_absence():
    found = facts(request(DMF, intent="plan", reportedBoolean=True, authoredOn="2026-08-10"))
    assert found["dmt.noneRecorded"].value is None
    assert found["dmt.everCount"].value == Bounds(0, 1)


def test_a_status_that_says_nothing_leaves_it_open():
    found = facts(
        {"resourceType": "MedicationStatement", "status": "unknown", "medicationCodeableConcept": DMF, "effectiveDateTime": "2026-03"}
    )
    assert found["dmt.noneRecorded"].value is None
    assert found["dmt.untreated"].value is None


def test_a_record_in_doubt_adds_nothing_to_a_certain_course():
    statement = {
        "resourceType": "MedicationStatement",
        "status": "unknown",
        "medicationCodeableConcept": DMF,
        "effectiveDateTime": "2026-03",
    }
    course = one(request(DMF, authoredOn="2026-01-10"), statement)
    assert course.outcome == "ongoing"
    assert any("left aside" in note for note in course.notes)


def test_statement_active_since_long_asserted_lately():
    statement = {
        "resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": rxnorm("84375"),
        "effectivePeriod": {"start": "2010"}, "dateAsserted": "2026-10-30",
    }  # fmt: skip
    course = one(statement)
    assert (course.ongoing, str(course.start), course.notes) == (True, "2010", ())


def test_statement_asserted_a_year_ago_is_assumed():
    statement = {
        "resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": rxnorm("84375"),
        "effectivePeriod": {"start": "2010"}, "dateAsserted": "2025-10-30",
    }  # fmt: skip
    course = one(statement)
    assert course.ongoing is True
    assert any("2025-10-30" in note and "assumed" in note for note in course.notes)


def test_dispense_with_days_supply():
    dispense = {
        "resourceType": "MedicationDispense", "status": "completed", "medicationCodeableConcept": DMF,
        "whenHandedOver": "2026-09-01", "daysSupply": {"value": 90, "unit": "days"},
    }  # fmt: skip
    course = one(dispense)
    assert (course.ongoing, course.acts_until.isoformat()) == (True, "2026-12-30")


def test_dispense_without_days_supply_is_assumed_to_last_ninety_days():
    dispense = {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "medicationCodeableConcept": DMF,
        "whenHandedOver": "2026-06-01",
    }
    assert one(dispense).acts_until.isoformat() == "2026-09-29"


@pytest.mark.parametrize("status", ["preparation", "in-progress"])
def test_dispense_not_handed_over_is_a_plan(status):
    dispense = {"resourceType": "MedicationDispense", "status": status, "medicationCodeableConcept": DMF, "whenPrepared": "2026-11-10"}
    assert facts(dispense)["dmt.plannedOrDrafted"].value is True


def test_an_infusion_broken_off_was_given():
    course = one(infusion(NATALIZUMAB, "2026-11-01", status="stopped", statusReason=[{"text": "infusion reaction"}]))
    assert (len(course.doses), course.phase) == (1, "washIn")


def test_a_procedure_in_words_must_speak_of_an_infusion():
    def procedure(text):
        return {"resourceType": "Procedure", "status": "completed", "code": {"text": text}, "performedDateTime": "2026-10-01"}

    assert [course.drug for course in courses(procedure("Ocrelizumab infusion"))] == ["ocrelizumab"]
    assert courses(procedure("Education about ocrelizumab infusion")) == ()
    assert courses(procedure("JCV testing before natalizumab")) == ()


def test_a_billing_code_is_an_infusion():
    code = {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J2350"}]}
    procedure = {"resourceType": "Procedure", "status": "completed", "code": code, "performedDateTime": "2026-10-01"}
    assert [course.drug for course in courses(procedure)] == ["ocrelizumab"]


def test_a_therapy_period_as_one_procedure():
    code = {"coding": [{"system": SNOMED, "code": "782710000", "display": "Natalizumab therapy"}]}
    period = {"start": "2024-01-10", "end": "2026-06-10"}
    course = one({"resourceType": "Procedure", "status": "completed", "code": code, "performedPeriod": period})
    assert (str(course.start), course.acts_until.isoformat(), course.phase) == ("2024-01-10", "2026-08-05", "rebound")


def test_long_term_use_recorded_as_a_condition():
    condition = {
        "resourceType": "Condition", "code": {"coding": [{"system": SNOMED, "code": "113541000119102"}]}, "recordedDate": "2026-05-01",
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }  # fmt: skip
    assert [(course.drug, course.ongoing) for course in courses(condition)] == [("rituximab", True)]


def test_an_allergy_in_words_is_no_treatment():
    condition = {"resourceType": "Condition", "code": {"text": "Allergy to natalizumab"}, "recordedDate": "2026-05-01"}
    assert courses(condition) == ()


def test_reason_by_reference():
    condition = {
        "resourceType": "Condition", "id": "ra", "code": {"text": "Rheumatoid arthritis"},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
    }  # fmt: skip
    order = request(rxnorm("121191", "rituximab"), authoredOn="2026-01-10", reasonReference=[{"reference": "Condition/ra"}])
    assert courses(condition, order) == ()
    ms = {**condition, "id": "ms", "code": {"coding": [{"system": SNOMED, "code": "24700007"}]}}
    order = request(rxnorm("121191", "rituximab"), authoredOn="2026-01-10", reasonReference=[{"reference": "Condition/ms"}])
    assert [course.drug for course in courses(condition, ms, order)] == ["rituximab"]


def test_reason_by_display_of_a_reference_that_was_not_sent():
    reference = {"reference": "Condition/x", "display": "B-cell lymphoma"}
    order = request(rxnorm("121191", "rituximab"), authoredOn="2026-01-10", reasonReference=[reference])
    assert courses(order) == ()


def test_dosage_tells_the_product():
    order = request({"coding": [{"system": ATC, "code": "L04AG06", "display": "alemtuzumab"}]}, authoredOn="2026-01-10")
    assert one(order).outcome == "unknown"
    order["dosageInstruction"] = [{"text": "12 mg IV daily for 5 days"}]
    assert one(order).outcome == "ongoing"


def test_dosage_tells_that_it_is_for_ms():
    order = request(rxnorm("44157", "cladribine"), authoredOn="2026-01-10", dosageInstruction=[{"text": "for multiple sclerosis, week 1"}])
    assert one(order).outcome == "ongoing"


def test_screening_for_cancer_is_no_cancer():
    screening = {"resourceType": "Condition", "code": {"text": "Encounter for screening for malignant neoplasm of breast"}}
    mitoxantrone = request(rxnorm("7005", "mitoxantrone"), authoredOn="2026-09-10")
    assert one(screening, mitoxantrone).outcome == "ongoing"


def test_malignant_ms_is_no_cancer():
    code = {"coding": [{"system": SNOMED, "code": "24700007"}], "text": "Malignant multiple sclerosis"}
    malignant = {"resourceType": "Condition", "code": code}
    assert one(malignant, request(rxnorm("7005", "mitoxantrone"), authoredOn="2026-09-10")).outcome == "ongoing"


def test_indication_is_unclear_where_the_problem_list_was_not_read():
    order = request(rxnorm("121191", "rituximab"), authoredOn="2026-01-10")
    assert one(order, missing=("conditions",)).outcome == "unknown"


def test_one_record_for_ms_speaks_for_the_others_of_the_drug():
    ms = [{"coding": [{"system": SNOMED, "code": "24700007"}]}]
    lymphoma = {"resourceType": "Condition", "code": {"text": "Follicular lymphoma"}}
    rituximab = rxnorm("121191", "rituximab")
    order = request(rituximab, authoredOn="2025-10-01", reasonCode=ms)
    course = one(lymphoma, order, infusion(rituximab, "2025-10-10"), infusion(rituximab, "2026-04-10"))
    assert course.outcome == "ongoing"


def test_an_unknown_product_code_without_words_may_be_an_ms_drug():
    found = facts(request(rxnorm("999999999"), authoredOn="2026-01-10"))
    assert found["treatment.readable"].value is None
    assert found["dmt.noneRecorded"].value is None


def test_no_known_medications_is_an_answer():
    absent = {"coding": [{"system": "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "code": "no-known-medications"}]}
    statement = {"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": absent}
    assert facts(statement)["dmt.noneRecorded"].value is True
    absent["coding"][0]["code"] = "no-medication-info"
    assert facts(statement)["dmt.noneRecorded"].value is None


def test_inpatient_order_stopped_at_discharge_does_not_end_the_treatment():
    outpatient = request(DMF, authoredOn="2024-01-10", dispenseRequest={"validityPeriod": {"start": "2026-06-01", "end": "2027-01-01"}})
    inpatient = request(
        DMF, status="stopped", authoredOn="2026-07-01", category=[{"coding": [{"code": "inpatient"}]}],
        dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": "2026-07-01", "end": "2026-07-05"}}}}],
    )  # fmt: skip
    assert one(outpatient, inpatient).ongoing is True


def test_contradicting_code_and_words_are_neither_drug_for_certain():
    order = request(rxnorm("354770", "ocrelizumab 300 mg"), authoredOn="2026-01-10")
    found = courses(order)
    assert {course.drug for course in found} >= {"natalizumab"}
    assert {course.outcome for course in found} == {"unknown"}


def test_biosimilar_suffix_is_the_same_drug():
    course = one(request(rxnorm("354770", "natalizumab-sztn 20 MG/ML"), authoredOn="2026-10-10"))
    assert (course.drug, course.outcome) == ("natalizumab", "ongoing")


def test_partial_dates_stay_partial():
    course = one(request(DMF, authoredOn="2026", status="active"))
    assert (course.start.first.isoformat(), course.start.last.isoformat()) == ("2026-01-01", "2026-11-20")


def test_written_reasons_are_cut_short():
    long = "treatment failure " + "x" * 200
    course = one(request(DMF, status="stopped", authoredOn="2024-01-10", statusReason={"text": long}))
    assert course.outcome == "failed"
    assert len(course.stop_reason) == 80


@pytest.mark.parametrize(
    "words",
    ["not tolerated, no lack of efficacy", "denies treatment failure; stopped for GI side effects", "without relapses, family planning"],
)
def test_denied_failure_is_no_failure(words):
    assert one(request(DMF, status="stopped", authoredOn="2024-01-10", statusReason={"text": words})).outcome == "stoppedOther"


@pytest.mark.parametrize("words", ["relapsing MS, own wish", "RRMS; patient preference"])
def test_the_name_of_the_disease_is_no_relapse(words):
    assert one(request(DMF, status="stopped", authoredOn="2024-01-10", statusReason={"text": words})).outcome == "stoppedOther"


BARE = [
    {"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": NATALIZUMAB},
    {
        "resourceType": "MedicationStatement",
        "status": "completed",
        "medicationCodeableConcept": NATALIZUMAB,
        "effectivePeriod": {"end": "2020"},
    },
    {"resourceType": "MedicationStatement", "status": "stopped", "medicationCodeableConcept": NATALIZUMAB, "dateAsserted": "2020-01-01"},
    {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": NATALIZUMAB,
        "effectivePeriod": {"end": "2020"},
    },
    {"resourceType": "MedicationDispense", "status": "completed", "medicationCodeableConcept": NATALIZUMAB},
    {"resourceType": "MedicationDispense", "status": "completed", "medicationCodeableConcept": DMF, "daysSupply": {"value": 30}},
    {"resourceType": "Procedure", "status": "completed", "code": {"text": "natalizumab infusion"}},
    {"resourceType": "Procedure", "status": "completed"},
    request(NATALIZUMAB, status="stopped"),
    request(NATALIZUMAB, status="completed"),
    request(NATALIZUMAB, status="on-hold"),
    request(NATALIZUMAB, authoredOn="2026-01", dispenseRequest={"expectedSupplyDuration": {"value": 1e9, "code": "d"}}),
    request(NATALIZUMAB, authoredOn="2026-01", dispenseRequest={"numberOfRepeatsAllowed": 3}),
    request(NATALIZUMAB, authoredOn="0001-01-01"),
    request(NATALIZUMAB, authoredOn="9999-12-31"),
    request(NATALIZUMAB, status="stopped", authoredOn="2026-03-01", meta={"lastUpdated": "2020-01-01T00:00:00Z"}),
    request(NATALIZUMAB, dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": "2026-05-01", "end": "2026-01-01"}}}}]),
]


@pytest.mark.parametrize("resource", BARE, ids=[f"{resource['resourceType']} {number}" for number, resource in enumerate(BARE)])
def test_sparse_and_odd_resources_are_read(resource):
    found = facts(resource)
    assert all(fact.reason for fact in found.values())
    assert all(course.reason for course in courses(resource))


EPIC = {
    "resourceType": "MedicationRequest", "status": "active", "intent": "order", "reportedBoolean": False,
    "authoredOn": "2025-12-01T14:02:11Z",
    "medicationReference": {"reference": "Medication/not-sent", "display": "natalizumab (TYSABRI) 300 mg/15 mL injection"},
    "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category", "code": "outpatient"}]}],
    "courseOfTherapyType": {"text": "Long-term"},
    "dosageInstruction": [{"text": "300 mg every 28 days", "timing": {"repeat": {"boundsPeriod": {"start": "2025-12-01T05:00:00Z"}}}}],
    "dispenseRequest": {"validityPeriod": {"start": "2025-12-01T05:00:00Z"}, "numberOfRepeatsAllowed": 11},
}  # fmt: skip
ORACLE = {
    "resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2025-12-01T00:00:00.000Z",
    "medicationCodeableConcept": {
        "coding": [{"system": "urn:oid:2.16.840.1.113883.6.314", "code": "d05214", "display": "natalizumab"}, NATALIZUMAB["coding"][0]],
        "text": "Tysabri 300 mg IV",
    },
    "dosageInstruction": [{"text": "300 mg, IV, every 4 weeks", "patientInstruction": "Infusion clinic"}],
    "dispenseRequest": {"validityPeriod": {"start": "2025-12-01T00:00:00.000Z"}},
}  # fmt: skip


@pytest.mark.parametrize("order", [EPIC, ORACLE], ids=["Epic", "Oracle"])
def test_orders_as_the_large_systems_shape_them(order):
    course = one(order, relapses=[relapse("2026-10-01")])
    assert (course.drug, str(course.start), course.outcome) == ("natalizumab", "2025-12-01", "failed")


def test_a_national_drug_code_is_read_by_its_words():
    ndc = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "50242-150-01", "display": "OCREVUS 300 MG/10ML IV SOLN"}]}
    assert one(request(ndc, authoredOn="2026-01-01")).how == "text"
    bare = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "50242-150-01"}]}
    assert facts(request(bare, authoredOn="2026-01-01"))["dmt.noneRecorded"].value is None


def test_a_mixture_coded_by_its_bag_is_read_by_its_ingredients():
    bag = {
        "resourceType": "Medication", "id": "bag", "code": {"text": "IVPB neurology protocol"},
        "ingredient": [{"itemCodeableConcept": {"text": "sodium chloride 0.9 %"}}, {"itemCodeableConcept": {"text": "ocrelizumab 600 mg"}}],
    }  # fmt: skip
    order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2026-01-01", "contained": [bag]}
    assert one(order | {"medicationReference": {"reference": "#bag"}}).drug == "ocrelizumab"


def test_rituximab_beside_another_autoimmune_disease_is_unclear():
    sjogren = {"resourceType": "Condition", "code": {"text": "Sjögren syndrome"}}
    assert facts(request("rituximab", authoredOn="2026-01-01"), sjogren)["antiCd20.ever"].value is None


def test_an_order_of_a_monthly_drug_that_ran_out_on_no_known_day_leaves_the_last_dose_open():
    course = one(request(NATALIZUMAB, status="completed", authoredOn="2026-03-10"))
    assert (course.ongoing, course.phase, course.outcome) == (None, "unknown", "unknown")


def test_such_an_order_ends_with_the_last_infusion_on_record():
    course = one(request(NATALIZUMAB, status="completed", authoredOn="2026-01-10"), infusion(NATALIZUMAB, "2026-02-10"))
    assert (course.ongoing, str(course.end)) == (False, "2026-02-10")


def test_an_end_before_the_start_is_left_aside():
    period = {"start": "2026-05-01", "end": "2022-01-01"}
    course = one(
        {"resourceType": "MedicationStatement", "status": "completed", "effectivePeriod": period, "medicationCodeableConcept": NATALIZUMAB}
    )
    assert (course.phase, str(course.end)) == ("unknown", "2026-05-01 to 2026-11-20")
    assert any("before its start" in note for note in course.notes)


def not_taken(**members):
    return {"resourceType": "MedicationStatement", "status": "not-taken", "medicationCodeableConcept": DMF, **members}


def test_a_statement_that_an_ordered_drug_is_not_taken_leaves_it_open():
    course = one(request(DMF, authoredOn="2026-02-01"), not_taken(dateAsserted="2026-06-10"))
    assert (course.ongoing, course.phase) == (None, "unknown")
    assert any("says that it is not taken" in note for note in course.notes)


def test_a_statement_before_the_order_says_nothing_of_it():
    assert one(request(DMF, authoredOn="2026-08-01"), not_taken(dateAsserted="2026-06-10")).ongoing is True


def test_a_statement_without_a_date_leaves_it_open():
    assert one(request(DMF, authoredOn="2026-08-01"), not_taken()).ongoing is None


def test_a_drug_that_is_only_stated_as_not_taken_was_not():
    assert facts(not_taken(dateAsserted="2026-06-10"))["dmt.noneRecorded"].value is True


def test_monthly_orders_that_ran_out_are_infusions():
    orders = [request(NATALIZUMAB, status="completed", authoredOn=f"2026-{month:02}-05") for month in range(1, 7)]
    course = one(*orders)
    assert (course.ongoing, str(course.end), course.phase) == (False, "2026-06-05", "rebound")


def test_a_dosage_may_say_that_it_was_not_begun():
    order = request(DMF, authoredOn="2026-09-01", dosageInstruction=[{"text": "Not started yet"}])
    assert facts(order)["dmt.noneRecorded"].value is None


LONG_TERM = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "Z79.620"}]}


def status(code, clinical="active"):
    state = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": clinical}]}
    return {"resourceType": "Condition", "clinicalStatus": state, "code": code}


@pytest.mark.parametrize("code", [LONG_TERM, {"text": "Long term (current) use of immunosuppressive biologic"}])
def test_a_drug_that_a_diagnosis_speaks_of_and_does_not_name(code):
    assert facts(status(code))["dmt.noneRecorded"].value is None
    assert facts(status(code, "resolved"))["dmt.noneRecorded"].value is True
    assert facts(status(code), request(DMF, authoredOn="2026-09-01"))["treatment.readable"].value is True
    methotrexate = request({"text": "methotrexate"}, authoredOn="2026-09-01", reasonCode=[{"text": "Rheumatoid arthritis"}])
    assert facts(status(code), methotrexate)["dmt.noneRecorded"].value is True


def test_an_order_before_the_first_dispense_on_record_was_followed():
    orders = [
        request({"text": "Kesimpta"}, status="completed", authoredOn="2025-05-01"),
        request({"text": "Kesimpta"}, authoredOn="2026-05-01"),
    ]
    supply = {"resourceType": "MedicationDispense", "status": "completed", "medicationCodeableConcept": {"text": "Kesimpta"}}
    course = one(*orders, *(supply | {"whenHandedOver": f"2026-{month:02}-03", "daysSupply": DAYS_30} for month in range(5, 12)))
    assert (str(course.start), course.ongoing) == ("2025-05-01", True)


@pytest.mark.parametrize("name", ["Ocrelizumab (prior authorization required)", "ocrelizumab 600 mg (previous infusion 3/2026)"])
def test_words_that_only_sound_as_if_a_drug_were_over(name):
    assert not any("own words" in note for note in one(request({"text": name}, authoredOn="2026-06-01")).notes)

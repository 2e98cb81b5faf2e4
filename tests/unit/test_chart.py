"""What was sent for each prefetch key, and whose it is: contract 2.6 (CH-PD-01 to CH-PD-13) and CH-REQ-16."""

import pytest

from cds.fhir.chart import Chart, refs_in

KEYS = {"patient": "Patient", "conditions": "Condition", "medicationRequests": "MedicationRequest", "observations": "Observation"}


def patient(id="p1", **more):
    return {"resourceType": "Patient", "id": id, "gender": "female", "birthDate": "1980-01-01", **more}


def condition(id="c1", subject="Patient/p1", **more):
    reference = {"subject": {"reference": subject}} if subject else {}
    return {"resourceType": "Condition", "id": id, "code": {"text": "MS"}, **reference, **more}


def bundle(*resources, **more):
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in resources], **more}


def outcome(severity="error"):
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}


def read(patient_id="p1", **prefetch):
    return Chart.from_prefetch(prefetch, patient_id, KEYS)


def refs(chart, type_="Condition"):
    return [entry.ref for entry in chart.entries(type_)]


def gaps(chart):
    return [(item.type, item.resource, item.reason) for item in chart.not_read]


# Answered or not


def test_a_searchset_is_an_answer():
    """CH-PD-02, CH-PD-03"""
    chart = read(patient=patient(), conditions=bundle(condition()))
    assert chart.patient is not None
    assert chart.patient.ref == "Patient/p1"
    assert refs(chart) == ["Condition/c1"]
    assert chart.answered == {"Patient", "Condition"}
    assert chart.complete("Condition")
    assert chart.not_read == ()


@pytest.mark.parametrize(
    "value",
    [
        None,
        bundle(),
        {"resourceType": "Bundle", "type": "searchset", "total": 0},
        {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": None},
        bundle(outcome("warning"), total=0),
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": 0,
            "entry": [{"resource": outcome("warning"), "search": {"mode": "outcome"}}],
        },
        {"resourceType": "Bundle", "entry": [{"resource": condition(), "search": {"mode": "outcome"}}]},
        outcome("information"),
        {"response": {"status": "404 Not Found"}, "resource": None},
        {"response": {"status": "200"}, "resource": None},
        {"response": {"status": "200"}, "resource": bundle()},
    ],
)
def test_an_empty_answer_is_an_answer(value):
    """CH-PD-03, CH-PD-04, CH-PD-05"""
    chart = read(conditions=value)
    assert chart.complete("Condition")
    assert refs(chart) == []
    assert chart.not_read == ()


@pytest.mark.parametrize(
    "value",
    [
        outcome(),
        outcome("fatal"),
        {"resourceType": "OperationOutcome"},
        {"resourceType": "OperationOutcome", "issue": ["x"]},
        bundle(outcome()),
        {"response": {"status": "500"}, "resource": bundle(condition())},
        {"response": {"status": "401"}, "resource": None},
    ],
)
def test_an_error_is_no_answer(value):
    """CH-PD-06"""
    chart = read(conditions=value)
    assert not chart.complete("Condition")
    assert gaps(chart) == [("Condition", None, "the server answered with an error")]


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "<html></html>",
        "",
        5,
        True,
        [],
        [condition()],
        {},
        {"a": 1},
        {"resourceType": 5},
        {"resourceType": []},
        {"resourceType": "Bundle", "entry": "x"},
        {"resourceType": "Bundle", "entry": {"resource": condition()}},
        {"resource": {"a": 1}},
        {"resource": "x"},
        patient(),
    ],
)
def test_what_is_not_fhir_or_of_another_type_is_no_answer(value):
    """CH-PD-10"""
    chart = read(conditions=value)
    assert not chart.complete("Condition")
    assert gaps(chart) == [("Condition", None, "what was sent is not FHIR")]


def test_an_absent_key_is_no_answer():
    """CH-PD-07"""
    chart = read(patient=patient())
    assert not chart.complete("Condition")
    assert chart.not_read == ()


@pytest.mark.parametrize(
    "value",
    [
        bundle(condition(), link=[{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]),
        bundle(condition(), link={"relation": "next", "url": "b"}),
        bundle(condition(), total=2),
        bundle(condition(), outcome()),
        {"resourceType": "Bundle", "entry": [{"resource": condition()}, {"fullUrl": "urn:x"}]},
        {"resourceType": "Bundle", "entry": [{"resource": condition()}, None]},
        {"resourceType": "Bundle", "entry": [{"resource": condition()}, {"resource": {"id": "1"}}]},
        bundle(condition(), {"resourceType": "Bundle", "link": [{"relation": "next"}]}),
    ],
)
def test_a_part_of_the_answer_is_used_and_is_no_whole(value):
    """CH-PD-08"""
    chart = read(conditions=value)
    assert refs(chart) == ["Condition/c1"]
    assert "Condition" not in chart.answered
    assert chart.partial == {"Condition"}
    assert not chart.complete("Condition")
    assert gaps(chart) == [("Condition", None, "only a part of them was sent")]


def test_included_resources_do_not_count_to_the_total():
    """CH-PD-08"""
    included = {"resource": condition("c2"), "search": {"mode": "include"}}
    value = {"resourceType": "Bundle", "total": 1, "entry": [{"resource": condition()}, included]}
    assert read(conditions=value).complete("Condition")


@pytest.mark.parametrize(
    "value",
    [
        condition(),
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": condition()}]},
        {"resourceType": "Bundle", "entry": [{"resource": condition()}]},
        bundle(bundle(condition())),
        {"resourceType": "Bundle", "type": "batch-response", "entry": [{"resource": bundle(condition()), "response": {"status": "200"}}]},
        {"response": {"status": "200 OK"}, "resource": bundle(condition())},
        {"resource": condition()},
    ],
)
def test_other_wrappings_are_accepted(value):
    """CH-PD-09, CH-PD-11"""
    chart = read(conditions=value)
    assert refs(chart) == ["Condition/c1"]
    assert chart.complete("Condition")


def test_a_bundle_where_a_read_was_declared():
    """CH-PD-09"""
    chart = read(patient=bundle(patient()))
    assert chart.patient is not None
    assert chart.complete("Patient")


def test_resources_are_recognised_by_their_type_whatever_key_they_arrive_in():
    """CH-PD-12: an undeclared key answers no question."""
    chart = read(patient=patient(), others=bundle(condition()), more="x", medicationRequests=bundle(condition("c2")))
    assert refs(chart) == ["Condition/c1", "Condition/c2"]
    assert chart.answered == {"Patient", "MedicationRequest"}
    assert chart.not_read == ()


def test_one_answer_in_part_outweighs_another_in_full():
    chart = Chart.from_prefetch({"a": bundle(), "b": bundle(condition(), total=5)}, "p1", {"a": "Condition", "b": "Condition"})
    assert not chart.complete("Condition")


# Whose it is


@pytest.mark.parametrize(
    "subject",
    ["Patient/p1", "https://ehr.example/fhir/Patient/p1", "Patient/p1/_history/3", "p1", "urn:uuid:p1", " Patient/p1 "],
)
@pytest.mark.parametrize("patient_id", ["p1", "Patient/p1", "https://ehr.example/fhir/Patient/p1"])
def test_the_patients_own_resources_are_kept(subject, patient_id):
    """CH-REQ-07, CH-REQ-16, CH-PD-13"""
    assert refs(read(patient_id, conditions=bundle(condition(subject=subject)))) == ["Condition/c1"]


def test_a_result_without_a_subject_belongs_to_the_patient_it_was_asked_for():
    result = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "EDSS"}}
    assert refs(read(observations=bundle(result)), "Observation") == ["Observation/o"]


@pytest.mark.parametrize(
    "subject", ["Patient/p2", "https://ehr.example/fhir/Patient/p2", "p2", "Group/p1", "Device/p1", "RelatedPerson/p1"]
)
def test_another_patients_resources_are_dropped_without_a_word(subject):
    """CH-REQ-16"""
    chart = read(conditions=bundle(condition(subject=subject), condition("c2")))
    assert refs(chart) == ["Condition/c2"]
    assert chart.not_read == ()
    assert chart.complete("Condition")


@pytest.mark.parametrize("subject", ["urn:uuid:1c2f", "#someone", "not a reference"])
def test_a_reference_that_leads_nowhere_is_named(subject):
    chart = read(conditions=bundle(condition(subject=subject)))
    assert refs(chart) == []
    assert gaps(chart) == [("Condition", "Condition/c1", "its patient reference leads nowhere")]


def test_a_urn_is_resolved_by_the_address_in_the_bundle():
    """CH-PD-13"""
    value = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:aa", "resource": patient("p1")},
            {"fullUrl": "urn:uuid:bb", "resource": patient("p2")},
            {"resource": condition("c1", "urn:uuid:aa")},
            {"resource": condition("c2", "urn:uuid:bb")},
        ],
    }
    chart = read(everything=value)
    assert refs(chart) == ["Condition/c1"]
    assert chart.not_read == ()


def test_an_allergy_belongs_to_its_patient_element():
    """CH-REQ-16"""
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "natalizumab"}}
    chart = read(
        allergies=bundle(allergy | {"patient": {"reference": "Patient/p2"}}, allergy | {"id": "b", "patient": {"reference": "p1"}})
    )
    assert refs(chart, "AllergyIntolerance") == ["AllergyIntolerance/b"]


def test_a_patient_that_contradicts_the_call_is_told_to_the_caller():
    """CH-REQ-16"""
    chart = read(patient=patient("p2"), conditions=bundle(condition()))
    assert chart.patient_mismatch
    assert chart.patient is None
    assert refs(chart) == ["Condition/c1"]


@pytest.mark.parametrize("sent", [patient("p1"), bundle(patient("p1")), None, {"resourceType": "Patient", "birthDate": "1980"}])
def test_a_patient_that_fits_is_no_mismatch(sent):
    assert not read(patient=sent).patient_mismatch
    assert (read(patient=sent).patient is None) is (sent is None)


def test_the_patient_among_others_is_no_mismatch():
    chart = read(patient=bundle(patient("p2"), patient("p1")))
    assert not chart.patient_mismatch
    assert chart.patient is not None
    assert chart.patient.ref == "Patient/p1"


@pytest.mark.parametrize(
    ("focus", "own"),
    [
        ([{"reference": "Patient/fetus"}], False),
        ([{"reference": "RelatedPerson/mother"}], False),
        ([{"reference": "Patient/p1"}], True),
        ([{"reference": "Device/pump"}], True),
        ([{"display": "the left lobe"}], True),
        ("broken", True),
        (None, True),
    ],
)
def test_a_result_about_a_relative_or_a_fetus_is_none_of_the_patient(focus, own):
    result = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "HBsAg"},
        "subject": {"reference": "Patient/p1"},
    }
    assert refs(read(observations=bundle(result | {"focus": focus})), "Observation") == (["Observation/o1"] if own else [])


def test_another_patient_beside_the_patient_is_dropped():
    chart = read(patient=patient(), others=bundle(patient("p2"), condition("c2", "Patient/p2")))
    assert chart.patient is not None
    assert chart.patient.ref == "Patient/p1"
    assert not chart.patient_mismatch
    assert refs(chart) == []


# Without a patient id


def test_a_bare_bundle_is_of_its_one_patient():
    chart = Chart.from_bundle(bundle(patient(), condition(), condition("c2", "Patient/p2"), {"resourceType": "Claim", "id": "x"}))
    assert chart.patient is not None
    assert refs(chart) == ["Condition/c1"]
    assert chart.answered == {"Patient", "Condition"}
    assert not chart.complete("Observation")


def test_of_two_patients_none_is_chosen():
    chart = Chart.from_bundle(bundle(patient("p1"), patient("p2"), condition()))
    assert chart.patient is None
    assert refs(chart) == []
    assert chart.answered == frozenset()
    assert gaps(chart) == [(None, None, "it holds resources of more than one patient and none is named")]


def test_a_bundle_of_two_patients_is_read_for_the_one_who_is_named():
    chart = Chart.from_bundle(bundle(patient("p1"), patient("p2"), condition(), condition("c2", "Patient/p2")), "p2")
    assert refs(chart) == ["Condition/c2"]


def test_without_a_patient_the_resources_must_agree_on_one():
    assert refs(Chart.from_bundle(bundle(condition(), condition("c2")))) == ["Condition/c1", "Condition/c2"]
    assert refs(Chart.from_bundle(bundle(condition(), condition("c2", "Patient/p2")))) == []


def test_a_patient_without_id_is_the_one_the_resources_speak_of():
    nameless = {key: value for key, value in patient().items() if key != "id"}
    chart = Chart.from_bundle(bundle(nameless, condition()))
    assert chart.patient is not None
    assert chart.patient.ref.startswith("Patient/unidentified-")
    assert refs(chart) == ["Condition/c1"]


def test_a_bundle_in_part_answers_nothing():
    chart = Chart.from_bundle(bundle(patient(), condition(), link=[{"relation": "next", "url": "x"}]))
    assert chart.answered == frozenset()
    assert chart.partial == {"Patient", "Condition"}
    assert gaps(chart) == [(None, None, "only a part of them was sent")]


@pytest.mark.parametrize("value", ["x", None, [], outcome(), {}])
def test_a_file_that_holds_no_resource_is_an_empty_chart(value):
    chart = Chart.from_bundle(value)
    assert chart.patient is None
    assert chart.answered == frozenset()


# Versions and order


def test_the_latest_version_counts_once():
    old = condition(meta={"lastUpdated": "2024-01-01T00:00:00Z"}, code={"text": "old"})
    new = condition(meta={"lastUpdated": "2024-01-01T02:00:00+01:00"}, code={"text": "new"})
    for resources in ((old, new), (new, old), (old, new, old)):
        chart = read(conditions=bundle(*resources))
        assert [entry.resource.code.text for entry in chart.entries("Condition")] == ["new"]


def test_without_a_time_the_version_number_decides():
    nine, ten = (condition(meta={"versionId": number}, code={"text": number}) for number in ("9", "10"))
    for resources in ((nine, ten), (ten, nine)):
        (entry,) = read(conditions=bundle(*resources)).entries("Condition")
        assert entry.resource.code.text == "10"


def test_equally_new_versions_give_the_same_whatever_their_order():
    one, other = condition(code={"text": "a"}), condition(code={"text": "b"})
    texts = {read(conditions=bundle(*order)).entries("Condition")[0].resource.code.text for order in ((one, other), (other, one))}
    assert len(texts) == 1


def test_a_correction_that_gives_a_resource_to_another_patient_takes_it_from_this_one():
    old = condition(meta={"lastUpdated": "2024-01-01T00:00:00Z"})
    new = condition(subject="Patient/p2", meta={"lastUpdated": "2024-02-01T00:00:00Z"})
    assert refs(read(conditions=bundle(old, new))) == []


def test_of_equally_new_versions_the_patients_own_counts():
    assert refs(read(conditions=bundle(condition(subject="Patient/p2"), condition()))) == ["Condition/c1"]


def test_a_newer_version_that_is_refused_is_not_replaced_by_an_older_one():
    old = condition(meta={"lastUpdated": "2024-01-01T00:00:00Z"})
    new = condition(meta={"lastUpdated": "2024-02-01T00:00:00Z"}, clinicalStatus="active")
    chart = read(conditions=bundle(old, new))
    assert refs(chart) == []
    assert [item.resource for item in chart.not_read] == ["Condition/c1"]


def test_resources_without_id_have_stable_refs():
    nameless = {key: value for key, value in condition().items() if key != "id"}
    first, second = (read(conditions=bundle(*order)) for order in ((nameless, condition("z")), (condition("z"), nameless, nameless)))
    assert refs(first) == refs(second)
    assert len(refs(first)) == 2


def test_an_id_from_the_address_in_the_bundle():
    nameless = {key: value for key, value in condition().items() if key != "id"}
    value = {"resourceType": "Bundle", "entry": [{"fullUrl": "https://ehr.example/fhir/Condition/77", "resource": nameless}]}
    assert refs(read(conditions=value)) == ["Condition/77"]


@pytest.mark.parametrize("id", ["a_b", "x" * 200, "x" * 512, "a.b-c"])
def test_ids_that_servers_send_are_kept(id):
    """CH-REQ-08"""
    assert refs(read(conditions=bundle(condition(id)))) == [f"Condition/{id}"]


def test_a_numeric_id_is_read_as_text():
    assert refs(read(conditions=bundle(condition(77)))) == ["Condition/77"]


def test_entries_are_in_the_order_of_their_refs():
    chart = read(conditions=bundle(*(condition(id) for id in "cab")))
    assert refs(chart) == ["Condition/a", "Condition/b", "Condition/c"]


def test_entered_in_error_is_kept_for_readers_to_refuse():
    status = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "entered-in-error"}]}
    assert refs(read(conditions=bundle(condition(verificationStatus=status)))) == ["Condition/c1"]


def test_types_that_are_not_read_are_left_aside():
    assert Chart.from_bundle(bundle(patient(), {"resourceType": "Claim", "id": "x", "status": 5})).not_read == ()


def test_the_chart_before_resources_were_added():
    added = bundle(condition("new"), condition("bad", clinicalStatus="active"))
    after = read(conditions=bundle(condition()), added=added)
    assert refs(after) == ["Condition/c1", "Condition/new"]
    before = after.without(refs_in(added))
    assert refs(before) == ["Condition/c1"]
    assert before.not_read == ()
    assert before.answered == after.answered

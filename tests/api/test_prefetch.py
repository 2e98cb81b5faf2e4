"""The decision table for each prefetch key (contract 2.6) and 412 (contract 2.8), without a FHIR server."""

from __future__ import annotations

import pytest

from cds.api.prefetch import Status, judge, next_link, read_answers, unwrap
from cds.protocol.discovery import PREFETCH
from tests.api.samples import MS, OPTIONAL, OTHER, PATIENT_ID, bundle, condition, operation_outcome, patient, prefetch, request

REQUIRED = ("patient", "conditions")
TYPE_OF = {entry.key: entry.resource_type for entry in PREFETCH}
EPIC_EMPTY = {
    "resourceType": "Bundle",
    "type": "searchset",
    "total": 0,
    "entry": [{"search": {"mode": "outcome"}, "resource": operation_outcome("warning")}],
}
NEXT = [{"relation": "self", "url": "https://fhir.example/1"}, {"relation": "next", "url": "https://fhir.example/2"}]


def sample(key: str) -> dict:
    return patient() if key == "patient" else condition() if key == "conditions" else {"resourceType": TYPE_OF[key], "id": "1"}


def call(wire, **changes):
    return wire.call(request(prefetch={key: value for key, value in prefetch(**changes).items() if value is not ...}))


TABLE = [
    ("resource", lambda key: sample(key), Status.ANSWERED),
    ("bundle", lambda key: bundle(sample(key)), Status.ANSWERED),
    ("collection", lambda key: bundle(sample(key), type="collection"), Status.ANSWERED),
    ("untyped bundle", lambda key: {"resourceType": "Bundle", "entry": [{"resource": sample(key)}]}, Status.ANSWERED),
    ("empty bundle", lambda _: bundle(), Status.ANSWERED),
    ("empty bundle of Epic", lambda _: EPIC_EMPTY, Status.ANSWERED),
    ("null", lambda _: None, Status.ANSWERED),
    ("match and outcome", lambda key: bundle(sample(key), operation_outcome()), Status.ANSWERED),
    ("outcome", lambda _: operation_outcome(), Status.UNAVAILABLE),
    ("bundle of errors", lambda _: bundle(operation_outcome()), Status.UNAVAILABLE),
    ("bundle of fatal errors", lambda _: bundle(operation_outcome("fatal")), Status.UNAVAILABLE),
    ("page with next", lambda key: bundle(sample(key), link=NEXT), Status.PARTIAL),
    ("empty page with next", lambda _: bundle(link=NEXT), Status.PARTIAL),
    ("string", lambda _: "Patient/1", Status.ABSENT),
    ("HTML page", lambda _: "<html><body>502 Bad Gateway</body></html>", Status.ABSENT),
    ("number", lambda _: 5, Status.ABSENT),
    ("boolean", lambda _: False, Status.ABSENT),
    ("array", lambda key: [sample(key)], Status.ABSENT),
    ("empty object", lambda _: {}, Status.ABSENT),
    ("wrong type", lambda _: {"resourceType": "Binary"}, Status.ABSENT),
    ("type that is no string", lambda _: {"resourceType": ["Patient"]}, Status.ABSENT),
    ("bundle of another type", lambda _: bundle({"resourceType": "Binary"}), Status.ABSENT),
    (
        "odd entries",
        lambda key: {"resourceType": "Bundle", "entry": [None, 5, {}, {"resource": None}, {"resource": sample(key)}]},
        Status.ANSWERED,
    ),
    ("entry that is no array", lambda _: {"resourceType": "Bundle", "entry": {"resource": 1}}, Status.ANSWERED),
]


@pytest.mark.row("CH-PD-02", "CH-PD-03", "CH-PD-04", "CH-PD-05", "CH-PD-06", "CH-PD-08", "CH-PD-09", "CH-PD-10")
@pytest.mark.parametrize(("make", "status"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("key", TYPE_OF)
def test_ch_pd_status_of_a_value(key, make, status):
    assert judge(make(key), TYPE_OF[key]) is status


@pytest.mark.row("CH-PD-02", "CH-PD-10", "CH-412-03", "CH-HTTP-02")
@pytest.mark.parametrize(("make", "status"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("key", OPTIONAL)
def test_ch_412_03_an_optional_key_never_fails_the_call(wire, key, make, status):
    assert call(wire, **{key: make(key)}).json()["cards"]


@pytest.mark.row("CH-412-01", "CH-412-04", "CH-PD-06", "CH-PD-07", "CH-HTTP-02")
@pytest.mark.parametrize("key", REQUIRED)
@pytest.mark.parametrize("value", [..., operation_outcome(), "<html>", [], {"resourceType": "Binary"}, bundle(operation_outcome())])
def test_ch_412_01_a_required_key_that_cannot_be_had(wire, key, value):
    response = call(wire, **{key: value})
    assert response.status_code == 412
    issue = response.json()["issue"][0]
    assert issue["code"] == "incomplete"
    assert f"'{key}'" in issue["diagnostics"]


@pytest.mark.row("CH-412-03")
@pytest.mark.parametrize("key", OPTIONAL)
def test_ch_412_03_each_optional_key_may_be_absent(wire, key):
    assert call(wire, **{key: ...}).json()["cards"]


@pytest.mark.row("CH-PD-04", "CH-PD-05", "CH-RESP-02", "CH-412-02")
@pytest.mark.parametrize("value", [None, bundle(), EPIC_EMPTY, OTHER])
def test_ch_pd_04_known_to_have_no_conditions_is_silence(wire, value):
    response = call(wire, conditions=value)
    assert (response.status_code, response.json()) == (200, {"cards": []})


@pytest.mark.row("CH-PD-04", "CH-412-01")
def test_ch_pd_04_a_patient_that_is_not_there_is_412(wire):
    assert call(wire, patient=None).status_code == 412


@pytest.mark.row("CH-PD-08", "CH-412-05")
def test_ch_pd_08_absence_is_never_concluded_from_a_part(wire):
    assert call(wire, conditions={**MS, "link": NEXT}).json()["cards"]
    response = call(wire, conditions={**OTHER, "link": NEXT})
    assert response.status_code == 412
    assert "'conditions'" in response.json()["issue"][0]["diagnostics"]


@pytest.mark.row("CH-PD-09")
def test_ch_pd_09_bundle_for_the_read_and_resource_for_the_search(wire):
    assert call(wire, patient=bundle(patient()), conditions=condition()).json()["cards"]


@pytest.mark.row("CH-PD-11")
@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        ({"response": {"status": "200 OK"}, "resource": MS}, MS),
        ({"response": {"status": "200 OK"}, "resource": None}, None),
        ({"response": {"status": 200}}, None),
        ({"response": {"status": "404 Not Found"}}, None),
        ({"response": {"status": "500"}}, {"resourceType": "OperationOutcome"}),
        ({"response": {}}, {"resourceType": "OperationOutcome"}),
        ({"response": "200"}, {"response": "200"}),
    ],
)
def test_ch_pd_11_the_wrapper_of_early_versions(wire, wrapped, expected):
    assert unwrap(wrapped) == expected
    assert call(wire, observations=wrapped).status_code == 200


@pytest.mark.row("CH-PD-12")
@pytest.mark.parametrize("value", [None, "x", 5, [], {}, bundle(), {"resourceType": "Device"}, bundle(patient(id="other"))])
def test_ch_pd_12_keys_of_others_break_nothing(wire, value):
    assert len(call(wire, medicationRequestBundle=value).json()["cards"]) == len(call(wire).json()["cards"])


@pytest.mark.row("CH-PD-12")
def test_ch_pd_12_resources_are_recognised_under_any_key(wire):
    found = wire.call(request(prefetch={"everything": bundle(patient(), condition())}))
    assert found.json()["cards"]
    undecided = wire.call(request(prefetch={"everything": bundle(patient(), condition("38341003"))}))
    assert undecided.status_code == 412


@pytest.mark.row("CH-PF-11")
def test_ch_pf_11_type_names_and_configured_aliases_are_keys(wire):
    renamed = {"Patient": patient(), "Condition": OTHER}
    assert wire.call(request(prefetch=renamed)).json() == {"cards": []}
    answers = read_answers({"-user": patient(), "epicProblems": MS}, PATIENT_ID, {"-user": "patient", "epicProblems": "conditions"})
    assert {key for key, status in answers.status.items() if status is Status.ANSWERED} == set(REQUIRED)


def test_our_own_key_wins_over_an_alias():
    answers = read_answers({"conditions": OTHER, "Condition": MS}, PATIENT_ID, {})
    assert answers.values["conditions"] == OTHER


@pytest.mark.row("CH-PD-08")
@pytest.mark.parametrize(
    "link", [None, "x", [None], [{"relation": "next"}], [{"relation": "next", "url": 5}], [{"relation": "self", "url": "x"}]]
)
def test_ch_pd_08_links_that_are_none(link):
    assert next_link(bundle(link=link)) is None

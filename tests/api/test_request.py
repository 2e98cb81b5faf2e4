"""What of a request is checked, tolerated and refused (contract 2.4 and section 3)."""

from __future__ import annotations

import copy

import pytest

from cds.protocol.request import CONTEXTS
from tests.api import samples
from tests.api.samples import PATIENT_ID, authorization, bundle, condition, patient, prefetch, request, with_context

STRICT = {"profile": "strict"}
SERVER = "https://fhir.example/r4"


def expressions(response):
    return [issue["expression"][0] for issue in response.json()["issue"]]


@pytest.mark.row("CH-REQ-01")
@pytest.mark.parametrize("hook", [..., None, 5, [], {}, ""])
def test_ch_req_01_hook_is_a_string(wire, hook):
    response = wire.call({**request(), "hook": hook} if hook is not ... else {n: v for n, v in request().items() if n != "hook"})
    assert (response.status_code, expressions(response)) == (400, ["hook"])


@pytest.mark.row("CH-REQ-02")
def test_ch_req_02_hook_of_another_service(wire):
    response = wire.call(request("order-sign"))
    assert response.status_code == 400
    assert {"'patient-view'", "'order-sign'"} <= set(
        response.json()["issue"][0]["details"]["text"].replace(".", "").replace(";", "").split()
    )


@pytest.mark.row("CH-REQ-02", "CH-ERR-02")
def test_ch_req_02_an_unknown_hook_is_not_repeated(wire):
    response = wire.call(request(hook=samples.NAME))
    assert response.status_code == 400
    assert samples.NAME not in response.text


@pytest.mark.row("CH-REQ-03")
@pytest.mark.parametrize(
    "instance",
    [
        "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA",
        "c232ab00-9414-11ec-b3c8-9f6bdeced846",
        "01932c07-2a64-7c7e-9d2f-0d3c1f0a9b7e",
        "00000000-0000-0000-0000-000000000000",
    ],
)
@pytest.mark.parametrize("profile", ["interop", "strict"])
def test_ch_req_03_uuid_of_any_version_and_case(make_wire, instance, profile):
    assert make_wire(profile=profile).call(request(hookInstance=instance)).status_code == 200


@pytest.mark.row("CH-REQ-03")
def test_ch_req_03_other_text_by_profile(wire, make_wire):
    assert wire.call(request(hookInstance="x")).status_code == 200
    assert make_wire(**STRICT).call(request(hookInstance="x")).status_code == 400


@pytest.mark.row("CH-REQ-03")
@pytest.mark.parametrize("instance", [..., None, 7, "", []])
def test_ch_req_03_missing_or_no_string(wire, instance):
    body = {**request(), "hookInstance": instance} if instance is not ... else request(hookInstance=...)
    assert expressions(wire.call(body)) == ["hookInstance"]


@pytest.mark.row("CH-REQ-04")
def test_ch_req_04_same_instance_twice(wire):
    assert [wire.call(request()).status_code for _ in range(2)] == [200, 200]


@pytest.mark.row("CH-REQ-05")
@pytest.mark.parametrize("context", [None, [], "x", 5])
def test_ch_req_05_context_is_an_object(wire, context):
    assert wire.call(request(context=context)).status_code == 400


SERVICE_OF = {
    "patient-view": "ms-patient-view",
    "encounter-start": "ms-encounter-start",
    "order-select": "ms-order-select",
    "order-sign": "ms-order-sign",
    "problem-list-item-create": "ms-problem-list",
}
REQUIRED = [(hook, info.alias) for hook, model in CONTEXTS.items() for info in model.model_fields.values() if info.is_required()]


@pytest.mark.row("CH-REQ-05")
@pytest.mark.parametrize(("hook", "member"), REQUIRED)
@pytest.mark.parametrize("value", [..., None, 5, [None]])
def test_ch_req_05_required_context_fields(wire, hook, member, value):
    response = wire.call(with_context(hook, **{member: value}), SERVICE_OF[hook])
    assert response.status_code == 400
    assert all(place.startswith(f"context.{member}") for place in expressions(response))


@pytest.mark.row("CH-REQ-05")
@pytest.mark.parametrize("orders", [{}, {"resourceType": "MedicationRequest"}, "Bundle/1"])
def test_ch_req_05_draft_orders_are_a_bundle(wire, orders):
    assert wire.call(with_context("order-sign", draftOrders=orders), "ms-order-sign").status_code == 400


@pytest.mark.row("CH-REQ-05")
@pytest.mark.parametrize("value", [..., None])
def test_ch_req_05_selections_are_required_in_the_strict_profile(wire, make_wire, capfd, value):
    """Medplum's order-select comes without (Q-MED-01)."""
    body = with_context("order-select", selections=value)
    assert wire.call(body, "ms-order-select").status_code == 200
    assert '"warnings":["selections-missing"]' in capfd.readouterr().err
    response = make_wire(**STRICT).call(body, "ms-order-select")
    assert (response.status_code, expressions(response)) == (400, ["context.selections"])
    assert response.json()["issue"][0]["code"] == "required"


@pytest.mark.row("CH-REQ-05")
@pytest.mark.parametrize("value", [5, [None], "MedicationRequest/1", {}])
def test_ch_req_05_selections_are_an_array_of_strings(wire, value):
    response = wire.call(with_context("order-select", selections=value), "ms-order-select")
    assert response.status_code == 400
    assert all(place.startswith("context.selections") for place in expressions(response))


@pytest.mark.row("CH-REQ-05", "CH-GEN-05")
def test_ch_gen_05_unknown_members_are_ignored(wire):
    body = with_context(foo=1)
    body |= {"foo": [1], "fhirServer": SERVER, "fhirAuthorization": authorization(foo=1)}
    assert wire.call(body).status_code == 200


@pytest.mark.row("CH-REQ-06")
@pytest.mark.parametrize("type_", ["Practitioner", "PractitionerRole", "Patient", "RelatedPerson"])
def test_ch_req_06_users_of_four_types(make_wire, type_):
    assert make_wire(**STRICT).call(with_context(userId=f"{type_}/1")).status_code == 200


@pytest.mark.row("CH-REQ-06")
@pytest.mark.parametrize("user", ["Device/1", "COREPRACTITIONER1", "Practitioner/", "/1"])
def test_ch_req_06_other_users_by_profile(wire, make_wire, user):
    assert wire.call(with_context(userId=user)).status_code == 200
    assert make_wire(**STRICT).call(with_context(userId=user)).status_code == 400


@pytest.mark.row("CH-REQ-07")
def test_ch_req_07_a_type_before_the_id_is_stripped(wire):
    plain, typed = wire.call(with_context()), wire.call(with_context(patientId=f"Patient/{PATIENT_ID}", encounterId="Encounter/1"))
    assert typed.status_code == 200
    assert len(typed.json()["cards"]) == len(plain.json()["cards"])


@pytest.mark.row("CH-REQ-08")
def test_ch_req_08_long_ids(wire):
    long = "e" * 200
    body = with_context("order-select", selections=[f"MedicationRequest/{long}"], encounterId="x_" + long)
    body["context"]["draftOrders"] = bundle({"resourceType": "MedicationRequest", "id": long})
    assert wire.call(body, "ms-order-select").status_code == 200


@pytest.mark.row("CH-REQ-08", "CH-FHIR-07")
@pytest.mark.parametrize(
    "id_", ["1&_count=9999", "../Practitioner/1", "..", ".", "a b", "a/b", "x" * 513, "", "é", "1?x", "1#x", "1%2F", "a\n"]
)
def test_ch_fhir_07_ids_that_are_none_are_refused(wire, id_):
    response = wire.call(with_context(patientId=id_))
    assert (response.status_code, expressions(response)) == (400, ["context.patientId"])


@pytest.mark.row("CH-REQ-09")
def test_ch_req_09_token_without_server(wire, make_wire):
    body = request(fhirAuthorization=authorization())
    assert wire.call(body).status_code == 200
    assert make_wire(**STRICT).call(body).status_code == 400


@pytest.mark.row("CH-REQ-09")
@pytest.mark.parametrize(
    "server", ["fhir.example", "ftp://fhir.example", 5, "", "https://", "https://user:pw@fhir.example", "http://[::1", {}]
)
def test_ch_req_09_a_server_that_is_no_address(wire, make_wire, server):
    body = request(fhirServer=server)
    assert wire.call(body).status_code == 200
    assert make_wire(**STRICT).call(body).status_code == 400


@pytest.mark.row("CH-REQ-11")
@pytest.mark.parametrize("member", ["access_token", "token_type", "expires_in", "scope", "subject"])
@pytest.mark.parametrize("value", [..., "", None, [], {}])
def test_ch_req_11_incomplete_authorization_counts_as_none(make_wire, member, value):
    body = request(fhirServer=SERVER, fhirAuthorization=authorization(**{member: value}))
    for profile in ("interop", "strict"):
        assert make_wire(profile=profile).call(body).status_code == 200


@pytest.mark.row("CH-REQ-11")
@pytest.mark.parametrize(
    "value",
    [None, "token", [], 5, {"access_token": "a\r\nX-Evil: 1"}, authorization(access_token="a\r\nb"), authorization(token_type="MAC")],
)
def test_ch_req_11_anything_as_authorization_is_survived(wire, value):
    assert wire.call(request(fhirServer=SERVER, fhirAuthorization=value)).status_code == 200


@pytest.mark.row("CH-REQ-13")
@pytest.mark.parametrize("value", [..., None, {}])
def test_ch_req_13_no_prefetch_in_three_spellings(wire, value):
    body = {name: member for name, member in request().items() if name != "prefetch"} | ({} if value is ... else {"prefetch": value})
    response = wire.call(body)
    assert response.status_code == 412
    assert response.json() == wire.call(request(prefetch={})).json()


@pytest.mark.parametrize("value", [[], "x", 5])
def test_prefetch_of_another_kind_is_refused(wire, value):
    assert expressions(wire.call(request(prefetch=value))) == ["prefetch"]


@pytest.mark.row("CH-REQ-14")
@pytest.mark.parametrize(
    "scope",
    ["patient/*.read", "patient/Observation.rs launch", "user/Condition.Read", "Clinical Notes (R4) PATIENT.READ (Demographics) (R4)"],
)
def test_ch_req_14_scope_is_opaque(wire, scope):
    assert wire.call(request(fhirServer=SERVER, fhirAuthorization=authorization(scope=scope))).status_code == 200


@pytest.mark.row("CH-REQ-15", "CH-EXT-03")
@pytest.mark.parametrize(
    "extension",
    [
        {"com.epic.cdshooks.request.bpa-trigger-action": "23", "com.epic.cdshooks.request.fhir-version": "STU3"},
        {"davinci-crd.configuration": {}},
        [],
        "x",
        None,
    ],
)
def test_ch_req_15_extensions_change_nothing(wire, extension):
    plain, extended = wire.call(request()).json()["cards"], wire.call(request(extension=extension))
    assert extended.status_code == 200
    assert [card["summary"] for card in extended.json()["cards"]] == [card["summary"] for card in plain]


@pytest.mark.row("CH-REQ-16")
def test_ch_req_16_another_patient_is_refused(wire):
    response = wire.call(request(prefetch=prefetch(patient=patient(id="somebody-else"))))
    assert (response.status_code, expressions(response)) == (400, ["prefetch.patient"])
    assert "somebody-else" not in response.text


@pytest.mark.row("CH-REQ-16")
@pytest.mark.parametrize("value", [patient(), {k: v for k, v in patient().items() if k != "id"}, bundle(patient(id="other"), patient())])
def test_ch_req_16_the_patient_is_found(wire, value):
    assert wire.call(request(prefetch=prefetch(patient=value))).json()["cards"]


@pytest.mark.row("CH-REQ-17")
def test_ch_req_17_shapes_of_other_versions_are_no_error(wire):
    dstu2 = {"resourceType": "Patient", "id": PATIENT_ID, "animal": {"x": 1}, "name": [{"family": ["Adams"], "given": ["Daniel"]}]}
    stu3 = condition(category={"coding": [{"code": "problem-list-item"}]}, clinicalStatus="active", verificationStatus="confirmed")
    untyped = {name: value for name, value in bundle(stu3).items() if name != "type"}
    assert wire.call(request(prefetch=prefetch(patient=dstu2, conditions=untyped))).status_code == 200


def test_a_request_is_not_changed_by_reading(wire):
    body = request()
    before = copy.deepcopy(body)
    wire.call(body)
    assert body == before

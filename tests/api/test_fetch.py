"""Completing the request from the client's FHIR server, a real one over HTTP (contract 2.7, CH-PD-01, CH-PD-08, CH-PERF-03 and -04)."""

from __future__ import annotations

import json

import pytest

from tests.api.fhir_scenario import Scenario
from tests.api.samples import (
    MS,
    OPTIONAL,
    OTHER,
    PATIENT_ID,
    TOKEN,
    authorization,
    bundle,
    condition,
    operation_outcome,
    patient,
    prefetch,
    request,
    with_context,
)

PATIENT = f"Patient/{PATIENT_ID}"


def chart(conditions=MS, **more):
    return {PATIENT: {"body": patient()}, "Condition": {"body": conditions}, **more}


@pytest.fixture
def wire(make_wire, fhir_address):
    return make_wire(fhir_bases=fhir_address)


@pytest.mark.row("CH-FHIR-01", "CH-FHIR-02", "CH-FHIR-10", "CH-PD-07")
def test_ch_fhir_01_same_cards_by_prefetch_and_by_fetching(wire, server):
    server.answers(**chart())
    fetched, sent = wire.call(server.body()), wire.call(request())
    assert fetched.status_code == 200
    assert [{**card, "uuid": 0} for card in fetched.json()["cards"]] == [{**card, "uuid": 0} for card in sent.json()["cards"]]
    assert len(server.log) == 8
    for entry in server.log:
        assert entry["headers"]["authorization"] == f"Bearer {TOKEN}"
        assert entry["headers"]["accept"].startswith("application/fhir+json")
        assert entry["headers"]["host"] == server.address.removeprefix("http://")


@pytest.mark.row("CH-PD-01")
@pytest.mark.parametrize("absent", [(), ("patient",), ("conditions",), ("observations", "procedures")])
def test_ch_pd_01_only_what_is_missing_is_fetched(wire, server, absent):
    server.answers(**chart())
    sent = {key: value for key, value in prefetch().items() if key not in absent}
    assert wire.call(server.body(prefetch=sent)).json()["cards"]
    types = {"patient": PATIENT, "conditions": "Condition", "observations": "Observation", "procedures": "Procedure"}
    assert sorted(server.asked) == sorted(types[key] for key in absent)


@pytest.mark.row("CH-PD-04", "CH-PD-05", "CH-PD-06")
@pytest.mark.parametrize("value", [None, bundle(), operation_outcome()])
def test_ch_pd_06_what_the_client_tried_is_not_asked_again(wire, server, value):
    server.answers(**chart())
    assert wire.call(server.body(prefetch=prefetch(observations=value))).json()["cards"]
    assert server.log == []


@pytest.mark.row("CH-PD-06", "CH-412-01")
def test_ch_pd_06_a_required_key_that_failed_at_the_client_is_412(wire, server):
    server.answers(**chart())
    assert wire.call(server.body(prefetch=prefetch(conditions=operation_outcome()))).status_code == 412
    assert server.log == []


@pytest.mark.row("CH-PERF-03")
def test_ch_perf_03_quick_exit_before_other_keys_are_fetched(wire, server):
    server.answers(**chart(OTHER))
    assert wire.call(server.body()).json() == {"cards": []}
    assert sorted(server.asked) == ["Condition", PATIENT]


@pytest.mark.row("CH-PD-08", "CH-FHIR-04")
def test_ch_pd_08_pages_are_followed(wire, server):
    first = bundle(condition("38341003"), link=[{"relation": "next", "url": f"{server.base}/Condition?page=2"}])
    second = bundle(condition("38341003"), link=[{"relation": "next", "url": "Condition?page=3"}])
    server.answers(**chart(first), **{"Condition?page=2": {"body": second}, "Condition?page=3": {"body": MS}})
    assert wire.call(server.body()).json()["cards"]
    assert server.asked.count("Condition") == 3
    assert all(entry["headers"]["authorization"] == f"Bearer {TOKEN}" for entry in server.log)


@pytest.mark.row("CH-PD-08")
def test_ch_pd_08_a_page_that_was_sent_is_completed(wire, server):
    server.answers(**{"Condition?page=2": {"body": MS}})
    page = {**OTHER, "link": [{"relation": "next", "url": f"{server.base}/Condition?page=2"}]}
    assert wire.call(server.body(prefetch=prefetch(conditions=page))).json()["cards"]
    assert server.asked == ["Condition"]


@pytest.mark.row("CH-PD-08", "CH-412-05")
@pytest.mark.parametrize("second", [{"status": 500}, {"body": operation_outcome()}, {"text": "<html>"}, {"drop": True}, {"delay": 60}])
def test_ch_pd_08_a_page_that_fails_leaves_a_part(make_wire, fhir_address, server, second):
    wire = make_wire(fhir_bases=fhir_address, fhir_budget_ms=300)
    page = [{"relation": "next", "url": f"{server.base}/Condition?page=2"}]
    server.answers(**chart({**OTHER, "link": page}), **{"Condition?page=2": second})
    assert wire.call(server.body()).status_code == 412
    server.answers(**chart({**MS, "link": page}), **{"Condition?page=2": second})
    assert wire.call(server.body()).json()["cards"]


@pytest.mark.row("CH-PD-08")
def test_ch_pd_08_pages_without_end_are_cut(make_wire, fhir_address, server):
    wire = make_wire(fhir_bases=fhir_address, fhir_max_pages=3)
    server.answers(**chart({**OTHER, "link": [{"relation": "next", "url": f"{server.base}/Condition"}]}))
    assert wire.call(server.body()).status_code == 412
    assert server.asked.count("Condition") == 4


EVIL = [
    "http://169.254.169.254/latest",
    "//evil.example/Condition",
    "https://evil.example/fhir",
    "{address}/other-base/Condition",
    "{base}/../other/Condition",
]
EVIL += [
    "{base}/%2e%2e/other/Condition",
    "{base}x/Condition",
    "http://[::1",
    "file:///etc/passwd",
    "http://user:pw@127.0.0.1/x",
    "\\\\evil\\x",
]


@pytest.mark.row("CH-FHIR-04")
@pytest.mark.parametrize("link", EVIL)
def test_ch_fhir_04_the_token_never_leaves_the_server(wire, fhir_address, server, link):
    other = Scenario(fhir_address)
    url = link.format(address=fhir_address, base=server.base).replace("other-base", other.name).replace("/other/", f"/{other.name}/")
    server.answers(**chart({**OTHER, "link": [{"relation": "next", "url": url}]}))
    assert wire.call(server.body()).status_code == 412
    assert server.asked.count("Condition") == 1
    assert other.log == []


@pytest.mark.row("CH-FHIR-04")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_ch_fhir_04_redirects_are_not_followed(wire, fhir_address, server, status):
    other = Scenario(fhir_address).answers(Condition={"body": MS})
    redirect = {"status": status, "headers": {"Location": f"{other.base}/Condition"}}
    server.answers(**{**chart(), "Condition": redirect})
    assert wire.call(server.body()).status_code == 412
    assert other.log == []


@pytest.mark.row("CH-FHIR-09", "CH-412-01", "CH-412-05", "CH-PERF-04")
@pytest.mark.parametrize(
    "answer",
    [{"status": status} for status in (400, 401, 403, 404, 429, 500, 503)]
    + [
        {"text": "<html>down</html>"},
        {"text": "{"},
        {"text": "[]"},
        {"body": operation_outcome()},
        {"body": patient()},
        {"drop": True},
        {"delay": 60},
        {"status": 204},
    ]
    + [{"text": "[" * 50_000}, {"headers": {"Content-Encoding": "gzip"}}, {"body": {"resourceType": "Bundle", "x": "y" * 50_000}}],
    ids=str,
)
def test_ch_fhir_09_a_required_search_that_fails_is_412(make_wire, fhir_address, server, answer, capfd):
    wire = make_wire(fhir_bases=fhir_address, fhir_timeout_ms=200, fhir_max_bytes=40_000)
    server.answers(**{**chart(), "Condition": answer})
    response = wire.call(server.body())
    assert response.status_code == 412
    assert "'conditions'" in response.json()["issue"][0]["diagnostics"]
    assert TOKEN not in capfd.readouterr().err


@pytest.mark.row("CH-FHIR-09", "CH-PERF-04")
@pytest.mark.parametrize("answer", [{"status": 400}, {"status": 500}, {"text": "x"}, {"drop": True}, {"delay": 60}])
def test_ch_fhir_09_an_optional_search_that_fails_leaves_cards(make_wire, fhir_address, server, answer, capfd):
    wire = make_wire(fhir_bases=fhir_address, fhir_timeout_ms=200)
    server.answers(**chart(Observation=answer))
    assert wire.call(server.body()).json()["cards"]
    line = json.loads(capfd.readouterr().err.splitlines()[-1])
    assert [warning for warning in line["warnings"] if warning.startswith("fhir-observations: ")]


@pytest.mark.row("CH-FHIR-09")
@pytest.mark.parametrize("status", [404, 410])
def test_ch_fhir_09_a_patient_that_is_not_there_is_412(wire, server, status):
    server.answers(**{**chart(), PATIENT: {"status": status}})
    response = wire.call(server.body())
    assert response.status_code == 412
    assert "'patient'" in response.json()["issue"][0]["diagnostics"]


@pytest.mark.row("CH-FHIR-08", "CH-PERF-01")
def test_ch_fhir_08_keys_are_fetched_in_parallel(make_wire, fhir_address, server, capfd):
    wire = make_wire(fhir_bases=fhir_address, fhir_budget_ms=3000, fhir_timeout_ms=3000)
    server.answers(**chart(), **{"*": {"together": len(OPTIONAL), "body": bundle()}})
    assert wire.call(server.body()).json()["cards"]
    assert json.loads(capfd.readouterr().err.splitlines()[-1])["warnings"] == []


@pytest.mark.row("CH-FHIR-08", "CH-PERF-01", "CH-PERF-04")
def test_ch_fhir_08_the_budget_ends_everything(make_wire, fhir_address, server, capfd):
    wire = make_wire(fhir_bases=fhir_address, fhir_budget_ms=400)
    server.answers(**chart(), **{"*": {"delay": 60, "body": bundle()}})
    assert wire.call(server.body()).json()["cards"]
    warnings = json.loads(capfd.readouterr().err.splitlines()[-1])["warnings"]
    assert sorted(warnings) == sorted(f"fhir-{key}: timeout" for key in OPTIONAL)


@pytest.mark.row("CH-FHIR-07", "CH-FHIR-08")
def test_ch_fhir_07_only_the_templates_are_asked_for(wire, server):
    server.answers(**{"Patient/a_b.c-1": {"body": patient(id="a_b.c-1")}, "Condition": {"body": MS}})
    body = with_context(patientId="Patient/a_b.c-1") | {
        "fhirServer": server.base + "/",
        "fhirAuthorization": authorization(),
        "prefetch": {},
    }
    assert wire.call(body).json()["cards"]
    expected = {
        "Patient/a_b.c-1",
        "Condition?patient=a_b.c-1&_count=200",
        "MedicationRequest?patient=a_b.c-1&_count=200",
        "MedicationStatement?patient=a_b.c-1&_count=200",
        "MedicationAdministration?patient=a_b.c-1&_count=200",
        "Observation?patient=a_b.c-1&_sort=-date&_count=500",
        "Procedure?patient=a_b.c-1&_count=200",
        "AllergyIntolerance?patient=a_b.c-1&_count=200",
    }
    assert {entry["path"] for entry in server.log} == expected


@pytest.mark.row("CH-FHIR-03")
def test_ch_fhir_03_a_token_is_not_used_for_the_next_call(wire, server, capfd):
    server.answers(**chart())
    assert wire.call(server.body()).status_code == 200
    before = len(server.log)
    assert wire.call(server.body(fhirAuthorization=...)).status_code == 412
    assert len(server.log) == before
    assert TOKEN not in capfd.readouterr().err


@pytest.mark.row("CH-FHIR-03")
def test_ch_fhir_03_no_cookie_of_a_server_is_kept(wire, server):
    server.answers(**{**chart(), PATIENT: {"body": patient(), "headers": {"Set-Cookie": "session=secret; Path=/"}}})
    for _ in range(2):
        assert wire.call(server.body()).status_code == 200
    assert not any("cookie" in entry["headers"] for entry in server.log)


@pytest.mark.row("CH-FHIR-06", "CH-REQ-11", "CH-REQ-12", "CH-FHIR-11")
@pytest.mark.parametrize(
    "token",
    [
        ...,
        None,
        {},
        authorization(access_token=""),
        authorization(token_type="MAC"),
        authorization(patient="other"),
        authorization(expires_in=0),
        authorization(expires_in="0"),
        authorization(expires_in=-5),
    ],
)
def test_ch_fhir_06_without_a_usable_token_nothing_is_fetched(wire, server, token):
    server.answers(**chart())
    assert wire.call(server.body(fhirAuthorization=token)).status_code == 412
    assert server.log == []


@pytest.mark.row("CH-REQ-11", "CH-REQ-12")
@pytest.mark.parametrize(
    "token",
    [
        authorization(expires_in="30"),
        authorization(patient=PATIENT_ID),
        authorization(patient=f"Patient/{PATIENT_ID}"),
        authorization(token_type="bearer"),
    ],
)
def test_ch_req_11_usable_tokens(wire, server, token):
    server.answers(**chart())
    assert wire.call(server.body(fhirAuthorization=token)).status_code == 200


@pytest.mark.row("CH-FHIR-06")
def test_ch_fhir_06_open_servers_where_configured(make_wire, fhir_address, server):
    wire = make_wire(fhir_bases=fhir_address, fhir_without_token=True)
    server.answers(**chart())
    assert wire.call(server.body(fhirAuthorization=...)).json()["cards"]
    assert not any("authorization" in entry["headers"] for entry in server.log)


@pytest.mark.row("CH-FHIR-05")
@pytest.mark.parametrize("bases", ["", "https://fhir.example/r4", "*", "http://127.0.0.1:1"])
def test_ch_fhir_05_only_servers_on_the_list(make_wire, server, bases):
    server.answers(**chart())
    assert make_wire(fhir_bases=bases).call(server.body()).status_code == 412
    assert server.log == []


@pytest.mark.row("CH-FHIR-05")
@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:{port}/x",
        "http://127.0.0.1:{port}/x",
        "http://[::1]:{port}/x",
        "http://[::ffff:127.0.0.1]:{port}/x",
        "http://0.0.0.0:{port}/x",
        "http://2130706433:{port}/x",
        "http://127.1:{port}/x",
        "http://10.0.0.1/fhir",
    ],
)
def test_ch_fhir_05_private_addresses_are_closed_unless_listed(make_wire, server, address):
    server.answers(**chart())
    base = address.format(port=server.address.rpartition(":")[2])
    response = make_wire(fhir_bases="*").call(request(prefetch={}, fhirServer=base, fhirAuthorization=authorization()))
    assert response.status_code == 412
    assert "forbidden address" in response.json()["issue"][0]["diagnostics"]
    assert server.log == []


@pytest.mark.row("CH-REQ-10")
def test_ch_req_10_no_http_server_in_production(make_wire, server, tmp_path, production):
    server.answers(**chart())
    wire = make_wire(**production(fhir=[{"base": server.address, "private": True}]))
    assert wire.call(server.body(), headers=production.token("ms-patient-view")).status_code == 412
    assert server.log == []


@pytest.mark.row("CH-REQ-10")
def test_ch_req_10_a_slash_at_the_end_changes_nothing(wire, server):
    server.answers(**chart())
    assert wire.call(server.body(fhirServer=server.base + "/")).json()["cards"]
    assert all("//" not in path for path in server.asked)


@pytest.mark.row("CH-FHIR-10")
def test_ch_fhir_10_another_version_is_noted(wire, server, capfd):
    answer = {"body": MS, "headers": {"Content-Type": "application/fhir+json; fhirVersion=1.0"}}
    server.answers(**{**chart(), "Condition": answer})
    assert wire.call(server.body()).status_code == 200
    assert "fhir-conditions: other FHIR version" in capfd.readouterr().err


@pytest.mark.row("CH-REQ-16")
def test_ch_req_16_another_patient_from_the_server_is_none(wire, server):
    server.answers(**{**chart(), PATIENT: {"body": patient(id="somebody-else")}})
    assert wire.call(server.body()).status_code == 412


def test_the_server_is_gone(wire):
    body = request(prefetch={}, fhirServer="http://127.0.0.1:1/fhir", fhirAuthorization=authorization())
    assert wire.call(body).status_code == 412

"""Keys that clients publish (CH-SEC-09): from the configured address only, cached, rotated, and served through outages."""

from __future__ import annotations

import asyncio

import pytest

from cds.api import key_sets
from cds.api.key_sets import read_keys
from tests.api.fhir_scenario import Scenario
from tests.api.samples import request
from tests.api.tokens import bearer, claims, ec_key, public, rsa_key, sign

KEYS = {"keys": [public(ec_key())]}
NEW = ec_key(name="rotated")


@pytest.fixture
def wire(make_wire, production, server):
    server.answers(jwks={"body": KEYS})
    return make_wire(**production(keys=..., jku=f"{server.base}/jwks", jku_private=True, mode="development"))


def call(wire, **header):
    key = header.pop("key", None)
    return wire.call(request(), headers=bearer(sign(claims(), key, **header))).status_code


@pytest.mark.row("CH-SEC-09", "CH-SEC-07")
def test_ch_sec_09_read_once_and_kept(wire, server):
    assert [call(wire) for _ in range(3)] == [200, 200, 200]
    assert call(wire, jku=f"{server.base}/jwks") == 200
    assert call(wire, jku=f"{server.base}/jwks/") == 200
    assert server.asked == ["jwks"]
    assert "authorization" not in server.log[0]["headers"]


@pytest.mark.row("CH-SEC-09", "CH-SEC-08")
@pytest.mark.parametrize(
    "form", ["{evil}/jwks", "{base}/jwks?x", "{base}/jwks#x", "{base}/JWKS", "{base}/x/../jwks", "", 5, None, ["{base}/jwks"]]
)
def test_ch_sec_09_an_address_in_the_token_is_never_asked(wire, server, fhir_address, form):
    evil = Scenario(fhir_address).answers(jwks={"body": {"keys": [public(NEW)]}})
    address = form.format(evil=evil.base, base=server.base) if isinstance(form, str) else form
    assert call(wire, jku=address, key=NEW) == 401
    assert call(wire, jku=address) == 401
    assert evil.log == server.log == []


@pytest.mark.row("CH-SEC-08", "CH-SEC-09")
def test_ch_sec_09_an_unknown_issuer_leads_to_no_request(wire, server):
    token = sign(claims(iss="https://stranger.example"), jku=f"{server.base}/jwks")
    assert wire.call(request(), headers=bearer(token)).status_code == 401
    assert server.log == []


@pytest.mark.row("CH-SEC-09")
def test_ch_sec_09_one_of_several_addresses(make_wire, production, server):
    server.answers(one={"body": KEYS}, two={"body": {"keys": [public(NEW)]}})
    wire = make_wire(**production(keys=..., jku=[f"{server.base}/one", f"{server.base}/two"], jku_private=True, mode="development"))
    assert call(wire) == 200
    assert call(wire, jku=f"{server.base}/two", key=NEW) == 200
    assert call(wire, jku=f"{server.base}/two") == 401


@pytest.mark.row("CH-SEC-09")
def test_ch_sec_09_an_unknown_key_leads_to_one_request_a_minute(wire, server, monkeypatch):
    assert call(wire) == 200
    assert [call(wire, kid="k2", key=NEW) for _ in range(3)] == [401, 401, 401]
    assert server.asked == ["jwks"]
    server.answers(jwks={"body": {"keys": [public(NEW, "k2")]}})
    monkeypatch.setattr(key_sets, "RETRY_SECONDS", 0)
    assert call(wire, kid="k2", key=NEW) == 200
    assert server.asked == ["jwks", "jwks"]
    monkeypatch.setattr(key_sets, "RETRY_SECONDS", 60)
    assert call(wire) == 401


@pytest.mark.row("CH-SEC-09")
@pytest.mark.parametrize(
    "outage",
    [
        {"status": 500},
        {"text": "<html>"},
        {"body": {"keys": []}},
        {"drop": True},
        {"body": {"keys": [{"kty": "oct", "k": "eA", "kid": "k1"}]}},
    ],
)
def test_ch_sec_09_old_keys_serve_through_an_outage(wire, server, monkeypatch, outage):
    assert call(wire) == 200
    monkeypatch.setattr(key_sets, "RETRY_SECONDS", 0)
    monkeypatch.setattr(key_sets, "FRESH_SECONDS", 0)
    server.answers(jwks=outage)
    assert [call(wire) for _ in range(3)] == [200, 200, 200]
    assert call(wire, kid="k2") == 401
    assert len(server.log) > 1


@pytest.mark.row("CH-SEC-09")
def test_ch_sec_09_old_keys_do_not_serve_for_ever(wire, server, monkeypatch):
    assert call(wire) == 200
    for name in ("RETRY_SECONDS", "FRESH_SECONDS", "STALE_SECONDS"):
        monkeypatch.setattr(key_sets, name, 0)
    server.answers(jwks={"status": 500})
    assert call(wire) in (401, 503)


@pytest.mark.row("CH-SEC-09", "CH-HTTP-03")
@pytest.mark.parametrize(
    "outage",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        {"text": "x"},
        {"body": []},
        {"text": " " * 300_000},
        {"delay": 60},
        {"drop": True},
    ],
    ids=str,
)
def test_ch_sec_09_no_keys_yet_is_503(wire, server, monkeypatch, outage):
    monkeypatch.setattr(key_sets, "TIMEOUT_SECONDS", 0.5 if "delay" in outage else 20)
    server.answers(jwks=outage)
    response = wire.call(request(), headers=bearer(sign(claims())))
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert server.asked == ["jwks"]


@pytest.mark.row("CH-SEC-09")
def test_ch_sec_09_keys_in_a_private_network_only_by_configuration(make_wire, production, server):
    server.answers(jwks={"body": KEYS})
    wire = make_wire(**production(keys=..., jku=f"{server.base}/jwks", mode="development"))
    assert call(wire) == 503
    assert server.log == []


@pytest.mark.row("CH-SEC-09")
def test_ch_sec_09_calls_at_once_read_the_keys_once(wire, server):
    server.answers(jwks={"body": KEYS, "delay": 0.1})
    headers = [bearer(sign(claims())) | {"Content-Type": "application/json"} for _ in range(8)]

    async def calls():
        return await asyncio.gather(
            *(wire.send("POST", "/cds-services/ms-patient-view", {"json": request(), "headers": one}) for one in headers)
        )

    assert {response.status_code for response in wire.run(calls())} == {200}
    assert server.asked == ["jwks"]


@pytest.mark.row("CH-SEC-06")
@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"keys": None},
        {"keys": "x"},
        {"keys": [None, 5, {}, {"kty": "EC"}, {"kty": "EC", "kid": "x", "crv": "P-384", "x": "A", "y": "A"}]},
    ],
)
def test_faulty_key_sets_have_no_keys(document):
    assert read_keys(document) == ()


def test_usable_keys_of_a_mixed_set_are_read():
    mixed = {
        "keys": [{"kty": "OKP", "kid": "o"}, {"kty": "oct", "k": "eA", "kid": "s"}, public(ec_key()), public(rsa_key(), "r1", alg="RS384")]
    }
    assert [(key.kid, key.alg, key.curve) for key in read_keys(mixed)] == [("k1", None, "P-384"), ("r1", "RS384", None)]

"""Who may call (contract 2.16)."""

from __future__ import annotations

import base64
import json

import pytest

from cds.api import client_auth
from cds.api.clients import ConfigurationError
from tests.api.samples import request
from tests.api.tokens import ISSUER, PUBLIC_URL, FromNow, bearer, claims, ec_key, public, rsa_key, sign

SPEC_TOKEN = (
    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImV4YW1wbGUta2lkIiwiamt1IjoiaHR0cHM6Ly9maGlyLWVoci5leGFtcGxlLmNvbS9qd2tfdXJpIn0."
    "eyJpc3MiOiJodHRwczovL2ZoaXItZWhyLmV4YW1wbGUuY29tLyIsImF1ZCI6Imh0dHBzOi8vY2RzLmV4YW1wbGUub3JnL2Nkcy1zZXJ2aWNlcy9zb21lLXNlcnZp"
    "Y2UiLCJleHAiOjE0MjI1Njg4NjAsImlhdCI6MTMxMTI4MDk3MCwianRpIjoiZWUyMmIwMjEtZTFiNy00NjExLWJhNWItOGVlYzZhMzNhYzFlIiwidGVuYW50Ijoi"
    "MmRkZDZjM2EtOGU5YS00NGM2LWEzMDUtNTIxMTFhZDMwMmEyIn0.d1WfLjGRKlcWB94l9do4cM8REXeYJLL6SGUBO8VHZhfM8mwKYP70EMxJ67War4TQblEpaQrp"
    "11wx5p7oPFm2ETYgCicS84vXWEIYTdjooZdooCSDf2L8-i4awdoUwiEb"
)
SPEC_KEY = {
    "kty": "EC",
    "use": "sig",
    "crv": "P-384",
    "kid": "example-kid",
    "x": "46SDH7Znh821wblCBglA61sNE9ZrHYKKt3qRtRTmSXyOI_FIGBLWrWa0GPUkDCEk",
    "y": "XMcRuuoGW7CXjQdy-F5i3FeBE0x9hPLdeFdSoDd3ELmx404tLX0VRRcqzAsPhXcI",
    "alg": "ES384",
}
"""Public example of the CDS Hooks specification, section "Trusting CDS Clients"."""


@pytest.fixture
def wire(make_wire, production):
    return make_wire(**production())


def call(wire, headers, service="ms-patient-view"):
    return wire.call(request(), service, headers=headers)


@pytest.mark.row("CH-SEC-02", "CH-SEC-03", "CH-SEC-07", "CH-SEC-08", "CH-SEC-10")
@pytest.mark.parametrize(("key", "header"), [(ec_key(), {}), (rsa_key(), {"alg": "RS384", "kid": "r1"})], ids=["ES384", "RS384"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_ch_sec_03_a_good_token(wire, key, header, scheme, capfd):
    assert call(wire, {"Authorization": f"{scheme} {sign(claims(), key, **header)}"}).json()["cards"]
    assert '"client":"general-hospital"' in capfd.readouterr().err


def unauthenticated(response):
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json() == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login", "details": {"text": "Authentication is needed."}}],
    }
    return True


@pytest.mark.row("CH-SEC-02", "CH-ERR-03", "CH-HTTP-08")
@pytest.mark.parametrize("service", ["ms-patient-view", "no-such-service"])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer a.b", "Bearer a.b.c", "Bearer " + "x" * 20_000, "Bearer é.é.é"],
)
def test_ch_err_03_no_token_or_none_at_all(wire, service, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    assert unauthenticated(call(wire, headers, service))


@pytest.mark.row("CH-SEC-04", "CH-ERR-03")
@pytest.mark.parametrize(
    "header",
    [{"kid": ...}, {"kid": ""}, {"kid": 5}, {"kid": "unknown"}, {"typ": ...}, {"typ": "JOSE"}, {"typ": 1}, {"crit": ["exp"], "exp": 1}],
    ids=str,
)
def test_ch_sec_04_header(wire, header):
    assert unauthenticated(call(wire, bearer(sign(claims(), **header))))


@pytest.mark.row("CH-SEC-04")
def test_ch_sec_04_the_type_in_any_case(wire):
    assert call(wire, bearer(sign(claims(), typ="jwt", **{"x-unknown": 1}))).status_code == 200


@pytest.mark.row("CH-SEC-05", "CH-SEC-11", "CH-SEC-12", "CH-ERR-03")
@pytest.mark.parametrize(
    "changes",
    [
        *[{name: ...} for name in ("iss", "aud", "exp", "iat", "jti")],
        *[{name: value} for name in ("exp", "iat") for value in ("1", None, True, [1_795_000_000])],
        {"jti": ""},
        {"jti": 5},
        {"iss": "https://other.example"},
        {"iss": [ISSUER]},
        {"aud": f"{PUBLIC_URL}/cds-services"},
        {"aud": f"{PUBLIC_URL}/cds-services/ms-order-sign"},
        {"aud": f"{PUBLIC_URL}/cds-services/ms-patient-view/feedback"},
        {"aud": f"{PUBLIC_URL}/cds-services/ms-patient-view//"},
        {"aud": "http://127.0.0.1:8000/cds-services/ms-patient-view"},
        {"aud": "http://ranvier.test/cds-services/ms-patient-view"},
        {"aud": []},
        {"aud": [5, None]},
        {"aud": {}},
        {"exp": FromNow(-120), "iat": FromNow(-400)},
        {"exp": FromNow(-61), "iat": FromNow(-400)},
        {"iat": FromNow(120)},
        {"nbf": FromNow(120)},
        {"nbf": "x"},
        {"exp": FromNow(86_400)},
        {"exp": FromNow(3700)},
        {"exp": 10**30},
        {"iat": -(10**30)},
    ],
    ids=str,
)
def test_ch_sec_05_claims(wire, changes):
    assert unauthenticated(call(wire, bearer(sign(claims(**changes)))))


@pytest.mark.row("CH-SEC-05", "CH-SEC-11", "CH-SEC-12")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [f"{PUBLIC_URL}/cds-services/ms-patient-view"]},
        {"aud": ["https://other.example", f"{PUBLIC_URL}/cds-services/ms-patient-view", 5]},
        {"aud": f"{PUBLIC_URL}/cds-services/ms-patient-view/"},
        {"nbf": FromNow(-300), "sub": "client-id", "exp": FromNow(900)},
        {"iat": FromNow(-1500.5), "exp": FromNow(60.5)},
        {"jti": "f" * 64},
        {"jti": "é ü"},
        {"tenant": "anything"},
    ],
    ids=str,
)
def test_ch_sec_05_claims_that_are_fine(wire, changes):
    assert call(wire, bearer(sign(claims(**changes)))).status_code == 200


@pytest.mark.row("CH-SEC-11")
def test_ch_sec_11_audiences_of_a_site(make_wire, production):
    wire = make_wire(**production(audiences=["https://typed.example/by/hand/"]))
    assert call(wire, production.token(aud="https://typed.example/by/hand")).status_code == 200
    assert call(wire, production.token(aud="https://typed.example/other")).status_code == 401


@pytest.mark.row("CH-SEC-12")
def test_ch_sec_12_longer_lives_by_client(make_wire, production):
    wire = make_wire(**production(max_lifetime_minutes=1441))
    assert call(wire, production.token(exp=FromNow(86_400))).status_code == 200


def unsigned(head: dict, payload: dict, signature: str = "") -> str:
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part(head)}.{part(payload)}.{signature}"


@pytest.mark.row("CH-SEC-06", "CH-SEC-07", "CH-ERR-03")
@pytest.mark.parametrize(
    "make",
    [
        lambda: unsigned({"alg": "none", "typ": "JWT", "kid": "k1"}, claims()),
        lambda: unsigned({"alg": "NONE", "typ": "JWT", "kid": "k1"}, claims(), "AAAA"),
        lambda: unsigned({"alg": "ES384", "typ": "JWT", "kid": "k1"}, claims()),
        lambda: unsigned({"alg": ["ES384"], "typ": "JWT", "kid": "k1"}, claims()),
        lambda: unsigned({"alg": "ES384", "typ": "JWT", "kid": "k1"}, claims(), "A" * 128),
        lambda: sign(claims(), rsa_key(), alg="RS256", kid="r1"),
        lambda: sign(claims(), rsa_key(), alg="PS384", kid="r1"),
        lambda: sign(claims(), ec_key("P-256"), alg="ES256"),
        lambda: sign(claims(), ec_key(name="stranger")),
        lambda: sign(claims(), rsa_key(name="stranger"), alg="RS384", kid="r1"),
        lambda: sign(claims(), rsa_key(), alg="RS384", kid="k1"),
        lambda: sign(claims(), ec_key(), kid="r1"),
        lambda: sign([claims()]),
        lambda: sign("text"),
        lambda: sign(claims())[:-8] + "AAAAAAAA",
        lambda: ".".join([sign(claims()).split(".")[0], sign(claims(iss="x")).split(".")[1], sign(claims()).split(".")[2]]),
    ],
)
def test_ch_sec_06_signatures(wire, make):
    assert unauthenticated(call(wire, bearer(make())))


@pytest.mark.row("CH-SEC-06")
def test_ch_sec_06_a_public_key_is_no_secret(wire):
    for secret in (json.dumps(public(rsa_key(), "r1")).encode(), rsa_key().as_pem(private=False)):
        forged = sign(claims(), secret, alg="HS256", kid="r1")
        assert unauthenticated(call(wire, bearer(forged)))


@pytest.mark.row("CH-SEC-06")
def test_ch_sec_06_further_algorithms_only_by_configuration(make_wire, production):
    entry = {"algorithms": ["RS256", "ES256"], "keys": {"keys": [public(rsa_key(), "r1"), public(ec_key("P-256"))]}}
    wire = make_wire(**production(**entry))
    assert call(wire, bearer(sign(claims(), rsa_key(), alg="RS256", kid="r1"))).status_code == 200
    assert call(wire, bearer(sign(claims(), ec_key("P-256"), alg="ES256"))).status_code == 200
    assert call(wire, bearer(sign(claims(), rsa_key(), alg="RS384", kid="r1"))).status_code == 401


@pytest.mark.row("CH-SEC-06")
@pytest.mark.parametrize("changes", [{"alg": "ES256"}, {"use": "enc"}, {"kid": "other"}])
def test_ch_sec_06_what_a_key_says_of_itself_counts(make_wire, production, changes):
    wire = make_wire(**production(keys={"keys": [public(ec_key(), **changes)]}))
    assert unauthenticated(call(wire, production.token()))


@pytest.mark.row("CH-SEC-06", "CH-SEC-10")
@pytest.mark.filterwarnings("ignore:Key size should be")
def test_ch_sec_06_weak_and_symmetric_keys_are_not_used(make_wire, production):
    weak = rsa_key(1024)
    secret = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "s1"}
    wire = make_wire(**production(keys={"keys": [public(weak, "w1"), secret, public(ec_key())]}))
    assert unauthenticated(call(wire, bearer(sign(claims(), weak, alg="RS384", kid="w1"))))
    assert call(wire, production.token()).status_code == 200


@pytest.mark.row("CH-SEC-07", "CH-SEC-12")
def test_ch_sec_07_the_token_of_the_specification(make_wire, production, monkeypatch):
    entry = {"issuer": "https://fhir-ehr.example.com/", "keys": {"keys": [SPEC_KEY]}, "max_lifetime_minutes": 2880}
    settings = production(**entry) | {"public_url": "https://cds.example.org"}
    wire = make_wire(**settings)
    assert unauthenticated(call(wire, bearer(SPEC_TOKEN), "some-service"))
    monkeypatch.setattr(client_auth, "_claims_are_fine", lambda *_: True)
    assert call(wire, bearer(SPEC_TOKEN), "some-service").status_code == 404


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_a_token_is_used_once(wire, production):
    token = production.token()
    assert [call(wire, token).status_code for _ in range(3)] == [200, 401, 401]


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_a_refused_token_does_not_use_up_its_id(wire, production):
    wrong = bearer(sign(claims(jti="one", aud="https://other.example")))
    assert call(wire, wrong).status_code == 401
    assert call(wire, production.token(jti="one")).status_code == 200


@pytest.mark.row("CH-SEC-13")
@pytest.mark.parametrize("switch", [{"replay": True}, {"profile": "sandbox"}])
def test_ch_sec_13_off_by_client(make_wire, production, switch):
    wire = make_wire(**production(**switch))
    token = production.token()
    assert [call(wire, token).status_code for _ in range(2)] == [200, 200]


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_all_processes_share_the_store(make_wire, production):
    settings, token = production(), production.token()
    assert [call(make_wire(**settings), token).status_code for _ in range(2)] == [200, 401]


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_the_same_id_of_another_issuer_is_another_token(make_wire, production):
    other = {"id": "other", "issuer": "https://other.example", "keys": {"keys": [public(ec_key())]}}
    wire = make_wire(**production(other))
    assert call(wire, production.token(jti="one")).status_code == 200
    assert call(wire, production.token(jti="one", iss="https://other.example")).status_code == 200


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_no_store_no_entry(wire, production):
    wire.runtime.auth.replays.close()
    response = call(wire, production.token())
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


@pytest.mark.row("CH-SEC-14")
@pytest.mark.parametrize(("tenant", "status"), [("north", 200), ("south", 200), ("east", 401), (None, 401), (["north"], 401)])
def test_ch_sec_14_tenants(make_wire, production, tenant, status):
    wire = make_wire(**production(tenants=["north", "south"]))
    assert call(wire, production.token(tenant=... if tenant is None else tenant)).status_code == status


@pytest.mark.row("CH-HTTP-03")
def test_ch_http_03_a_known_client_without_the_right(make_wire, production):
    wire = make_wire(**production(services=["ms-order-sign"]))
    assert call(wire, production.token()).status_code == 403
    assert wire.call(request("order-sign"), "ms-order-sign", headers=production.token("ms-order-sign")).status_code == 200


@pytest.mark.row("CH-HTTP-08")
def test_ch_http_08_identity_before_route_method_media_type_and_body(wire, production):
    path = "/cds-services/ms-patient-view"
    for method, where, body in (("GET", path, b""), ("POST", path, b"{"), ("POST", "/cds-services/unknown", b"{")):
        assert unauthenticated(wire.request(method, where, content=body))
    assert call(wire, production.token("unknown"), "unknown").status_code == 404


@pytest.mark.row("CH-DISC-14", "CH-SEC-11")
def test_ch_disc_14_discovery_protected_by_the_settings(make_wire, production):
    open_wire = make_wire(**production())
    assert open_wire.request("GET", "/cds-services").status_code == 200
    assert open_wire.request("GET", "/cds-services", headers={"Authorization": "Bearer x"}).status_code == 200
    wire = make_wire(**production(), discovery_auth=True)
    assert unauthenticated(wire.request("GET", "/cds-services"))
    assert unauthenticated(wire.request("GET", "/cds-services", headers=production.token("ms-patient-view")))
    assert wire.request("GET", "/cds-services", headers=production.token(None)).headers["cache-control"].startswith("private")


@pytest.mark.row("CH-CORS-02")
def test_ch_cors_02_preflights_need_no_token(make_wire, production):
    wire = make_wire(**production(), cors_origins="https://sandbox.cds-hooks.org", discovery_auth=True)
    headers = {
        "Origin": "https://sandbox.cds-hooks.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for path in ("/cds-services", "/cds-services/ms-patient-view", "/cds-services/ms-patient-view/feedback"):
        assert wire.request("OPTIONS", path, headers=headers).headers["access-control-allow-origin"] == headers["Origin"]
        assert wire.request("OPTIONS", path).status_code == 204
    refused = wire.call(request(), headers={"Origin": headers["Origin"]})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, headers["Origin"])


@pytest.mark.row("CH-SEC-16")
def test_ch_sec_16_the_fhir_token_is_no_client_token(wire, production):
    token = sign(claims())
    body = request(
        fhirServer="https://fhir.example",
        fhirAuthorization={"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "x"},
    )
    assert unauthenticated(wire.call(body))
    assert wire.call(body, headers=production.token()).status_code == 200


@pytest.mark.row("CH-SEC-15", "CH-ERR-02")
def test_ch_sec_15_no_token_in_the_log(wire, production, capfd):
    for headers in (production.token(), production.token(aud="x"), bearer("canary.token.value")):
        call(wire, headers)
        token = headers["Authorization"].removeprefix("Bearer ")
        written = capfd.readouterr().err
        assert not [part for part in token.split(".") if part in written]


@pytest.mark.row("CH-SEC-02")
def test_ch_sec_02_development_may_be_open_to_some(make_wire, production):
    wire = make_wire(**production(mode="development", anonymous={"profile": "strict", "aliases": {"-user": "patient"}}))
    assert call(wire, {}).status_code == 200
    assert call(wire, production.token()).status_code == 200
    assert unauthenticated(call(wire, bearer("a.b.c")))
    assert wire.call(request(hookInstance="x")).status_code == 400


@pytest.mark.row("CH-SEC-02")
def test_ch_sec_02_an_open_service_says_so(make_wire, capfd):
    make_wire()
    assert "OPEN" in capfd.readouterr().err


@pytest.mark.row("CH-SEC-01", "CH-SEC-02", "CH-SEC-09")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: {"mode": "production"}, "RANVIER_CLIENTS"),
        (lambda production: production() | {"state": None}, "RANVIER_STATE"),
        (lambda production: production() | {"public_url": "http://cds.example"}, "RANVIER_PUBLIC_URL"),
        (lambda production: production(anonymous={}), "anonymous"),
        (lambda production: production(keys=..., jku="http://ehr.example/jwks"), "https"),
        (lambda production: production(keys=...), "jku or keys"),
        (lambda production: production(jku="https://ehr.example/jwks"), "jku or keys"),
        (lambda production: production(keys={"keys": [{"kty": "EC"}]}), "cannot be read"),
        (lambda production: production(keys=[]), "JWK Set"),
        (lambda production: production(algorithms=["HS256"]), "algorithms"),
        (lambda production: production(algorithms=["none"]), "algorithms"),
        (lambda production: production(typo=1), "typo"),
        (lambda production: production(id="anonymous"), "anonymous"),
        (lambda production: production({"id": "general-hospital", "issuer": "https://x", "jku": "https://x/jwks"}), "unique"),
        (lambda production: production() | {"clients": "/nowhere.yaml"}, "cannot be read"),
        (lambda production: production(mode="development") | {"workers": 2, "state": None}, "RANVIER_STATE"),
    ],
)
def test_ch_sec_02_a_production_service_does_not_start_open_or_insecure(make_wire, production, change, message):
    with pytest.raises(ConfigurationError, match=message):
        make_wire(**change(production))


@pytest.mark.row("CH-SEC-01")
def test_ch_sec_01_strict_transport_security(make_wire, production, wire):
    assert "strict-transport-security" in wire.request("GET", "/cds-services").headers
    assert "strict-transport-security" not in make_wire().request("GET", "/cds-services").headers


@pytest.mark.row("CH-CARD-10", "CH-EXT-02")
@pytest.mark.parametrize(
    ("profile", "names"),
    [
        ("interop", {"org.ranvier.explanation"}),
        ("strict", {"org.ranvier.explanation"}),
        ("epic", {"com.epic.cdshooks.card.detail.content-type"}),
        ("oracle", set()),
        ("sandbox", {"org.ranvier.explanation"}),
    ],
)
def test_ch_card_10_extensions_by_profile(make_wire, production, profile, names):
    wire = make_wire(**production(profile=profile))
    cards = call(wire, production.token()).json()["cards"]
    assert {name for card in cards for name in card.get("extension", {})} == names


@pytest.mark.row("CH-PF-11")
def test_ch_pf_11_aliases_by_client(make_wire, production):
    wire = make_wire(**production(aliases={"-user": "patient", "problems": "conditions"}))
    body = request()
    body["prefetch"] = {"-user": body["prefetch"]["patient"], "problems": body["prefetch"]["conditions"]}
    assert wire.call(body, headers=production.token()).json()["cards"]

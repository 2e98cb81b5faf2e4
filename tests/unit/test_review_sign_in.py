"""Signing in to the workbench by OpenID Connect, against a provider that errs on purpose. In a browser: tests/e2e/test_review.py."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import date
from functools import cache

import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey, OctKey
from starlette.testclient import TestClient

from cds.advice import Policy
from cds.api.clients import ConfigurationError
from cds.api.errors import on_refusal
from cds.content import load_content
from cds.protocol.outcome import Refusal
from cds.review.access import Access, way_back
from cds.review.routes import routes
from cds.review.sealed import Seal
from cds.settings import Settings
from tests.oidc_provider import CLIENT, SECRET, Provider

CONTENT = load_content()
OURS = "http://testserver"
LONG_SECRET = "thirty-two letters or more, signing"
PAGE = {"Accept": "text/html"}


def settings(issuer: str, **chosen: object) -> Settings:
    fixed = {
        "public_url": OURS,
        "review_issuer": issuer,
        "review_client_id": CLIENT,
        "review_client_secret": SECRET,
        "review_secret": LONG_SECRET,
        "review_users": "a.reviewer@hospital.example",
    }
    return Settings(_env_file=None, **(fixed | chosen))


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@cache
def workbench(issuer: str, **chosen: str) -> FastAPI:
    """The workbench alone."""
    app = FastAPI()
    app.add_exception_handler(Refusal, on_refusal)
    app.include_router(routes(CONTENT, settings(issuer, **chosen), Policy(), lambda: date(2026, 11, 20)))
    return app


def browser(provider: Provider, **chosen: str) -> TestClient:
    """A browser before it, with its cookies; it goes nowhere by itself."""
    return TestClient(workbench(provider.issuer, **chosen), base_url=OURS, follow_redirects=False)


def sign_in(client: TestClient, provider: Provider, to: str = "/review/sign-in"):
    """The whole way; the last answer."""
    return client.get(provider.answer(client.get(to).headers["location"]), headers=PAGE)


def test_a_page_leads_to_the_provider_and_back_to_itself(provider: Provider):
    client = browser(provider)
    asked = client.get("/review/paste?x=1%262", headers=PAGE)
    assert (asked.status_code, asked.headers["location"]) == (303, "/review/sign-in?to=/paste%3Fx%3D1%25262")
    back = sign_in(client, provider, asked.headers["location"])
    assert (back.status_code, back.headers["location"]) == (303, "/review/paste?x=1%262")
    page = client.get("/review/paste", headers=PAGE)
    assert page.status_code == 200
    assert "a.reviewer@hospital.example" in page.text


def test_what_is_no_page_is_refused_without_a_session(provider: Provider):
    client = browser(provider)
    for path in ("/review/signatures.json", "/review/signatures.md"):
        assert client.get(path).status_code == 401
    assert client.get("/review", headers=PAGE | {"Sec-Fetch-Mode": "cors"}).status_code == 401
    assert client.post("/review/paste").status_code == 401
    assert client.post("/review/signatures").status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"exp": "soon"},
        {"iat": int(time.time()) + 600},
        {"iat": None},
        {"sub": None},
    ],
    ids=lambda claims: " ".join(claims),
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(provider: Provider, claims):
    provider.claims = claims
    client = browser(provider)
    answer = sign_in(client, provider)
    assert (answer.status_code, "ID token" in answer.text) == (400, True)
    assert client.get("/review", headers=PAGE).status_code == 303


def test_several_audiences_are_fine_if_we_asked(provider: Provider):
    provider.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert sign_in(browser(provider), provider).status_code == 303


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256"), "ES256"),
        (OctKey.import_key(SECRET), "HS256"),
        (OctKey.import_key("x" * 32), "none"),
    ],
    ids=["foreign key", "shared secret", "unsigned"],
)
def test_an_id_token_that_the_provider_did_not_sign_is_refused(provider: Provider, key, algorithm):
    provider.key, provider.algorithm = key, algorithm
    answer = sign_in(browser(provider), provider)
    assert (answer.status_code, "not valid for this sign-in" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "b.stranger@hospital.example"},
        {"email": "A.reviewer@hospital.example"},
        {"email": "a.reviewer@hospital.example", "email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email": None},
        {"email": ["a.reviewer@hospital.example"]},
    ],
    ids=str,
)
def test_who_is_not_allowed_stays_outside(provider: Provider, claims):
    provider.claims = claims
    client = browser(provider)
    assert sign_in(client, provider).status_code == 403
    assert client.get("/review", headers=PAGE).status_code == 303


def test_a_claim_may_let_somebody_in(provider: Provider):
    chosen = {"review_users": "", "review_claims": "groups=ms-reviewers department=neuro", "review_user_claim": "preferred_username"}
    provider.claims = {"preferred_username": "<b>carol</b>", "groups": ["x", "ms-reviewers"]}
    client = browser(provider, **chosen)
    assert sign_in(client, provider).status_code == 303
    assert "&lt;b&gt;carol&lt;/b&gt;" in client.get("/review/paste", headers=PAGE).text
    provider.claims = {"preferred_username": "carol", "groups": "ms-reviewers-of-others", "department": "neurology"}
    assert sign_in(browser(provider, **chosen), provider).status_code == 403


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda address: re.sub("state=[^&]+", "state=guessed", address), "does not belong"),
        (lambda address: re.sub("state=[^&]+&", "", address), "does not belong"),
        (lambda address: re.sub("iss=[^&]+", "iss=https://elsewhere.example", address), "another provider"),
        (lambda address: re.sub("code=[^&]+", "code=guessed", address), "refused"),
        (lambda address: re.sub("code=[^&]+", "error=access_denied", address), "did not sign you in"),
    ],
)
def test_an_answer_that_is_not_to_our_question_is_refused(provider: Provider, change, told: str):
    client = browser(provider)
    address = provider.answer(client.get("/review/sign-in").headers["location"])
    answer = client.get(change(address))
    assert answer.status_code == 400
    assert told in answer.text
    assert client.get("/review", headers=PAGE).status_code == 303


def test_an_answer_counts_once_and_only_where_the_sign_in_began(provider: Provider):
    client, other = browser(provider), browser(provider)
    address = provider.answer(client.get("/review/sign-in").headers["location"])
    assert other.get(address).status_code == 400
    assert client.get(address).status_code == 303
    assert client.get(address).status_code == 400


@pytest.mark.parametrize(
    "described",
    [{"issuer": "https://elsewhere.example"}, {"token_endpoint": None}, {"jwks_uri": "http://127.0.0.1:9/none"}],
)
def test_a_provider_that_cannot_be_trusted_signs_nobody_in(provider: Provider, described):
    provider.described = described
    workbench.cache_clear()  # it remembers a description
    client = browser(provider)
    workbench.cache_clear()
    begun = client.get("/review/sign-in")
    assert (begun if begun.status_code != 303 else client.get(provider.answer(begun.headers["location"]))).status_code == 400


def test_a_provider_that_does_not_answer_is_said():
    with Provider() as gone:
        pass
    answer = browser(gone).get("/review/sign-in")
    assert answer.status_code == 400
    assert "cannot be reached" in answer.text


def test_signing_out_needs_the_form_and_ends_the_session(provider: Provider):
    client = browser(provider)
    sign_in(client, provider)
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/review/paste", headers=PAGE).text)[1]
    assert client.post("/review/sign-out", data={"csrf": "x" * 43}).status_code == 403
    assert client.get("/review/paste", headers=PAGE).status_code == 200
    out = client.post("/review/sign-out", data={"csrf": token})
    assert f"{provider.issuer}/end?client_id={CLIENT}" in out.text
    assert client.get("/review/paste", headers=PAGE).status_code == 303


def test_a_session_cannot_be_made_or_changed(provider: Provider):
    client = browser(provider)
    for forged in (
        "",
        "x.y.z",
        Seal("another secret of thirty-two letters", "session", "").close({"account": "x"}, 60),
        Seal(LONG_SECRET, "sign-in", "").close({"account": "x"}, 60),
    ):
        client.cookies.set("ranvier-session", forged)
        assert client.get("/review/paste", headers=PAGE).status_code == 303
    client.cookies.clear()
    sign_in(client, provider)
    kept = client.cookies["ranvier-session"]
    head, _, signature = kept.split(".")
    mine = Seal("x" * 32, "session", "").close({"account": "x"}, 60).split(".")[1]
    client.cookies.clear()
    client.cookies.set("ranvier-session", f"{head}.{mine}.{signature}")
    assert client.get("/review/paste", headers=PAGE).status_code == 303
    for chosen, status in (({}, 200), ({"review_users": "b.reviewer@hospital.example"}, 303)):
        other = browser(provider, **chosen)
        other.cookies.set("ranvier-session", kept)
        assert other.get("/review/paste", headers=PAGE).status_code == status


def test_what_is_sealed_holds_for_its_use_its_bounds_and_its_time():
    seal = Seal(LONG_SECRET, "session", "who")
    assert seal.open(seal.close({"account": "a"}, 60)) == {"account": "a"}
    assert seal.open(seal.close({"account": "a"}, -1)) is None
    assert Seal(LONG_SECRET, "session", "others").open(seal.close({"account": "a"}, 60)) is None


def test_cookies_of_production_are_for_https_and_scripts_do_not_see_them(provider: Provider):
    client = browser(provider)
    begun = client.get("/review/sign-in").headers["set-cookie"].lower()
    assert "httponly" in begun
    assert "samesite=lax" in begun
    access = Access(settings("https://login.hospital.example", mode="production", public_url="https://cds.hospital.example"))
    assert {access._session, access._attempt, access._cookie} == {
        "__Host-ranvier-session",
        "__Host-ranvier-sign-in",
        "__Host-ranvier-review",
    }


@pytest.mark.parametrize(
    "to", ["//elsewhere.example", "/\\elsewhere.example", "/x\r\nSet-Cookie: a=b", "https://elsewhere.example", "@x", "/" * 2000]
)
def test_the_way_back_stays_here(provider: Provider, to: str):
    assert f"{OURS}/review{way_back(to)}".startswith(f"{OURS}/review")
    client = browser(provider)
    begun = client.get("/review/sign-in", params={"to": to})
    address = client.get(provider.answer(begun.headers["location"])).headers["location"]
    assert address.startswith("/review")
    assert "\n" not in address


@pytest.mark.parametrize(
    "chosen",
    [
        {"review_client_id": None},
        {"review_users": ""},
        {"review_secret": "x" * 31},
        {"review_secret": None},
        {"review_user_header": "X-Forwarded-User"},
        {"mode": "production"},
        {"mode": "production", "public_url": "https://cds.hospital.example"},
    ],
)
def test_it_does_not_start_where_the_sign_in_would_be_open_or_unclear(chosen):
    with pytest.raises(ConfigurationError, match="RANVIER_REVIEW"):
        Access(settings("http://login.hospital.example", **chosen))

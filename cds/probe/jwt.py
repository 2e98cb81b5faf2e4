"""Checks of the client's token (contract 2.16). They need a key that the service knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.session import Session
from cds.probe.token import Signer

Make = Callable[[Signer, str], str]


def _signer(session: Session) -> Signer:
    if session.signer is None:
        raise NotApplicable("no key was given (--jwt-key)")
    return session.signer


def _bare(session: Session) -> Exchange:
    return session.call(session.main, "without a token", token="")


def _guarded(session: Session) -> Signer:
    signer = _signer(session)
    if _bare(session).status == 200:
        raise NotApplicable("the service answers without a token, so tokens cannot be tested")
    return signer


def _try(session: Session, what: str, make: Make) -> Exchange:
    signer = _guarded(session)
    return session.call(session.main, what, token=make(signer, session.base + session.path(session.main)))


def rejects(cases: Mapping[str, Make], doc: str) -> Callable[[Session], Iterator[Seen]]:
    """A check that all these tokens are refused with 401."""

    def check(session: Session) -> Iterator[Seen]:
        for what, make in cases.items():
            exchange = _try(session, what, make)
            yield Seen(exchange, None if exchange.status == 401 else "this token must be refused with 401")

    check.__doc__ = doc
    return check


def needed(session: Session) -> Iterator[Seen]:
    """Calls need a token."""
    _signer(session)
    exchange = _bare(session)
    yield Seen(exchange, "the service answers anybody" if exchange.status == 200 else None)


def accepts(session: Session) -> Iterator[Seen]:
    """A good token is accepted, also with several audiences and the claims that Epic adds."""
    now = int(time.time())
    good: dict[str, Make] = {
        "a good token": lambda s, a: s.token(a),
        "several audiences": lambda s, a: s.token([a, "https://other.example"]),
        "sub and nbf as Epic sends them": lambda s, a: s.token(a, sub="client", nbf=now - 300),
        "the scheme in lower case": lambda s, a: s.token(a),
    }
    for what, make in good.items():
        if what == "the scheme in lower case":
            signer = _guarded(session)
            token = signer.token(session.base + session.path(session.main))
            exchange = session.call(session.main, what, headers={"Authorization": f"bearer {token}"})
        else:
            exchange = _try(session, what, make)
        yield Seen(exchange, None if exchange.status == 200 else "this token is good and must be accepted")


def _tampered(signer: Signer, audience: str) -> str:
    head, claims, signature = signer.token(audience).split(".")
    return f"{head}.{claims}.{'A' * len(signature)}"


def _claim(name: str) -> Make:
    absent: dict[str, Any] = {name: ...}
    return lambda signer, audience: signer.token(audience, **absent)


def _header(**changes: Any) -> Make:
    return lambda signer, audience: signer.token(audience, header=changes)


def _times(**offsets: int) -> Make:
    def make(signer: Signer, audience: str) -> str:
        times: dict[str, Any] = {name: int(time.time()) + seconds for name, seconds in offsets.items()}
        return signer.token(audience, **times)

    return make


NO_TOKEN: dict[str, Make] = {
    "a token that is none": lambda _s, _a: "not-a-token",
    "two parts only": lambda s, a: s.token(a).rpartition(".")[0],
}
ALGORITHMS: dict[str, Make] = {"the algorithm none": lambda s, a: s.unsigned(a), "HS256 with the public key": lambda s, a: s.symmetric(a)}
SIGNATURES: dict[str, Make] = {"a signature of zeros": _tampered, "a key nobody knows": lambda s, a: s.token(a, key=s.other_key())}
HEADERS: dict[str, Make] = {"no kid": _header(kid=...), "no typ": _header(typ=...), "an unknown kid": _header(kid="unknown-kid")}
CLAIMS: dict[str, Make] = {f"no {name}": _claim(name) for name in ("iss", "aud", "exp", "iat", "jti")}
ISSUER: dict[str, Make] = {"an unknown issuer": lambda s, a: s.token(a, iss="https://unknown.example")}
AUDIENCE: dict[str, Make] = {
    "the audience of another service": lambda s, a: s.token(a + "-other"),
    "the audience of somebody else": lambda s, _a: s.token("https://other.example/cds-services"),
}
EXPIRED: dict[str, Make] = {"an expired token": _times(iat=-900, exp=-600)}
FUTURE: dict[str, Make] = {"issued tomorrow": _times(iat=86_400, exp=86_700), "not valid before ten minutes": _times(nbf=600, exp=900)}
LIFETIME: dict[str, Make] = {"valid for a month": _times(exp=30 * 86_400)}


def replay(session: Session) -> Iterator[Seen]:
    """One token serves once."""
    signer = _guarded(session)
    token = signer.token(session.base + session.path(session.main))
    session.call(session.main, "a token used once", token=token)
    exchange = session.call(session.main, "the same token again", token=token)
    yield Seen(exchange, None if exchange.status == 401 else "a token used twice must be refused with 401")


def same_refusal(session: Session) -> Iterator[Seen]:
    """Whatever is wrong with a token, the answer is the same and says how to come in."""
    makes = {**NO_TOKEN, **ISSUER, **EXPIRED, **SIGNATURES}
    refused = [exchange for what, make in makes.items() if (exchange := _try(session, what, make)).status == 401]
    if not refused:
        raise NotApplicable("no bad token was refused with 401")
    for exchange in refused:
        if not exchange.headers.get("www-authenticate", "").lower().startswith("bearer"):
            yield Seen(exchange, "401 must carry `WWW-Authenticate: Bearer`")
        else:
            yield Seen(exchange, None if exchange.body == refused[0].body else "the body tells what is wrong with the token")


def before_address(session: Session) -> Iterator[Seen]:
    """Without a token nobody learns which services exist."""
    _guarded(session)
    exchange = session.send(
        "POST", "/cds-services/no-such-service-a7f3", "an unknown service without a token", body=session.request(session.main), token=""
    )
    yield Seen(exchange, None if exchange.status == 401 else "without a token even an unknown service must be 401")


def feedback(session: Session) -> Iterator[Seen]:
    """Feedback needs a token, too."""
    _guarded(session)
    if not session.feedback:
        raise NotApplicable("feedback was not to be sent")
    path = f"{session.path(session.main)}/feedback"
    exchange = session.send("POST", path, "feedback without a token", body={"feedback": []}, token="")
    yield Seen(exchange, None if exchange.status in (401, 404) else "feedback without a token must be 401")


def access_token(session: Session) -> Iterator[Seen]:
    """The token for the FHIR server does not open the service."""
    signer = _guarded(session)
    body = session.request(session.main)
    token = signer.token(session.base + session.path(session.main))
    body["fhirServer"] = "https://fhir.invalid/r4"
    body["fhirAuthorization"] = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "x",
    }
    exchange = session.send("POST", session.path(session.main), "a token in fhirAuthorization only", body=body, token="")
    yield Seen(exchange, None if exchange.status == 401 else "a token in fhirAuthorization is for the FHIR server only")

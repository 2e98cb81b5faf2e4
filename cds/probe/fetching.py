"""Checks of how a service reads from `fhirServer` (contract 2.7): only where the user lets the probe start a FHIR server."""

from __future__ import annotations

import copy
import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cds.probe import samples
from cds.probe.fhir_stub import Asked, FhirStub, Mood, pool_of
from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.session import Change, Session, members

MAX_TRIES = 2


def _stub(session: Session) -> FhirStub:
    if session.fhir is None:
        raise NotApplicable("the probe has no FHIR server; --fhir-server lets it start one")
    return session.fhir


def _ask(session: Session, what: str, mood: Mood = "answers", change: Change | None = None) -> tuple[Exchange, list[Asked]]:
    """Call the main service without prefetch but with a FHIR server in this mood; who asked that server for what."""
    stub = _stub(session)
    if what not in session.fetches:
        good = session.request(session.main)
        stub.mood, stub.pool = mood, pool_of(good)
        body = {name: value for name, value in good.items() if name != "prefetch"} | {"fhirServer": stub.base}
        patient = str(good["context"].get("patientId", samples.PATIENT))
        body["fhirAuthorization"] = authorization(patient)
        if change:
            change(body)
        before = len(stub.asked)
        exchange = session.send("POST", session.path(session.main), what, body=body)
        session.fetches[what] = (exchange, [one for one in stub.asked[before:] if one.kind != "metadata"])
    return session.fetches[what]


def authorization(patient: str, **changes: Any) -> dict[str, Any]:
    """Access to the probe's FHIR server, with a token that serves for this one call."""
    return {
        "access_token": f"probe-{secrets.token_hex(16)}",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "ranvier-probe",
        "patient": patient,
        **changes,
    }


def _fetched(session: Session) -> tuple[Exchange, list[Asked]]:
    """The plain case; a service that never asks the server has nothing to be checked."""
    exchange, asked = _ask(session, "a FHIR server instead of prefetch")
    if not asked:
        raise NotApplicable("the service did not ask the FHIR server; it may not be allowed to, or does not fetch")
    return exchange, asked


def same_cards(session: Session) -> Iterator[Seen]:
    """What is fetched leads to the same cards as what is prefetched."""
    exchange, _ = _fetched(session)
    sent = session.plain(session.main)
    same = exchange.status == sent.status and _summaries(exchange) == _summaries(sent)
    yield Seen(exchange, None if same else f"prefetched data gave {sent.got}, the same data fetched {exchange.got}")


def _summaries(exchange: Exchange) -> list[str]:
    return [str(card.get("summary")) for card in members(exchange.document, "cards")]


def token_sent(session: Session) -> Iterator[Seen]:
    """Every request to the FHIR server carries the access token."""
    exchange, asked = _fetched(session)
    bare = sum(not one.authorization.lower().startswith("bearer probe-") for one in asked)
    yield Seen(exchange, f"{bare} of {len(asked)} requests came without the access token" if bare else None)


def only_reads(session: Session) -> Iterator[Seen]:
    """Nothing is written: GET, or POST to `_search`."""
    exchange, asked = _fetched(session)
    odd = sorted({one.method for one in asked if one.method != "GET" and not (one.method == "POST" and "/_search" in one.url)})
    yield Seen(exchange, f"the FHIR server was sent {', '.join(odd)}" if odd else None)


def accepts_fhir(session: Session) -> Iterator[Seen]:
    """The service says that it wants FHIR as JSON."""
    exchange, asked = _fetched(session)
    silent = any("json" not in one.accept for one in asked)
    yield Seen(exchange, "a request had no `Accept` with JSON; servers may answer in XML" if silent else None)


def only_missing(session: Session) -> Iterator[Seen]:
    """Only what the request does not bring is fetched."""
    _ = _fetched(session)
    keys = samples.templates(session.main)
    for key, template in keys.items():
        kept = _prefetch(session, {name for name in keys if name != key})
        exchange, asked = _ask(session, f"a FHIR server, and all prefetched but {key}", change=_with(kept))
        extra = sorted({one.kind for one in asked} - {samples.resource_type(template)} - _included(template))
        yield Seen(exchange, f"{', '.join(extra)} was asked for although it had been sent" if extra else None)


def _included(template: str) -> set[str]:
    """Medications and users lie behind references in what is fetched; following one is no second request for what was sent."""
    return {"Medication", "Practitioner", "PractitionerRole", "Organization", "Encounter"} - {samples.resource_type(template)}


def null_is_known(session: Session) -> Iterator[Seen]:
    """`null` is not asked for again."""
    _ = _fetched(session)
    yield _not_again(session, "a FHIR server, and every search null", None)


def outcome_is_known(session: Session) -> Iterator[Seen]:
    """What the client could not read is not asked for again."""
    _ = _fetched(session)
    yield _not_again(session, "a FHIR server, and every search an OperationOutcome", samples.OUTCOME)


def _not_again(session: Session, what: str, value: Any) -> Seen:
    keys = samples.templates(session.main)
    searches = {key: samples.resource_type(text) for key, text in keys.items() if "?" in text}
    if not searches:
        raise NotApplicable("the service does not search")
    sent = {**_prefetch(session, set(keys)), **dict.fromkeys(searches, value)}
    exchange, asked = _ask(session, what, change=_with(sent))
    again = sorted({one.kind for one in asked} & set(searches.values()))
    return Seen(exchange, f"{', '.join(again)} was asked for although the client had said what became of it" if again else None)


def _prefetch(session: Session, keys: set[str]) -> dict[str, Any]:
    given = session.request(session.main).get("prefetch") or {}
    return {key: copy.deepcopy(value) for key, value in given.items() if key in keys}


def _with(prefetch: dict[str, Any]) -> Change:
    def change(body: dict[str, Any]) -> None:
        body["prefetch"] = prefetch

    return change


def pages(session: Session) -> Iterator[Seen]:
    """A second page on the same server is read."""
    _ = _fetched(session)
    exchange, asked = _ask(session, "a FHIR server that answers in pages", "pages")
    if not any("?" in one.url for one in asked):
        raise NotApplicable("the service does not search")
    more = any("probe-page=2" in one.url for one in asked)
    yield Seen(exchange, None if more else "a search had a next page, and nobody asked for it: what is on it counts as absent")


def not_elsewhere(session: Session) -> Iterator[Seen]:
    """Next pages and redirects lead to no other server."""
    _ = _fetched(session)
    moods: tuple[tuple[str, Mood], ...] = (
        ("a FHIR server whose next page is elsewhere", "pagesElsewhere"),
        ("a FHIR server that redirects", "redirects"),
    )
    for what, mood in moods:
        exchange, asked = _ask(session, what, mood)
        led = [one for one in asked if one.elsewhere]
        with_token = any("probe-" in one.authorization for one in led)
        fault = "the service followed to another server" + (", and sent the access token along" if with_token else "")
        yield Seen(exchange, fault if led else None)


def failures(session: Session) -> Iterator[Seen]:
    """A server that refuses or fails leads to 412 or to cards, neither to silence nor to a failure."""
    _ = _fetched(session)
    moods: tuple[tuple[str, Mood], ...] = (("a FHIR server that refuses", "refuses"), ("a FHIR server that fails", "fails"))
    had_cards = bool(members(session.plain(session.main).document, "cards"))
    for what, mood in moods:
        exchange, _asked = _ask(session, what, mood)
        silent = exchange.status == 200 and had_cards and not members(exchange.document, "cards")
        fault = "data could not be fetched, and the answer is silence, which is read as `nothing to say`" if silent else None
        if exchange.status not in (200, 412):
            fault = "data that cannot be fetched must be 412, or 200 if the service can do without"
        yield Seen(exchange, fault)


def few_tries(session: Session) -> Iterator[Seen]:
    """A server that fails is asked for one thing at most twice."""
    _ = _fetched(session)
    exchange, asked = _ask(session, "a FHIR server that fails", "fails")
    most = max(Counter(one.url for one in asked).values(), default=0)
    yield Seen(exchange, f"one address was asked for {most} times although the server failed" if most > MAX_TRIES else None)


def token_for_another(session: Session) -> Iterator[Seen]:
    """An access token for another patient is not used."""
    _ = _fetched(session)
    yield _unused(
        session, "a FHIR server with a token for another patient", lambda body: body["fhirAuthorization"].update(patient="probe-other")
    )


def token_expired(session: Session) -> Iterator[Seen]:
    """An access token that lives no longer is not used."""
    _ = _fetched(session)
    yield _unused(session, "a FHIR server with a token that has expired", lambda body: body["fhirAuthorization"].update(expires_in=0))


def token_forgotten(session: Session) -> Iterator[Seen]:
    """The access token of an earlier call is not used again."""
    _ = _fetched(session)
    yield _unused(session, "a FHIR server without a token", lambda body: body.pop("fhirAuthorization"))


def _unused(session: Session, what: str, change: Change) -> Seen:
    exchange, asked = _ask(session, what, change=change)
    used = any(one.authorization for one in asked)
    return Seen(exchange, "an access token was sent that must not be used for this call" if used else None)

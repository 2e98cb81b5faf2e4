"""Checks of addresses, methods, media types and limits (contract 2.3, 2.16 and 2.18)."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.session import BUSY, Session

UNKNOWN = "/cds-services/no-such-service-a7f3"
SLOW_SECONDS = 2.0
DEPTH = 100_000
MEGABYTE = 1024 * 1024


def _accepted(exchange: Exchange, what: str) -> Seen:
    return Seen(exchange, None if exchange.status == 200 else f"{what} must be answered with 200")


def callable_at_id(session: Session) -> Iterator[Seen]:
    """Every service answers at its address."""
    for entry in session.services:
        exchange = session.plain(entry)
        yield Seen(exchange, "the service that discovery names is not there" if exchange.status in (404, 405, 501, 0) else None)


def success_is_200(session: Session) -> Iterator[Seen]:
    """A good call ends with 200: no other 2xx, no redirect, no failure."""
    for entry in session.services:
        exchange = session.plain(entry)
        if exchange.status not in (404, 405, 501, 0):
            odd = 200 < exchange.status < 400 or exchange.status >= 500
            yield Seen(exchange, "a good request must be answered with 200, or refused with a reason" if odd else None)


def good_request_accepted(session: Session) -> Iterator[Seen]:
    """A complete request is not refused, even if the chart holds nothing more than the patient."""
    for entry in session.services:
        exchange = session.plain(entry)
        if exchange.status in (401, 403):
            raise NotApplicable("the service needs a token; --jwt-key gives a key to sign it")
        if 400 <= exchange.status < 500 and exchange.status not in (404, 405):
            why = "data were sent, but refused as incomplete" if exchange.status == 412 else "a complete request is refused"
            yield Seen(exchange, why)
        else:
            yield Seen(exchange)


def unknown_service(session: Session) -> Iterator[Seen]:
    """An id that does not exist is 404."""
    exchange = session.send("POST", UNKNOWN, "a service that does not exist", body=session.request(session.main))
    if session.strict:
        yield Seen(exchange, None if exchange.status == 404 else "an unknown service must be 404")
    else:
        yield Seen(exchange, None if 400 <= exchange.status < 500 else "an unknown service must be refused")


def get_on_service(session: Session) -> Iterator[Seen]:
    """GET on a service is 405 and says what is allowed."""
    exchange = session.send("GET", session.path(session.main), "GET on a service")
    fine = exchange.status == 405 and "POST" in exchange.headers.get("allow", "")
    yield Seen(exchange, None if fine else "GET on a service must be 405 with `Allow: POST, …`")


def no_redirects(session: Session) -> Iterator[Seen]:
    """Slashes at the end or doubled change nothing."""
    path, services = session.path(session.main), "/cds-services"
    for exchange in (
        session.send("GET", "/cds-services/", "discovery with a slash at the end", audience=services),
        session.send("POST", f"{path}/", "a service with a slash at the end", body=session.request(session.main), audience=path),
        session.send(
            "POST",
            path.replace("/cds-services/", "/cds-services//"),
            "a service with a doubled slash",
            body=session.request(session.main),
            audience=path,
        ),
    ):
        yield _accepted(exchange, "an extra slash")


def charset(session: Session) -> Iterator[Seen]:
    """A charset and capitals in the media type change nothing."""
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        yield _accepted(session.call(session.main, f"Content-Type {kind}", headers={"Content-Type": kind}), "this media type")


def fhir_media_types(session: Session) -> Iterator[Seen]:
    """FHIR's media types are read as JSON."""
    for kind in ("application/fhir+json", "application/json+fhir"):
        yield _accepted(session.call(session.main, f"Content-Type {kind}", headers={"Content-Type": kind}), "this media type")


def other_media_types(session: Session) -> Iterator[Seen]:
    """Anything else is 415, before the body is looked at."""
    body = session.request(session.main)
    path = session.path(session.main)
    for exchange in (
        session.send("POST", path, "Content-Type text/plain", body=body, headers={"Content-Type": "text/plain"}),
        session.send("POST", path, "no Content-Type", body=body, headers={"Content-Type": ""}),
        session.send("POST", path, "text/plain that is no JSON", content=b"{", headers={"Content-Type": "text/plain"}),
    ):
        yield Seen(exchange, None if exchange.status == 415 else "a media type that is not JSON must be 415")


def accept(session: Session) -> Iterator[Seen]:
    """`Accept` is ignored, because clients send odd ones."""
    exchange = session.call(session.main, "Accept application/json+fhir", headers={"Accept": "application/json+fhir"})
    yield _accepted(exchange, "an unusual Accept header")


def route_before_body(session: Session) -> Iterator[Seen]:
    """An unknown service is 404 whatever the body."""
    _ = session.main
    exchange = session.send("POST", UNKNOWN, "an unknown service with a broken body", content=b"{", headers={"Content-Type": "text/plain"})
    yield Seen(exchange, None if exchange.status == 404 else "the address must be checked before the body")


def deep_json(session: Session) -> Iterator[Seen]:
    """100,000 nested arrays do not break the service."""
    body = session.request(session.main)
    marker = '"@deep@"'
    text = json.dumps({**body, "extension": {"org.example.deep": "@deep@"}}).replace(marker, "[" * DEPTH + "]" * DEPTH)
    exchange = session.send("POST", session.path(session.main), "JSON nested 100,000 deep", content=text.encode())
    yield Seen(
        exchange,
        "deeply nested JSON must be answered or refused, not break the service" if exchange.status in (0, *range(500, 600)) else None,
    )


def _padded(session: Session, megabytes: int) -> Exchange:
    """The good request with ballast, nearly so many MiB in all."""
    marker = "@padding@"
    body = session.request(session.main)
    body["extension"] = {"org.example.padding": marker}
    content = json.dumps(body).encode()
    size = megabytes * MEGABYTE - 4096
    return session.send(
        "POST", session.path(session.main), f"a request of {megabytes} MiB", content=content.replace(marker.encode(), b"x" * size)
    )


def _large(session: Session, megabytes: int) -> Seen:
    exchange = _padded(session, megabytes)
    return Seen(exchange, None if exchange.status == 200 else f"a request of {megabytes} MiB must be accepted; charts are large")


def one_megabyte(session: Session) -> Iterator[Seen]:
    """A request of 1 MiB is accepted."""
    yield _large(session, 1)


def nine_megabytes(session: Session) -> Iterator[Seen]:
    """A request of nearly 10 MiB is accepted."""
    yield _large(session, 9)


def body_limit(session: Session) -> Iterator[Seen]:
    """A body above the limit is 413."""
    if session.body_limit is None:
        raise NotApplicable("the limit is not known; --body-limit names it, and one body above it is sent")
    exchange = _padded(session, session.body_limit + 1)
    yield Seen(exchange, None if exchange.status == 413 else f"a body above {session.body_limit} MiB must be refused with 413")


def retry_after(session: Session) -> Iterator[Seen]:
    """Where the service is busy (429, 503), it says when to come back."""
    for exchange in [*session.turned_away, *(one for one in session.exchanges.values() if one.status in BUSY)]:
        yield Seen(exchange, None if _is_moment(exchange.headers.get("retry-after", "")) else "no `Retry-After` with seconds or a date")


def _is_moment(text: str) -> bool:
    try:
        return (text.isascii() and text.isdigit()) or parsedate_to_datetime(text) is not None
    except ValueError:
        return False


def request_id(session: Session) -> Iterator[Seen]:
    """Answers carry an id by which both sides find them in their logs."""
    exchange = session.plain(session.main)
    found = any(name in exchange.headers for name in ("x-request-id", "x-correlation-id", "traceparent", "x-amzn-trace-id"))
    yield Seen(exchange, None if found else "no X-Request-Id or another correlation header")


def quick(session: Session) -> Iterator[Seen]:
    """Answers come in the order of half a second; two seconds are reported."""
    for exchange in session.answers():
        slow = exchange.seconds > SLOW_SECONDS
        yield Seen(exchange, f"the answer took {exchange.seconds:.1f} s; users wait for it" if slow else None)


def tls(session: Session) -> Iterator[Seen]:
    """Traffic goes over TLS."""
    parts = urlsplit(session.base)
    if _is_local(parts.hostname or ""):
        raise NotApplicable("the service is on this machine")
    yield Seen(session.discovery, None if parts.scheme == "https" else "production traffic must use https")


def hsts(session: Session) -> Iterator[Seen]:
    """Answers over TLS tell browsers to stay there."""
    if not session.base.startswith("https://"):
        raise NotApplicable("the service is not called over https")
    found = "strict-transport-security" in session.discovery.headers
    yield Seen(session.discovery, None if found else "no Strict-Transport-Security header")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

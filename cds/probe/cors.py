"""Checks for clients in a browser (contract 2.17). A service that names no origin takes no part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.session import ORIGIN, Session
from cds.probe.surface import UNKNOWN

_ALLOW = "access-control-allow-"
_FROM_PAGE = {"Origin": ORIGIN}


def _discovery(session: Session) -> Exchange:
    exchange = session.send("GET", "/cds-services", "discovery from a web page", headers=_FROM_PAGE)
    if f"{_ALLOW}origin" not in exchange.headers:
        raise NotApplicable(f"the service allows no calls from web pages of {ORIGIN}")
    return exchange


def _preflights(session: Session) -> list[Exchange]:
    _discovery(session)
    path = session.path(session.main)
    routes = [("/cds-services", "GET"), (path, "POST"), *([(f"{path}/feedback", "POST")] if _takes_feedback(session) else [])]
    return [
        session.send(
            "OPTIONS",
            route,
            "preflight of a browser",
            headers={**_FROM_PAGE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"},
        )
        for route, method in routes
    ]


def _takes_feedback(session: Session) -> bool:
    if not session.feedback or session.profile == "1.0":
        return False
    path = f"{session.path(session.main)}/feedback"
    return session.send("POST", path, "no feedback at all", body={"feedback": []}).status not in (0, 404, 405, 501)


def each_preflight(judge: Callable[[Exchange], str | None]) -> Callable[[Session], Iterator[Seen]]:
    """A check that judges the preflight of every route."""

    def check(session: Session) -> Iterator[Seen]:
        for exchange in _preflights(session):
            yield Seen(exchange, judge(exchange))

    check.__doc__ = judge.__doc__
    return check


def preflight(exchange: Exchange) -> str | None:
    """A preflight is answered without a token, and names the origin."""
    fine = exchange.status in (200, 204) and exchange.headers.get(f"{_ALLOW}origin") in ("*", ORIGIN)
    return None if fine else "a browser will not send the call: status 200 or 204 and Access-Control-Allow-Origin are needed"


def methods(exchange: Exchange) -> str | None:
    """A preflight allows POST and GET as the route needs."""
    if f"{_ALLOW}origin" not in exchange.headers:
        return None
    allowed = exchange.headers.get(f"{_ALLOW}methods", "").upper()
    needed = "GET" if exchange.path == "/cds-services" else "POST"
    return None if needed in allowed else f"Access-Control-Allow-Methods lacks {needed}"


def headers(exchange: Exchange) -> str | None:
    """A preflight allows Authorization by name, and Content-Type."""
    if f"{_ALLOW}origin" not in exchange.headers:
        return None
    allowed = {name.strip().lower() for name in exchange.headers.get(f"{_ALLOW}headers", "").split(",")}
    missing = {"authorization", "content-type"} - allowed
    return f"Access-Control-Allow-Headers lacks {', '.join(sorted(missing))}; `*` does not cover Authorization" if missing else None


def max_age(exchange: Exchange) -> str | None:
    """Browsers may remember the preflight for a while."""
    if f"{_ALLOW}origin" not in exchange.headers:
        return None
    return None if "access-control-max-age" in exchange.headers else "without Access-Control-Max-Age every call is preflighted"


def _from_page(session: Session) -> list[Exchange]:
    """Answers of every kind, as a web page asks for them."""
    found = [_discovery(session)]
    path, body = session.path(session.main), session.request(session.main)
    found.append(session.send("POST", path, "a good request from a web page", body=body, headers=_FROM_PAGE))
    found.append(session.send("POST", path, "broken JSON from a web page", content=b"{", headers=_FROM_PAGE))
    found.append(session.send("POST", UNKNOWN, "an unknown service from a web page", body=body, headers=_FROM_PAGE))
    found.append(session.send("POST", path, "text/plain from a web page", body=body, headers={**_FROM_PAGE, "Content-Type": "text/plain"}))
    nothing = {name: value for name, value in body.items() if name != "prefetch"}
    found.append(session.send("POST", path, "no prefetch from a web page", body=nothing, headers=_FROM_PAGE))
    return found


def every_answer(session: Session) -> Iterator[Seen]:
    """Answers of every status name the origin, or the page cannot read them."""
    for exchange in _from_page(session):
        fine = exchange.headers.get(f"{_ALLOW}origin") in ("*", ORIGIN)
        yield Seen(exchange, None if fine else "this answer lacks Access-Control-Allow-Origin; the page cannot read it")


def no_credentials(session: Session) -> Iterator[Seen]:
    """Cookies are not invited."""
    for exchange in (*_from_page(session), *_preflights(session)):
        found = f"{_ALLOW}credentials" in exchange.headers
        yield Seen(exchange, "Access-Control-Allow-Credentials is not needed, and wrong with `*`" if found else None)


def vary(session: Session) -> Iterator[Seen]:
    """An answer that repeats the origin says so to caches."""
    for exchange in _from_page(session):
        if exchange.headers.get(f"{_ALLOW}origin") == ORIGIN:
            fine = "origin" in exchange.headers.get("vary", "").lower()
            yield Seen(exchange, None if fine else "`Vary: Origin` is missing although the origin is repeated")

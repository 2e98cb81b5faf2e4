"""Checks of the discovery document (contract 2.1 and 2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from cds.probe.model import NotApplicable, Seen, strict_json
from cds.probe.session import Session
from cds.probe.shape import REVERSE_DOMAIN, empties, extra, is_text

ENTRY = frozenset({"hook", "title", "description", "id", "prefetch", "usageRequirements", "version", "hookVersion", "extension"})
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+].+)?")


def is_json(session: Session) -> Iterator[Seen]:
    """The document parses strictly."""
    exchange = session.discovery
    if exchange.status != 200:
        raise NotApplicable("discovery did not answer 200")
    try:
        strict_json(exchange.body)
    except ValueError as error:
        yield Seen(exchange, f"the body is not JSON: {error}")
    else:
        yield Seen(exchange)


def answers(session: Session) -> Iterator[Seen]:
    """200 and an object with an array `services`."""
    exchange = session.discovery
    if exchange.status != 200:
        yield Seen(exchange, "discovery must answer 200")
    elif exchange.document is None:
        raise NotApplicable("the body is not JSON")
    elif not isinstance(exchange.document, dict) or not isinstance(exchange.document.get("services"), list):
        yield Seen(exchange, "the body must be an object with an array `services`")
    elif any(not isinstance(entry, dict) for entry in exchange.document["services"]):
        yield Seen(exchange, "every entry of `services` must be an object")
    else:
        yield Seen(exchange)


def no_empties(session: Session) -> Iterator[Seen]:
    """No null and nothing empty but `services`."""
    _ = session.entries
    found = list(empties(session.discovery.document))
    yield Seen(session.discovery, f"null or empty at {', '.join(found[:5])}" if found else None)


def content_type(session: Session) -> Iterator[Seen]:
    """`Content-Type: application/json`."""
    if session.discovery.status != 200:
        raise NotApplicable("discovery did not answer 200")
    kind = session.discovery.headers.get("content-type", "")
    fine = kind.partition(";")[0].strip().lower() == "application/json"
    yield Seen(session.discovery, None if fine else f"the Content-Type is {kind or 'missing'}, not application/json")


def each(judge: Callable[[dict[str, Any]], str | None]) -> Callable[[Session], Iterator[Seen]]:
    """A check that judges every entry by itself."""

    def check(session: Session) -> Iterator[Seen]:
        if not session.entries:
            raise NotApplicable("discovery names no service")
        for entry in session.entries:
            fault = judge(entry)
            yield Seen(session.discovery, f"{entry.get('id')}: {fault}" if fault else None)

    check.__doc__ = judge.__doc__
    return check


def required_members(entry: dict[str, Any]) -> str | None:
    """`hook`, `description` and `id` are text."""
    missing = [name for name in ("hook", "description", "id") if name not in entry or not isinstance(entry[name], str)]
    return f"must have as text: {', '.join(missing)}" if missing else None


def title(entry: dict[str, Any]) -> str | None:
    """A title is given."""
    return None if isinstance(entry.get("title"), str) else "has no `title`"


def prefetch(entry: dict[str, Any]) -> str | None:
    """`prefetch` is an object of text."""
    found = entry.get("prefetch", {})
    fine = isinstance(found, dict) and all(isinstance(text, str) for text in found.values())
    return None if fine else "`prefetch` must be an object whose values are text"


def usage_requirements(entry: dict[str, Any]) -> str | None:
    """`usageRequirements` is text."""
    return None if isinstance(entry.get("usageRequirements", ""), str) else "`usageRequirements` must be text"


def version(entry: dict[str, Any]) -> str | None:
    """`version` is that of the specification, such as 2.0.1."""
    found = entry.get("version")
    return None if isinstance(found, str) and _SEMVER.fullmatch(found) else "`version` should be a version such as 2.0.1"


def hook_version(entry: dict[str, Any]) -> str | None:
    """`hookVersion`, if sent, looks like a version."""
    found = entry.get("hookVersion", "1.0")
    return None if isinstance(found, str) and re.fullmatch(r"\d+(\.\d+){1,2}", found) else "`hookVersion` must look like 1.0"


def extension(entry: dict[str, Any]) -> str | None:
    """`extension` is an object."""
    return None if isinstance(entry.get("extension", {}), dict) else "`extension` must be an object"


def extension_names(entry: dict[str, Any]) -> str | None:
    """Members of `extension` are named by reversed domain."""
    found = entry.get("extension")
    wrong = [name for name in found if not REVERSE_DOMAIN.fullmatch(name)] if isinstance(found, dict) else []
    return f"extension members not named like org.example.x: {', '.join(wrong)}" if wrong else None


def only_known_members(entry: dict[str, Any]) -> str | None:
    """No member that the specification does not know."""
    return extra(entry, ENTRY)


def id_form(entry: dict[str, Any]) -> str | None:
    """Ids are safe in addresses, ids and hooks short."""
    if is_text(entry.get("id")) and not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", entry["id"]):
        return "`id` should be 1 to 64 of letters, digits, '.', '_' and '-'"
    return "`hook` is longer than 64" if isinstance(entry.get("hook"), str) and len(entry["hook"]) > 64 else None


def distinct_services(session: Session) -> Iterator[Seen]:
    """No id twice for one hook."""
    pairs = [(entry.get("id"), entry.get("hook")) for entry in session.entries]
    yield Seen(session.discovery, "one id occurs twice for one hook" if len({*map(repr, pairs)}) < len(pairs) else None)


def distinct_ids(session: Session) -> Iterator[Seen]:
    """No id for two hooks, because common clients keep one service per address."""
    hooks: dict[str, set[str]] = {}
    for entry in session.entries:
        hooks.setdefault(repr(entry.get("id")), set()).add(repr(entry.get("hook")))
    yield Seen(session.discovery, "one id answers several hooks" if any(len(found) > 1 for found in hooks.values()) else None)


def stable(session: Session) -> Iterator[Seen]:
    """Two calls give the same document."""
    _ = session.entries
    again = session.send("GET", "/cds-services", "discovery again")
    yield Seen(again, None if again.body == session.discovery.body else "a second call gave another document")


def entity_tag(session: Session) -> Iterator[Seen]:
    """A strong ETag, an age, and 304 for a client that has the document."""
    _ = session.entries
    headers = session.discovery.headers
    tag = headers.get("etag", "")
    if not tag.startswith('"') or "max-age" not in headers.get("cache-control", ""):
        yield Seen(session.discovery, "a strong ETag and a Cache-Control with max-age are missing")
        return
    known = session.send("GET", "/cds-services", "discovery with If-None-Match", headers={"If-None-Match": tag})
    yield Seen(
        known, None if known.status == 304 and not known.body else "If-None-Match with the current ETag must give 304 without a body"
    )


def open_to_all(session: Session) -> Iterator[Seen]:
    """A token, good or bad, does not break discovery unless discovery needs one."""
    _ = session.entries
    bare = session.send("GET", "/cds-services", "discovery without a token", token="")
    if bare.status == 401:
        raise NotApplicable("discovery needs a token here")
    garbage = session.send("GET", "/cds-services", "discovery with a token that is none", headers={"Authorization": "Bearer not-a-token"})
    yield Seen(garbage, None if garbage.status == 200 else "discovery needs no token, yet a bad one breaks it")


def head(session: Session) -> Iterator[Seen]:
    """HEAD answers like GET, without a body."""
    _ = session.entries
    exchange = session.send("HEAD", "/cds-services", "discovery with HEAD")
    yield Seen(exchange, None if exchange.status == 200 and not exchange.body else "HEAD on discovery must answer 200 without a body")

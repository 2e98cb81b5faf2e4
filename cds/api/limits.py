"""Reading a request without being hurt by it: body size, media type, headers (CH-HTTP-06, CH-HTTP-08, CH-HTTP-09)."""

from __future__ import annotations

import asyncio
from io import SEEK_END, BytesIO
from typing import cast

from starlette.types import Message, Receive, Scope

from cds.api.connection import Connection
from cds.protocol.outcome import Issue, Refusal

MEDIA_TYPES = frozenset({"application/json", "application/fhir+json", "application/json+fhir"})

_TAKEN_IN = 256
"""New connections that are taken in, at most, before a call computes."""


class ClientGoneError(Exception):
    """The client closed the connection before it was answered; nobody is left to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a request header; `name` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def check_declared_size(scope: Scope, limit: int) -> None:
    """Refuse (413) a request that says itself that it is too large."""
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)


def check_media_type(scope: Scope) -> None:
    """Refuse (415) a body that is compressed or does not say that it is JSON. The charset is ignored: JSON is UTF-8."""
    if (header(scope, b"content-encoding") or "identity").strip().lower() != "identity":
        raise Refusal(415, (Issue("not-supported", "The body must not be compressed."),), {"Accept-Encoding": "identity"})
    declared = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if declared not in MEDIA_TYPES:
        issue = Issue(
            "not-supported", "The Content-Type must be application/json.", diagnostics=f"Accepted: {', '.join(sorted(MEDIA_TYPES))}"
        )
        raise Refusal(415, (issue,), {"Accept": ", ".join(sorted(MEDIA_TYPES))})


def check_post(scope: Scope) -> None:
    """Refuse (405) any method but POST."""
    if scope["method"] != "POST":
        raise Refusal(405, (Issue("not-supported", "This address answers POST."),), {"Allow": "POST, OPTIONS"})


async def read_body(receive: Receive, limit: int, seconds: float) -> bytes:
    """The whole body.

    Raises `Refusal` 413 as soon as it exceeds `limit` bytes and 408 when it takes too long, `ClientGoneError` if it is cut off.
    """
    arrived = _at_once(receive)
    if arrived is not None and not arrived.get("more_body", False):
        return await _read(receive, limit, arrived)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit, arrived)
    except TimeoutError:
        raise Refusal(408, (Issue("transient", "The request body did not arrive in time."),), {"Connection": "close"}) from None


async def check_client_is_there(receive: Receive) -> None:
    """Raise `ClientGoneError` if the client has left meanwhile, so that nothing is computed for nobody.

    Everything that has arrived gets its turn here, too: calls that follow are counted, or told to come back, before this one computes.
    """
    for _ in range(_TAKEN_IN):
        made = Connection.made
        await asyncio.sleep(0)  # uvloop takes in one new connection in a turn of the loop
        await asyncio.sleep(0)  # and hands it over in the next
        if Connection.made == made:
            break
    arrived = _at_once(receive)
    if arrived is not None and arrived["type"] == "http.disconnect":
        raise ClientGoneError


def _at_once(receive: Receive) -> Message | None:
    """What has arrived already, told by the first step of `receive`, which waits for nothing: neither a task nor a timer is made for it."""
    asked = receive().__await__()
    try:
        next(asked)
    except StopIteration as arrived:
        return cast(Message, arrived.value)
    asked.close()
    return None


async def _read(receive: Receive, limit: int, message: Message | None) -> bytes:
    first, rest, size = b"", None, 0
    while True:
        message = message or await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if rest is not None:
            rest.write(part)
        elif first:
            rest = BytesIO(first)  # grows in place: a large body is never there twice
            rest.seek(0, SEEK_END)
            rest.write(part)
        else:
            first = part
        if not message.get("more_body", False):
            return first if rest is None else rest.getvalue()
        message = None


def _too_large(limit: int) -> Refusal:
    return Refusal(413, (Issue("too-long", "The request body is too large.", diagnostics=f"At most {limit} bytes are read."),))

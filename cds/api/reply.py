"""Answers as bytes: status, headers and body are built in one place, so that none is sent without the common headers."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from starlette.types import Scope, Send

from cds.protocol.outcome import Issue, Refusal, operation_outcome

JSON = "application/json"


class Reply(Struct, frozen=True):
    """What is sent back. Every JSON answer has the content type application/json (CH-GEN-04)."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> Reply:
    """A JSON body."""
    return Reply(status, body, {"Content-Type": JSON, **(headers or {})})


def refusal_reply(refusal: Refusal) -> Reply:
    """The OperationOutcome of a refusal; never stored by caches (CH-ERR-01, CH-RESP-06)."""
    return json_reply(operation_outcome(refusal.issues), {"Cache-Control": "no-store", **refusal.headers}, refusal.status)


def failure_reply() -> Reply:
    """500 for a fault of our own; says nothing of it (CH-ERR-02)."""
    issue = Issue("exception", "The service failed. The request id in the header X-Request-Id finds the log line.")
    return json_reply(operation_outcome((issue,), "fatal"), {"Cache-Control": "no-store"}, 500)


async def send_reply(reply: Reply, scope: Scope, send: Send) -> None:
    """Send it; the answer to HEAD has the headers of GET and no body (CH-HTTP-07)."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply.status not in (204, 304):
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

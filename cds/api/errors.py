"""What the framework refuses, said in our words: every error is an OperationOutcome without a trace of the input (CH-ERR-01, -02)."""

from __future__ import annotations

from typing import cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cds.api.reply import Reply, failure_reply, refusal_reply
from cds.protocol.outcome import Issue, IssueCode, Refusal

_WORDS: dict[int, tuple[IssueCode, str]] = {
    401: ("login", "Authentication is needed."),
    403: ("forbidden", "This client may not do this."),
    404: ("not-found", "There is nothing at this address."),
    405: ("not-supported", "This address does not answer this method."),
    413: ("too-long", "The request body is too large."),
    415: ("not-supported", "This media type is not read here."),
    429: ("throttled", "Too many requests."),
    503: ("transient", "The service is busy."),
}


def on_refusal(_request: Request, error: Exception) -> Response:
    """A refusal that a route raised."""
    return _response(refusal_reply(cast(Refusal, error)))


def on_http_exception(_request: Request, error: Exception) -> Response:
    """An error that a route or the router raised."""
    raised = cast(HTTPException, error)
    code, text = _WORDS.get(raised.status_code, ("invalid", "The request cannot be answered."))
    return _response(refusal_reply(Refusal(raised.status_code, (Issue(code, text),), dict(raised.headers or {}))))


def on_invalid_input(_request: Request, error: Exception) -> Response:
    """Parameters or a body that a FastAPI route refused; names the place, never the value."""
    problems = cast(RequestValidationError, error).errors()
    issues = tuple(Issue("invalid", f"{_place(details)} is not valid.") for details in problems)
    return _response(refusal_reply(Refusal(400, issues)))


def on_unexpected(_request: Request, _error: Exception) -> Response:
    """A fault of our own; `Guard` logs it."""
    return _response(failure_reply())


def _place(details: dict[str, object]) -> str:
    location = details.get("loc")
    first = location[0] if isinstance(location, tuple) and location else "request"
    return f"The {first}"


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))

"""Checks of refusals (contract 2.14): all answers of the run with a status of 400 or more are looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.samples import CANARY
from cds.probe.session import Session, members
from cds.probe.shape import empties

ECHO = "ProbeEchoCanary"
TRACE = re.compile(
    rb"Traceback \(most recent call last\)|\bat [\w$.]+\([\w.]+\.java:\d+\)|\n\s+at .+:\d+:\d+\)|File \"[^\"]+\", line \d+|\.go:\d+ \+0x"
)
CODES: dict[int, frozenset[str]] = {
    400: frozenset({"invalid", "required", "structure", "value"}),
    401: frozenset({"login", "security"}),
    403: frozenset({"forbidden", "security"}),
    404: frozenset({"not-found"}),
    405: frozenset({"not-supported"}),
    412: frozenset({"processing", "incomplete"}),
    413: frozenset({"too-long", "too-costly"}),
    415: frozenset({"not-supported"}),
    429: frozenset({"throttled"}),
    503: frozenset({"transient", "throttled"}),
}
Judge = Callable[[Exchange], str | None]


def provoke(session: Session) -> None:
    """Requests that should be refused, each holding words that must not come back."""
    path = session.path(session.main)
    session.send("POST", path, "broken JSON that names the patient", content=f'{{"hook": "{ECHO}", "patient": "{CANARY}"'.encode())
    body = session.request(session.main)
    session.send("POST", path, "an unknown hook that names the patient", body={**body, "hook": ECHO})
    context = {**body.get("context", {}), "patientId": [ECHO], "userId": {"name": ECHO}}
    session.send("POST", path, "a context of wrong types", body={**body, "context": context})


def each(judge: Judge) -> Callable[[Session], Iterator[Seen]]:
    """A check that judges every refusal of the run."""

    def check(session: Session) -> Iterator[Seen]:
        provoke(session)
        found = [exchange for exchange in session.exchanges.values() if exchange.status >= 400 and exchange.method != "HEAD"]
        if not found:
            raise NotApplicable("nothing was refused")
        for exchange in found:
            yield Seen(exchange, judge(exchange))

    check.__doc__ = judge.__doc__
    return check


def is_outcome(exchange: Exchange) -> bool:
    """Whether the body is an OperationOutcome with issues."""
    document = exchange.document
    issues = members(document, "issue")
    return (
        isinstance(document, dict)
        and document.get("resourceType") == "OperationOutcome"
        and bool(issues)
        and all(isinstance(issue.get("severity"), str) and isinstance(issue.get("code"), str) for issue in issues)
    )


def outcome(exchange: Exchange) -> str | None:
    """The body is an OperationOutcome."""
    return None if is_outcome(exchange) else "the body of a refusal should be an OperationOutcome with severity and code"


def content_type(exchange: Exchange) -> str | None:
    """An OperationOutcome is declared as JSON."""
    kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    return (
        None
        if not is_outcome(exchange) or kind in ("application/json", "application/fhir+json")
        else f"the Content-Type is {kind or 'missing'}"
    )


def no_empties(exchange: Exchange) -> str | None:
    """No null and nothing empty in a refusal, either."""
    found = list(empties(exchange.document)) if isinstance(exchange.document, dict) else []
    return f"null or empty at {', '.join(found[:3])}" if found else None


def no_echo(exchange: Exchange) -> str | None:
    """Nothing of the request comes back."""
    found = any(word.encode() in exchange.body for word in (ECHO, CANARY))
    return "a value of the request comes back; it may be about a patient or a token" if found else None


def no_trace(exchange: Exchange) -> str | None:
    """No stack trace."""
    return "a stack trace in the body" if TRACE.search(exchange.body) else None


def code(exchange: Exchange) -> str | None:
    """The code of an issue fits the status."""
    if not is_outcome(exchange) or exchange.status not in CODES:
        return None
    wrong = {str(issue["code"]) for issue in members(exchange.document, "issue")} - CODES[exchange.status]
    return f"the code {', '.join(sorted(wrong))} does not fit the status {exchange.status}" if wrong else None

"""Checks of the feedback address (contract 2.15). The cards that are reported do not exist, so that no real record changes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cds.probe.errors import ECHO
from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.session import Session

REASON = {"code": "contraindicated", "system": "https://terminology.example/reasons", "display": "Contraindicated"}
EPIC = "com.epic.cdshooks.feedback.overrideReason"


def entry(**changes: Any) -> dict[str, Any]:
    """A good entry about a card that does not exist; a value of `...` leaves a member out."""
    found = {
        "card": str(uuid.uuid4()),
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": str(uuid.uuid4())}],
        "outcomeTimestamp": _time(0),
        **changes,
    }
    return {name: value for name, value in found.items() if value is not ...}


def overridden(**changes: Any) -> dict[str, Any]:
    """A good entry about a card that was not followed."""
    return entry(**{"outcome": "overridden", "acceptedSuggestions": ..., **changes})


def _time(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _post(session: Session, what: str, body: Any) -> Exchange:
    if not session.feedback:
        raise NotApplicable("feedback was not to be sent")
    return session.send("POST", f"{session.path(session.main)}/feedback", what, body=body)


def _send(session: Session, what: str, *entries: dict[str, Any]) -> Exchange:
    return _post(session, what, {"feedback": list(entries)})


def _first(session: Session) -> Exchange:
    exchange = _send(session, "an accepted card", entry())
    if exchange.status in (404, 405, 501):
        raise NotApplicable("the service takes no feedback")
    return exchange


def _taken(exchange: Exchange) -> Seen:
    return Seen(exchange, None if 200 <= exchange.status < 300 else "this feedback must be taken")


def exists(session: Session) -> Iterator[Seen]:
    """Feedback is taken at all."""
    exchange = _send(session, "an accepted card", entry())
    yield Seen(exchange, "there is no feedback address" if exchange.status in (404, 405, 501) else None)


def accepted(session: Session) -> Iterator[Seen]:
    """A card that was followed."""
    yield _taken(_first(session))


def status(session: Session) -> Iterator[Seen]:
    """Success is 200 without a body, and not stored by caches."""
    exchange = _first(session)
    if not 200 <= exchange.status < 300:
        raise NotApplicable("feedback was refused")
    fine = exchange.status == 200 and not exchange.body and "no-store" in exchange.headers.get("cache-control", "")
    yield Seen(exchange, None if fine else "success should be 200 with an empty body and `Cache-Control: no-store`")


def reasons(session: Session) -> Iterator[Seen]:
    """A card that was overridden, with a reason, a comment, both or neither."""
    _first(session)
    bare = {name: value for name, value in REASON.items() if name != "display"}
    for what, found in {
        "overridden with a reason": overridden(overrideReason={"reason": REASON}),
        "overridden, reason without display": overridden(overrideReason={"reason": bare}),
        "overridden with a comment": overridden(overrideReason={"userComment": "A comment of the probe."}),
        "overridden with both": overridden(overrideReason={"reason": REASON, "userComment": "A comment of the probe."}),
        "overridden without a reason": overridden(),
    }.items():
        yield _taken(_send(session, what, found))


def batches(session: Session) -> Iterator[Seen]:
    """Several entries in one call."""
    _first(session)
    yield _taken(_send(session, "twenty entries", *(entry() if n % 2 else overridden() for n in range(20))))


def empty_batch(session: Session) -> Iterator[Seen]:
    """A call without entries."""
    _first(session)
    yield _taken(_post(session, "no feedback at all", {"feedback": []}))


def repeats(session: Session) -> Iterator[Seen]:
    """The same entry twice, and another outcome for the same card."""
    _first(session)
    found = entry(card="0d9f5f6e-5c0d-4b5d-9a55-7d4c7f0e2f11")
    yield _taken(_send(session, "an entry to be repeated", found))
    yield _taken(_send(session, "the same entry again", found))
    yield _taken(_send(session, "another outcome for the same card", overridden(card=found["card"])))


def refusals(session: Session) -> Iterator[Seen]:
    """Entries without what they must have are refused."""
    _first(session)
    for what, body in {
        "feedback without an array": {"feedback": entry()},
        "no member feedback": {"card": "x"},
        "an entry without card": {"feedback": [entry(card=...)]},
        "an entry without outcome": {"feedback": [entry(outcome=...)]},
        "an entry without time": {"feedback": [entry(outcomeTimestamp=...)]},
        "an outcome ignored": {"feedback": [entry(outcome="ignored", acceptedSuggestions=...)]},
        "a time that is none": {"feedback": [entry(outcomeTimestamp="yesterday")]},
    }.items():
        exchange = _post(session, what, body)
        if session.strict:
            yield Seen(exchange, None if exchange.status == 400 else "this must be refused with 400")
        else:
            yield Seen(exchange, "this must not break the service" if exchange.status == 0 or exchange.status >= 500 else None)


def no_suggestions(session: Session) -> Iterator[Seen]:
    """`accepted` without suggestions is taken with a warning, or refused with 400."""
    _first(session)
    exchange = _send(session, "accepted without acceptedSuggestions", entry(acceptedSuggestions=...))
    fine = 200 <= exchange.status < 300 or exchange.status == 400
    yield Seen(exchange, None if fine else "this must be taken or refused with 400")


def epic(session: Session) -> Iterator[Seen]:
    """Epic's dialect is taken."""
    _first(session)
    for what, found in {
        "overrideReasons as Epic writes it": overridden(overrideReasons={"reason": {"code": "1", "system": "urn:epic", "display": "x"}}),
        "the reason in Epic's extension": overridden(extension={f"{EPIC}.code": "1", f"{EPIC}.display": "x"}),
        "a card that is no UUID": overridden(card="epic-card-1"),
    }.items():
        yield _taken(_send(session, what, found))


def times(session: Session) -> Iterator[Seen]:
    """Times with an offset and with fractions are taken."""
    _first(session)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    yield _taken(_send(session, "a time with fractions", entry(outcomeTimestamp=f"{now}.123Z")))
    yield _taken(_send(session, "a time with an offset", entry(outcomeTimestamp=f"{now}+00:00")))


def far_future(session: Session) -> Iterator[Seen]:
    """A time of next year is refused."""
    _first(session)
    exchange = _send(session, "a time of next year", entry(outcomeTimestamp=_time(24 * 365)))
    yield Seen(exchange, None if exchange.status == 400 else "a time more than a day ahead must be refused with 400")


def unknown_members(session: Session) -> Iterator[Seen]:
    """Members nobody knows are ignored."""
    _first(session)
    exchange = _post(session, "unknown members in feedback", {"feedback": [entry(probeUnknown=1)], "probeUnknown": 1})
    yield _taken(exchange)


def unknown_service(session: Session) -> Iterator[Seen]:
    """Feedback to a service that does not exist is 404."""
    _first(session)
    exchange = session.send(
        "POST", "/cds-services/no-such-service-a7f3/feedback", "feedback to an unknown service", body={"feedback": [entry()]}
    )
    yield Seen(exchange, None if exchange.status == 404 else "an unknown service must be 404")


def comment_stays(session: Session) -> Iterator[Seen]:
    """A comment does not come back when an entry is refused."""
    _first(session)
    bad = overridden(outcome="ignored", card=ECHO, overrideReason={"userComment": f"{ECHO} wrote this"})
    exchange = _send(session, "a faulty entry with a comment", bad)
    yield Seen(exchange, "a value of the feedback comes back; it may be about a patient" if ECHO.encode() in exchange.body else None)

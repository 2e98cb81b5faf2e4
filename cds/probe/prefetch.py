"""Checks of what a service makes of the states a prefetch key can be in, and of 412 (contract 2.6 and 2.8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds.probe import samples
from cds.probe.model import Exchange, NotApplicable, Seen
from cds.probe.session import Change, Session, members


def _templates(session: Session) -> dict[str, str]:
    found = samples.templates(session.main)
    if not found:
        raise NotApplicable("the service publishes no templates")
    return found


def _searches(session: Session) -> dict[str, str]:
    found = {key: text for key, text in _templates(session).items() if "?" in text}
    if not found:
        raise NotApplicable("the service does not search")
    return found


def _put(values: Mapping[str, Any]) -> Change:
    def change(body: dict[str, Any]) -> None:
        for key, value in values.items():
            if value is ...:
                body["prefetch"].pop(key, None)
            else:
                body["prefetch"][key] = value

    return change


def _all(session: Session, value: Any) -> Change:
    return _put(dict.fromkeys(_searches(session), value))


def _answered(exchange: Exchange, *more: int) -> Seen:
    expected = (200, 412, *more)
    return Seen(
        exchange, None if exchange.status in expected else f"must be answered with {', '.join(map(str, expected[:-1]))} or {expected[-1]}"
    )


def null(session: Session) -> Iterator[Seen]:
    """`null` is known: there are no data."""
    for exchange in session.try_main({"every search null": _all(session, None)}):
        yield _answered(exchange)


def empty(session: Session) -> Iterator[Seen]:
    """An empty Bundle is known: there are no data."""
    for exchange in session.try_main({"every search empty": _all(session, samples.bundle())}):
        yield _answered(exchange)


def empty_is_not_412(session: Session) -> Iterator[Seen]:
    """Data that say nothing are not missing data."""
    for exchange in session.try_main({"every search null": _all(session, None), "every search empty": _all(session, samples.bundle())}):
        yield Seen(exchange, "the data were there; 412 says they could not be obtained" if exchange.status == 412 else None)


def empty_as_epic(session: Session) -> Iterator[Seen]:
    """Epic's empty Bundle, with a note that nothing was found, is an empty Bundle."""
    note = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-found"}]}
    bundle = samples.bundle(entry=[{"resource": note, "search": {"mode": "outcome"}}])
    for exchange in session.try_main({"every search empty as Epic sends it": _all(session, bundle)}):
        yield Seen(exchange, None if exchange.status == 200 else "this is an empty result and no failure")


def outcome(session: Session) -> Iterator[Seen]:
    """An OperationOutcome says that the client tried and failed."""
    for key in _templates(session):
        yield _answered(session.call(session.main, f"an OperationOutcome for {key}", _put({key: samples.OUTCOME})))


def absent(session: Session) -> Iterator[Seen]:
    """Without a key and without a server the service answers or says 412."""
    for key in _templates(session):
        yield _answered(session.call(session.main, f"without the key {key}", _put({key: ...})))


def nothing(session: Session) -> Iterator[Seen]:
    """Without any data the service answers, or says 412 and nothing else."""
    for exchange in session.try_main(_nothing()):
        yield _answered(exchange)


def _nothing() -> dict[str, Change | None]:
    def change(value: Any) -> Change:
        def without(body: dict[str, Any]) -> None:
            body.pop("prefetch", None)
            if value is not ...:
                body["prefetch"] = value

        return without

    return {"no prefetch": change(...), "an empty prefetch": change({}), "prefetch null": change(None)}


def nothing_three_ways(session: Session) -> Iterator[Seen]:
    """No prefetch, an empty one and null mean the same."""
    found = list(session.try_main(_nothing()))
    same = len({exchange.status for exchange in found}) == 1
    yield Seen(found[-1], None if same else f"three ways of sending nothing gave {', '.join(str(e.status) for e in found)}")


def missing_names_the_key(session: Session) -> Iterator[Seen]:
    """A 412 says in an OperationOutcome which key is missing."""
    refused = [exchange for exchange in session.try_main(_nothing()) if exchange.status == 412]
    if not refused:
        raise NotApplicable("nothing was answered with 412")
    keys = _templates(session)
    for exchange in refused:
        texts = [str(issue.get("diagnostics", "")) for issue in members(exchange.document, "issue")]
        if exchange.document is None or not texts:
            raise NotApplicable("the 412 is no OperationOutcome")
        named = any(key in text for text in texts for key in keys)
        yield Seen(exchange, None if named else "`diagnostics` should name the prefetch key that is missing")


def failure_is_not_silence(session: Session) -> Iterator[Seen]:
    """Data that could not be read do not lead to an answer without cards where there were cards."""
    good = session.plain(session.main)
    if not members(good.document, "cards"):
        raise NotApplicable("the good request leads to no cards; --request gives one that does")
    failed = session.call(session.main, "an OperationOutcome for every key", _put(dict.fromkeys(_templates(session), samples.OUTCOME)))
    silent = [
        exchange
        for exchange in (failed, *session.try_main(_nothing()))
        if exchange.status == 200 and not members(exchange.document, "cards")
    ]
    for exchange in silent:
        yield Seen(exchange, "data could not be read, and the answer is silence, which is read as `nothing to say`")
    if not silent:
        yield Seen(failed)


def paged(session: Session) -> Iterator[Seen]:
    """A first page whose next page cannot be had does not break the service."""
    page = samples.bundle(total=90, link=[{"relation": "next", "url": f"{samples.NO_SERVER}?page=2"}])
    for exchange in session.try_main({"first pages only": _all(session, page)}):
        yield _answered(exchange)


def other_bundles(session: Session) -> Iterator[Seen]:
    """A Bundle of another type or without one, and a resource instead of a Bundle, are read."""
    searches = _searches(session)
    first = {key: {"resourceType": samples.resource_type(text), "id": "single"} for key, text in searches.items()}
    cases: dict[str, Change | None] = {
        "Bundles of type collection": _all(session, {"resourceType": "Bundle", "type": "collection"}),
        "Bundles without a type": _all(session, {"resourceType": "Bundle"}),
        "resources instead of Bundles": _put(first),
    }
    for exchange in session.try_main(cases):
        yield _answered(exchange)


def junk(session: Session) -> Iterator[Seen]:
    """What is no FHIR resource never breaks the service."""
    kinds: dict[str, Any] = {
        "text": "x",
        "a number": 7,
        "an array": [],
        "a web page": "<html></html>",
        "another type": {"resourceType": "Basic"},
    }
    keys = list(_templates(session))
    for what, value in kinds.items():
        yield _answered(session.call(session.main, f"{what} for every key", _put(dict.fromkeys(keys, value))), 400)
    for key in keys:
        yield _answered(session.call(session.main, f"text for {key}", _put({key: "x"})), 400)


def wrapper(session: Session) -> Iterator[Seen]:
    """The wrapper of drafts before 1.0 is taken off."""

    def change(body: dict[str, Any]) -> None:
        body["prefetch"] = {key: {"response": {"status": "200 OK"}, "resource": value} for key, value in body["prefetch"].items()}

    _ = _templates(session)
    for exchange in session.try_main({"values in the old wrapper": change}):
        yield Seen(exchange, None if exchange.status == 200 else "the wrapper {response, resource} must be taken off")


def unknown_keys(session: Session) -> Iterator[Seen]:
    """Keys that were never asked for are ignored."""

    def change(body: dict[str, Any]) -> None:
        body["prefetch"] = {**(body.get("prefetch") or {}), "probeUnknownKey": samples.bundle()}

    for exchange in session.try_main({"a key nobody asked for": change}):
        yield Seen(exchange, None if exchange.status == 200 else "a key nobody asked for must be ignored")

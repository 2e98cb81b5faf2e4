"""Checks of the answer around the cards (contract 2.1, 2.9 and 2.18)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from cds.probe.model import Seen, strict_json
from cds.probe.samples import CANARY
from cds.probe.session import Session, members
from cds.probe.shape import REVERSE_DOMAIN, UUID, empties, extra

ENVELOPE = frozenset({"cards", "systemActions", "extension"})
_CODING = frozenset({"code", "system", "display"})
_CARD = frozenset(
    {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links", "extension"}
)
_SUGGESTION = frozenset({"label", "uuid", "isRecommended", "actions", "actionSelectionBehavior", "extension"})
_ACTION = frozenset({"type", "description", "resource", "resourceId", "extension"})
_LINK = frozenset({"label", "url", "type", "appContext", "autolaunchable", "extension"})
_SOURCE = frozenset({"label", "url", "icon", "topic", "extension"})


def is_json(session: Session) -> Iterator[Seen]:
    """The answer parses strictly."""
    for exchange in session.answers():
        try:
            strict_json(exchange.body)
        except ValueError as error:
            yield Seen(exchange, f"the body is not JSON: {error}")
        else:
            yield Seen(exchange)


def content_type(session: Session) -> Iterator[Seen]:
    """`Content-Type: application/json`."""
    for exchange in session.answers():
        kind = exchange.headers.get("content-type", "")
        fine = kind.partition(";")[0].strip().lower() == "application/json"
        yield Seen(exchange, None if fine else f"the Content-Type is {kind or 'missing'}, not application/json")


def has_cards(session: Session) -> Iterator[Seen]:
    """An object with an array `cards` of objects."""
    for exchange in session.answers():
        document = exchange.document
        if document is None or (isinstance(document, dict) and document.get("resourceType") == "OperationOutcome"):
            continue
        cards = document.get("cards") if isinstance(document, dict) else None
        fine = isinstance(cards, list) and all(isinstance(card, dict) for card in cards)
        yield Seen(exchange, None if fine else "the body must be an object with an array `cards` of objects")


def not_an_outcome(session: Session) -> Iterator[Seen]:
    """A failure is not dressed as a success."""
    for exchange in session.answers():
        found = isinstance(exchange.document, dict) and "resourceType" in exchange.document
        yield Seen(exchange, "200 with a FHIR resource instead of cards" if found else None)


def no_empties(session: Session) -> Iterator[Seen]:
    """No null and nothing empty but `cards`."""
    for exchange in session.answers():
        found = list(empties(exchange.document)) if isinstance(exchange.document, dict) else []
        yield Seen(exchange, f"null or empty at {', '.join(found[:5])}" if found else None)


def only_known_members(session: Session) -> Iterator[Seen]:
    """Nothing beside what the specification knows; additions live in `extension`."""
    for exchange in session.answers():
        faults = [fault for place, value, known in _objects(exchange.document) if (fault := _place(place, extra(value, known)))]
        yield Seen(exchange, "; ".join(faults[:3]) or None)


def _place(place: str, fault: str | None) -> str | None:
    return f"{place}: {fault}" if fault else None


def _objects(document: Any) -> Iterator[tuple[str, dict[str, Any], frozenset[str]]]:
    """Every object of an answer with the members that it may have."""
    if not isinstance(document, dict) or "resourceType" in document:
        return
    yield "answer", document, ENVELOPE
    for card in members(document, "cards"):
        yield "card", card, _CARD
        source = card.get("source")
        if isinstance(source, dict):
            yield "source", source, _SOURCE
            if isinstance(source.get("topic"), dict):
                yield "topic", source["topic"], _CODING
        for name, known in (("links", _LINK), ("suggestions", _SUGGESTION), ("overrideReasons", _CODING)):
            for member in members(card, name):
                yield name, member, known
        for suggestion in members(card, "suggestions"):
            for action in members(suggestion, "actions"):
                yield "actions", action, _ACTION


def _extensions(document: Any) -> list[Any]:
    return [value["extension"] for _, value, _ in _objects(document) if "extension" in value]


def extension_objects(session: Session) -> Iterator[Seen]:
    """Extensions are objects."""
    for exchange in session.answers():
        fine = all(isinstance(value, dict) for value in _extensions(exchange.document))
        yield Seen(exchange, None if fine else "`extension` must be an object")


def extension_names(session: Session) -> Iterator[Seen]:
    """Members of extensions are named by reversed domain."""
    for exchange in session.answers():
        names = [name for value in _extensions(exchange.document) if isinstance(value, dict) for name in value]
        wrong = sorted({name for name in names if not REVERSE_DOMAIN.fullmatch(name)})
        yield Seen(exchange, f"extension members not named like org.example.x: {', '.join(wrong)}" if wrong else None)


def no_system_actions(session: Session) -> Iterator[Seen]:
    """No `systemActions` without an agreement with the client."""
    for exchange in session.answers():
        found = isinstance(exchange.document, dict) and "systemActions" in exchange.document
        yield Seen(exchange, "`systemActions` need an agreement with the client first" if found else None)


def not_stored(session: Session) -> Iterator[Seen]:
    """`Cache-Control: no-store`."""
    for exchange in session.answers():
        fine = "no-store" in exchange.headers.get("cache-control", "")
        yield Seen(exchange, None if fine else "answers about a patient need `Cache-Control: no-store`")


def same_again(session: Session) -> Iterator[Seen]:
    """The same request gives the same cards, apart from their uuids."""
    for entry in session.services:
        first, again = session.plain(entry), session.call(entry, "the good request again")
        if first.status == again.status == 200:
            same = _bare(first.document) == _bare(again.document)
            yield Seen(again, None if same else "the same request gave other cards")


def same_without_extension(session: Session) -> Iterator[Seen]:
    """An extension that nobody agreed on changes nothing."""
    first = session.plain(session.main)
    with_it = session.call(session.main, "an extension nobody agreed on", lambda body: body.update(extension={"org.example.x": {"a": 1}}))
    same = with_it.status == first.status and _bare(with_it.document) == _bare(first.document)
    yield Seen(with_it, None if same else "the answer depends on an extension")


def _bare(document: Any) -> Any:
    found = copy.deepcopy(document)
    for card in members(found, "cards"):
        card.pop("uuid", None)
        for suggestion in members(card, "suggestions"):
            suggestion.pop("uuid", None)
    return found


def distinct_uuids(session: Session) -> Iterator[Seen]:
    """No uuid twice in one answer."""
    for exchange in session.answers():
        found = [card["uuid"] for card in members(exchange.document, "cards") if "uuid" in card]
        yield Seen(exchange, "two cards have one uuid" if len(set(map(repr, found))) < len(found) else None)


def fresh_uuids(session: Session) -> Iterator[Seen]:
    """Every card has a uuid, and no answer uses one again."""
    used: set[str] = set()
    if not session.cards():
        return
    for exchange in session.answers():
        found = {str(card.get("uuid", "")) for card in members(exchange.document, "cards")}
        if "" in found:
            yield Seen(exchange, "a card without uuid cannot get feedback")
        else:
            yield Seen(exchange, "a uuid of an earlier answer is used again" if found & used else None)
        used |= found - {""}


def uuid_form(session: Session) -> Iterator[Seen]:
    """Uuids are in lower case, without a prefix."""
    for exchange, card in session.cards():
        fine = "uuid" not in card or (isinstance(card["uuid"], str) and UUID.fullmatch(card["uuid"]))
        yield Seen(exchange, None if fine else "a card's `uuid` should be a UUID in lower case without `urn:uuid:`")


def no_name(session: Session) -> Iterator[Seen]:
    """The patient's name does not come back."""
    for exchange in session.answers():
        yield Seen(exchange, "the name of the patient is in the answer" if CANARY.encode() in exchange.body else None)

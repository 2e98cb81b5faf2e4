"""Checks of a card: summary, source, suggestions, links (contract 2.10 to 2.13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from cds.probe.model import Seen
from cds.probe.session import Session, members
from cds.probe.shape import is_absolute, is_text

DETAIL_LIMIT = 4000


def each(judge: Callable[[dict[str, Any]], str | None]) -> Callable[[Session], Iterator[Seen]]:
    """A check that judges every card by itself."""

    def check(session: Session) -> Iterator[Seen]:
        for exchange, card in session.cards():
            yield Seen(exchange, judge(card))

    check.__doc__ = judge.__doc__
    return check


def each_part(name: str, judge: Callable[[dict[str, Any]], str | None]) -> Callable[[Session], Iterator[Seen]]:
    """A check that judges every link, suggestion or reason by itself."""

    def check(session: Session) -> Iterator[Seen]:
        for exchange, card in session.cards():
            for part in members(card, name):
                yield Seen(exchange, judge(part))

    check.__doc__ = judge.__doc__
    return check


def each_action(judge: Callable[[dict[str, Any]], str | None]) -> Callable[[Session], Iterator[Seen]]:
    """A check that judges every action of every suggestion by itself."""

    def check(session: Session) -> Iterator[Seen]:
        for exchange, card in session.cards():
            for suggestion in members(card, "suggestions"):
                for action in members(suggestion, "actions"):
                    yield Seen(exchange, judge(action))

    check.__doc__ = judge.__doc__
    return check


def summary(card: dict[str, Any]) -> str | None:
    """A sentence of fewer than 140 characters, however a client counts them."""
    text = card.get("summary")
    if not isinstance(text, str):
        return "a card must have a `summary`"
    return f"the summary has {len(text)} characters; fewer than 140 are allowed" if len(text.encode("utf-16-le")) // 2 > 139 else None


def detail(card: dict[str, Any]) -> str | None:
    """Text, if it is there."""
    return None if isinstance(card.get("detail", ""), str) else "`detail` must be text"


def detail_markdown(card: dict[str, Any]) -> str | None:
    """Markdown that every client shows: no HTML, image, table, code or large heading."""
    text = card.get("detail", "")
    if not isinstance(text, str):
        return None
    if re.search(r"<[A-Za-z/!]", text):
        return "HTML in `detail`"
    if re.search(r"!\[", text) or re.search(r"^\s*(\|.*\||#{1,2}\s|```)", text, re.MULTILINE):
        return "an image, table, code block or large heading in `detail`"
    return None


def detail_links(card: dict[str, Any]) -> str | None:
    """What `detail` links to is among the links as well, since not every client shows links in Markdown."""
    text = card.get("detail", "")
    if not isinstance(text, str):
        return None
    known = {found.get("url") for found in members(card, "links")}
    missing = [url for url in re.findall(r"\]\((https?://[^)\s]+)\)", text) if url not in known]
    return f"{len(missing)} addresses in `detail` are not among the links" if missing else None


def detail_size(card: dict[str, Any]) -> str | None:
    """Short enough for a narrow panel."""
    text = card.get("detail", "")
    return f"`detail` has {len(text)} characters" if isinstance(text, str) and len(text) > DETAIL_LIMIT else None


def indicator(card: dict[str, Any]) -> str | None:
    """One of three words."""
    return None if card.get("indicator") in ("info", "warning", "critical") else "`indicator` must be info, warning or critical"


def source(card: dict[str, Any]) -> str | None:
    """An object with a label."""
    found = card.get("source")
    return None if isinstance(found, dict) and isinstance(found.get("label"), str) else "a card must have a `source` with a `label`"


def _source(card: dict[str, Any]) -> dict[str, Any]:
    found = card.get("source")
    return found if isinstance(found, dict) else {}


def source_addresses(card: dict[str, Any]) -> str | None:
    """Absolute addresses of source and icon."""
    wrong = [name for name in ("url", "icon") if name in _source(card) and not is_absolute(_source(card)[name])]
    return f"`source.{wrong[0]}` must be an absolute address" if wrong else None


def source_https(card: dict[str, Any]) -> str | None:
    """Source and icon over https."""
    wrong = [name for name in ("url", "icon") if str(_source(card).get(name, "")).startswith("http://")]
    return f"`source.{wrong[0]}` should be https" if wrong else None


def topic(card: dict[str, Any]) -> str | None:
    """A topic is a coding."""
    if "topic" not in _source(card):
        return None
    found = _source(card)["topic"]
    fine = isinstance(found, dict) and isinstance(found.get("code"), str) and isinstance(found.get("system"), str)
    return None if fine else "`source.topic` must have `code` and `system`"


def topic_given(card: dict[str, Any]) -> str | None:
    """Every card says what kind of advice it is."""
    return None if "topic" in _source(card) or not _source(card) else "`source.topic` is missing"


def topic_code(card: dict[str, Any]) -> str | None:
    """The code of a topic is letters and digits, at most 100."""
    found = _source(card).get("topic")
    code = found.get("code") if isinstance(found, dict) else None
    return (
        None
        if not is_text(code) or re.fullmatch(r"[A-Za-z0-9]{1,100}", str(code))
        else "`source.topic.code` should be letters and digits only"
    )


def selection_behavior(card: dict[str, Any]) -> str | None:
    """Required with suggestions, absent without."""
    if not members(card, "suggestions"):
        return "`selectionBehavior` without suggestions" if "selectionBehavior" in card else None
    fine = card.get("selectionBehavior") in ("at-most-one", "any")
    return None if fine else "`selectionBehavior` must be at-most-one or any when there are suggestions"


def one_recommended(card: dict[str, Any]) -> str | None:
    """At most one suggestion is recommended if only one may be taken."""
    recommended = [suggestion for suggestion in members(card, "suggestions") if suggestion.get("isRecommended") is True]
    wrong = card.get("selectionBehavior") == "at-most-one" and len(recommended) > 1
    return "several suggestions are recommended, but only one may be taken" if wrong else None


def override_reason(reason: dict[str, Any]) -> str | None:
    """A reason has code, system and display."""
    missing = [name for name in ("code", "system", "display") if not isinstance(reason.get(name), str)]
    return f"an override reason must have {', '.join(missing)}" if missing else None


def suggestion_label(suggestion: dict[str, Any]) -> str | None:
    """A suggestion has a label."""
    return None if isinstance(suggestion.get("label"), str) else "a suggestion must have a `label`"


def suggestion_uuid(suggestion: dict[str, Any]) -> str | None:
    """A suggestion has a uuid; without it nobody can report that it was taken."""
    return None if is_text(suggestion.get("uuid")) else "a suggestion without `uuid` cannot be reported as taken"


def recommended(suggestion: dict[str, Any]) -> str | None:
    """`isRecommended` is true or false, `actions` an array."""
    if not isinstance(suggestion.get("isRecommended", False), bool):
        return "`isRecommended` must be true or false"
    return None if isinstance(suggestion.get("actions", []), list) else "`actions` must be an array"


def no_action_selection(suggestion: dict[str, Any]) -> str | None:
    """No member that only some clients of 3.0 know."""
    return "`actionSelectionBehavior` needs a client that is known to support it" if "actionSelectionBehavior" in suggestion else None


def action_type(action: dict[str, Any]) -> str | None:
    """An action has one of three types, and a description."""
    if action.get("type") not in ("create", "update", "delete"):
        return "an action's `type` must be create, update or delete"
    return None if isinstance(action.get("description"), str) else "an action must have a `description`"


def action_resource(action: dict[str, Any]) -> str | None:
    """What is created or updated is a FHIR resource as JSON."""
    if action.get("type") not in ("create", "update"):
        return None
    found = action.get("resource")
    return None if isinstance(found, dict) and is_text(found.get("resourceType")) else "`resource` must be a FHIR resource as a JSON object"


def action_delete(action: dict[str, Any]) -> str | None:
    """What is deleted is named by `resourceId`."""
    if action.get("type") != "delete":
        return None
    fine = "resource" not in action and re.fullmatch(r"[A-Z][A-Za-z]+/[A-Za-z0-9._-]+", str(action.get("resourceId", "")))
    return None if fine else "a delete should name `resourceId` as Type/id and carry no `resource`"


def link(found: dict[str, Any]) -> str | None:
    """A link has label, address and type."""
    missing = [name for name in ("label", "url", "type") if not isinstance(found.get(name), str)]
    if missing:
        return f"a link must have {', '.join(missing)}"
    return None if found["type"] in ("absolute", "smart") else "a link's `type` must be absolute or smart"


def link_context(found: dict[str, Any]) -> str | None:
    """`appContext` only with a SMART link, and as text."""
    if "appContext" not in found:
        return None
    return None if found.get("type") == "smart" and isinstance(found["appContext"], str) else "`appContext` must be text on a smart link"


def link_launch(found: dict[str, Any]) -> str | None:
    """`autolaunchable` is true or false."""
    return None if isinstance(found.get("autolaunchable", False), bool) else "`autolaunchable` must be true or false"


def link_no_launch(found: dict[str, Any]) -> str | None:
    """No link that may keep the card from being shown."""
    return "`autolaunchable` may keep the card from being shown" if found.get("autolaunchable") is True else None


def link_address(found: dict[str, Any]) -> str | None:
    """An absolute address."""
    return None if "url" not in found or is_absolute(found["url"]) else "a link's `url` must be an absolute address"


def link_https(found: dict[str, Any]) -> str | None:
    """https, without credentials."""
    url = found.get("url")
    if not isinstance(url, str) or not is_absolute(url):
        return None
    parts = urlsplit(url)
    return None if parts.scheme == "https" and "@" not in parts.netloc else "a link should be https, without credentials"


def link_labels(card: dict[str, Any]) -> str | None:
    """No label twice on a card."""
    labels = [repr(found.get("label")) for found in members(card, "links")]
    return "two links have one label" if len(set(labels)) < len(labels) else None


def epic_any(card: dict[str, Any]) -> str | None:
    """Epic knows only `any`."""
    return "Epic accepts only selectionBehavior `any`" if card.get("selectionBehavior") not in (None, "any") else None


def epic_one_action(suggestion: dict[str, Any]) -> str | None:
    """Epic carries out one action of a suggestion."""
    return "Epic carries out one action of a suggestion" if len(members(suggestion, "actions")) > 1 else None


def epic_uuid(card: dict[str, Any]) -> str | None:
    """Epic sends feedback only for cards with a uuid."""
    return None if is_text(card.get("uuid")) else "Epic sends no feedback for a card without `uuid`"

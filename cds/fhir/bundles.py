"""What was received for one prefetch key, or as a file: which resources, and whether the question behind it was answered.

The decision table is contract 2.6 (CH-PD-01 to CH-PD-13).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from msgspec import Struct, field

from cds.fhir.resources import type_of

State = Literal["answered", "partial", "unavailable", "unreadable"]

_DEEPEST_BUNDLE = 8


class Sent(NamedTuple):
    """One resource as it was sent, with the address its Bundle gives it."""

    raw: Mapping[str, Any]
    full_url: str | None


class Page(Struct):
    """A received value, taken apart. `unreadable` counts entries that hold no resource."""

    state: State = "answered"
    sent: list[Sent] = field(default_factory=list)
    unreadable: int = 0


def read_value(value: Any) -> Page:
    """Take a received value apart. Never raises, whatever JSON it is.

    `null` is a known empty answer (CH-PD-04); text, numbers and arrays are none (CH-PD-10).
    """
    if value is None:
        return Page()
    if not isinstance(value, dict):
        return Page("unreadable")
    if type_of(value) is None and "resource" in value:
        return _unwrapped(value)
    match type_of(value):
        case None:
            return Page("unreadable")
        case "OperationOutcome":
            return Page("unavailable" if _failed(value) else "answered")
        case "Bundle":
            page = Page()
            _read_bundle(value, page, 0)
            return page
        case _:
            return Page(sent=[Sent(value, None)])


def _unwrapped(value: Mapping[str, Any]) -> Page:
    """The form before CDS Hooks 1.0: `{"response": {"status": …}, "resource": …}` (CH-PD-11)."""
    response = value.get("response")
    status = str(response.get("status", "")) if isinstance(response, dict) else ""
    if status[:1] in ("4", "5"):
        return Page("answered" if status[:3] in ("404", "410") else "unavailable")
    inner = value["resource"]
    return Page("unreadable") if isinstance(inner, dict) and type_of(inner) is None else read_value(inner)


def _failed(outcome: Mapping[str, Any]) -> bool:
    """Whether an OperationOutcome tells of an error, not only of a warning; one that cannot be read counts as an error."""
    issues = outcome.get("issue")
    if not isinstance(issues, list) or not issues:
        return True
    return any(not isinstance(issue, dict) or issue.get("severity") not in ("warning", "information") for issue in issues)


def _read_bundle(bundle: Mapping[str, Any], page: Page, depth: int) -> None:
    """Add what a Bundle holds. A next page, a larger total, an error among results or an empty entry make it partial."""
    entries = bundle.get("entry")
    if depth > _DEEPEST_BUNDLE or not (entries is None or isinstance(entries, list)):
        page.state = "unreadable"
        return
    if _has_next(bundle):
        page.state = "partial"
    matches = failures = 0
    for entry in entries or ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or type_of(resource) is None:
            page.unreadable += 1
            continue
        match type_of(resource):
            case "OperationOutcome":
                failures += _failed(resource)
            case "Bundle":
                _read_bundle(resource, page, depth + 1)
            case _ if _mode(entry) == "outcome":
                continue
            case _:
                url = entry.get("fullUrl")
                page.sent.append(Sent(resource, url if isinstance(url, str) else None))
                matches += _mode(entry) != "include"
    total = bundle.get("total")
    if failures and not matches and page.state == "answered":
        page.state = "unavailable"
    elif failures or page.unreadable or (isinstance(total, int) and total > matches):
        page.state = "partial" if page.state == "answered" else page.state


def _mode(entry: Mapping[str, Any]) -> Any:
    search = entry.get("search")
    return search.get("mode") if isinstance(search, dict) else None


def _has_next(bundle: Mapping[str, Any]) -> bool:
    links = bundle.get("link")
    return any(isinstance(link, dict) and link.get("relation") == "next" for link in (links if isinstance(links, list) else [links]))

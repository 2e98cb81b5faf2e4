"""Small questions about JSON that several checks ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

REVERSE_DOMAIN = re.compile(r"[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+)+")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAY_BE_EMPTY = ("$.cards", "$.services")


def is_text(value: Any) -> bool:
    """A string that is not empty."""
    return isinstance(value, str) and bool(value)


def is_absolute(value: Any, *schemes: str) -> bool:
    """An absolute web address."""
    if not isinstance(value, str) or re.search(r"[\s<>\"]", value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in (schemes or ("http", "https")) and bool(parts.hostname)


def empties(value: Any, path: str = "$") -> Iterator[str]:
    """Paths of null, empty strings, lists and objects that may not be there (CH-GEN-02). FHIR and extensions are looked into as well."""
    if value is None or value in ("", [], {}):
        if path not in MAY_BE_EMPTY or value != []:
            yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from empties(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from empties(member, f"{path}[{index}]")


def extra(value: dict[str, Any], known: frozenset[str]) -> str | None:
    """Names that the specification does not know, in words."""
    found = sorted(value.keys() - known)
    return f"unknown members: {', '.join(found)}" if found else None

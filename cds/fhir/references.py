"""References between resources: relative, absolute, by `urn:uuid`, versioned, or a bare id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Target = tuple[str | None, str]
"""Type (None where the reference does not say) and id."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,512}")
_TYPED = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9._-]{1,512})(?:/_history/[^/]*)?")


def id_of(raw: Mapping[str, Any]) -> str | None:
    """The id of a resource, also one longer than FHIR allows or with `_` (CH-REQ-08); None where there is none."""
    id = raw.get("id")
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    return id if isinstance(id, str) and _ID.fullmatch(id) else None


def target_of(reference: Any, addresses: Mapping[str, Target]) -> Target | None:
    """What a reference points to; `addresses` are the fullUrls that were received. None where that cannot be told (CH-PD-13)."""
    text = reference.get("reference") if isinstance(reference, dict) else reference
    if not isinstance(text, str) or not (text := text.strip()):
        return None
    if text in addresses:
        return addresses[text]
    if typed := _TYPED.fullmatch(text):
        return typed[1], typed[2]
    if text.startswith("urn:uuid:"):
        return None, text.removeprefix("urn:uuid:")
    return (None, text) if _ID.fullmatch(text) else None


def contained(raw: Mapping[str, Any], id: str) -> Mapping[str, Any] | None:
    """The resource contained in `raw` that `#id` refers to."""
    items = listed if isinstance(listed := raw.get("contained"), list) else ()
    return next((item for item in items if isinstance(item, dict) and item.get("id") == id), None)

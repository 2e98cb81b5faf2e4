"""The language of an answer, as the header Accept-Language asks for it (RFC 9110, section 12.5.4)."""

from __future__ import annotations

from collections.abc import Sequence


def preferred(header: str, offered: Sequence[str]) -> str:
    """The offered language that the header wants most; the first one where it asks for none of them, or cannot be read."""
    wanted = [found for number, part in enumerate(header.split(",")) if (found := _range(part, number)) is not None]
    for _, _, tag in sorted(wanted):
        if tag == "*":
            return offered[0]
        if match := next((language for language in offered if language.lower() in (tag, tag.partition("-")[0])), None):
            return match
    return offered[0]


def _range(part: str, number: int) -> tuple[float, int, str] | None:
    """How much a range is wanted, largest first, then as written; none if it is refused or malformed."""
    tag, _, weight = part.strip().lower().partition(";")
    try:
        quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
    except ValueError:
        return None
    return (-quality, number, tag.strip()) if tag.strip() and 0 < quality <= 1 else None

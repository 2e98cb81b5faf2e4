"""Abbreviations spelled out where a card first uses them: `confidence interval (CI)`, and `[CI]` inside brackets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_LINK = re.compile(r"\[[^\]]*\]\([^)]*\)")


def in_words(markdown: str, abbreviations: Mapping[str, str]) -> str:
    """The text with each abbreviation spelled out at its first use; what links say is left as it is."""
    if not abbreviations:
        return markdown
    used: set[str] = set()

    def spelled(found: re.Match[str]) -> str:
        short = found[0]
        if short not in abbreviations or short in used:
            return short
        used.add(short)
        words = abbreviations[short]
        if markdown[: found.start()].endswith(("\n- ", ". ", "\n")) or found.start() == 0 or markdown[: found.start()] == "- ":
            words = words[0].upper() + words[1:]
        return f"{words} [{short}]" if _depth(markdown, found.start()) else f"{words} ({short})"

    return _one_of(tuple(abbreviations)).sub(spelled, markdown)


@lru_cache(maxsize=16)
def _one_of(abbreviations: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = "|".join(re.escape(short) for short in sorted(abbreviations, key=len, reverse=True))
    return re.compile(rf"{_LINK.pattern}|(?<![\w/-])(?:{longest_first})(?![\w/]|-\d)")


def _depth(text: str, place: int) -> int:
    """How many round brackets are open at this character."""
    return text.count("(", 0, place) - text.count(")", 0, place)

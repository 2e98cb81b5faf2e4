"""Abbreviations spelled out where a card first uses them: `confidence interval (CI)`, and `[CI]` inside brackets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

_LINK = r"\[[^\]]*\]\([^)]*\)"


def in_words(markdown: str, abbreviations: Mapping[str, str], room: int | None = None, names: Iterable[str] = ()) -> str:
    """The text with each abbreviation spelled out at its first use; links and `names`, such as sources, are left as they are.

    With `room` for so many more characters, those that come first are spelled out, as long as there is room.
    A plural is spelled out with its singular: after `disease-modifying treatments (DMTs)` a DMT needs no words.
    """
    present = tuple(short for short in abbreviations if short in markdown)
    if not present or (room is not None and room <= 0):
        return markdown
    used: set[str] = set()
    named = [span for name in names for span in _places(name, markdown)]
    left = room

    def spelled(found: re.Match[str]) -> str:
        nonlocal left
        short = found[0]
        if short not in abbreviations or stem(short) in used or _inside_a_word(markdown, found.start()):
            return short
        if any(start <= found.start() < end for start, end in named):
            return short
        used.add(stem(short))
        words = abbreviations[short]
        if markdown[: found.start()].endswith(("\n- ", ". ", "\n")) or found.start() == 0 or markdown[: found.start()] == "- ":
            words = words[0].upper() + words[1:]
        both = f"{words} [{short}]" if _depth(markdown, found.start()) else f"{words} ({short})"
        if left is not None:
            if len(both) - len(short) > left:
                return short
            left -= len(both) - len(short)
        return both

    return _one_of(present).sub(spelled, markdown)


def stem(short: str) -> str:
    """What singular and plural of an abbreviation have in common, however they are capitalized."""
    return short.removesuffix("s").lower()


@lru_cache(maxsize=256)
def _one_of(abbreviations: tuple[str, ...]) -> re.Pattern[str]:
    """A link, or an abbreviation that no word goes on behind; what stands before it is looked at for each hit, which is faster."""
    longest_first = "|".join(re.escape(short) for short in sorted(abbreviations, key=len, reverse=True))
    return re.compile(rf"{_LINK}|(?:{longest_first})(?![\w/]|-[\dA-Z])")


def _inside_a_word(text: str, place: int) -> bool:
    """Whether the character before this one belongs to the same word."""
    return place > 0 and (text[place - 1].isalnum() or text[place - 1] in "_/-")


def _places(name: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a name stands in the text."""
    start = text.find(name)
    while start >= 0:
        yield start, start + len(name)
        start = text.find(name, start + len(name))


def _depth(text: str, place: int) -> int:
    """How many round brackets are open at this character."""
    return text.count("(", 0, place) - text.count(")", 0, place)

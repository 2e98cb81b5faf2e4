"""Abbreviations spelled out where a card first uses them: `confidence interval (CI)`, and `[CI]` inside brackets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_LINK = r"\[[^\]]*\]\([^)]*\)"


def in_words(markdown: str, abbreviations: Mapping[str, str], room: int | None = None, names: Iterable[str] = ()) -> str:
    """The text with each abbreviation spelled out at its first use; links and `names`, such as sources, are left as they are.

    With `room` for so many more characters, those that come first are spelled out, as long as there is room.
    A plural is spelled out with its singular: after `disease-modifying treatments (DMTs)` a DMT needs no words.
    """
    if room is not None and room <= 0:
        return markdown
    named = tuple(names)
    used: set[str] = set()
    left = room

    def spelled(found: re.Match[str]) -> str:
        nonlocal left
        short, place = found[0], found.start()
        if short not in abbreviations or stem(short) in used or _inside_a_word(markdown, place):
            return short
        if _in_a_name(markdown, place, short, named):
            return short
        used.add(stem(short))
        words, before = abbreviations[short], markdown[:place]
        if before in ("", "- ") or before.endswith(("\n- ", ". ", "\n")):
            words = words[0].upper() + words[1:]
        both = f"{words} [{short}]" if _in_brackets(before) else f"{words} ({short})"
        if left is not None:
            if len(both) - len(short) > left:
                return short
            left -= len(both) - len(short)
        return both

    return _pattern(tuple(abbreviations)).sub(spelled, markdown)


def stem(short: str) -> str:
    """What singular and plural of an abbreviation have in common, however they are capitalized."""
    return short.removesuffix("s").lower()


@lru_cache(maxsize=16)
def _pattern(abbreviations: tuple[str, ...]) -> re.Pattern[str]:
    """A link, or an abbreviation that no word goes on behind; what stands before it is looked at for each hit, which is faster."""
    by_letter: dict[str, list[str]] = {}
    for short in sorted(abbreviations, key=len, reverse=True):
        by_letter.setdefault(short[0], []).append(re.escape(short[1:]))
    words = (rf"{re.escape(letter)}(?:{'|'.join(rest)})(?![\w/]|-[\dA-Z])" for letter, rest in by_letter.items())
    return re.compile("|".join([_LINK, *words]))


def _inside_a_word(text: str, place: int) -> bool:
    """Whether the character before this one belongs to the same word."""
    return place > 0 and (text[place - 1].isalnum() or text[place - 1] in "_/-")


def _in_a_name(text: str, place: int, short: str, names: Iterable[str]) -> bool:
    """Whether the abbreviation at this place is a part of one of the names."""
    return any(short in name and name in text[max(0, place - len(name) + 1) : place + len(name)] for name in names)


def _in_brackets(before: str) -> bool:
    """Whether a round bracket is open behind this text."""
    return before.count("(") != before.count(")")

"""How long texts on a card are, and how they are made to fit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cds.deck.wording import Wording

_ADDRESS = re.compile(r"\]\(https://[^)]*\)")
DETAIL_LIMIT = 2200
"""Longest `detail` in characters as they are read, so without the addresses of links (CH-CARD-13)."""
SUMMARY_LIMIT = 139
"""Longest `summary` in UTF-16 code units (CH-CARD-02)."""


def read_length(markdown: str) -> int:
    """How many characters of a card's detail are read: the addresses of its links are not."""
    return len(_ADDRESS.sub("]", markdown))


def utf16_length(text: str) -> int:
    """Length as the summary of a card is counted (CH-CARD-02)."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, room: int) -> str:
    """The text, at most `room` UTF-16 code units long: whole words, and a sign that there were more."""
    if utf16_length(text) <= room:
        return text
    words = text.split(" ")
    while len(words) > 1 and utf16_length(" ".join(words)) >= room:
        words.pop()
    return " ".join(words) + "…"


def enumerated(items: Sequence[str], room: int, wording: Wording) -> str:
    """As many of the items as there is room for, and how many more there are; the first always."""
    names, words = [wording.term(item) for item in items], wording.titles
    for shown in range(len(names), 0, -1):
        left = len(names) - shown
        said = ", ".join(names[:shown]) + (f" {words['and']} {left} {words['more']}" if left else "")
        if shown == 1 or utf16_length(said) <= room:
            return said
    return ""

"""How hard a text is to read: words, sentences and LIX (Björnsson 1968), which needs no list of syllables."""

from __future__ import annotations

import re

from msgspec import Struct

from cds.deck.lengths import read_length

LONG_WORD = 6
"""A word with more letters is long (LIX)."""
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n")


class Readability(Struct, frozen=True):
    """Figures of one text; `characters` as the limit of a card counts them.

    `lix`: mean words a sentence plus per cent long words; above 50 is hard, technical prose often 50 to 60.
    """

    characters: int
    words: int
    sentences: int
    longest: int
    lix: int


def readability(markdown: str) -> Readability:
    """The figures of a card's detail; bullets are sentences, addresses of links do not count."""
    text = _LINK.sub(r"\1", markdown).replace("*", "")
    sentences = [words for part in _END.split(text) if (words := _WORD.findall(part))]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return Readability(read_length(markdown), 0, 0, 0, 0)
    long = sum(len(word) > LONG_WORD for word in words)
    lix = len(words) / len(sentences) + 100 * long / len(words)
    return Readability(read_length(markdown), len(words), len(sentences), max(map(len, sentences)), round(lix))

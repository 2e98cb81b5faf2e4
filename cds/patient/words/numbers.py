"""Numbers as people write them: `3`, `two`, `several`, `at least two`, `2-3`, `about five`, `none`."""

from __future__ import annotations

import re

from msgspec import Struct

from cds.patient.words.vocabulary import Numbers
from cds.three_valued import Bounds


class NumberWords(Struct, frozen=True):
    """The words for numbers, prepared as sources of regular expressions without groups.

    `pattern` is a count; `amount` is any number, also one of millimetres or months.
    """

    rules: Numbers
    pattern: str
    amount: str

    @classmethod
    def of(cls, rules: Numbers) -> NumberWords:
        """Prepare the words of the rules."""
        before = _any((*rules.at_least, *rules.more_than, *rules.about, *rules.up_to))
        number = rf"(?:(?<![A-WYZa-wyz\d_.])\d{{1,3}}(?!\d|[.,]\d)|\b(?:{_any((*rules.words, *rules.several))})\b)"
        amount = rf"(?:(?:{before})\s*)?{number}(?:\s*(?:-|–|\bto\b|\bor\b)\s*{number})?(?:\s*\+|\s+or more\b)?"
        return cls(rules, rf"{amount}(?!\s*{rules.not_a_count_before})", amount)

    def read(self, text: str | None) -> Bounds | None:
        """What the text says as a number; `None` if it is none."""
        text = (text or "").strip().lower()
        if text in self.rules.none or text == "0":
            return Bounds.exactly(0)
        before = next((word for word in sorted(self._prefixes(), key=len, reverse=True) if text.startswith(word)), "")
        rest = text[len(before) :].strip()
        more = rest.endswith(("+", "or more"))
        values = [
            self._one(part) for part in re.split(r"\s*(?:-|–|\bto\b|\bor\b)\s*", rest.removesuffix("+").removesuffix("or more").strip())
        ]
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return None
        low, high = min(value.low for value in known), max(value.high for value in known)
        if more or before in self.rules.at_least:
            return Bounds.at_least(low)
        if before in self.rules.more_than:
            return Bounds.at_least(low + 1)
        if before in self.rules.about:
            return Bounds.at_least(min(low, 2))
        return Bounds(min(low, 1), high) if before in self.rules.up_to else Bounds(low, high)

    def _prefixes(self) -> tuple[str, ...]:
        return (*self.rules.at_least, *self.rules.more_than, *self.rules.about, *self.rules.up_to)

    def _one(self, word: str) -> Bounds | None:
        if word.isdigit():
            return Bounds.exactly(float(word))
        if word in self.rules.words:
            return Bounds.exactly(float(self.rules.words[word]))
        return Bounds.at_least(2) if word in self.rules.several else None


def _any(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in sorted(words, key=len, reverse=True))

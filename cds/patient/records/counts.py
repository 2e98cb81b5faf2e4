"""A value as a count of things: `3`, `>= 2`, `none`, `several`, `yes`. Used for lesions and relapses."""

from __future__ import annotations

import re
from typing import Any

from cds.fhir.codes import Concept
from cds.patient.records.results import bounded
from cds.patient.words.numbers import NumberWords
from cds.three_valued import Bounds


def observed_count(part: Any, numbers: NumberWords) -> Bounds | None:
    """The count that an Observation or one of its components states; `None` if it states none, or one that nobody counts to.

    A bare yes is at least one, number not stated (F5).
    """
    count = _stated(part, numbers)
    return count if count is not None and count.low <= numbers.rules.most else None


def is_short_answer(part: Any, words: int) -> bool:
    """Whether an Observation or component has a value that is no sentence: a number, an answer, so many words."""
    if part.valueString:
        return len(part.valueString.split()) <= words
    return any(value is not None for value in (part.valueQuantity, part.valueInteger, part.valueBoolean, part.valueCodeableConcept))


def _stated(part: Any, numbers: NumberWords) -> Bounds | None:
    quantity = part.valueQuantity
    if quantity is not None and quantity.value is not None:
        return _whole(bounded(float(quantity.value), quantity.comparator))
    if part.valueInteger is not None:
        return _whole(Bounds.exactly(float(part.valueInteger)))
    if part.valueBoolean is not None:
        return Bounds.at_least(1) if part.valueBoolean else Bounds.exactly(0)
    words = [part.valueString] if part.valueString else Concept.of(part.valueCodeableConcept).words
    return next((count for word in words if (count := _in_words(word, numbers)) is not None), None)


def _in_words(text: str, numbers: NumberWords) -> Bounds | None:
    text = text.strip().rstrip(".").lower()
    if text in numbers.rules.yes:
        return Bounds.at_least(1)
    if text in numbers.rules.no_letter:
        return Bounds.exactly(0)
    if re.fullmatch(r"\d+(?:\.0+)?", text):
        return Bounds.exactly(float(text))
    return numbers.read(text)


def _whole(count: Bounds) -> Bounds | None:
    """A count is a whole number from 0 on; `<2` is 0 to 1."""
    low, high = max(0.0, -(-count.low // 1)), count.high // 1 if count.high != float("inf") else count.high
    return Bounds(low, high) if low <= high else None

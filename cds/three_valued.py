"""Kleene logic and bounded numbers: what can be said when part of the chart is missing.

A truth is `True`, `False` or `None` (unknown). Unknown is never "no": it survives every
operation that could still go either way (design.md, promise 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

Truth = bool | None


def negate(truth: Truth) -> Truth:
    """Not; unknown stays unknown."""
    return None if truth is None else not truth


def all_of(truths: Iterable[Truth]) -> Truth:
    """And: one `False` decides; otherwise one unknown makes the whole unknown."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """Or: one `True` decides; otherwise one unknown makes the whole unknown."""
    unknown = False
    for truth in truths:
        if truth is True:
            return True
        unknown = unknown or truth is None
    return None if unknown else False


class Bounds(Struct, frozen=True):
    """A number known only to lie between `low` and `high`, both included (`high` may be infinite)."""

    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Bounds:
        """A number that is known."""
        return cls(value, value)

    @classmethod
    def at_least(cls, value: float) -> Bounds:
        """A number of which only the lower bound is known, such as a count from a partial history."""
        return cls(value, math.inf)

    @property
    def exact(self) -> float | None:
        """The number, if it is known."""
        return self.low if self.low == self.high else None

    def __ge__(self, threshold: float) -> Truth:
        return True if self.low >= threshold else False if self.high < threshold else None

    def __gt__(self, threshold: float) -> Truth:
        return True if self.low > threshold else False if self.high <= threshold else None

    def __le__(self, threshold: float) -> Truth:
        return negate(self > threshold)

    def __lt__(self, threshold: float) -> Truth:
        return negate(self >= threshold)

    def __str__(self) -> str:
        """To one decimal, as a person would say it."""
        low, high = (f"{number:.1f}".removesuffix(".0") for number in (self.low, self.high))
        if low == high:
            return low
        return f"at least {low}" if math.isinf(self.high) else f"{low} to {high}"

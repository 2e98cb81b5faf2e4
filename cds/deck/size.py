"""How much a card says, and what it leaves out first where room is short."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

ALL = 99
"""More than any list of a card holds."""


class Size(Struct, frozen=True):
    """How much a card says: claims in each `more` and, as a last resort, in each `claim`; hazards told in full; lists in brief.

    `spelled`: whether every abbreviation is spelled out; otherwise as many as there is room for.
    """

    claims: tuple[int, ...] = ()
    hazards: int = ALL
    brief: bool = False
    spelled: bool = True
    leading: tuple[int, ...] = ()

    def smaller(self, lists: Sequence[int], leading: Sequence[int], hazards: int) -> Size | None:
        """A step down: the last claim of the longest `more`, words of abbreviations, a hazard told in full, long lists; claims last."""
        longest, told = max(lists, default=0), min(self.hazards, hazards)
        if longest:
            return replace(self, claims=_one_less(lists))
        if self.spelled:
            return replace(self, spelled=False)
        if told > 1:
            return replace(self, hazards=told - 1)
        if not self.brief:
            return replace(self, brief=True)
        return replace(self, leading=_one_less(leading)) if max(leading, default=0) > 1 else None


def _one_less(lists: Sequence[int]) -> tuple[int, ...]:
    """The lists with the longest one claim shorter."""
    first = list(lists).index(max(lists))
    return (*lists[:first], lists[first] - 1, *lists[first + 1 :])


FULL = Size()
"""A card that says everything."""

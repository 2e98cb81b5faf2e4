"""How published lists rank the drugs by efficacy, and the class they give together (clinical-rules F15)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cds.patient.context import Tier
from cds.patient.rules import Rules


class TierList(Rules):
    """One published list: its words for high efficacy and for less."""

    name: str
    high: tuple[str, ...]
    lower: tuple[str, ...]


class TierRow(Rules):
    """One drug in the lists: the word each list uses, and the class they give together."""

    tier: Tier
    words: dict[str, str] = Field(default_factory=dict)
    like: str | None = None
    remark: str = ""


class Tiers(Rules):
    """`ranvier-treatment-tiers` (F15)."""

    reading: str
    lists: dict[str, TierList]
    drugs: dict[str, TierRow]

    @model_validator(mode="after")
    def _known(self) -> Tiers:
        for drug, row in self.drugs.items():
            for list_, word in row.words.items():
                if list_ not in self.lists:
                    raise ValueError(f"drugs.{drug}: no list {list_!r}")
                if word not in self.lists[list_].high + self.lists[list_].lower:
                    raise ValueError(f"drugs.{drug}: {word!r} is no word of {list_}")
        return self

    def says(self, list_: str, drug: str) -> Literal["high", "lower"] | None:
        """How one list ranks a drug; `None` if it does not name it."""
        word = self.drugs[drug].words.get(list_)
        return None if word is None else "high" if word in self.lists[list_].high else "lower"

"""Spec tables: YAML files with patients in lines and what is expected of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds.patient.facts import CATALOGUE, FactKind

FOLDER = Path(__file__).parent
SEEDS = FOLDER.parent.parent / "seeds"
AS_OF = date(2026, 11, 20)
"""The day a case plays on unless it says otherwise."""


SafetyVerdict = Literal["met", "notMet", "unknown", "notAssessed"]


class SpecError(ValueError):
    """A table that cannot be run; the message names the file and what is wrong."""


class Case(BaseModel):
    """One patient and what is expected. At least one of facts, context, cards, silent or says is asserted.

    `patient` are lines, `seed` names a synthetic patient instead, `orders` are drafted; with `local_codes` the synthetic site's own
    codes are mapped (site-codes.yml), with `efficacy_list` that one list of efficacy classes is read. `facts` name a value (`unknown` for
    none), or `{is, because, from, how, date}`. `context` holds partial records. `cards` are all cards in order. `silent` gives rules that
    are silent and a part of the reason, `says` words of a card.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    why: str = ""
    as_of: date = AS_OF
    patient: str = ""
    seed: str = ""
    hook: str = "patient-view"
    orders: tuple[str, ...] = ()
    local_codes: bool = False
    efficacy_list: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)
    cards: tuple[str, ...] | None = None
    silent: dict[str, str] = Field(default_factory=dict)
    says: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    safety: dict[SafetyVerdict, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Case:
        if bool(self.patient) == bool(self.seed):
            raise ValueError("a case has either a patient or a seed")
        if not (self.facts or self.context or self.silent or self.says or self.safety) and self.cards is None:
            raise ValueError("nothing is asserted: give facts, context, cards, silent, says or safety")
        for name, expected in self.facts.items():
            if name not in CATALOGUE:
                raise ValueError(f"{name!r} is no fact; facts are listed in cds/patient/facts.py")
            _in_vocabulary(name, CATALOGUE[name], expected["is"] if isinstance(expected, dict) else expected)
        return self

    @property
    def needs_deck(self) -> bool:
        """Whether the case asks for cards, or only for what is read from the chart."""
        return self.cards is not None or bool(self.silent or self.says or self.safety)

    @property
    def lines(self) -> str:
        """The patient in lines, with the drafted orders."""
        text = self.patient or seed_lines(self.seed)
        return "\n".join([text.strip(), *(f"order {order}" for order in self.orders)])


class Table(BaseModel):
    """One file: what it is about, in a sentence for the documentation, and its cases."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    intro: str
    rules: tuple[str, ...] = ()
    cases: tuple[Case, ...] = Field(min_length=1)


def _in_vocabulary(name: str, kind: FactKind, expected: Any) -> None:
    if expected == "unknown":
        return
    fits = {
        "flag": isinstance(expected, bool),
        "word": isinstance(expected, str) and (expected in kind.words or "*" in kind.words),
        "number": isinstance(expected, int | float | str) and not isinstance(expected, bool),
    }
    if not fits[kind.kind]:
        raise ValueError(f"{name} is a {kind.kind}{' of ' + ', '.join(kind.words) if kind.words else ''}; it can never be {expected!r}")


def load_table(path: Path) -> Table:
    """Read one table. Raises `SpecError` if it cannot be run."""
    try:
        return Table.model_validate(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader))
    except ValidationError as error:
        problems = "\n".join(f"  {'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise SpecError(f"{path.name}:\n{problems}") from error


def tables(folder: Path = FOLDER) -> Iterator[tuple[Path, Table]]:
    """Every table below the folder, by path."""
    for path in sorted(folder.rglob("*.yaml")):
        yield path, load_table(path)


def seed_lines(id: str) -> str:
    """The lines of a synthetic patient of `seeds/patients`."""
    path = SEEDS / "patients" / f"{id}.yaml"
    if not path.is_file():
        raise ValueError(f"no synthetic patient {id!r} in seeds/patients")
    return str(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)["lines"])

"""Value sets as written in `seeds/terminology`: which codes and words mean what. Nothing is matched here; see `cds.fhir.codes`.

One YAML file per value set. The role of a code is part of its meaning: `include` may satisfy alone, `context` is ambiguous and
needs a second signal, `exclude` is a guard, `answer` is a value of an Observation, `status` a FHIR workflow code.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from cds.plain_yaml import load_yaml

Role = Literal["include", "context", "exclude", "answer", "status"]


class TerminologyError(ValueError):
    """Terminology that cannot be used; the message names the file and the mend."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern, re.IGNORECASE)  # as it is used, so that `re` remembers it
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


def _split(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Ids, written as a list or as words in one line."""


class Code(_Record):
    """One code. `match` says what it stands for: itself, all codes that begin with it, or the categories from it to `range_end`.

    `descendants-or-self` (SNOMED CT) matches itself; the descendants that are known stand beside it. `name` is the code system's own
    name, unaltered, where its licence allows it (NOTICE); otherwise `label` says the same in our words.
    """

    system: str
    uri: str
    code: str
    role: Role
    match: Literal["exact", "prefix", "range", "descendants-or-self"] = "exact"
    range_end: str | None = None
    name: str | None = None
    label: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Code:
        if (self.match == "range") != (self.range_end is not None):
            raise ValueError("a range, and only a range, has a range_end")
        if (self.name is None) == (self.label is None):
            raise ValueError("give either `name` or `label`")
        return self

    @property
    def words(self) -> str:
        """What the code means, for a reader."""
        return self.name or self.label or ""


class TextPattern(_Record):
    """Words that mean the same, as a Python regular expression; upper and lower case are one unless `case` is true."""

    pattern: Pattern
    role: Role
    case: bool = False
    note: str | None = None


class ValueRule(_Record):
    """Which values an Observation of this set may have: bounds, the grid they lie on, single values that are undefined, units."""

    low: float
    high: float
    step: float
    undefined: tuple[float, ...] = ()
    units: tuple[str, ...]


class ValueSet(_Record):
    """Codes and words with one meaning."""

    id: str
    title: str
    note: str
    drug: str | None = None
    brands: tuple[str, ...] = ()
    guards: Names = ()
    text_settles_context: bool = False
    text_guards: Names = ()
    value_rule: ValueRule | None = None
    codes: tuple[Code, ...] = ()
    text: tuple[TextPattern, ...] = ()

    def fhir_include(self) -> list[dict[str, Any]]:
        """The codes as `ValueSet.compose.include` of FHIR; the names of SNOMED CT are left to the reader's own edition.

        A guard holds only exclude codes and lists them; of other sets the exclude codes stay out. Text patterns have no FHIR form.
        """
        guard = all(code.role == "exclude" for code in self.codes)
        listed: dict[str, list[dict[str, str]]] = {}
        filters: list[dict[str, Any]] = []
        for code in self.codes:
            if code.role == "exclude" and not guard:
                continue
            match code.match:
                case "exact":
                    listed.setdefault(code.uri, []).append({"code": code.code} | ({"display": code.name} if code.name else {}))
                case "descendants-or-self":
                    filters.append({"system": code.uri, "filter": [{"property": "concept", "op": "is-a", "value": code.code}]})
                case "prefix" | "range":
                    pattern = re.escape(code.code) if code.range_end is None else _categories(code.code, code.range_end)
                    filters.append({"system": code.uri, "filter": [{"property": "code", "op": "regex", "value": f"{pattern}.*"}]})
        return [{"system": uri, "concept": concepts} for uri, concepts in listed.items()] + filters


def _categories(first: str, last: str) -> str:
    """A regular expression for the three-character ICD categories from the first to the last, such as `(A1[56789A…]|A2[0]…)`."""
    thirds = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    stems = [f"{first[0]}{digit}" for digit in "0123456789"]
    found = [(stem, "".join(third for third in thirds if first <= stem + third <= last)) for stem in stems]
    return "(" + "|".join(f"{stem}[{listed}]" for stem, listed in found if listed) + ")"


class System(_Record):
    """A code system: its canonical URI, and what else it is called in the wild.

    `kind` says how codes are compared: `icd` without dot and in upper case, `upper` in upper case, `exact` as they are,
    `absent` is a system whose every code says that nothing is known or nothing is there.
    """

    id: str
    name: str
    uri: str
    oids: Names = ()
    aliases: Names = ()
    kind: Literal["exact", "upper", "icd", "absent"] = "exact"
    uri_confirmed: bool = True
    read_as: str | None = None
    read_as_pattern: Pattern | None = None
    note: str | None = None


class TextGuard(_Record):
    """Words before or after a hit that take it back: negation, family, uncertainty, plans."""

    id: str
    before: tuple[Pattern, ...] = ()
    after: tuple[Pattern, ...] = ()
    note: str


class NeverMatch(_Record):
    """A code that is often used for something it does not mean, and the value sets that must not hold it (`*`: none may)."""

    system: str
    code: str
    mistaken_for: str
    means: str
    instead: str
    not_in: Names = ()


R = TypeVar("R", bound=BaseModel)


def read_yaml(path: Path) -> Any:
    """One YAML file. Raises `TerminologyError` if it is missing or is not YAML."""
    try:
        return load_yaml(path.read_bytes())
    except FileNotFoundError as error:
        raise TerminologyError(f"{path}: there is no such file") from error
    except yaml.YAMLError as error:
        raise TerminologyError(f"{path}: not valid YAML: {error}") from error


def parse(model: type[R], content: Any, where: object) -> R:
    """One record. Raises `TerminologyError` naming where it stands and which field does not fit."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'record'}: {e['msg']}" for e in error.errors())
        raise TerminologyError(f"{where}: {problems}") from error


def read_list(model: type[R], path: Path) -> tuple[R, ...]:
    """A file that is a list of records."""
    content = read_yaml(path)
    if not isinstance(content, list):
        raise TerminologyError(f"{path}: expected a list of records")
    return tuple(parse(model, item, f"{path}, record {number}") for number, item in enumerate(content, start=1))


def read_value_sets(folder: Path, uris: Mapping[str, str]) -> Iterator[ValueSet]:
    """All value sets below a folder, in the order of their paths. `uris` gives each system's short name its URI.

    Raises `TerminologyError` if a file does not fit, or is not named after the id it holds.
    """
    for path in sorted(folder.glob("*/*.yaml")):
        content = read_yaml(path)
        for code in content.get("codes", ()) if isinstance(content, dict) else ():
            if code.get("system") not in uris:
                raise TerminologyError(f"{path}: code {code.get('code')} has the unknown system {code.get('system')!r}; see systems.yaml")
            code["uri"] = uris[code["system"]]
        value_set = parse(ValueSet, content, path)
        if value_set.id != path.stem:
            raise TerminologyError(f"{path}: the file is named {path.stem!r}, the value set {value_set.id!r}; they are one")
        yield value_set


def check_references(value_sets: Sequence[ValueSet], text_guards: Collection[str], never: Iterable[NeverMatch]) -> None:
    """Ids are unique, references lead somewhere, and no code stands where it must never match. Raises `TerminologyError` if not."""
    ids = {value_set.id for value_set in value_sets}
    if len(ids) < len(value_sets):
        raise TerminologyError("two value sets have the same id")
    barred = {(entry.system, entry.code): entry for entry in never}
    for value_set in value_sets:
        for kind, names, known in (("guards", value_set.guards, ids), ("has the text guard", value_set.text_guards, text_guards)):
            for name in names:
                if name not in known:
                    raise TerminologyError(f"value set {value_set.id}: {kind} {name!r}, which does not exist")
        for code in value_set.codes:
            entry = barred.get((code.system, code.code))
            if entry is not None and {"*", value_set.id} & set(entry.not_in):
                raise TerminologyError(f"value set {value_set.id}: {code.system} {code.code} means {entry.means}; see never-match.yaml")

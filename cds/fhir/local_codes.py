"""A site's own codes and flowsheet rows, mapped to value sets in one YAML file (`RANVIER_LOCAL_CODES`, docs/local-codes.md)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds.fhir.value_sets import Pattern
from cds.plain_yaml import load_yaml


class LocalCodesError(ValueError):
    """A local code file that cannot be used; the message names the file, the entry and the mend."""


class LocalCode(BaseModel):
    """One code of a site. Either `system` (compared as a URI) or `system_pattern` (a regular expression for the whole URI)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str | None = None
    system_pattern: Pattern | None = None
    code: str = Field(min_length=1)
    value_set: str
    label: str = Field(min_length=1)
    months: int | None = Field(None, gt=0, description="for a relapse count: the months it looks back")
    note: str | None = None

    @model_validator(mode="after")
    def _one_system(self) -> LocalCode:
        if (self.system is None) == (self.system_pattern is None):
            raise ValueError("give either `system` or `system_pattern`")
        return self

    @property
    def captured(self) -> tuple[tuple[str, str], ...]:
        """What the mapping says beyond the meaning of the code."""
        return (("months", str(self.months)),) if self.months is not None else ()


def read_local_codes(path: Path, value_sets: Collection[str]) -> tuple[LocalCode, ...]:
    """The entries of the file. Raises `LocalCodesError` naming the entry that does not fit."""
    content = _read(path)
    entries = content.get("codes") if isinstance(content, dict) else None
    if not isinstance(entries, list) or set(content) != {"codes"}:
        raise LocalCodesError(f"{path}: expected one key `codes` with a list of entries")
    found: list[LocalCode] = []
    places: set[tuple[str | None, str | None, str]] = set()
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        try:
            code = LocalCode.model_validate(entry)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors(include_url=False))
            raise LocalCodesError(f"{where}: {problems}") from error
        if code.value_set not in value_sets:
            raise LocalCodesError(f"{where}: there is no value set {code.value_set!r}; see seeds/terminology")
        if (place := (code.system, code.system_pattern, code.code)) in places:
            raise LocalCodesError(f"{where}: code {code.code!r} is mapped twice")
        places.add(place)
        found.append(code)
    return tuple(found)


def _read(path: Path) -> Any:
    try:
        return load_yaml(path.read_bytes())
    except OSError as error:
        raise LocalCodesError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise LocalCodesError(f"{path}: not valid YAML: {error}") from error

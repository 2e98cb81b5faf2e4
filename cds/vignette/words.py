"""The words of the grammar: readable names and the codes they stand for (`words.yaml`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cds.plain_yaml import load_yaml


@cache
def words() -> dict[str, Any]:
    """The word list, by section: diagnoses, drugs, labs, conditions, procedures and so on."""
    return dict(load_yaml((Path(__file__).parent / "words.yaml").read_bytes()))


@cache
def spellings(section: str) -> dict[str, str]:
    """Every accepted spelling in lower case → the word itself; drugs have aliases such as DMF."""
    found: dict[str, str] = {}
    for word, entry in words()[section].items():
        aliases = entry.get("aliases", []) if isinstance(entry, dict) else []
        for spelling in (word, *aliases):
            found[spelling.casefold()] = word
    return found


def codings(codes: list[list[str]]) -> list[dict[str, str]]:
    """FHIR Codings of `[system word, code, display]` triples."""
    systems = words()["systems"]
    return [{"system": systems[system], "code": code} | ({"display": display} if display else {}) for system, code, display in codes]

"""Code systems: one short name for each, whatever a sender calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from cds.fhir.value_sets import System, TerminologyError

_NOT_ALNUM = re.compile(r"[^A-Z0-9]")


def normal_uri(uri: str) -> str:
    """A system URI as it is compared: no blanks, no version, no slash at the end, host in lower case, http and https alike, OIDs bare."""
    uri = uri.strip().split("|", 1)[0].rstrip("/")
    if uri[:8].lower() == "urn:oid:":
        return uri[8:]
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    if parts.scheme.lower() in ("http", "https"):
        return "http://" + parts.netloc.lower() + uri[len(parts.scheme) + 3 + len(parts.netloc) :]
    return uri


class Systems(Struct, frozen=True):
    """The systems table, prepared for look-up."""

    by_id: Mapping[str, System]
    by_name: Mapping[str, str]

    @classmethod
    def of(cls, systems: Iterable[System]) -> Systems:
        """Prepare the table. Raises `TerminologyError` if one name stands for two systems."""
        by_id: dict[str, System] = {}
        by_name: dict[str, str] = {}
        for system in systems:
            if system.id in by_id:
                raise TerminologyError(f"systems.yaml: two systems are called {system.id!r}")
            by_id[system.id] = system
            for name in (system.uri, *system.aliases, *system.oids):
                if by_name.setdefault(normal_uri(name), system.id) != system.id:
                    raise TerminologyError(f"systems.yaml: {name} stands for both {by_name[normal_uri(name)]} and {system.id}")
        for system in by_id.values():
            if system.read_as is not None and system.read_as not in by_id:
                raise TerminologyError(f"systems.yaml: {system.id} is read as {system.read_as!r}, which does not exist")
        return cls(by_id, by_name)

    def id_of(self, uri: str | None) -> str | None:
        """The short name of a system, or its normalised URI if it is none of ours; None without a system."""
        if not uri:
            return None
        return self.by_name.get(uri) or self.by_name.get(key := normal_uri(uri), key)

    def fold(self, id: str, code: str) -> str:
        """A code as it is compared: ICD in upper case without dot, others as they are."""
        system = self.by_id.get(id)
        match system.kind if system else "exact":
            case "icd":
                return _NOT_ALNUM.sub("", code.upper())
            case "upper":
                return code.upper()
            case _:
                return code

    def place(self, uri: str | None, code: str | None) -> tuple[str, str] | None:
        """System and code as they are compared; None if either is missing.

        A code that can only be of another system than it says (`G35.A` under the WHO's ICD-10) is placed in that one.
        """
        id = self.id_of(uri)
        if id is None or not code:
            return None
        folded = self.fold(id, code)
        match self.by_id.get(id):
            case System(read_as=str(other), read_as_pattern=str(pattern)) if re.fullmatch(pattern, folded):
                return other, folded
            case _:
                return id, folded

    def says_absent(self, uri: str | None) -> bool:
        """Whether the system only has codes for `none known` and `no information` (IPS absent or unknown)."""
        id = self.id_of(uri)
        return id is not None and id in self.by_id and self.by_id[id].kind == "absent"

"""Selection before reading: from the bytes of a call, only the resources that a fact could rest on are made into objects.

A large chart is mostly blood pressures and lipids. Each entry is probed for its head (type, id, subject, code); one that certainly
says nothing to any reader is dropped before it costs anything. In doubt an entry stays: whatever is odd, or repeated, or referred to.
What stays is exactly what `orjson.loads` gives, and takes the plain path from there; `plain` is that path for everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from cds.fhir.codes import Concept
from cds.fhir.resources import type_of

Relevant = Callable[[Concept], bool]
"""Whether any reader could make something of a resource with this code."""

_SHORTEST = 1_000
"""Bodies shorter than this, in bytes, hold hardly a resource that could be dropped."""
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NAMED = re.compile(rb'"(?:id|reference|fullUrl)"\s*:\s*(?:"([^"]*)"|(\d+))')
"""Whatever could be the name of a resource, in raw JSON."""

_SEPARATOR = re.compile(rb"[/:\s]")
_HIDING = re.compile(rb"\\\\|\\u00[2-7]")
"""Escapes of plain letters, which nobody needs: they could hide a name."""
_SURROGATE = re.compile(rb"\\u[dD][89abAB]")
"""Half characters, which only the plain path checks."""
_BUNDLE = msgspec.Raw(b'"Bundle"')
_ABSENT = msgspec.Raw(b"")


class _Code(msgspec.Struct, gc=False):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Code] = []
    text: str | None = None


class _Component(msgspec.Struct, gc=False):
    code: _Concept


class _Reference(msgspec.Struct, gc=False):
    reference: str


class _Search(msgspec.Struct, gc=False):
    mode: str = "match"


class _Head(msgspec.Struct, gc=False, tag_field="resourceType"):
    """What every type has. The elements that default to `_ABSENT` make a resource stay whenever they are there."""

    id: str
    subject: _Reference
    implicitRules: msgspec.Raw = _ABSENT  # noqa: N815 (names of FHIR)
    modifierExtension: msgspec.Raw = _ABSENT  # noqa: N815
    contained: msgspec.Raw = _ABSENT
    note: msgspec.Raw = _ABSENT


class _Condition(_Head, gc=False, tag="Condition", kw_only=True):
    code: _Concept
    clinicalStatus: _Concept = msgspec.field(default_factory=_Concept)  # noqa: N815
    verificationStatus: _Concept = msgspec.field(default_factory=_Concept)  # noqa: N815


class _Procedure(_Head, gc=False, tag="Procedure", kw_only=True):
    code: _Concept
    status: str


class _Observation(_Head, gc=False, tag="Observation", kw_only=True):
    code: _Concept
    status: str
    component: list[_Component] = []
    valueString: msgspec.Raw = _ABSENT  # noqa: N815
    valueDateTime: msgspec.Raw = _ABSENT  # noqa: N815


class _Carrier(_Head, gc=False, kw_only=True):
    medicationCodeableConcept: _Concept  # noqa: N815
    status: str
    medicationReference: msgspec.Raw = _ABSENT  # noqa: N815


class _MedicationAdministration(_Carrier, gc=False, tag="MedicationAdministration"): ...


class _MedicationDispense(_Carrier, gc=False, tag="MedicationDispense"): ...


class _MedicationRequest(_Carrier, gc=False, tag="MedicationRequest"): ...


class _MedicationStatement(_Carrier, gc=False, tag="MedicationStatement"): ...


_Carriers = _MedicationAdministration | _MedicationDispense | _MedicationRequest | _MedicationStatement
_Droppable = _Condition | _Procedure | _Observation | _Carriers


class _Entry(msgspec.Struct, gc=False):
    resource: _Droppable
    fullUrl: str | None = None  # noqa: N815
    search: _Search = msgspec.field(default_factory=_Search)


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENTRIES = msgspec.json.Decoder(list[msgspec.Raw])
_ENTRY = msgspec.json.Decoder(_Entry)


def plain(body: bytes) -> Any:
    """All of the body, as the reference for `selective`. Raises `orjson.JSONDecodeError`."""
    return orjson.loads(body)


def selective(relevant: Relevant) -> Callable[[bytes], Any]:
    """A decoder of hook requests that leaves out the resources in `prefetch` that are certainly of no use.

    What it leaves out: conditions, procedures, observations and medication records of the patient of the call whose code is not
    `relevant`, that have nothing that could be read without their code, and that nothing else refers to. Totals are adjusted, and one
    entry of each type stays, so that a list is as complete or partial as it was. Raises `orjson.JSONDecodeError` as `plain` does.
    """

    @lru_cache(maxsize=8_192)
    def known(codings: tuple[tuple[str | None, str | None, str | None], ...], text: str | None) -> bool:
        return relevant(
            Concept.of({"coding": [{"system": one, "code": two, "display": three} for one, two, three in codings], "text": text})
        )

    def says_something(concept: _Concept) -> bool:
        return known(tuple([(one.system, one.code, one.display) for one in concept.coding]), concept.text)

    def decode(body: bytes) -> Any:
        try:
            document = _selected(body, says_something) if len(body) >= _SHORTEST else None
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            document = None
        return plain(body) if document is None else document

    return decode


@dataclass(slots=True)
class _Dropped:
    """An entry that may be left out, and the names under which others could mean it."""

    place: int
    type: str
    names: tuple[bytes, ...]
    counts: bool


@dataclass(slots=True)
class _Bundle:
    """A Bundle on its way through the selection: its elements, its entries as they were sent, and those that may be left out."""

    elements: dict[str, msgspec.Raw]
    entries: list[msgspec.Raw]
    dropped: list[_Dropped]


def _selected(body: bytes, says_something: Callable[[_Concept], bool]) -> Any:
    """The document without the useless; None where the plain path must decide."""
    document = _OBJECT.decode(body)
    if "prefetch" not in document or "context" not in document or _SURROGATE.search(body):
        return None
    context = orjson.loads(memoryview(document["context"]))
    patient = context.get("patientId") if isinstance(context, dict) else None
    if not isinstance(patient, str) or not _ID.fullmatch(own := patient.removeprefix("Patient/")):
        return None
    values = _OBJECT.decode(document["prefetch"])
    ascii_only = body.isascii()
    bundles: dict[str, _Bundle] = {}
    for key, value in values.items():
        bundle = _taken_apart(value)
        if bundle is not None:
            bundle.dropped = list(_useless(bundle.entries, f"Patient/{own}", says_something, ascii_only))
            bundles[key] = bundle
    if not any(bundle.dropped for bundle in bundles.values()):
        return None
    named: set[bytes] = set()
    for raw in _others(document, values, bundles):
        if (names := _names_in(raw)) is None:
            return None
        named |= names
    if not _restore(bundles.values(), named):
        return None
    prefetch = {key: _loaded(bundles[key]) if key in bundles else orjson.loads(memoryview(value)) for key, value in values.items()}
    return {name: prefetch if name == "prefetch" else orjson.loads(memoryview(value)) for name, value in document.items()}


def _taken_apart(value: msgspec.Raw) -> _Bundle | None:
    """A Bundle with entries; None for anything else."""
    if bytes(memoryview(value)[:1]) != b"{":
        return None
    elements = _OBJECT.decode(value)
    if elements.get("resourceType") != _BUNDLE or "entry" not in elements or bytes(memoryview(elements["entry"])[:1]) != b"[":
        return None
    return _Bundle(elements, _ENTRIES.decode(elements["entry"]), [])


def _useless(
    entries: Sequence[msgspec.Raw], patient: str, says_something: Callable[[_Concept], bool], ascii_only: bool
) -> Iterator[_Dropped]:
    """The entries of which no reader could make anything."""
    elsewhere = f"/{patient}"
    for place, raw in enumerate(entries):
        try:
            entry = _ENTRY.decode(raw)
        except msgspec.ValidationError:
            continue
        head, subject = entry.resource, entry.resource.subject.reference
        if subject != patient and not subject.endswith(elsewhere):
            continue
        if head.implicitRules or head.modifierExtension or head.contained or head.note or entry.search.mode not in ("match", "include"):
            continue
        if not _ID.fullmatch(head.id) or _speaks(head, says_something):
            continue
        if not ascii_only:
            str(memoryview(raw), "utf-8")
        names = (head.id.encode(), *(entry.fullUrl.encode().rsplit(b"/", 1)[-1].rsplit(b":", 1)[-1:] if entry.fullUrl else ()))
        yield _Dropped(place, type(head).__name__[1:], names, entry.search.mode == "match")


def _speaks(head: _Droppable, says_something: Callable[[_Concept], bool]) -> bool:
    """Whether a reader could make something of the resource: by its code, or by text that is read whatever the code."""
    if isinstance(head, _Carrier):
        return bool(head.medicationReference) or says_something(head.medicationCodeableConcept)
    if isinstance(head, _Observation):
        if head.valueString or head.valueDateTime:
            return True
        return says_something(head.code) or any(says_something(part.code) for part in head.component)
    return says_something(head.code)


def _others(
    document: Mapping[str, msgspec.Raw], values: Mapping[str, msgspec.Raw], bundles: Mapping[str, _Bundle]
) -> Iterator[msgspec.Raw]:
    """Everything in the request that stays."""
    yield from (value for name, value in document.items() if name != "prefetch")
    for key, value in values.items():
        if key not in bundles:
            yield value
            continue
        gone = {entry.place for entry in bundles[key].dropped}
        yield from (raw for place, raw in enumerate(bundles[key].entries) if place not in gone)


def _names_in(raw: msgspec.Raw) -> set[bytes] | None:
    """Every part of an id, a reference or an address in raw JSON; None where escapes could hide one."""
    text = bytes(raw).replace(b"\\/", b"/")
    if _HIDING.search(text):
        return None
    return {part for found in _NAMED.finditer(text) for part in _SEPARATOR.split(found[1] or found[2])}


def _restore(bundles: Iterable[_Bundle], named: set[bytes]) -> bool:
    """Take back what something else names: another version of a resource that stays, or one that it refers to. False to give up."""
    found = True
    bundles = list(bundles)
    while found:
        found = False
        for bundle in bundles:
            wanted = [entry for entry in bundle.dropped if not named.isdisjoint(entry.names)]
            for entry in wanted:
                names = _names_in(bundle.entries[entry.place])
                if names is None:
                    return False
                named |= names
                found = True
            if wanted:
                bundle.dropped = [entry for entry in bundle.dropped if entry not in wanted]
    return True


def _loaded(bundle: _Bundle) -> dict[str, Any]:
    """The Bundle without what is left out. One of a type that would vanish stays, so that the list is not an empty one."""
    gone = {entry.place: entry for entry in bundle.dropped}
    entries = [orjson.loads(memoryview(raw)) for place, raw in enumerate(bundle.entries) if place not in gone]
    types = {type_of(entry.get("resource")) for entry in entries if isinstance(entry, dict)}
    for spare in {entry.type: entry for entry in bundle.dropped if entry.type not in types}.values():
        entries.append(orjson.loads(memoryview(bundle.entries[spare.place])))
        del gone[spare.place]
    loaded: dict[str, Any] = {name: orjson.loads(memoryview(raw)) for name, raw in bundle.elements.items() if name != "entry"}
    if type(total := loaded.get("total")) is int:
        loaded["total"] = total - sum(entry.counts for entry in gone.values())
    return loaded | {"entry": entries}

"""Selection before reading: from the bytes of a call, only the resources that a fact could rest on are made into objects.

A large chart is mostly blood pressures and lipids. Each entry is probed for its head (type, id, subject, code); one that certainly
says nothing to any reader is dropped before it costs anything. In doubt an entry stays: whatever is odd, or repeated, or referred to.
What stays is exactly what `orjson.loads` gives, and takes the plain path from there; `plain` is that path for everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec
import orjson

from cds.fhir.codes import Concept
from cds.fhir.resources import type_of

Relevant = Callable[[Concept], bool]
"""Whether any reader could make something of a resource with this code."""

_SHORTEST = 1_000
"""Bodies shorter than this, in bytes, hold hardly a resource that could be dropped."""
_LONGEST_CODE = 500
"""A code longer than this, in bytes, may be free text, which nothing remembers."""
_OF_CODING = ("system", "code", "display")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NAMED = re.compile(rb'"(?:id|reference|fullUrl)"\s*:\s*(?:"([^"]*)"|(\d+))')
"""Whatever could be the name of a resource, in raw JSON."""

_SEPARATOR = re.compile(rb"[/:\s]")
_HIDING = re.compile(rb"\\\\|\\u00[2-7]")
"""Escapes of plain letters, which nobody needs: they could hide a name."""
_HALVES = (rb"\ud", rb"\uD")
"""Escapes of half characters, which only the plain path checks."""
_ABSENT = msgspec.Raw(b"")
_Status = Literal["active", "amended", "cancelled", "completed", "corrected", "final", "in-progress", "preliminary", "stopped"]
"""Status codes in daily use; a resource with another one stays, so that it is refused where it must be."""


class _Quantity(msgspec.Struct, gc=False):
    value: float = 0
    unit: str = ""
    system: str = ""
    code: str = ""


class _Component(msgspec.Struct, gc=False):
    code: msgspec.Raw


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
    code: msgspec.Raw


class _Procedure(_Head, gc=False, tag="Procedure", kw_only=True):
    code: msgspec.Raw
    status: _Status


class _Observation(_Head, gc=False, tag="Observation", kw_only=True):
    code: msgspec.Raw
    status: _Status
    component: list[_Component] = []
    effectiveDateTime: str = ""  # noqa: N815
    issued: str = ""
    valueQuantity: _Quantity = msgspec.field(default_factory=_Quantity)  # noqa: N815
    valueString: msgspec.Raw = _ABSENT  # noqa: N815
    valueDateTime: msgspec.Raw = _ABSENT  # noqa: N815


class _Carrier(_Head, gc=False, kw_only=True):
    medicationCodeableConcept: msgspec.Raw  # noqa: N815
    status: _Status
    medicationReference: msgspec.Raw = _ABSENT  # noqa: N815


class _MedicationAdministration(_Carrier, gc=False, tag="MedicationAdministration"): ...


class _MedicationDispense(_Carrier, gc=False, tag="MedicationDispense"): ...


class _MedicationRequest(_Carrier, gc=False, tag="MedicationRequest"): ...


class _MedicationStatement(_Carrier, gc=False, tag="MedicationStatement"): ...


_Readable = (
    _Condition | _Procedure | _Observation | _MedicationAdministration | _MedicationDispense | _MedicationRequest | _MedicationStatement
)


class _Entry(msgspec.Struct, gc=False):
    resource: _Readable
    fullUrl: str = ""  # noqa: N815
    search: _Search = msgspec.field(default_factory=_Search)


class _Bundle(msgspec.Struct, tag_field="resourceType", tag="Bundle", forbid_unknown_fields=True):
    """A Bundle of FHIR R4 with its entries as they were sent; a Bundle with anything else in it stays as it is."""

    entry: list[msgspec.Raw]
    id: msgspec.Raw = _ABSENT
    meta: msgspec.Raw = _ABSENT
    implicitRules: msgspec.Raw = _ABSENT  # noqa: N815
    language: msgspec.Raw = _ABSENT
    identifier: msgspec.Raw = _ABSENT
    type: msgspec.Raw = _ABSENT
    timestamp: msgspec.Raw = _ABSENT
    total: msgspec.Raw = _ABSENT
    link: msgspec.Raw = _ABSENT
    signature: msgspec.Raw = _ABSENT


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BUNDLE = msgspec.json.Decoder(_Bundle)
_ENTRY = msgspec.json.Decoder(_Entry)


class _Droppable(NamedTuple):
    """An entry that may be left out: where it stands in its Bundle, what it is, and whether it counts in the total."""

    place: int
    type: str
    id: str
    counts: bool


@dataclass(slots=True)
class _Value:
    """One prefetch value: as it was sent and, if it is a Bundle of which something may be left out, that Bundle."""

    raw: msgspec.Raw
    bundle: _Bundle | None
    droppable: list[_Droppable]


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
    def known(code: bytes) -> bool:
        concept = orjson.loads(code)
        return not _is_concept(concept) or relevant(Concept.of(concept))

    def says_something(code: msgspec.Raw) -> bool:
        raw = bytes(code)
        return known(raw) if len(raw) <= _LONGEST_CODE else known.__wrapped__(raw)

    def decode(body: bytes) -> Any:
        try:
            document = _selected(body, says_something)
        except (msgspec.MsgspecError, orjson.JSONDecodeError, RecursionError, UnicodeDecodeError):
            document = None
        return plain(body) if document is None else document

    return decode


def _selected(body: bytes, says_something: Callable[[msgspec.Raw], bool]) -> Any:
    """The document without the useless; None where there is none, or where the plain path must decide."""
    if len(body) < _SHORTEST or any(half in body for half in _HALVES):
        return None
    document = _OBJECT.decode(body)
    if "prefetch" not in document or "context" not in document:
        return None
    context = _load(document["context"])
    patient = context.get("patientId") if isinstance(context, dict) else None
    if not isinstance(patient, str) or not _ID.fullmatch(own := patient.removeprefix("Patient/")):
        return None
    is_ascii = body.isascii()
    values = {key: _value(raw, own, says_something, is_ascii) for key, raw in _OBJECT.decode(document["prefetch"]).items()}
    others = [raw for name, raw in document.items() if name != "prefetch"]
    if not any(value.droppable for value in values.values()) or not _restore(values.values(), others):
        return None
    prefetch = {key: _without(value.bundle, value.droppable) if value.bundle else _load(value.raw) for key, value in values.items()}
    return {name: prefetch if name == "prefetch" else _load(raw) for name, raw in document.items()}


def _is_concept(value: Any) -> bool:
    """Whether it has the shape of a CodeableConcept, all in strings."""
    if not isinstance(value, dict) or not isinstance(codings := value.get("coding", []), list):
        return False
    texts = [value.get("text", ""), *(coding.get(name, "") for coding in codings if isinstance(coding, dict) for name in _OF_CODING)]
    return all(isinstance(coding, dict) for coding in codings) and all(isinstance(text, str) for text in texts)


def _load(raw: msgspec.Raw) -> Any:
    return orjson.loads(memoryview(raw))


def _value(raw: msgspec.Raw, patient: str, says_something: Callable[[msgspec.Raw], bool], is_ascii: bool) -> _Value:
    try:
        bundle = _BUNDLE.decode(raw)
    except msgspec.ValidationError:
        return _Value(raw, None, [])
    droppable = list(_useless(bundle.entry, f"Patient/{patient}", says_something, is_ascii))
    return _Value(raw, bundle if droppable else None, droppable)


def _useless(
    entries: Iterable[msgspec.Raw], patient: str, says_something: Callable[[msgspec.Raw], bool], is_ascii: bool
) -> Iterator[_Droppable]:
    """The entries of which no reader could make anything."""
    decode, is_id, elsewhere = _ENTRY.decode, _ID.fullmatch, f"/{patient}"
    for place, raw in enumerate(entries):
        try:
            entry = decode(raw)
        except msgspec.ValidationError:
            continue
        head, mode, url = entry.resource, entry.search.mode, entry.fullUrl
        subject = head.subject.reference
        if subject != patient and not subject.endswith(elsewhere):
            continue
        if head.implicitRules or head.modifierExtension or head.contained or head.note:
            continue
        if not is_id(head.id) or mode not in ("match", "include") or (url and _last_part(url) != head.id):
            continue
        if _speaks(head, says_something):
            continue
        if not is_ascii:
            str(memoryview(raw), "utf-8")  # what is skipped must be text, too
        yield _Droppable(place, head.__class__.__name__[1:], head.id, mode == "match")


def _last_part(url: str) -> str:
    return url[max(url.rfind("/"), url.rfind(":")) + 1 :]


def _speaks(head: _Readable, says_something: Callable[[msgspec.Raw], bool]) -> bool:
    """Whether a reader could make something of the resource: by its code, or by text that is read whatever the code."""
    if isinstance(head, _Observation):
        if head.valueString or head.valueDateTime or says_something(head.code):
            return True
        return any(says_something(part.code) for part in head.component)
    if isinstance(head, _Carrier):
        return bool(head.medicationReference) or says_something(head.medicationCodeableConcept)
    return says_something(head.code)


def _restore(values: Iterable[_Value], others: Iterable[msgspec.Raw]) -> bool:
    """Take back what something that stays may name: another version of it, or what it refers to. False where names may be hidden."""
    values = list(values)
    staying = list(others)
    for value in values:
        if value.bundle is None:
            staying.append(value.raw)
            continue
        gone = {one.place for one in value.droppable}
        staying += [raw for place, raw in enumerate(value.bundle.entry) if place not in gone]
    named: set[str] = set()
    while staying:
        for raw in staying:
            text = bytes(raw).replace(rb"\/", b"/")
            if _HIDING.search(text):
                return False
            named.update(part.decode() for found in _NAMED.finditer(text) for part in _SEPARATOR.split(found[1] or found[2] or b""))
        staying = []
        for value in values:
            if value.bundle is not None and (back := [one for one in value.droppable if one.id in named]):
                staying += [value.bundle.entry[one.place] for one in back]
                value.droppable = [one for one in value.droppable if one.id not in named]
    return True


def _without(bundle: _Bundle, droppable: Sequence[_Droppable]) -> dict[str, Any]:
    """The Bundle without these. One of a type that would vanish stays, so that the list does not look like another one."""
    gone = {one.place: one for one in droppable}
    entries = [_load(raw) for place, raw in enumerate(bundle.entry) if place not in gone]
    types = {type_of(entry.get("resource")) for entry in entries if isinstance(entry, dict)}
    for spare in {one.type: one for one in droppable if one.type not in types}.values():
        entries.append(_load(bundle.entry[spare.place]))
        del gone[spare.place]
    sent = {name: raw for name in bundle.__struct_fields__ if name != "entry" and (raw := getattr(bundle, name))}
    loaded: dict[str, Any] = {"resourceType": "Bundle", **{name: _load(raw) for name, raw in sent.items()}}
    if type(total := loaded.get("total")) is int:
        loaded["total"] = total - sum(one.counts for one in gone.values())
    return loaded | {"entry": entries}

"""Selection before reading: from the bytes of a call, only the resources that a fact could rest on are made into objects.

A large chart is mostly blood pressures and lipids. Each entry is probed for its head (type, id, subject, code); one that certainly
says nothing to any reader is dropped before it costs anything. In doubt an entry stays: whatever is odd, or repeated, or referred to.
What stays is exactly what `orjson.loads` gives, and takes the plain path from there; `plain` is that path for everything.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
import orjson
from msgspec import Struct

from cds.fhir.codes import Concept
from cds.fhir.resources import Unread, type_of

Relevant = Callable[[Concept], bool]
"""Whether any reader could make something of a resource with this code."""

_SHORTEST = 1_000
"""Bodies shorter than this, in bytes, hold hardly a resource that could be dropped."""
_LONGEST_CODE = 500
"""A code longer than this, in bytes, may be free text, which nothing remembers; its resource is read, which takes less time than a look."""
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
    mode: Literal["match"] = "match"


class _Head(msgspec.Struct, gc=False, tag_field="resourceType"):
    """What every type has. The elements of type `None` make a resource stay whenever they are there."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    subject: _Reference
    code: msgspec.Raw
    implicitRules: None = None  # noqa: N815 (names of FHIR)
    modifierExtension: None = None  # noqa: N815
    contained: None = None
    note: None = None


class _Condition(_Head, gc=False, tag="Condition"): ...


class _Procedure(_Head, gc=False, tag="Procedure", kw_only=True):
    status: _Status


class _Observation(_Head, gc=False, tag="Observation", kw_only=True):
    status: _Status
    component: list[_Component] = []
    effectiveDateTime: str = ""  # noqa: N815
    issued: str = ""
    valueQuantity: _Quantity | None = None  # noqa: N815
    valueString: None = None  # noqa: N815
    valueDateTime: None = None  # noqa: N815


class _Carrier(_Head, gc=False, kw_only=True):
    code: msgspec.Raw = msgspec.field(name="medicationCodeableConcept")
    status: _Status
    medicationReference: None = None  # noqa: N815


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
    search: _Search | None = None


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


class _Call(msgspec.Struct):
    """A hook request: what the protocol knows of it, and each prefetch value as it was sent."""

    prefetch: dict[str, msgspec.Raw]
    context: msgspec.Raw
    hook: msgspec.Raw = _ABSENT
    hookInstance: msgspec.Raw = _ABSENT  # noqa: N815
    fhirServer: msgspec.Raw = _ABSENT  # noqa: N815
    fhirAuthorization: msgspec.Raw = _ABSENT  # noqa: N815
    extension: msgspec.Raw = _ABSENT


_CALL = msgspec.json.Decoder(_Call)
_BUNDLE = msgspec.json.Decoder(_Bundle)
_ENTRY = msgspec.json.Decoder(_Entry)


class _Value(Struct):
    """One prefetch value: as it was sent and, if it is a Bundle of which something may be left out, that Bundle.

    `droppable`: by type and id, where in the Bundle the entries stand that may be left out; `staying`: where the others do.
    """

    raw: msgspec.Raw
    bundle: _Bundle | None
    droppable: dict[str, dict[str, int]]
    staying: list[int]


def plain(body: bytes) -> Any:
    """All of the body, as the reference for `selective`. Raises `orjson.JSONDecodeError`."""
    return orjson.loads(body)


def selective(relevant: Relevant) -> Callable[[bytes], Any]:
    """A decoder of hook requests that leaves out the resources in `prefetch` that are certainly of no use.

    What it leaves out: conditions, procedures, observations and medication records of the patient of the call whose code is not
    `relevant`, that have nothing that could be read without their code, and that nothing else refers to. Totals are adjusted, and one
    entry of each type stays, marked as `Unread`, so that a list is as complete or partial as it was. Members of the request that the
    protocol does not know are left out, too. Raises `orjson.JSONDecodeError` as `plain` does.
    """

    @lru_cache(maxsize=8_192)
    def known(code: bytes) -> bool:
        concept = orjson.loads(code)
        return not _is_concept(concept) or relevant(Concept.of(concept))

    def says_something(code: bytes) -> bool:
        return len(code) > _LONGEST_CODE or known(code)

    def decode(body: bytes) -> Any:
        try:
            document = _selected(body, says_something)
        except (msgspec.MsgspecError, orjson.JSONDecodeError, RecursionError, UnicodeDecodeError):
            document = None
        return plain(body) if document is None else document

    return decode


def _selected(body: bytes, says_something: Callable[[bytes], bool]) -> Any:
    """The document without the useless; None where there is none, or where the plain path must decide."""
    if len(body) < _SHORTEST or (b"\\" in body and any(half in body for half in _HALVES)):
        return None
    call = _CALL.decode(body)
    context = _load(call.context)
    patient = context.get("patientId") if isinstance(context, dict) else None
    if not isinstance(patient, str) or not _ID.fullmatch(own := patient.removeprefix("Patient/")):
        return None
    is_ascii = body.isascii()
    values = {key: _value(raw, own, says_something, is_ascii) for key, raw in call.prefetch.items()}
    others = {name: raw for name in call.__struct_fields__ if name != "prefetch" and (raw := getattr(call, name))}
    if not any(value.bundle for value in values.values()) or not _restore(values.values(), others.values()):
        return None
    prefetch = {key: _without(value.bundle, value) if value.bundle else _load(value.raw) for key, value in values.items()}
    return {name: _load(raw) for name, raw in others.items()} | {"prefetch": prefetch}


def _is_concept(value: Any) -> bool:
    """Whether it has the shape of a CodeableConcept, all in strings."""
    if not isinstance(value, dict) or not isinstance(codings := value.get("coding", []), list):
        return False
    texts = [value.get("text", ""), *(coding.get(name, "") for coding in codings if isinstance(coding, dict) for name in _OF_CODING)]
    return all(isinstance(coding, dict) for coding in codings) and all(isinstance(text, str) for text in texts)


def _load(raw: msgspec.Raw) -> Any:
    return orjson.loads(memoryview(raw))


def _value(raw: msgspec.Raw, patient: str, says_something: Callable[[bytes], bool], is_ascii: bool) -> _Value:
    try:
        bundle = _BUNDLE.decode(raw)
    except msgspec.ValidationError:
        return _Value(raw, None, {}, [])
    droppable, staying = _sorted_out(bundle.entry, f"Patient/{patient}", says_something, is_ascii)
    return _Value(raw, bundle if droppable else None, droppable, staying)


def _sorted_out(
    entries: Iterable[msgspec.Raw], patient: str, says_something: Callable[[bytes], bool], is_ascii: bool
) -> tuple[dict[str, dict[str, int]], list[int]]:
    """The entries of which no reader could make anything, by type and id, and the others. This loop is what a large chart costs."""
    decode, is_id, elsewhere = _ENTRY.decode, _ID.fullmatch, f"/{patient}"
    droppable: defaultdict[type[_Head], dict[str, int]] = defaultdict(dict)
    staying: list[int] = []
    place = -1
    for raw in entries:
        place += 1
        try:
            entry = decode(raw)
        except msgspec.ValidationError:
            staying.append(place)
            continue
        head, url = entry.resource, entry.fullUrl
        id, subject, of_type = head.id, head.subject.reference, droppable[head.__class__]
        if (
            (subject != patient and not subject.endswith(elsewhere))
            or says_something(bytes(head.code))
            or (url and url.rpartition("/")[2] != id and not url.endswith(f":{id}"))
            or id in of_type
            or not is_id(id)
            or (isinstance(head, _Observation) and head.component and any(says_something(bytes(part.code)) for part in head.component))
        ):
            staying.append(place)
            continue
        if not is_ascii:
            str(memoryview(raw), "utf-8")  # what is skipped must be text, too
        of_type[id] = place
    return {type_.__name__[1:]: places for type_, places in droppable.items() if places}, staying


def _restore(values: Iterable[_Value], others: Iterable[msgspec.Raw]) -> bool:
    """Take back what something that stays may name: another version of it, or what it refers to. False where names may be hidden."""
    values = list(values)
    staying = list(others)
    for value in values:
        staying += [value.raw] if value.bundle is None else [value.bundle.entry[place] for place in value.staying]
    while staying:
        named: set[str] = set()
        for raw in staying:
            text = bytes(raw).replace(rb"\/", b"/")
            if _HIDING.search(text):
                return False
            named.update(part.decode() for found in _NAMED.finditer(text) for part in _SEPARATOR.split(found[1] or found[2] or b""))
        staying = []
        for value in values:
            for places in value.droppable.values():
                back = [places.pop(id) for id in places.keys() & named]
                value.staying += back
                staying += [value.bundle.entry[place] for place in back] if value.bundle is not None else []
    return True


def _without(bundle: _Bundle, value: _Value) -> dict[str, Any]:
    """The Bundle without what may be left out. One of a type that would vanish stays, so that the list does not look like another one."""
    entries = [_load(bundle.entry[place]) for place in sorted(value.staying)]
    types = {type_of(entry.get("resource")) for entry in entries if isinstance(entry, dict)}
    left_out = 0
    for type_, places in value.droppable.items():
        left_out += len(places)
        if places and type_ not in types:
            spare = _load(bundle.entry[next(iter(places.values()))])
            entries.append(spare | {"resource": Unread(spare["resource"])})
            left_out -= 1
    sent = {name: raw for name in bundle.__struct_fields__ if name != "entry" and (raw := getattr(bundle, name))}
    loaded: dict[str, Any] = {"resourceType": "Bundle", **{name: _load(raw) for name, raw in sent.items()}}
    if type(total := loaded.get("total")) is int:
        loaded["total"] = total - left_out
    return loaded | {"entry": entries}

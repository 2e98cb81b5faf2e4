"""Selection before reading: from the bytes of a call, only the resources that a fact could rest on are made into objects.

A large chart is mostly blood pressures and lipids. Each entry is probed for its head (type, id, subject, code); one that certainly
says nothing to any reader is dropped before it costs anything. In doubt an entry stays: whatever is odd, or repeated, or referred to.
What stays is exactly what `orjson.loads` gives, and takes the plain path from there; `plain` is that path for everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
import orjson

from cds.fhir.codes import Coding, Concept

Relevant = Callable[[Concept], bool]
"""Whether any reader could make something of a resource with this code."""

_SHORTEST = 1_000
"""Bodies shorter than this, in bytes, hold hardly a resource that could be dropped."""
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NAMED = re.compile(rb'"(?:id|reference|fullUrl)"\s*:\s*"?([^",}\s]*)')
"""Whatever could be the name of a resource, in raw JSON."""

_ABSENT = msgspec.Raw(b"")
_KEPT = object()


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


class Condition(_Head, gc=False, tag="Condition", kw_only=True):
    code: _Concept
    clinicalStatus: _Concept = msgspec.field(default_factory=_Concept)  # noqa: N815
    verificationStatus: _Concept = msgspec.field(default_factory=_Concept)  # noqa: N815


class Procedure(_Head, gc=False, tag="Procedure", kw_only=True):
    code: _Concept
    status: str


class Observation(_Head, gc=False, tag="Observation", kw_only=True):
    code: _Concept
    status: str
    component: list[_Component] = []
    valueString: msgspec.Raw = _ABSENT  # noqa: N815
    valueDateTime: msgspec.Raw = _ABSENT  # noqa: N815


class _Carrier(_Head, gc=False, kw_only=True):
    medicationCodeableConcept: _Concept  # noqa: N815
    status: str
    medicationReference: msgspec.Raw = _ABSENT  # noqa: N815


class MedicationAdministration(_Carrier, gc=False, tag="MedicationAdministration"): ...


class MedicationDispense(_Carrier, gc=False, tag="MedicationDispense"): ...


class MedicationRequest(_Carrier, gc=False, tag="MedicationRequest"): ...


class MedicationStatement(_Carrier, gc=False, tag="MedicationStatement"): ...


_Carriers = MedicationAdministration | MedicationDispense | MedicationRequest | MedicationStatement
_Droppable = Condition | Procedure | Observation | _Carriers

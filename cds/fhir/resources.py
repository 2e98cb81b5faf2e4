"""One resource: validated by fhir.resources (R4B models), mended where that loses nothing, or refused.

A resource that is refused is tried once more without the elements that the error names, if none of them bears on a fact.
Reasons name field paths only, never values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct
from pydantic import ValidationError

from cds.fhir.codes import Concept
from cds.fhir.compiled import Make, compiled, model_of

_CARRIER = "status statusReason medication subject reasonCode reasonReference"
BEARS_ON_FACTS: dict[str, frozenset[str]] = {
    type_: frozenset(names.split())
    for type_, names in {
        "AllergyIntolerance": "clinicalStatus verificationStatus type criticality code patient onset recordedDate reaction",
        "Condition": "clinicalStatus verificationStatus category severity code subject onset abatement recordedDate",
        "DiagnosticReport": "status code subject effective issued result conclusion conclusionCode",
        "Encounter": "status class type serviceType subject period reasonCode reasonReference diagnosis",
        "Immunization": "status statusReason vaccineCode patient occurrence",
        "Medication": "status code form ingredient",
        "MedicationAdministration": f"{_CARRIER} effective dosage",
        "MedicationDispense": f"{_CARRIER} quantity daysSupply whenPrepared whenHandedOver dosageInstruction",
        "MedicationRequest": f"{_CARRIER} intent doNotPerform reported authoredOn dosageInstruction dispenseRequest",
        "MedicationStatement": f"{_CARRIER} effective dateAsserted dosage",
        "Observation": "status code subject effective issued value dataAbsentReason interpretation referenceRange hasMember component",
        "Patient": "deceased",
        "Procedure": "status statusReason code subject performed reasonCode reasonReference outcome",
        "ServiceRequest": "status intent doNotPerform code subject occurrence authoredOn reasonCode reasonReference",
    }.items()
}
"""The types that are read, and of each the elements that may never be left out to make a resource acceptable.

A choice such as `onset[x]` stands here as `onset`. Of a Patient, birth date and sex may be left out: each is then simply unknown.
"""

ALWAYS_BEARS = frozenset({"resourceType", "modifierExtension", "implicitRules"})
"""The same for every type: they can turn the meaning of all the rest."""

SUSPICIOUS_WORDS = re.compile(
    "status|code|medic|drug|dos|date|time|onset|abate|period|effective|perform|occur|value|result|subject|patient|intent|reason|"
    "assert|record|taken|given|done|not|negat|refut|error|cancel|stop|start|end|verif|certain|adher|categor|sever",
    re.IGNORECASE,
)
"""Words in the name of an element that R4 does not know (DSTU2, R5 or a vendor's own) which could bear on a fact, such as `wasNotTaken`."""

HARMLESS_PARTS = frozenset({"extension", "id", "userSelected"})
"""Parts of any element, also of one that bears on a fact, that say nothing by themselves."""

CODES_OF_R4 = ("status", "intent", "gender")
"""Elements whose code must be one that FHIR R4 lists; fhir.resources accepts any."""

STATUS_OF_R4 = {
    "DiagnosticReport": "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown",
    "Encounter": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
    "Observation": "registered preliminary final amended corrected cancelled entered-in-error unknown",
}
"""Status codes of the types for which fhir.resources lists only the first few."""

_DATE_NAMES = re.compile(r".*(?:date|datetime|instant)|start|end|issued|authoredon|lastupdated|when\w*", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")

_ROUNDS = 3

Path = tuple[str | int, ...]
Raw = Mapping[str, Any]


class Unread(dict[str, Any]):
    """A resource of which it was found that no reader could use it; it answers the question that was asked, and is not read."""


class Fault(NamedTuple):
    """Where a resource is wrong, and how, in words without values. An empty path is the resource as a whole."""

    path: Path
    kind: str


class Valid(Struct, frozen=True):
    """A validated resource, and the top-level elements that had to be left out of it."""

    resource: Any
    left_out: frozenset[str]


class Refusal(Struct, frozen=True):
    """Why a resource could not be validated: field paths and kinds of fault."""

    reason: str


def type_of(raw: Any) -> str | None:
    """The resourceType of a JSON object, if it has one."""
    type_ = raw.get("resourceType") if isinstance(raw, dict) else None
    return type_ if isinstance(type_, str) else None


def element(resource: Any, name: str) -> Any:
    """An element that not every type has; None where it is not there or the type has none.

    The models of pydantic answer for a name they do not know so slowly that it showed.
    """
    return vars(resource).get(name)


def validate(raw: Raw, make: Make = compiled) -> Valid | Refusal:
    """The fhir.resources object of a resource whose type is read, or why there is none. Never raises (performance notes 1.4).

    Contained resources are left aside; `Chart.resolve` validates the ones that are referred to. `make` makes the object.
    """
    type_ = type_of(raw)
    if type_ not in BEARS_ON_FACTS:
        return Refusal("its type is not read")
    whole = dict(raw)
    whole.pop("contained", None)
    try:
        return _validate(type_, whole, make)
    except RecursionError:
        return Refusal("nested too deeply")


def _validate(type_: str, raw: dict[str, Any], make: Make) -> Valid | Refusal:
    """Faults come to light in stages (a date, then a code that R4 does not list), hence the rounds; each leaves something out."""
    faults: list[Fault] = []
    tidy = _tidy(raw, (), faults)
    resource = _attempt(type_, tidy, make, faults)
    mended, first = tidy, faults
    for _ in range(_ROUNDS):
        if not faults:
            break
        without = _without(type_, mended, faults)
        if without is None:
            return Refusal(_reason(first))
        mended, faults = without, []
        resource = _attempt(type_, mended, make, faults)
    if faults:
        return Refusal(_reason(first))
    return Valid(resource, frozenset() if mended is tidy else frozenset(tidy) - frozenset(mended))


def _tidy(value: dict[str, Any], path: Path, faults: list[Fault]) -> dict[str, Any]:
    """The same without `null` and empty objects, which FHIR forbids and fhir.resources lets through. A number for a date is a fault."""
    tidy: dict[str, Any] = {}
    for name, item in value.items():
        if type(item) is str:  # most are
            tidy[name] = item
            continue
        if isinstance(item, dict) and not name.startswith("_"):
            item = _tidy(item, (*path, name), faults)
        elif isinstance(item, list) and not name.startswith("_") and f"_{name}" not in value:
            item = [_tidy(part, (*path, name, index), faults) if isinstance(part, dict) else part for index, part in enumerate(item)]
            item = [part for part in item if part is not None and part != {}]
        elif isinstance(item, int | float) and not isinstance(item, bool) and _DATE_NAMES.fullmatch(name):
            faults.append(Fault((*path, name), "is a number where a date belongs"))
        if item is not None and item != {} and item != []:
            tidy[name] = item
    return tidy


def _attempt(type_: str, raw: dict[str, Any], make: Make, faults: list[Fault]) -> Any:
    """Validate once, adding what is wrong to `faults`."""
    try:
        resource = make(type_, raw)
    except ValidationError as error:
        faults.extend(Fault(tuple(item["loc"]), _kind(item["type"])) for item in error.errors(include_url=False, include_input=False))
        return None
    except (AttributeError, KeyError, TypeError, RecursionError, ValueError):
        faults.append(Fault((), "cannot be read by the FHIR library"))
        return None
    for name, (required, allowed) in _listed_codes(type_).items():
        code = getattr(resource, name)
        if code is None and required:
            faults.append(Fault((name,), "is missing"))
        elif code is not None and code not in allowed:
            faults.append(Fault((name,), "is not a code of FHIR R4"))
    turning = [name for name in ("modifierExtension", "implicitRules") if getattr(resource, name, None)]
    faults.extend(Fault((name,), "may change the meaning in a way that Ranvier does not know") for name in turning)
    return resource


@cache
def _listed_codes(type_: str) -> dict[str, tuple[bool, frozenset[str]]]:
    """Of each element that has them: whether it is required, and its codes."""
    fields = model_of(type_).model_fields
    known = {name: fields[name].json_schema_extra or {} for name in CODES_OF_R4 if name in fields}
    listed = {name: (bool(extra.get("element_required")), frozenset(extra["enum_values"])) for name, extra in known.items()}
    return listed | ({"status": (True, frozenset(STATUS_OF_R4[type_].split()))} if type_ in STATUS_OF_R4 else {})


def _kind(error_type: str) -> str:
    match error_type:
        case "missing" | "model_field_validation.missing":
            return "is missing"
        case "extra_forbidden":
            return "is not an element of FHIR R4"
        case _:
            return "is not valid FHIR R4"


def _without(type_: str, raw: dict[str, Any], faults: list[Fault]) -> dict[str, Any] | None:
    """A copy without the faulty elements; None if one of them bears on a fact.

    Two mends lose nothing and are made anywhere: an empty string is no value, and one object where a list belongs is a list of one.
    A fault without a place leaves only the elements that bear on facts.
    """
    if any(not fault.path for fault in faults) and not any(fault.path for fault in faults):
        kept = {name: value for name, value in raw.items() if name == "resourceType" or _bears(type_, name)}
        return kept if len(kept) < len(raw) else None
    mended = raw
    for fault in sorted(faults, key=lambda fault: [str(part) for part in fault.path], reverse=True):
        value = _at(raw, fault.path)
        if isinstance(value, dict) and _expects_list(type_, fault):
            mended = _changed(mended, fault.path, [value])
        elif value == "" or _harmless(type_, fault.path):
            mended = _changed(mended, fault.path)
        else:
            return None
    return mended


def _harmless(type_: str, path: Path) -> bool:
    if not path or not isinstance(path[0], str):
        return False
    if any(part in HARMLESS_PARTS for part in path[1:]) or path[0] in ("id", "_id"):
        return "modifierExtension" not in path
    return not _bears(type_, path[0])


def _bears(type_: str, element: str) -> bool:
    """Whether a top-level element can bear on a fact."""
    name = element.removeprefix("_")
    if name in ALWAYS_BEARS:
        return True
    own = BEARS_ON_FACTS[type_]
    if name in own or any(name.startswith(choice) and name[len(choice)].isupper() for choice in own if len(name) > len(choice)):
        return True
    return name not in _elements(type_) and SUSPICIOUS_WORDS.search(name) is not None


@cache
def _elements(type_: str) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in model_of(type_).model_fields.items())


def _expects_list(type_: str, fault: Fault) -> bool:
    return len(fault.path) == 1 and "List[" in str(_field_annotation(type_, str(fault.path[0])))


@cache
def _field_annotation(type_: str, element: str) -> Any:
    return next((field.annotation for name, field in model_of(type_).model_fields.items() if (field.alias or name) == element), None)


def _at(raw: Any, path: Path) -> Any:
    for part in path:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            return None
    return raw


_REMOVED = object()


def _changed(raw: Any, path: Path, value: Any = _REMOVED) -> Any:
    """A copy with one element replaced or removed; unchanged where the path leads nowhere."""
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(raw, dict) and part in raw:
        changed = {name: item for name, item in raw.items() if name != part}
        inner = _changed(raw[part], rest, value)
        return changed if inner is _REMOVED else {**changed, part: inner}
    if isinstance(raw, list) and isinstance(part, int) and part < len(raw):
        inner = _changed(raw[part], rest, value)
        return [*raw[:part], *([] if inner is _REMOVED else [inner]), *raw[part + 1 :]]
    return raw


def _reason(faults: list[Fault]) -> str:
    """The faults in words: `status is missing; code.coding.0.system is not valid FHIR R4`."""
    return "; ".join(dict.fromkeys(f"{_place(fault.path)} {fault.kind}" for fault in faults[:5]))


def _place(path: Path) -> str:
    """A path as text. Names that no FHIR element could have are not repeated: they come from the sender."""
    parts = [str(part) if isinstance(part, int) or _PLAIN_NAME.fullmatch(part) else "unnamed" for part in path]
    return ".".join(parts) or "the resource"


def concepts_of(raw: Raw) -> tuple[Concept, ...]:
    """What a resource seems to speak of, read from JSON that need not be valid; for resources that were refused."""
    found = [concept for concept in _concepts(raw) if concept]
    return tuple(dict.fromkeys(found))


def _concepts(raw: Raw) -> Iterator[Concept]:
    for name in ("code", "vaccineCode", "medicationCodeableConcept"):
        yield Concept.of(raw.get(name))
    for name in ("medication", "medicationReference"):
        value = raw.get(name)
        if isinstance(value, dict):
            yield Concept.of(value.get("concept"))
            yield Concept.of(value.get("display") if isinstance(value.get("display"), str) else None)
            yield Concept.of(value if "coding" in value or "text" in value else None)
    reasons = raw.get("reasonCode") if raw.get("resourceType") == "Encounter" else None
    for reason in reasons if isinstance(reasons, list) else [reasons]:
        yield Concept.of(reason)
    contained = raw.get("contained")
    for item in contained if isinstance(contained, list) else ():
        if type_of(item) == "Medication":
            yield Concept.of(item.get("code"))

"""Resources of FHIR R4 as servers of other versions would write them: near enough that a reader may take them for R4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Resource = dict[str, Any]


def _move(resource: Resource, name: str, new: str, change: Callable[[Any], Any] = lambda value: value) -> None:
    if name in resource:
        resource[new] = change(resource.pop(name))


def _bare_code(concept: Any) -> Any:
    coding = concept.get("coding") if isinstance(concept, dict) else None
    return coding[0].get("code") if isinstance(coding, list) and coding and isinstance(coding[0], dict) else concept


def _first(listed: Any) -> Any:
    return listed[0] if isinstance(listed, list) and listed else listed


def _concepts(listed: Any) -> Any:
    return [{"concept": item} for item in listed] if isinstance(listed, list) else listed


def dstu2(resource: Resource) -> None:
    """DSTU2: `patient`, plain status codes, MedicationOrder, `wasNotTaken`, `dateRecorded`."""
    type_ = resource.get("resourceType")
    for name in ("clinicalStatus", "verificationStatus"):
        _move(resource, name, name, _bare_code)
    if type_ in ("Condition", "Encounter", "MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"):
        _move(resource, "subject", "patient")
    _move(resource, "category", "category", _first)
    match type_:
        case "Condition":
            _move(resource, "recordedDate", "dateRecorded")
        case "MedicationRequest":
            resource["resourceType"] = "MedicationOrder"
            _move(resource, "authoredOn", "dateWritten")
            _move(resource, "reasonCode", "reasonCodeableConcept", _first)
        case "MedicationStatement":
            resource["wasNotTaken"] = resource.get("status") == "not-taken"
            _move(resource, "reasonCode", "reasonForUseCodeableConcept", _first)
        case "MedicationAdministration":
            resource["wasNotGiven"] = resource.get("status") == "not-done"
            _move(resource, "effectiveDateTime", "effectiveTimeDateTime")
        case "Procedure":
            resource["notPerformed"] = resource.get("status") == "not-done"
            _move(resource, "reasonCode", "reasonCodeableConcept", _first)
        case "AllergyIntolerance":
            _move(resource, "code", "substance")
            _move(resource, "note", "note", _first)
        case "Observation":
            _move(resource, "note", "comments", lambda notes: str(notes))


def stu3(resource: Resource) -> None:
    """STU3: plain clinical status, `context`, `assertedDate`, `taken`, `notDone`."""
    for name in ("clinicalStatus", "verificationStatus"):
        _move(resource, name, name, _bare_code)
    _move(resource, "encounter", "context")
    _move(resource, "recordedDate", "assertedDate")
    match resource.get("resourceType"):
        case "MedicationStatement":
            resource["taken"] = "n" if resource.get("status") == "not-taken" else "y"
        case "Procedure" | "MedicationAdministration":
            resource["notDone" if resource["resourceType"] == "Procedure" else "notGiven"] = resource.get("status") == "not-done"
        case "Observation":
            _move(resource, "note", "comment", lambda notes: str(notes))


def r5(resource: Resource) -> None:
    """R5: CodeableReference for drugs and reasons, lists where R4 has one, `occurrence` and `actualPeriod`."""
    _move(resource, "medicationCodeableConcept", "medication", lambda concept: {"concept": concept})
    _move(resource, "medicationReference", "medication", lambda reference: {"reference": reference})
    _move(resource, "reasonCode", "reason", _concepts)
    match resource.get("resourceType"):
        case "MedicationAdministration":
            for name in ("DateTime", "Period"):
                _move(resource, f"effective{name}", f"occurence{name}")
        case "Procedure":
            for name in ("DateTime", "Period"):
                _move(resource, f"performed{name}", f"occurrence{name}")
        case "MedicationStatement":
            resource["status"] = "recorded"
        case "Encounter":
            _move(resource, "period", "actualPeriod")
            _move(resource, "class", "class", lambda coding: [{"coding": [coding]}])
        case "AllergyIntolerance":
            _move(resource, "type", "type", lambda code: {"coding": [{"code": code}]})
        case "MedicationRequest":
            _move(resource, "reported", "reported", lambda value: value)
            resource["renderedDosageInstruction"] = "see label"


VERSIONS: tuple[Callable[[Resource], None], ...] = (dstu2, stu3, r5)

"""A vignette as the FHIR that an EHR would send: prefetch, one Bundle, draft orders, a whole CDS Hooks request."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from cds.vignette import person, procedures, resources
from cds.vignette.lines import Line, parse
from cds.vignette.scene import Resource, Scene
from cds.vignette.words import words

KEY_OF = {
    "Condition": "conditions",
    "FamilyMemberHistory": "conditions",
    "Encounter": "conditions",
    "MedicationRequest": "medicationRequests",
    "Medication": "medicationRequests",
    "MedicationDispense": "medicationRequests",
    "MedicationStatement": "medicationStatements",
    "MedicationAdministration": "medicationAdministrations",
    "Immunization": "medicationAdministrations",
    "Observation": "observations",
    "DiagnosticReport": "observations",
    "Procedure": "procedures",
    "ServiceRequest": "procedures",
    "AllergyIntolerance": "allergies",
}
"""Resource type → the prefetch key whose Bundle it rides in. Types without a key of their own take the nearest."""

KEYS = ("conditions", "medicationRequests", "medicationStatements", "medicationAdministrations", "observations", "procedures", "allergies")
BASE = "https://ehr.example/fhir"
"""The synthetic EHR's FHIR address, used for `fullUrl`."""

_UNAVAILABLE: Resource = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "timeout", "diagnostics": "The search could not be completed."}],
}
_NAMESPACE = uuid.UUID("6f6b3f1c-6c43-5e8e-9f1b-2f4d7f0a9c55")
_ORDER_HOOKS = ("order-select", "order-sign")


class Vignette(Struct, frozen=True):
    """A patient in lines and in FHIR, for one day."""

    text: str
    as_of: date
    patient_id: str
    lines: tuple[Line, ...]
    prefetch: dict[str, Any]
    bundle: Resource
    draft_orders: Resource
    selections: tuple[str, ...]

    def request(
        self, hook: str = "patient-view", *, user: str = "Practitioner/neurologist-1", encounter: str | None = None
    ) -> dict[str, Any]:
        """A CDS Hooks request of the given hook; the same text, day and hook give the same `hookInstance`."""
        context: dict[str, Any] = {"userId": user, "patientId": self.patient_id}
        if encounter or hook == "encounter-start":
            context["encounterId"] = encounter or "encounter-today"
        if hook in _ORDER_HOOKS:
            context["draftOrders"] = copy.deepcopy(self.draft_orders)
        if hook == "order-select":
            context["selections"] = list(self.selections)
        if hook == "problem-list-item-create":
            found = [entry["resource"] for entry in self.bundle["entry"] if entry["resource"]["resourceType"] == "Condition"]
            context["conditions"] = _bundle("collection", copy.deepcopy(found))
        instance = uuid.uuid5(_NAMESPACE, f"{hook}\n{self.as_of}\n{self.patient_id}\n{self.text}")
        return {"hook": hook, "hookInstance": str(instance), "context": context, "prefetch": copy.deepcopy(self.prefetch)}


def expand(text: str | Sequence[Line], as_of: date, *, patient_id: str = "patient-1", name: str = "Synthetic Patient") -> Vignette:
    """Expand a vignette to FHIR R4 as it stands on `as_of`.

    Every prefetch key is answered, with an empty Bundle if there is nothing, unless a line says otherwise.
    Raises `VignetteError` if the text is not understood.
    """
    lines = parse(text) if isinstance(text, str) else tuple(text)
    scene = Scene(as_of, patient_id)
    who = person.patient(lines[0], scene, name)
    found: dict[str, list[Resource]] = {key: [] for key in KEYS}
    orders: list[Resource] = []
    for line in lines[1:]:
        if line.kind == "order":
            orders.append(procedures.order(line, scene))
        elif line.kind in resources.BUILD:
            for resource in resources.build(line, scene):
                found[KEY_OF[resource["resourceType"]]].append(resource)
    prefetch: dict[str, Any] = {"patient": who} | {key: _bundle("searchset", found[key]) for key in KEYS}
    for line in lines[1:]:
        _damage(prefetch, line)
    return Vignette(
        text=text if isinstance(text, str) else "\n".join(str(line) for line in lines),
        as_of=as_of,
        patient_id=patient_id,
        lines=lines,
        prefetch=prefetch,
        bundle=_collection(prefetch),
        draft_orders=_bundle("collection", orders),
        selections=tuple(f"{order['resourceType']}/{order['id']}" for order in orders),
    )


def _damage(prefetch: dict[str, Any], line: Line) -> None:
    """What was not sent, or came broken, for a line such as `no medications key`. What is already gone cannot be damaged."""
    for key in words()["keys"].get(line.name, []):
        answer = prefetch.get(key)
        match line.kind:
            case "missing":
                prefetch.pop(key, None)
            case "null":
                prefetch[key] = None
            case "unavailable":
                prefetch[key] = copy.deepcopy(_UNAVAILABLE)
            case "partial" if answer and answer["resourceType"] == "Bundle":
                answer["total"] += 50
                answer["link"] = [{"relation": "next", "url": f"{BASE}?page=2"}]
            case "refused":
                for resource in _sent(answer):
                    resources.refuse(resource)


def _sent(answer: Resource | None) -> list[Resource]:
    """The resources of one prefetch answer."""
    if answer is None or answer["resourceType"] == "OperationOutcome":
        return []
    return [entry["resource"] for entry in answer.get("entry", [])] if answer["resourceType"] == "Bundle" else [answer]


def _bundle(type_: str, found: list[Resource]) -> Resource:
    entries = [{"fullUrl": f"{BASE}/{resource['resourceType']}/{resource['id']}", "resource": resource} for resource in found]
    total = {"total": len(found)} if type_ == "searchset" else {}
    return {"resourceType": "Bundle", "type": type_, **total, **({"entry": entries} if entries else {})}


def _collection(prefetch: dict[str, Any]) -> Resource:
    """Everything that was sent, as one Bundle."""
    return _bundle("collection", [resource for answer in prefetch.values() for resource in _sent(answer)])

"""Requests the probe makes up: the context of every published hook, and prefetch that answers a service's own templates."""

from __future__ import annotations

import re
import uuid
from typing import Any

from msgspec import Struct

PATIENT = "probe-1"
CANARY = "Canarybird"
"""Family name of the made-up patient; it must never come back (CH-CARD-12, CH-ERR-02)."""
USER = "Practitioner/probe-user"
NO_SERVER = "https://fhir.invalid/r4"
"""A FHIR address that can never exist (RFC 2606), for requests that must not need one."""

Resource = dict[str, Any]


class Hook(Struct, frozen=True):
    """The context of a published hook: required and optional fields, and which may stand in templates (contract section 3)."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ("encounterId",)
    tokens: tuple[str, ...] = ("userId", "patientId", "encounterId")


_USUAL = ("userId", "patientId")
HOOKS: dict[str, Hook] = {
    "patient-view": Hook(_USUAL),
    "encounter-start": Hook((*_USUAL, "encounterId"), ()),
    "encounter-discharge": Hook((*_USUAL, "encounterId"), ()),
    "order-select": Hook((*_USUAL, "selections", "draftOrders")),
    "order-sign": Hook((*_USUAL, "draftOrders")),
    "order-dispatch": Hook(
        ("patientId", "dispatchedOrders", "performer"), ("fulfillmentTasks",), ("patientId", "dispatchedOrders", "performer")
    ),
    "appointment-book": Hook((*_USUAL, "appointments")),
    "problem-list-item-create": Hook((*_USUAL, "conditions")),
    "allergyintolerance-create": Hook((*_USUAL, "allergyIntolerance")),
    "medication-refill": Hook(("patientId", "medications"), ("userId", "encounterId")),
}
_ORDER = {
    "resourceType": "ServiceRequest",
    "id": "probe-order",
    "status": "draft",
    "intent": "order",
    "code": {"text": "Probe order"},
    "subject": {"reference": f"Patient/{PATIENT}"},
}
_FIELDS: dict[str, Any] = {
    "userId": USER,
    "patientId": PATIENT,
    "encounterId": "probe-encounter",
    "selections": ["ServiceRequest/probe-order"],
    "dispatchedOrders": ["ServiceRequest/probe-order"],
    "performer": "Organization/probe",
    "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": _ORDER}]},
    "appointments": {"resourceType": "Bundle", "type": "collection"},
    "conditions": {"resourceType": "Bundle", "type": "collection"},
    "medications": {"resourceType": "Bundle", "type": "collection"},
    "allergyIntolerance": {"resourceType": "AllergyIntolerance", "id": "probe-allergy", "patient": {"reference": f"Patient/{PATIENT}"}},
}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}


def context(hook: str) -> dict[str, Any]:
    """A complete context; for a hook that is not published, user, patient and encounter."""
    known = HOOKS.get(hook)
    names = (*known.required, *(name for name in known.optional if name in _FIELDS)) if known else ("userId", "patientId", "encounterId")
    return {name: _FIELDS[name] for name in names}


def request(entry: dict[str, Any]) -> dict[str, Any]:
    """A complete request for a service as discovery describes it: an adult patient of whom nothing else is recorded."""
    return {
        "hook": entry["hook"],
        "hookInstance": str(uuid.uuid4()),
        "context": context(entry["hook"]),
        "prefetch": {key: answer(template) for key, template in templates(entry).items()},
    }


def templates(entry: dict[str, Any]) -> dict[str, str]:
    """The prefetch templates of a service that are text."""
    found = entry.get("prefetch")
    return {key: text for key, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def resource_type(template: str) -> str:
    """The resource type that a template asks for; empty if it is none."""
    found = re.match(r"[A-Z][A-Za-z]+", template)
    return found[0] if found else ""


def answer(template: str) -> Resource:
    """What an EHR would send for a template when it has nothing more than the patient."""
    if "?" in template:
        return bundle()
    found = resource_type(template)
    if found == "Patient":
        return patient()
    if template.strip() == "{{context.userId}}":
        return {"resourceType": "Practitioner", "id": "probe-user"}
    return {"resourceType": found or "Basic", "id": _FIELDS["encounterId"] if found == "Encounter" else "probe-user"}


def patient(id: str = PATIENT) -> Resource:
    """A patient with a name that must not come back."""
    return {"resourceType": "Patient", "id": id, "gender": "unknown", "birthDate": "1980-01-01", "name": [{"family": CANARY}]}


def bundle(**members: Any) -> Resource:
    """A searchset; empty unless entries are given."""
    return {"resourceType": "Bundle", "type": "searchset", "total": 0, **members}

"""Small requests and FHIR resources that tests send; names and numbers in them are canaries that must never come back."""

from __future__ import annotations

import copy
from typing import Any

PATIENT_ID = "pat-1"
NAME = "Zaphodina Canaryname"
MRN = "MRN-55512-CANARY"
TOKEN = "canary-access-token-0123456789"


def patient(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": PATIENT_ID,
        "name": [{"text": NAME}],
        "identifier": [{"value": MRN}],
        "birthDate": "1990-05-05",
        "gender": "female",
        **changes,
    }


def condition(code: str = "24700007", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c-{code}",
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        **changes,
    }


def bundle(*resources: dict[str, Any], **changes: Any) -> dict[str, Any]:
    entries = {"entry": [{"resource": resource} for resource in resources]} if resources else {}
    return {"resourceType": "Bundle", "type": "searchset", "total": len(resources), **entries, **changes}


def operation_outcome(severity: str = "error") -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing", "diagnostics": "no luck"}]}


MS = bundle(condition())
"""Conditions of a patient with MS."""
OTHER = bundle(condition("38341003"))
"""Conditions of a patient with hypertension only."""

OPTIONAL = ("medicationRequests", "medicationStatements", "medicationAdministrations", "observations", "procedures", "allergies")


def prefetch(**changes: Any) -> dict[str, Any]:
    """Every key answered, for a patient with MS."""
    return {"patient": patient(), "conditions": copy.deepcopy(MS), **{key: bundle() for key in OPTIONAL}, **changes}


def request(hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
    """A complete request; a value of `...` leaves a member out."""
    context: dict[str, Any] = {"userId": "Practitioner/dr-1", "patientId": PATIENT_ID}
    orders = bundle({"resourceType": "MedicationRequest", "id": "draft-1", "status": "draft", "intent": "order"}, type="collection")
    match hook:
        case "encounter-start":
            context["encounterId"] = "enc-1"
        case "order-select":
            context |= {"selections": ["MedicationRequest/draft-1"], "draftOrders": orders}
        case "order-sign":
            context["draftOrders"] = orders
        case "problem-list-item-create":
            context["conditions"] = bundle(condition(), type="collection")
    body = {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context,
        "prefetch": prefetch(),
        **changes,
    }
    return {name: value for name, value in body.items() if value is not ...}


def with_context(hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
    """A request whose context is changed; a value of `...` leaves a member out."""
    body = request(hook)
    body["context"] = {name: value for name, value in (body["context"] | changes).items() if value is not ...}
    return body


def authorization(**changes: Any) -> dict[str, Any]:
    """A complete `fhirAuthorization`; a value of `...` leaves a member out."""
    members = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/Patient.rs patient/Condition.rs",
        "subject": "cds-service",
        **changes,
    }
    return {name: value for name, value in members.items() if value is not ...}

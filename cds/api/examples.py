"""Requests and answers shown in the OpenAPI description; built with the protocol's own code, so they cannot be wrong."""

from __future__ import annotations

from typing import Any

import orjson

from cds.protocol.card import NON_ADHERENCE, Card, Link, Source, Topic, encode
from cds.protocol.feedback import EPIC_REASON
from cds.protocol.outcome import Issue, operation_outcome
from cds.protocol.profiles import EXPLANATION

_PATIENT = {"resourceType": "Patient", "id": "example-1", "gender": "female", "birthDate": "1992-04-12"}
_CONDITION = {
    "resourceType": "Condition",
    "id": "ms",
    "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
    "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "426373005", "display": "Relapsing remitting multiple sclerosis"}]},
    "subject": {"reference": "Patient/example-1"},
    "onsetDateTime": "2021-03",
}
_TREATMENT = {
    "resourceType": "MedicationRequest",
    "id": "dmf",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Dimethyl fumarate 240 mg"},
    "subject": {"reference": "Patient/example-1"},
    "authoredOn": "2024-03-01",
}
_SCORE = {
    "resourceType": "Observation",
    "id": "edss",
    "status": "final",
    "code": {"text": "EDSS"},
    "subject": {"reference": "Patient/example-1"},
    "effectiveDateTime": "2026-05-10",
    "valueQuantity": {"value": 2.5},
}
_ORDER = {
    "resourceType": "MedicationRequest",
    "id": "draft-1",
    "status": "draft",
    "intent": "order",
    "medicationCodeableConcept": {"text": "Ocrelizumab"},
    "subject": {"reference": "Patient/example-1"},
}


def _bundle(*resources: dict[str, Any], type: str = "searchset") -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": type, **({"entry": entries} if entries else {"total": 0})}


def request(hook: str) -> dict[str, Any]:
    """A complete small request for a hook."""
    context: dict[str, Any] = {"userId": "Practitioner/example", "patientId": "example-1"}
    if hook == "encounter-start":
        context["encounterId"] = "visit-1"
    if hook in ("order-select", "order-sign"):
        context["draftOrders"] = _bundle(_ORDER, type="collection")
    if hook == "order-select":
        context["selections"] = ["MedicationRequest/draft-1"]
    if hook == "problem-list-item-create":
        context["conditions"] = _bundle(_CONDITION, type="collection")
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context,
        "prefetch": {
            "patient": _PATIENT,
            "conditions": _bundle(_CONDITION),
            "medicationRequests": _bundle(_TREATMENT),
            "medicationStatements": _bundle(),
            "medicationAdministrations": _bundle(),
            "observations": _bundle(_SCORE),
            "procedures": _bundle(),
            "allergies": _bundle(),
        },
    }


CARDS: dict[str, Any] = orjson.loads(
    encode(
        [
            Card(
                uuid="2f6c1c0e-3d0b-4c39-9c5e-6a6b0f0e9c11",
                summary="Missing: with an EDSS score, evidence on further options could be matched.",
                detail="No EDSS score was found in this chart.\n\nChart as of 2026-11-20.",
                indicator="info",
                source=Source(
                    label="Ranvier", topic=Topic(code="missingData", system="https://ranvier.example/topics", display="Missing data")
                ),
                links=(Link(label="Author 2024, Journal: title of the article", url="https://doi.org/10.1000/182"),),
                extension={EXPLANATION: {"contentVersion": "2026.11", "asOf": "2026-11-20", "stance": "background"}},
            )
        ]
    )
)
NO_CARDS: dict[str, Any] = orjson.loads(encode([]))


_REPORT = {"card": "2f6c1c0e-3d0b-4c39-9c5e-6a6b0f0e9c11", "outcomeTimestamp": "2026-11-20T09:12:45Z"}
_REASON = {"code": "patient-refuses", "system": NON_ADHERENCE, "display": "Patient refuses"}
FEEDBACK: dict[str, Any] = {
    "overridden, with the reason": {"feedback": [{**_REPORT, "outcome": "overridden", "overrideReason": {"reason": _REASON}}]},
    "accepted": {"feedback": [{**_REPORT, "outcome": "accepted", "acceptedSuggestions": [{"id": "e56fa1fa-40fa-4589-9c61-bc5f7c9b8f5e"}]}]},
    "as Epic sends it": {
        "feedback": [
            {
                **_REPORT,
                "outcome": "overridden",
                "overrideReasons": {
                    "extension": {
                        f"{EPIC_REASON}.reasonCategory": "45",
                        f"{EPIC_REASON}.reasonDisplay": "Does not meet criteria",
                    },
                    "userComment": "Never stored unless the site chose to.",
                },
            }
        ]
    },
    "nothing": {"feedback": []},
}


def _outcome(issue: Issue) -> Any:
    return orjson.loads(operation_outcome((issue,)))


BAD_REQUEST = _outcome(Issue("required", "context.patientId is required.", "context.patientId"))
UNAUTHENTICATED = _outcome(Issue("login", "Authentication is needed."))
FORBIDDEN = _outcome(Issue("forbidden", "This client may not do this."))
FAULTY_ENTRY = _outcome(Issue("invalid", "feedback[1].outcome must be accepted or overridden.", "feedback[1].outcome"))
UNKNOWN_SERVICE = _outcome(Issue("not-found", "There is no service with this id. GET /cds-services lists them."))
INCOMPLETE = _outcome(
    Issue(
        "incomplete",
        "Required input could not be obtained.",
        diagnostics="prefetch key 'conditions': not in the request, and no FHIR server to ask",
    )
)
TOO_SLOW = _outcome(Issue("transient", "The request body did not arrive in time."))
TOO_LARGE = _outcome(Issue("too-long", "The request body is too large."))
NOT_JSON = _outcome(Issue("not-supported", "The Content-Type must be application/json."))
FAILED = _outcome(Issue("exception", "The service failed."))
BUSY = _outcome(Issue("transient", "The service is busy."))

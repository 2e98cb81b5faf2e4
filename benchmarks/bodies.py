"""Request bodies: a synthetic patient with MS among many resources of a general practice, shaped like US Core."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import orjson

from cds.content import default_root
from cds.protocol.discovery import KEY_OF_TYPE
from cds.vignette.patients import load_patients

SEED = 7
SIZES = (42, 420, 1_000, 20_000)
"""Numbers of resources in a body, besides the lone Patient."""


class Case(NamedTuple):
    """One body: about how many resources, and whether the patient has MS. One resource is a lone Patient."""

    resources: int
    ms: bool

    @property
    def content(self) -> bytes:
        """The body."""
        return lone_patient() if self.resources == 1 else body(self.resources, ms=self.ms)


def cases(sizes: tuple[int, ...]) -> list[Case]:
    """The lone Patient, and each size without and with MS."""
    return [Case(1, False), *(Case(size, ms) for size in sizes for ms in (False, True))]


CONDITIONS = (
    ("55822004", "Hyperlipidemia", "E78.5"),
    ("239873007", "Osteoarthritis of knee", "M17.9"),
    ("128060009", "Varicose veins of lower extremity", "I83.90"),
    ("235595009", "Gastroesophageal reflux disease", "K21.9"),
    ("128613002", "Seborrheic dermatitis", "L21.9"),
    ("44465007", "Sprain of ankle", "S93.409A"),
)
DRUGS = (
    ("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"),
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("617312", "atorvastatin 20 MG Oral Tablet"),
    ("308136", "amlodipine 2.5 MG Oral Tablet"),
)
PROCEDURES = (
    ("73761001", "Colonoscopy"),
    ("180256009", "Subcutaneous immunotherapy"),
    ("274031008", "Rectal polypectomy"),
    ("268425006", "Pelvic examination"),
)
OBSERVATIONS = (
    ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 170),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 6),
    ("8867-4", "Heart rate", "/min", 72),
    ("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", 50),
    ("8302-2", "Body Height", "cm", 172),
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 95),
    ("2947-0", "Sodium [Moles/volume] in Blood", "mmol/L", 140),
    ("9279-1", "Respiratory rate", "/min", 14),
    ("6298-4", "Potassium [Moles/volume] in Blood", "mmol/L", 4),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 14),
)
MIX = ("Observation",) * 12 + ("Condition",) * 3 + ("MedicationRequest",) * 3 + ("Procedure",) * 2


def lone_patient() -> bytes:
    """A Patient and an empty problem list: no MS."""
    patient = {"resourceType": "Patient", "id": "lone", "gender": "female", "birthDate": "1980-02-03"}
    return _body("lone", {"patient": patient, "conditions": {"resourceType": "Bundle", "type": "searchset", "total": 0}})


def body(resources: int, *, ms: bool = True) -> bytes:
    """A body of about so many resources; 10 of them, or 56 from 20,000 on, belong to the synthetic patient with MS.

    Without MS: those are left out, and the patient has as many more resources of a general practice.
    """
    name = "two-high-efficacy-failures" if resources >= 20_000 else "dmf-failure"
    request = load_patients(default_root() / "seeds" / "patients")[name].expand().request("patient-view")
    prefetch = request["prefetch"]
    if not ms:
        prefetch |= {key: value | {"entry": []} for key, value in prefetch.items() if value["resourceType"] == "Bundle"}
    relevant = sum(len(value.get("entry", ())) if value["resourceType"] == "Bundle" else 1 for value in prefetch.values())
    chance = random.Random(SEED)
    for number in range(max(0, resources - relevant)):
        resource = _resource(chance, number, f"Patient/{name}")
        entries = prefetch[KEY_OF_TYPE[resource["resourceType"]]].setdefault("entry", [])
        entry = {"fullUrl": f"https://ehr.example/{resource['resourceType']}/{resource['id']}", "resource": resource}
        entries.insert(chance.randrange(len(entries) + 1), entry | {"search": {"mode": "match"}})
    for value in prefetch.values():
        if "total" in value:
            value["total"] = len(value.get("entry", ()))
    return _body(name, prefetch)


def _body(patient: str, prefetch: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/example", "patientId": patient},
            "prefetch": prefetch,
        }
    )


def _concept(system: str, code: str, display: str, *more: dict[str, str]) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}, *more], "text": display}


def _resource(chance: random.Random, number: int, patient: str) -> dict[str, Any]:
    type_ = chance.choice(MIX)
    day = f"{chance.randrange(2012, 2027)}-{chance.randrange(1, 11):02}-{chance.randrange(1, 29):02}"
    common = {
        "resourceType": type_,
        "id": f"background-{number}",
        "meta": {
            "versionId": "1",
            "lastUpdated": f"{day}T08:00:00.000Z",
            "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{type_.lower()}"],
        },
    }
    subject = {"reference": patient}
    visit = {"reference": f"Encounter/visit-{number % 97}"}
    match type_:
        case "Condition":
            code, display, icd = chance.choice(CONDITIONS)
            other = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": icd, "display": display}
            terms = "http://terminology.hl7.org/CodeSystem/condition-"
            return common | {
                "clinicalStatus": {"coding": [{"system": f"{terms}clinical", "code": "active"}]},
                "verificationStatus": {"coding": [{"system": f"{terms}ver-status", "code": "confirmed"}]},
                "category": [{"coding": [{"system": f"{terms}category", "code": "problem-list-item", "display": "Problem List Item"}]}],
                "code": _concept("http://snomed.info/sct", code, display, other),
                "subject": subject,
                "encounter": visit,
                "onsetDateTime": f"{day}T09:12:45+01:00",
                "recordedDate": day,
            }
        case "MedicationRequest":
            code, display = chance.choice(DRUGS)
            return common | {
                "status": "stopped",
                "intent": "order",
                "medicationCodeableConcept": _concept("http://www.nlm.nih.gov/research/umls/rxnorm", code, display),
                "subject": subject,
                "encounter": visit,
                "authoredOn": f"{day}T09:12:45+01:00",
                "requester": {"reference": "Practitioner/example", "display": "Dr. Example"},
                "dosageInstruction": [
                    {"sequence": 1, "text": "1 tablet daily", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
                ],
            }
        case "Procedure":
            code, display = chance.choice(PROCEDURES)
            return common | {
                "status": "completed",
                "code": _concept("http://snomed.info/sct", code, display),
                "subject": subject,
                "encounter": visit,
                "performedPeriod": {"start": f"{day}T09:12:45+01:00", "end": f"{day}T09:27:45+01:00"},
            }
    code, display, unit, value = chance.choice(OBSERVATIONS)
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory", "display": "Laboratory"}
    return common | {
        "status": "final",
        "category": [{"coding": [category]}],
        "code": _concept("http://loinc.org", code, display),
        "subject": subject,
        "encounter": visit,
        "effectiveDateTime": f"{day}T09:12:45+01:00",
        "issued": f"{day}T09:12:45.000+01:00",
        "valueQuantity": {
            "value": round(value * chance.uniform(0.8, 1.2), 2),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }

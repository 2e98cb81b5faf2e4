"""From a line to its FHIR R4 resources: which builder takes which kind of line, and what can be wrong with any resource."""

from __future__ import annotations

from collections.abc import Callable

from cds.vignette import findings, medications, person, problems, procedures
from cds.vignette.lines import Line
from cds.vignette.scene import Resource, Scene, hl7

BUILD: dict[str, Callable[[Line, Scene], list[Resource]]] = {
    "diagnosis": problems.diagnosis,
    "condition": problems.condition,
    "code": problems.code,
    "relapse": problems.relapse,
    "infection": problems.infection,
    "fever": problems.infection,
    "allergy": problems.allergy,
    "family history": person.family_history,
    "pregnant": person.pregnant,
    "pregnancy test": person.pregnancy_test,
    "not pregnant": person.answer,
    "breastfeeding": person.answer,
    "not breastfeeding": person.answer,
    "wishes to conceive": person.answer,
    "contraception": person.answer,
    "no contraception": person.answer,
    "gave birth": person.birth,
    "edss": findings.edss,
    "relapse count": findings.relapse_count,
    "mri": findings.mri,
    "lab": findings.lab,
    "note": findings.note,
    "drug": medications.drug,
    "steroids": medications.steroids,
    "procedure": procedures.procedure,
    "visit": procedures.visit,
    "vaccination": procedures.vaccination,
}
"""Kind of line → its builder. Lines of other kinds (orders, missing data) make no resource of the chart."""


def build(line: Line, scene: Scene) -> list[Resource]:
    """The resources of one line, with what its options say is wrong with them."""
    found = BUILD[line.kind](line, scene)
    if found and line.get("id") and line.kind != "drug":
        found[0]["id"] = line.get("id")
    for resource in found:
        if line.has("entered-in-error"):
            _in_error(resource)
        if line.has("other patient") and resource["resourceType"] != "Medication":
            resource["patient" if "patient" in resource else "subject"] = {"reference": "Patient/someone-else"}
        if line.has("refused"):
            refuse(resource)
    return found


def refuse(resource: Resource) -> None:
    """Bend a resource so that FHIR R4 validation refuses it at an element that bears on facts, as broken exports do."""
    if resource["resourceType"] in ("Condition", "AllergyIntolerance"):
        resource["clinicalStatus"] = "active"
    elif resource["resourceType"] == "Medication":
        resource["code"] = "see order"
    elif resource["resourceType"] == "Patient":
        resource["birthDate"] = "not known"
    else:
        resource.pop("status", None)


def _in_error(resource: Resource) -> None:
    verification = {"Condition": "condition-ver-status", "AllergyIntolerance": "allergyintolerance-verification"}
    system = verification.get(resource["resourceType"])
    if system:
        resource["verificationStatus"] = hl7(system, "entered-in-error")
        resource.pop("clinicalStatus", None)
    else:
        resource["status"] = "entered-in-error"

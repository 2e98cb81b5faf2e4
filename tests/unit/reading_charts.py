"""Read raw FHIR with the rules of `seeds/`, for tests of shapes that no vignette line writes."""

from datetime import date
from functools import cache
from pathlib import Path

import yaml

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.cautions.read import CautionRules, caution_facts
from cds.patient.cell_therapy import AllCellTherapyRules, cell_therapy_facts
from cds.patient.diagnosis.read import DiagnosisRules, diagnosis_facts, read_diagnosis
from cds.patient.person.read import PersonRules, person_facts
from cds.patient.records.mentions import texts_of

SEEDS = Path(__file__).parents[2] / "seeds"
AS_OF = date(2026, 11, 20)
KEYS = {
    "patient": "Patient",
    "conditions": "Condition",
    "medications": "MedicationRequest",
    "administrations": "MedicationAdministration",
    "observations": "Observation",
    "procedures": "Procedure",
    "allergies": "AllergyIntolerance",
}
SNOMED, ICD10CM, LOINC = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm", "http://loinc.org"


@cache
def definitions():
    """The thresholds of every definition, by id."""
    found = {}
    for path in sorted((SEEDS / "evidence" / "definitions").glob("**/*.yaml")):
        content = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        for record in content if isinstance(content, list) else [content]:
            found[record["id"]] = record["thresholds"]
    return found


@cache
def terminology():
    return Terminology.load(SEEDS / "terminology")


@cache
def rules():
    known = definitions()
    return DiagnosisRules.of(known), PersonRules.of(known), AllCellTherapyRules.of(known), CautionRules.of(known)


def chart_of(*resources, patient=None, missing=()):
    """A chart of these resources, every key answered but those that are missing."""
    who = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1986-05-17"} | (patient or {})
    found = {key: [] for key in KEYS if key != "patient"}
    key_of = {type_: key for key, type_ in KEYS.items()}
    for number, resource in enumerate(resources):
        whose = "patient" if resource["resourceType"] == "AllergyIntolerance" else "subject"
        whole = {"id": f"r{number}", whose: {"reference": "Patient/p"}} | resource
        found[key_of.get(resource["resourceType"], "observations")].append(whole)
    bundles = {
        key: {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in several]}
        for key, several in found.items()
        if key not in missing
    }
    return Chart.from_prefetch({"patient": who, **bundles}, "p", KEYS)


def read(*resources, patient=None, missing=(), dmt_running=False, as_of=AS_OF):
    """The facts of all four readers over a chart of these resources."""
    return read_chart(chart_of(*resources, patient=patient, missing=missing), dmt_running, as_of)[0]


def read_chart(chart, dmt_running=False, as_of=AS_OF):
    """Facts, cautions and conflicts of one chart."""
    diagnosis, person, cells, cautions = rules()
    readings = (
        diagnosis_facts(read_diagnosis(chart, terminology(), diagnosis, as_of, dmt_running)),
        person_facts(chart, terminology(), person, as_of),
        cell_therapy_facts(chart, terminology(), cells, as_of),
        caution_facts(chart, terminology(), cautions, texts_of(chart, cautions.results.statuses, as_of), as_of),
    )
    facts = {name: fact for reading in readings for name, fact in reading.facts.items()}
    return facts, [c for reading in readings for c in reading.cautions], [c for reading in readings for c in reading.conflicts]


def concept(system, code, text=None):
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]} | ({"text": text} if text else {})


def condition(code, verification="confirmed", clinical="active", category="problem-list-item", **members):
    """A Condition; a verification or clinical status of `None` is left out."""
    found = {"resourceType": "Condition", "code": code, "category": [{"coding": [{"code": category}]}]} | members
    if verification:
        found["verificationStatus"] = {"coding": [{"code": verification}]}
    if clinical:
        found["clinicalStatus"] = {"coding": [{"code": clinical}]}
    return found


def observation(code, on="2026-05-10", status="final", **members):
    """An Observation on one day."""
    return {"resourceType": "Observation", "status": status, "code": code, "effectiveDateTime": on} | members


RRMS = concept(SNOMED, "426373005")
MS = concept(SNOMED, "24700007")

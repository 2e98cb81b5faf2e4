"""Read relapses, scans and EDSS out of vignettes and raw FHIR, with the rules of `seeds/`."""

from datetime import date
from functools import cache

from reading_charts import AS_OF, definitions, terminology

from cds.fhir.chart import Chart
from cds.patient.activity.facts import activity_conflicts, activity_facts
from cds.patient.activity.imaging import read_scans
from cds.patient.activity.relapses import read_relapses
from cds.patient.activity.rules import ActivityRules
from cds.patient.disability.facts import disability_facts, read_edss
from cds.patient.disability.rules import DisabilityRules
from cds.patient.disability.worsening import read_worsenings
from cds.vignette import expand

KEYS = {
    "patient": "Patient",
    "conditions": "Condition",
    "medicationRequests": "MedicationRequest",
    "medicationStatements": "MedicationStatement",
    "medicationAdministrations": "MedicationAdministration",
    "observations": "Observation",
    "procedures": "Procedure",
    "allergies": "AllergyIntolerance",
}


@cache
def activity_rules():
    return ActivityRules.of(definitions())


@cache
def disability_rules():
    return DisabilityRules.of(definitions())


def chart(lines, as_of=AS_OF):
    """The chart of a vignette."""
    return Chart.from_prefetch(expand(lines, as_of).prefetch, "patient-1", KEYS)


def chart_of(*resources):
    """A chart of raw resources, every key answered."""
    prefetch = {key: {"resourceType": "Bundle", "type": "searchset", "entry": []} for key in KEYS if key != "patient"}
    prefetch["patient"] = {"resourceType": "Patient", "id": "patient-1", "gender": "female", "birthDate": "1990-01-01"}
    key_of = {type_: key for key, type_ in KEYS.items()}
    for number, resource in enumerate(resources):
        whole = {"id": f"r{number}", "subject": {"reference": "Patient/patient-1"}} | resource
        prefetch[key_of.get(resource["resourceType"], "observations")]["entry"].append({"resource": whole})
    return Chart.from_prefetch(prefetch, "patient-1", KEYS)


def history_of(found, as_of=AS_OF):
    scans = read_scans(found, terminology(), activity_rules(), as_of, None)
    return read_relapses(found, terminology(), activity_rules(), as_of, scans), scans


def facts_of(found, episodes=(), as_of=AS_OF, pml_from=None):
    """All facts of activity and disability."""
    scans = read_scans(found, terminology(), activity_rules(), as_of, pml_from)
    history = read_relapses(found, terminology(), activity_rules(), as_of, scans)
    scores = read_edss(found, terminology(), disability_rules(), as_of, history.relapses)
    worse = read_worsenings(scores, history, episodes, disability_rules(), as_of)
    return {
        **activity_facts(history, scans, episodes, activity_rules(), as_of),
        **disability_facts(scores, worse, history, episodes, disability_rules(), as_of),
    }


def conflicts_of(found, as_of=AS_OF):
    history, scans = history_of(found, as_of)
    return activity_conflicts(history, scans, activity_rules(), as_of)


def day(text):
    return date.fromisoformat(text)

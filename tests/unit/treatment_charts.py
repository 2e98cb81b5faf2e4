"""Read treatment out of raw FHIR, and build courses from records, with the rules of `seeds/`."""

from datetime import date
from functools import cache
from pathlib import Path

from cds.evidence.load import read_records
from cds.evidence.model import Definition
from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Relapse, Scan
from cds.patient.treatment.episodes import build_exposures
from cds.patient.treatment.exposure import Record
from cds.patient.treatment.outcomes import judge
from cds.patient.treatment.read import judge_outcomes, judged_episodes, read_exposures, treatment_facts
from cds.patient.treatment.rules import TreatmentRules
from cds.three_valued import Bounds

SEEDS = Path(__file__).parents[2] / "seeds"
AS_OF = date(2026, 11, 20)
RXNORM, ATC, SNOMED = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc", "http://snomed.info/sct"
KEYS = {
    "Patient": "patient",
    "Condition": "conditions",
    "MedicationRequest": "medicationRequests",
    "Medication": "medicationRequests",
    "MedicationDispense": "medicationRequests",
    "MedicationStatement": "medicationStatements",
    "MedicationAdministration": "medicationAdministrations",
    "Procedure": "procedures",
}
ASKED = {key: type_ for type_, key in KEYS.items() if type_ not in ("Medication", "MedicationDispense")}


@cache
def definitions():
    """The thresholds of the treatment definitions, by id."""
    paths = (SEEDS / "evidence" / "definitions" / "treatment").glob("*.yaml")
    return {definition.id: definition.thresholds for _, definition in read_records(paths, Definition)}


@cache
def rules():
    return TreatmentRules.of(definitions())


@cache
def terminology():
    return Terminology.load(SEEDS / "terminology")


def chart_of(*resources, missing=()):
    """A chart of these resources, every key answered but those that are missing."""
    found = {key: [] for key in KEYS.values() if key != "patient"}
    for number, resource in enumerate(resources):
        whole = {"id": f"r{number}", "subject": {"reference": "Patient/p"}} | resource
        if resource["resourceType"] == "Medication":
            del whole["subject"]
        found[KEYS[resource["resourceType"]]].append(whole)
    bundles = {
        key: {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in several]}
        for key, several in found.items()
        if key not in missing
    }
    return Chart.from_prefetch({"patient": {"resourceType": "Patient", "id": "p"}, **bundles}, "p", ASKED)


def courses(*resources, missing=(), as_of=AS_OF, relapses=(), scans=()):
    """The judged courses that a chart shows."""
    exposures = read_exposures(chart_of(*resources, missing=missing), terminology(), rules(), as_of)
    return judged_episodes(judge_outcomes(exposures, relapses, scans, (), rules()), as_of)


def facts(*resources, missing=(), as_of=AS_OF, relapses=(), scans=(), known=None):
    """The treatment facts of a chart."""
    exposures = read_exposures(chart_of(*resources, missing=missing), terminology(), rules(), as_of)
    return treatment_facts(exposures, judge_outcomes(exposures, relapses, scans, (), rules()), known or {}, rules())


def rxnorm(code, display=None):
    """An RxNorm CodeableConcept."""
    return {"coding": [{"system": RXNORM, "code": code} | ({"display": display} if display else {})]}


def request(medication, status="active", intent="order", **members):
    """A MedicationRequest; text or a concept names the drug."""
    concept = {"text": medication} if isinstance(medication, str) else medication
    return {"resourceType": "MedicationRequest", "status": status, "intent": intent, "medicationCodeableConcept": concept} | members


DMF_ORDER = request(rxnorm("1373478", "dimethyl fumarate"), authoredOn="2026-09-01")
"""An active order of a tablet."""


def infusion(medication, on, status="completed", **members):
    """A MedicationAdministration on one day."""
    concept = {"text": medication} if isinstance(medication, str) else medication
    whole = {"resourceType": "MedicationAdministration", "status": status, "medicationCodeableConcept": concept, "effectiveDateTime": on}
    return whole | members


def day(text):
    """A date range as FHIR writes it."""
    return DateRange.parse(text)


def record(drug, says, start=None, end=None, **members):
    """A record of a drug for the pure part; dates as text."""
    dates = {name: day(value) for name, value in members.items() if name in ("supply_until", "last")}
    rest = {name: value for name, value in members.items() if name not in dates}
    return Record(
        drug=drug,
        ref=rest.pop("ref", f"MedicationRequest/{drug}-{says}-{start}"),
        says=says,
        start=day(start) if start else None,
        end=day(end) if end else None,
        **dates,
        **rest,
    )


def exposures(*records, as_of=AS_OF, transplants=()):
    """The courses built from records."""
    return build_exposures(records, rules(), as_of, [day(text) for text in transplants])


def verdicts(*records, relapses=(), scans=(), worsenings=(), as_of=AS_OF):
    """The courses with their outcomes."""
    return judge(exposures(*records, as_of=as_of), relapses, scans, worsenings, rules())


def relapse(on, status="relapse"):
    """A relapse on a day or in a month."""
    return Relapse(onset=day(on), status=status, resources=(f"Condition/relapse-{on}",), how="coded")


def scan(on, gd=None, t2=None, vs=None, counts=True, marked=None):
    """An MRI; lesion numbers are exact, or a pair of bounds."""
    return Scan(
        date=day(on),
        gd_lesions=_bounds(gd),
        new_t2_lesions=_bounds(t2),
        compared_with=day(vs) if vs else None,
        marked_t2_increase=marked,
        clean=None,
        counts=counts,
        resources=(f"DiagnosticReport/mri-{on}",),
        how="text",
    )


def _bounds(number):
    if number is None:
        return None
    return Bounds(*number) if isinstance(number, tuple) else Bounds.exactly(number)

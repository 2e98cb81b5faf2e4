"""The evidence base as FHIR R5 resources after the EBM-on-FHIR patterns.

Source → Citation, claim → Evidence, certainty → ArtifactAssessment, population of a summary → EvidenceVariable, summary → Library,
value set → ValueSet. Ids are the records' own ids, so every claim is traceable both ways; every resource is validated by fhir.resources.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir.resources.artifactassessment import ArtifactAssessment
from fhir.resources.bundle import Bundle
from fhir.resources.citation import Citation
from fhir.resources.evidence import Evidence as FhirEvidence
from fhir.resources.evidencevariable import EvidenceVariable
from fhir.resources.library import Library
from fhir.resources.valueset import ValueSet

from cds.content import Content
from cds.evidence.model import Claim, Criterion, Figure, Source, Summary
from cds.fhir.value_sets import ValueSet as TerminologyValueSet

BASE = "https://ranvier.org/fhir"
"""Canonical base of the exported resources; it names, it does not have to resolve."""
_MODELS: dict[str, Any] = {
    "Citation": Citation,
    "Evidence": FhirEvidence,
    "ArtifactAssessment": ArtifactAssessment,
    "EvidenceVariable": EvidenceVariable,
    "Library": Library,
    "ValueSet": ValueSet,
}
_CERTAINTY = {"high": "High quality", "moderate": "Moderate quality", "low": "Low quality", "very low": "Very low quality"}
_RATING_SYSTEM = "http://terminology.hl7.org/CodeSystem/certainty-rating"
_FHIR_ID_LENGTH = 64

Resource = dict[str, Any]


def export_bundle(content: Content) -> Resource:
    """One collection Bundle of everything. Raises pydantic's ValidationError if a resource is not valid R5."""
    entries: list[dict[str, Any]] = [{"fullUrl": f"{BASE}/{r['resourceType']}/{r['id']}", "resource": r} for r in _resources(content)]
    for entry in entries:
        _MODELS[entry["resource"]["resourceType"]].model_validate(entry["resource"])
    bundle = {"resourceType": "Bundle", "id": "ranvier-evidence", "type": "collection", "entry": entries}
    Bundle.model_validate(bundle | {"entry": []})
    return bundle


def _resources(content: Content) -> Iterator[Resource]:
    evidence = content.evidence
    edition = {"version": content.edition.version, "status": "active", "date": content.edition.reviewed.isoformat(), "publisher": "Ranvier"}
    for source in evidence.sources.values():
        yield _citation(source, edition)
    for claim in evidence.claims.values():
        yield _evidence(claim, [evidence.sources[id] for id in claim.sources], edition)
        yield _assessment(claim)
    for summary in evidence.summaries.values():
        yield _variable(summary, [evidence.criteria[id] for id in summary.gates], edition)
        yield _library(summary, edition)
    for value_set in content.terminology.value_sets.values():
        yield _value_set(value_set, edition)


def fhir_id(id: str) -> str:
    """The record's id where FHIR allows it (at most 64 letters, digits, `-` and `.`)."""
    return id[:_FHIR_ID_LENGTH]


def _canonical(type: str, id: str) -> str:
    return f"{BASE}/{type}/{fhir_id(id)}"


def _citation(source: Source, edition: Resource) -> Resource:
    ids = source.identifiers
    identifiers = [
        {"system": system, "value": value}
        for system, value in (
            ("https://doi.org", ids.doi),
            ("https://pubmed.ncbi.nlm.nih.gov", ids.pmid),
            ("https://www.ncbi.nlm.nih.gov/pmc", ids.pmcid),
            *(
                ("https://clinicaltrials.gov" if number.startswith("NCT") else "urn:ranvier:registration", number)
                for number in ids.registration
            ),
        )
        if value
    ]
    artifact: Resource = {"title": [{"text": source.title}]}
    if identifiers:
        artifact["identifier"] = identifiers
    if ids.link:
        artifact["webLocation"] = [{"url": ids.link}]
    if source.journal or source.year:
        form: Resource = {}
        if source.journal:
            form["publishedIn"] = {"title": source.journal}
        if source.year:
            form["publicationDateText"] = str(source.year)
        artifact["publicationForm"] = [form]
    if source.authors:
        artifact["contributorship"] = {"summary": [{"value": source.authors}]}
    return {
        "resourceType": "Citation",
        "id": fhir_id(source.id),
        "url": _canonical("Citation", source.id),
        **edition,
        "title": source.citation,
        "citedArtifact": artifact,
    } | ({"note": [{"text": f"{source.correction.status}: {source.correction.note}"}]} if source.correction else {})


def _evidence(claim: Claim, sources: list[Source], edition: Resource) -> Resource:
    population = "; ".join([*claim.subtypes, *([claim.applies_to] if claim.applies_to else [])]) or "Multiple sclerosis"
    resource: Resource = {
        "resourceType": "Evidence",
        "id": fhir_id(claim.id),
        "url": _canonical("Evidence", claim.id),
        **edition,
        "title": claim.brief or claim.sentence,
        "assertion": claim.sentence,
        "relatedArtifact": [
            {"type": "derived-from", "resourceReference": {"reference": f"Citation/{fhir_id(id)}"}} for id in claim.sources
        ],
        "variableDefinition": [
            {"description": population, "variableRole": _coding("http://hl7.org/fhir/variable-role", "population", "population")},
            {"description": claim.therapy, "variableRole": _coding("http://hl7.org/fhir/variable-role", "exposure", "exposure")},
        ],
        "certainty": [
            {
                "description": claim.certainty_reason,
                "rating": _coding(_RATING_SYSTEM, claim.certainty.replace(" ", "-"), _CERTAINTY[claim.certainty]),
            }
        ],
    }
    statistics = [_statistic(source, figure) for source in sources for figure in (*source.figures, *source.harms)]
    if statistics:
        resource["statistic"] = statistics
    if claim.caveats:
        resource["note"] = [{"text": caveat} for caveat in claim.caveats]
    return resource


def _assessment(claim: Claim) -> Resource:
    return {
        "resourceType": "ArtifactAssessment",
        "id": fhir_id(f"certainty-{claim.id}"),
        "title": f"Certainty of {claim.id}",
        "artifactReference": {"reference": f"Evidence/{fhir_id(claim.id)}"},
        "content": [
            {
                "informationType": "rating",
                "summary": claim.certainty_reason,
                "classifier": [_coding(_RATING_SYSTEM, claim.certainty.replace(" ", "-"), _CERTAINTY[claim.certainty])],
            }
        ],
    }


def _variable(summary: Summary, gates: list[Criterion], edition: Resource) -> Resource:
    return {
        "resourceType": "EvidenceVariable",
        "id": fhir_id(f"population-{summary.id}"),
        "url": _canonical("EvidenceVariable", f"population-{summary.id}"),
        **edition,
        "title": summary.population,
        "characteristic": [
            {"linkId": fhir_id(gate.id), "description": gate.text, "definitionCodeableConcept": {"text": gate.text}} for gate in gates
        ],
    }


def _library(summary: Summary, edition: Resource) -> Resource:
    return {
        "resourceType": "Library",
        "id": fhir_id(summary.id),
        "url": _canonical("Library", summary.id),
        **edition,
        "title": summary.title,
        "type": _coding("http://terminology.hl7.org/CodeSystem/library-type", "asset-collection", "Asset Collection"),
        "approvalDate": summary.reviewed.isoformat(),
        "description": f"{summary.population}. Stance: {summary.stance}.",
        "relatedArtifact": [
            {"type": "depends-on", "resource": _canonical("EvidenceVariable", f"population-{summary.id}")},
            *({"type": "composed-of", "resource": _canonical("Evidence", id)} for id in summary.claims),
        ],
    }


def _value_set(value_set: TerminologyValueSet, edition: Resource) -> Resource:
    """The codes that count; which of them need a second signal stands in the description, as FHIR cannot say it."""
    include = value_set.fhir_include()
    notes = [f"{code.code} ({code.words}) needs a second signal" for code in value_set.codes if code.role == "context"]
    return (
        {
            "resourceType": "ValueSet",
            "id": fhir_id(value_set.id),
            "url": _canonical("ValueSet", value_set.id),
            **edition,
            "title": value_set.title,
        }
        | ({"description": "; ".join(notes)} if notes else {})
        | ({"compose": {"include": include}} if include else {})
    )


def _coding(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _statistic(source: Source, figure: Figure) -> Resource:
    """One figure of a source, as its page prints it."""
    parts = [figure.measure, figure.contrast, figure.value, figure.ci, f"p {figure.p}" if figure.p else None, figure.timepoint]
    return {"description": f"{source.citation}: " + "; ".join(part for part in parts if part)}

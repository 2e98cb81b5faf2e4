"""Problems: diagnoses, other conditions, relapses, infections and allergies."""

from __future__ import annotations

from datetime import timedelta

from cds.vignette.lines import Line
from cds.vignette.scene import Resource, Scene, concept, encounter, event, hl7, noted, span
from cds.vignette.words import words

RECENT = timedelta(days=90)
"""A relapse older than this is filed as resolved."""

_ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
_HEALTH_CONCERN = {"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/condition-category", "code": "health-concern"}]}


def diagnosis(line: Line, scene: Scene) -> list[Resource]:
    """MS, one of its courses, or a disease that imitates it."""
    entry = words()["diagnoses"][line.name]
    return [_problem(line, scene, _coded(line, entry["codes"], entry["text"]), scene.id(line.name, scene.day(line.on)))]


def condition(line: Line, scene: Scene) -> list[Resource]:
    """Any other condition: a word of the list, or free text in quotes."""
    name = line.name.strip('"')
    codes = words()["conditions"].get(line.name, [])
    text = codes[0][2] if codes else name[:1].upper() + name[1:]
    return [_problem(line, scene, _coded(line, codes, text), scene.id(name, scene.day(line.on)))]


def code(line: Line, scene: Scene) -> list[Resource]:
    """A condition that is nothing but a code."""
    system = line.get("system") or "icd10cm"
    return [_problem(line, scene, concept([[system, line.value, ""]], line.get("display")), scene.id(line.value, scene.day(line.on)))]


def infection(line: Line, scene: Scene) -> list[Resource]:
    """An infection or a fever, by text."""
    text = "Fever" if line.kind == "fever" else "Urinary tract infection"
    return [_problem(line, scene, {"text": text}, scene.id(line.kind, scene.day(line.on)))]


def relapse(line: Line, scene: Scene) -> list[Resource]:
    """An attack: an encounter diagnosis with its onset, or an Encounter for that reason."""
    on = scene.day(line.on)
    what = {"text": "MS relapse"} if line.has("text") else event("relapse")
    if line.has("encounter"):
        return [encounter(scene, scene.id("relapse", on), on, reason=what)]
    old = bool(on) and span(on).before(scene.as_of - RECENT) is True
    verification = "provisional" if line.has("suspected") else "refuted" if line.has("refuted") else "confirmed"
    return [
        scene.resource(
            "Condition",
            scene.id("relapse", on),
            clinicalStatus=hl7("condition-clinical", "resolved" if old else "active"),
            verificationStatus=hl7("condition-ver-status", verification),
            category=[hl7("condition-category", "encounter-diagnosis")],
            code=what,
            onsetDateTime=on,
            note=noted(line),
        )
    ]


def allergy(line: Line, scene: Scene) -> list[Resource]:
    """An allergy to a drug, coded as substance where such a code is confirmed."""
    entry, name = words()["drugs"].get(line.name, {}), line.name.strip('"')
    codes = [["snomed", *entry["snomed"]]] if "snomed" in entry else entry.get("codes", [])
    severe = line.has("anaphylaxis")
    return [
        scene.resource(
            "AllergyIntolerance",
            scene.id("allergy", name),
            clinicalStatus=hl7("allergyintolerance-clinical", "resolved" if line.has("resolved") else "active"),
            verificationStatus=hl7("allergyintolerance-verification", "refuted" if line.has("refuted") else "confirmed"),
            type="allergy",
            category=["medication"],
            criticality="high" if severe else None,
            code=concept([] if line.has("text") else codes, name),
            onsetDateTime=scene.day(line.on),
            reaction=[{"manifestation": [{"text": "Anaphylaxis"}], "severity": "severe"}] if severe else None,
        )
    ]


def _coded(line: Line, codes: list[list[str]], text: str) -> Resource:
    """The concept of a problem, with only the coding that an option asks for."""
    if line.has("text"):
        codes = []
    for system in ("snomed", "icd10cm", "icd10", "icd9"):
        if line.has(system):
            own = line.get(system)
            codes = [[system, own, text]] if own else [coded for coded in codes if coded[0] == system]
    if display := line.get("display"):
        codes, text = [[system, code_, display] for system, code_, _ in codes], display
    return concept(codes, text)


def _problem(line: Line, scene: Scene, what: Resource, id_: str) -> Resource:
    words_ = ("unconfirmed", "provisional", "differential", "refuted")
    verification = "provisional" if line.has("suspected") else next((word for word in words_ if line.has(word)), "confirmed")
    clinical = next((word for word in ("resolved", "inactive", "remission") if line.has(word)), "active")
    if line.has("relapse status"):
        clinical = "relapse"
    category = hl7("condition-category", "encounter-diagnosis" if line.has("encounter") else "problem-list-item")
    on, symptoms = "" if line.has("undated") else scene.day(line.on), scene.day(line.get("symptoms since"))
    return scene.resource(
        "Condition",
        id_,
        extension=[{"url": _ASSERTED, "valueDateTime": on}] if symptoms and on else None,
        clinicalStatus=hl7("condition-clinical", clinical),
        verificationStatus=None if line.has("unverified") else hl7("condition-ver-status", verification),
        category=[_HEALTH_CONCERN if line.has("health concern") else category],
        code=what,
        onsetDateTime=symptoms or on,
        abatementDateTime=scene.day(line.get("resolved")),
        recordedDate=scene.day(line.get("recorded")) or (on if line.has("encounter") else ""),
        note=noted(line),
    )

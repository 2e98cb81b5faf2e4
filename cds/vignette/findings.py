"""Findings: EDSS, MRI, relapse counts, laboratory results and notes."""

from __future__ import annotations

import re

from cds.vignette.lines import Line
from cds.vignette.scene import UCUM, Resource, Scene, concept, event, hl7, presence
from cds.vignette.words import words

_COUNTS = {
    "new T2": ("new-t2-lesions", "New T2 lesions"),
    "enlarging T2": ("enlarging-t2-lesions", "Enlarging T2 lesions"),
    "Gd": ("gd-lesions", "Gadolinium-enhancing lesions"),
}
_SAID = {
    "clean": "No new or enlarging T2 lesions. No gadolinium-enhancing lesions.",
    "stable": "Stable T2 lesions, unchanged. No new lesions.",
    "no new T2": "No new or enlarging T2 lesions.",
    "no Gd": "No gadolinium-enhancing lesions.",
    "new T2": "New T2 lesion activity.",
    "enlarging T2": "Enlarging T2 lesion activity.",
    "Gd": "Gadolinium enhancement is present.",
    "multiple new T2": "Multiple new T2 lesions.",
    "multiple Gd": "Multiple gadolinium-enhancing lesions.",
    "marked increase": "Marked increase in T2 lesion load.",
    "PML": "Appearance suspicious for progressive multifocal leukoencephalopathy.",
}
_COUNTED = {"new T2": "new T2", "enlarging T2": "enlarging T2", "Gd": "gadolinium-enhancing"}


def edss(line: Line, scene: Scene) -> list[Resource]:
    """An EDSS score: coded in SNOMED CT, as a flowsheet row of the site, or in words."""
    id_, score = scene.id("edss", scene.day(line.on)), float(line.value)
    if line.has("text"):
        found = scene.observation(id_, {"text": "EDSS"}, line.on, "survey", valueString=f"EDSS {line.value}")
    elif line.has("local"):
        row = concept([["flowsheet", "18001", "EDSS SCORE"]], "EDSS SCORE")
        found = scene.observation(id_, row, line.on, "survey", valueQuantity={"value": score})
    else:
        quantity = {"value": score, "unit": "{score}", "system": UCUM, "code": "{score}"}
        found = scene.observation(id_, event("EDSS", "EDSS"), line.on, "survey", valueQuantity=quantity)
    return [_status(line, found)]


def relapse_count(line: Line, scene: Scene) -> list[Resource]:
    """How many relapses the clinician counted, as a flowsheet holds it."""
    text = f"Number of relapses in the last {line.get('months') or '12'} months"
    code = concept([["local", "relapse-count", text]] if line.has("local") else [], text)
    id_ = scene.id("relapse-count", scene.day(line.on))
    return [scene.observation(id_, code, line.on, "survey", valueInteger=int(float(line.value)))]


def mri(line: Line, scene: Scene) -> list[Resource]:
    """An MRI report with its conclusion in words; numbers of lesions also as Observations with the site's own codes.

    No LOINC or SNOMED CT code for lesion counts is confirmed (terminology `obs-mri-gd-lesions`, `obs-mri-t2-lesions`).
    """
    on, id_ = scene.day(line.on), scene.id("mri", scene.day(line.on))
    counts = [] if line.has("text") else _lesion_counts(line, scene, id_)
    if line.has("counts only"):
        return counts
    site = "cord" if line.has("cord") else "brain"
    report = scene.resource(
        "DiagnosticReport",
        id_,
        status="final",
        category=[hl7("v2-0074", "RAD")],
        code=event(f"MRI {site}", "MRI cervical spine" if site == "cord" else "MRI brain"),
        effectiveDateTime=on,
        conclusion=conclusion(line, scene),
        result=[{"reference": f"Observation/{count['id']}"} for count in counts],
    )
    return [_status(line, report), *counts]


def conclusion(line: Line, scene: Scene) -> str:
    """The words of an MRI report for the findings of the line."""
    said = [line.get("text")] if line.get("text") else []
    for option, value in line.options:
        if value and option in _COUNTED:
            said.append(f"{value} {_COUNTED[option]} lesion{'' if value == '1' else 's'}.")
        elif option in _SAID:
            said.append(_SAID[option])
    if line.get("vs"):
        said.append(f"Comparison: MRI of {scene.day(line.get('vs'))}.")
    return " ".join(said)


def lab(line: Line, scene: Scene) -> list[Resource]:
    """A laboratory result: a number with its unit, a presence in words, or text such as a genotype."""
    entry = words()["labs"][line.name]
    text = entry.get("text", line.name)
    code = concept([] if line.has("text") or "code" not in entry else [entry["code"]], text)
    number = re.fullmatch(r"([<>]=?)?(\d+(?:\.\d+)?)", line.value)
    if number:
        unit = line.get("unit") or entry.get("unit", "")
        quantity: Resource = {"value": float(number[2])} | ({"unit": unit, "system": UCUM, "code": unit} if unit else {})
        value: Resource = {"valueQuantity": quantity | ({"comparator": number[1]} if number[1] else {})}
        if "range" in entry:
            low, high = entry["range"]
            value["referenceRange"] = [{"low": {"value": low, "unit": unit}, "high": {"value": high, "unit": unit}}]
        if line.get("low"):
            value["referenceRange"] = [{"low": {"value": float(line.get("low"))} | ({"unit": unit} if unit else {})}]
    else:
        value = presence(line.value) if line.value[0].isalpha() else {"valueString": line.value}
    return [_status(line, scene.observation(scene.id(line.name, scene.day(line.on)), code, line.on, "laboratory", **value))]


def note(line: Line, scene: Scene) -> list[Resource]:
    """Free text of a visit, or of a letter."""
    on = scene.day(line.on)
    if line.has("report"):
        code = {"text": "Clinic letter"}
        id_ = scene.id("report", on)
        return [scene.resource("DiagnosticReport", id_, status="final", code=code, effectiveDateTime=on, conclusion=line.value)]
    return [scene.observation(scene.id("note", on), {"text": "Clinical note"}, on, "exam", valueString=line.value)]


def _lesion_counts(line: Line, scene: Scene, id_: str) -> list[Resource]:
    found = []
    for option, value in line.options:
        if value and option in _COUNTS:
            code, text = _COUNTS[option]
            count = int(float(value))
            found.append(
                scene.observation(scene.id(id_, option), concept([["local", code, text]], text), line.on, "imaging", valueInteger=count)
            )
    return found


def _status(line: Line, found: Resource) -> Resource:
    return found | {"status": "preliminary"} if line.has("preliminary") else found

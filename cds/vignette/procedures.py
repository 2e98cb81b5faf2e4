"""Procedures and visits: transplantation and other cell therapy, plans for them, vaccinations, orders."""

from __future__ import annotations

from cds.vignette import medications
from cds.vignette.lines import Line
from cds.vignette.scene import Resource, Scene, concept, encounter, noted
from cds.vignette.words import words


def procedure(line: Line, scene: Scene) -> list[Resource]:
    """A procedure that was done, or was not (cancelled, declined, failed); a plan is a ServiceRequest."""
    entry, on, reason = words()["procedures"][line.name], scene.day(line.on), line.get("for")
    code = concept([] if line.has("text") else entry["codes"], entry["text"])
    known = words()["indications"].get(reason) or words()["conditions"].get(reason, [])
    because = [concept(known, reason)] if reason else None
    id_, stage = scene.id(line.name, on or line.value), line.value.casefold()
    if stage in ("planned", "considered"):
        intent = "plan" if stage == "planned" else "proposal"
        return [
            scene.resource(
                "ServiceRequest",
                id_,
                status="active",
                intent=intent,
                code=code,
                occurrenceDateTime=on,
                reasonCode=because,
                note=noted(line),
            )
        ]
    return [
        scene.resource(
            "Procedure",
            id_,
            status={"cancelled": "not-done", "declined": "not-done", "failed": "stopped"}.get(stage, "completed"),
            statusReason={"text": "Declined by patient"} if stage == "declined" else None,
            code=code,
            performedDateTime=on,
            reasonCode=because,
            note=noted(line),
        )
    ]


def visit(line: Line, scene: Scene) -> list[Resource]:
    """A neurology visit."""
    on = scene.day(line.on)
    return [encounter(scene, scene.id("visit", on), on)]


def vaccination(line: Line, scene: Scene) -> list[Resource]:
    """A vaccine given, by text."""
    on, code = scene.day(line.on), {"text": f"{line.value} vaccine"}
    id_ = scene.id("vaccination", line.value, on)
    return [scene.resource("Immunization", id_, status="completed", vaccineCode=code, occurrenceDateTime=on)]


def order(line: Line, scene: Scene) -> Resource:
    """A draft order: a drug as MedicationRequest, anything else as ServiceRequest."""
    if line.name in words()["drugs"]:
        return medications.draft(line, scene)
    entry = words()["procedures"].get(line.name, {"text": line.name.strip('"'), "codes": []})
    code = concept([] if line.has("text") else entry["codes"], ("Referral for " if line.has("referral") else "") + entry["text"])
    day, reason = scene.as_of.isoformat(), line.get("for")
    known = words()["indications"].get(reason) or words()["conditions"].get(reason, [])
    because = [concept(known, reason)] if reason else None
    id_ = scene.id("draft", line.name)
    return scene.resource("ServiceRequest", id_, status="draft", intent="order", code=code, authoredOn=day, reasonCode=because)

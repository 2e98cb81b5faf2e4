"""The person: who it is, pregnancy and plans for one, family history."""

from __future__ import annotations

from datetime import timedelta

from cds.fhir.dates import add_months, months_between
from cds.vignette.lines import Line, VignetteError
from cds.vignette.scene import HL7, Resource, Scene, concept, event, hl7, presence, span
from cds.vignette.words import words

LONGEST_PREGNANCY = 45
"""Weeks; more is a slip of the pen."""


def patient(line: Line, scene: Scene, name: str) -> Resource:
    """The Patient of a header line; `name` is given names and family name.

    The age is exact on the day of the vignette: that day is the birthday, unless `born` says otherwise.
    Raises `VignetteError` if `born` contradicts the age.
    """
    given, _, family = name.rpartition(" ")
    found: Resource = {
        "resourceType": "Patient",
        "id": scene.patient,
        "meta": {"tag": [{"system": f"{HL7}/v3-ActReason", "code": "HTEST", "display": "test health data"}]},
        "active": True,
        "name": [{"use": "official", "text": name, "family": family} | ({"given": [given]} if given else {})],
        "gender": {"F": "female", "M": "male", "X": "other", "U": "unknown"}[line.value[0].upper()],
    }
    age, born = line.value[1:], scene.day(line.get("born"))
    if born:
        ages = {int(months_between(day, scene.as_of) // 12) for day in (span(born).first, span(born).last)}
        if age and not min(ages) <= int(age) <= max(ages):
            raise VignetteError(line.number, str(line), f"born {born} makes {min(ages)} on {scene.as_of}, not {age}")
        found["birthDate"] = born
    elif age:
        found["birthDate"] = add_months(scene.as_of, -12 * int(age)).isoformat()
    if line.get("deceased"):
        found["deceasedDateTime"] = scene.day(line.get("deceased"))
    elif line.has("deceased"):
        found["deceasedBoolean"] = True
    return found


def family_history(line: Line, scene: Scene) -> list[Resource]:
    """A relative's diagnosis."""
    entry = words()["diagnoses"][line.name]
    code = concept(entry["codes"], entry["text"])
    return [
        scene.resource(
            "FamilyMemberHistory",
            scene.id("family", line.name),
            status="completed",
            relationship={"text": "mother"},
            condition=[{"code": code}],
        )
    ]


def pregnant(line: Line, scene: Scene) -> list[Resource]:
    """A pregnancy as a Condition from its start and, while it lasts, the status recorded on the day of the vignette."""
    start, end = scene.day(line.on), scene.day(line.until)
    if line.value:
        weeks = float(line.value)
        if weeks > LONGEST_PREGNANCY:
            raise VignetteError(line.number, str(line), f"a pregnancy of more than {LONGEST_PREGNANCY} weeks")
        start = (scene.as_of - timedelta(days=round(7 * weeks))).isoformat()
    problem = scene.resource(
        "Condition",
        scene.id("pregnancy", start),
        clinicalStatus=hl7("condition-clinical", "resolved" if end else "active"),
        verificationStatus=hl7("condition-ver-status", "confirmed"),
        category=[hl7("condition-category", "problem-list-item")],
        code=event("pregnancy"),
        onsetDateTime=start,
        abatementDateTime=end,
    )
    if line.has("condition") or end:
        return [problem]
    status = _status(scene, "pregnancy-status", scene.as_of.isoformat(), "pregnancy status", event("pregnant"))
    return [status] if line.has("status") else [problem, status]


def pregnancy_test(line: Line, scene: Scene) -> list[Resource]:
    """A pregnancy test with its result in words."""
    on = scene.day(line.on)
    return [scene.observation(scene.id("pregnancy-test", on), event("pregnancy test"), on, "laboratory", **presence(line.value))]


def answer(line: Line, scene: Scene) -> list[Resource]:
    """What was asked and answered: not pregnant, breastfeeding, wish to conceive, contraception."""
    on = scene.day(line.on)
    match line.kind:
        case "not pregnant":
            return [_status(scene, "not-pregnant", on, "pregnancy status", event("not pregnant"))]
        case "breastfeeding":
            return [_status(scene, "breastfeeding", on, "breastfeeding", {"text": "Breastfeeding"})]
        case "not breastfeeding":
            return [_status(scene, "not-breastfeeding", on, "breastfeeding", event("not breastfeeding"))]
        case "wishes to conceive":
            return [_status(scene, "wish-to-conceive", on, "pregnancy intention", {"text": "Wants to become pregnant"})]
    used = {"text": "None" if line.kind == "no contraception" else "Contraception used"}
    return [scene.observation(scene.id("contraception", on), {"text": "Contraception"}, on, "social-history", valueCodeableConcept=used)]


def birth(line: Line, scene: Scene) -> list[Resource]:
    """A delivery, which ends a pregnancy."""
    on = scene.day(line.on)
    code = {"text": "Delivery of baby"}
    return [scene.resource("Procedure", scene.id("birth", on), status="completed", code=code, performedDateTime=on)]


def _status(scene: Scene, id_: str, on: str, question: str, said: Resource) -> Resource:
    return scene.observation(scene.id(id_, on), event(question), on, "social-history", valueCodeableConcept=said)

"""What every resource of a vignette shares: the day, the patient, ids that read well, and the small FHIR shapes."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from typing import Any

from msgspec import Struct, field

from cds.fhir.dates import DateRange, add_months
from cds.vignette.lines import Line
from cds.vignette.words import codings, words

Resource = dict[str, Any]

LONGEST_ID = 56
"""Characters of an id before a number is added; FHIR allows 64."""

_AGO = re.compile(r"(\d+) (day|week|month|year)s? ago", re.IGNORECASE)
HL7 = "http://terminology.hl7.org/CodeSystem"
UCUM = "http://unitsofmeasure.org"
_BY_PATIENT = ("AllergyIntolerance", "FamilyMemberHistory", "Immunization")


class Scene(Struct):
    """The day and the patient of one vignette, and the ids already given."""

    as_of: date
    patient: str
    taken: set[str] = field(default_factory=set)

    def id(self, *parts: str) -> str:
        """A short, stable, readable id; a number is added if it is taken (`relapse-2026-05`, `relapse-2026-05-2`)."""
        base = "-".join(slug(part) for part in parts if part)[:LONGEST_ID]
        found, number = base, 2
        while found in self.taken:
            found, number = f"{base}-{number}", number + 1
        self.taken.add(found)
        return found

    def numbered(self, name: str) -> str:
        """An id that counts from one (`ocrelizumab-1`, `ocrelizumab-2`)."""
        number = 1
        while f"{slug(name)}-{number}" in self.taken:
            number += 1
        return self.id(f"{name}-{number}")

    def day(self, text: str) -> str:
        """The FHIR date of a written date; `today` and `8 weeks ago` are counted from the day of the vignette."""
        if text.casefold() == "today":
            return self.as_of.isoformat()
        ago = _AGO.fullmatch(text)
        if ago is None:
            return text
        count, unit = int(ago[1]), ago[2].casefold()
        if unit in ("day", "week"):
            return (self.as_of - timedelta(days=count * (7 if unit == "week" else 1))).isoformat()
        return add_months(self.as_of, -count * (12 if unit == "year" else 1)).isoformat()

    def resource(self, type_: str, id_: str, **members: Any) -> Resource:
        """A resource about the patient; members without a value are left out."""
        whose = "patient" if type_ in _BY_PATIENT else "subject"
        start: Resource = {"resourceType": type_, "id": id_, whose: {"reference": f"Patient/{self.patient}"}}
        return start | {name: value for name, value in members.items() if value not in (None, "", [], {})}

    def observation(self, id_: str, code: Resource, on: str, category: str, **value: Any) -> Resource:
        """A final Observation of one value."""
        return self.resource(
            "Observation",
            id_,
            status="final",
            category=[hl7("observation-category", category)],
            code=code,
            effectiveDateTime=self.day(on),
            **value,
        )


def slug(text: str) -> str:
    """The text in the letters that a FHIR id may have."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "x"


def concept(codes: list[list[str]], text: str = "") -> Resource:
    """A CodeableConcept of `[system word, code, display]` triples."""
    return ({"coding": codings(codes)} if codes else {}) | ({"text": text} if text else {})


def hl7(system: str, code: str) -> Resource:
    """A CodeableConcept of one code of an HL7 code system (statuses and categories)."""
    return {"coding": [{"system": f"{HL7}/{system}", "code": code}]}


def event(name: str, text: str = "") -> Resource:
    """The concept of an event of the word list (relapse, EDSS, pregnancy status ...)."""
    triple = words()["events"][name]
    return concept([triple], text or triple[2])


_FLAGS = {"positive": "POS", "negative": "NEG", "indeterminate": "IND", "reactive": "POS", "non-reactive": "NEG"}


def presence(word: str) -> Resource:
    """The value of an Observation in words, with the interpretation flag that a laboratory adds."""
    flag = _FLAGS.get(word.casefold())
    interpretation = {"interpretation": [hl7("v3-ObservationInterpretation", flag)]} if flag else {}
    return {"valueCodeableConcept": {"text": word.capitalize()}} | interpretation


def noted(line: Line) -> list[Resource] | None:
    """The note that an option adds."""
    return [{"text": line.get("note")}] if line.get("note") else None


def encounter(scene: Scene, id_: str, on: str, reason: Resource | None = None) -> Resource:
    """A finished neurology visit of one day."""
    kind = {"system": f"{HL7}/v3-ActCode", "code": "AMB", "display": "ambulatory"}
    return scene.resource(
        "Encounter",
        id_,
        status="finished",
        **{"class": kind},
        type=[{"text": "Neurology follow-up visit"}],
        serviceType={"text": "Neurology"},
        period=period(on, on),
        reasonCode=[reason] if reason else None,
    )


def period(start: str, end: str = "") -> Resource:
    """A Period; empty ends are left out."""
    return ({"start": start} if start else {}) | ({"end": end} if end else {})


def span(text: str) -> DateRange:
    """The days a resolved date may mean."""
    return DateRange.parse(text)

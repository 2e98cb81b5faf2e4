"""Drug lines as FHIR: requests, administrations, statements and dispenses."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import takewhile
from typing import Any

from cds.fhir.dates import add_months
from cds.vignette.grammar import DATE
from cds.vignette.lines import Line
from cds.vignette.scene import UCUM, Resource, Scene, concept, noted, period, span
from cds.vignette.words import words

SUPPLY_DAYS = 90
"""Days that one dispense lasts."""

MOST_DOSES = 1000
"""A series ends here, whatever the line says."""

VALID_DAYS = 60
"""Days that a running prescription is still valid after the day of the vignette."""


def drug(line: Line, scene: Scene) -> list[Resource]:
    """The resources of one drug line; the carrier is an option, or what the drug's route suggests.

    Infusions come as a request with every infusion as administration, tablets and injections as one request.
    """
    entry = words()["drugs"].get(line.name, {})
    id_ = line.get("id") or scene.numbered(line.name)
    scene.taken.add(id_)
    shared, sibling = _medication(line, entry, id_)
    found = _carriers(line, scene, id_, shared, entry)
    if line.get("note"):
        found[0]["note"] = noted(line)
    return [*found, *([sibling] if sibling else [])]


def _carriers(line: Line, scene: Scene, id_: str, shared: Resource, entry: dict[str, Any]) -> list[Resource]:
    if line.has("statement") or line.has("not taken"):
        return [_statement(line, scene, id_, shared)]
    doses = _doses(line, entry, scene)
    if line.has("dispense"):
        return [_dispense(scene, shared, day, id_) for day in _every(doses[0], doses[-1], SUPPLY_DAYS)]
    if line.has("procedure"):
        code = concept([entry["therapy"]] if "therapy" in entry else [], f"{line.name} therapy")
        return [scene.resource("Procedure", scene.id(id_, day), status="completed", code=code, performedDateTime=day) for day in doses]
    if line.has("administration") or line.has("not done"):
        return _administrations(line, scene, shared, doses, id_)
    requests = _requests(line, scene, id_, shared)
    if line.has("request") or _intended(line):
        return requests
    if "given" in entry or _listed(line):
        return requests + _administrations(line, scene, shared, doses, id_)
    if line.get("last"):
        return [*requests, _dispense(scene, shared, scene.day(line.get("last")), id_)]
    return requests


def draft(line: Line, scene: Scene) -> Resource:
    """A drafted order of a drug, as order-select and order-sign send it."""
    entry = words()["drugs"].get(line.name, {})
    id_ = scene.id("draft", line.name)
    shared, _ = _medication(line, entry, id_)
    day = scene.as_of.isoformat()
    return scene.resource("MedicationRequest", id_, status="draft", intent="order", authoredOn=day, **shared, reasonCode=_indication(line))


def steroids(line: Line, scene: Scene) -> list[Resource]:
    """A course for a relapse: 1 g methylprednisolone intravenously for three days; with `low dose`, oral prednisone that is none."""
    on, low = scene.day(line.on), line.has("low dose")
    text = "prednisone 10 mg oral daily" if low else "methylprednisolone 1000 mg IV daily for 3 days"
    entry = words()["drugs"]["prednisone" if low else "methylprednisolone"]
    shared = {"medicationCodeableConcept": concept(entry["codes"], text)}
    id_ = scene.id("steroids", on)
    if line.has("request") or low:
        dosage = [{"text": text}]
        return [
            scene.resource("MedicationRequest", id_, status="completed", intent="order", **shared, authoredOn=on, dosageInstruction=dosage)
        ]
    dose = {"text": text, "dose": {"value": 1000, "unit": "mg", "system": UCUM, "code": "mg"}}
    return [scene.resource("MedicationAdministration", id_, status="completed", **shared, effectiveDateTime=on, dosage=dose)]


def _intended(line: Line) -> bool:
    return any(line.has(word) for word in ("draft", "planned", "proposed", "cancelled", "do not perform"))


def _concept(line: Line, entry: dict[str, Any]) -> Resource:
    text = str(entry.get("text", line.name.strip('"')))
    if line.has("brand"):
        brand = entry.get("brand")
        text = line.get("brand") or (brand[2] if brand else text)
        codes = [brand] if brand and not line.get("brand") else []
    elif line.has("text") or not entry:
        codes = []
    elif line.has("ingredient"):
        codes = [["rxnorm", *entry.get("ingredient", entry["codes"][0][1:])]]
    elif line.has("atc") and "atc" in entry:
        codes = [["atc", *entry["atc"]]]
    elif line.has("snomed") and "snomed" in entry:
        codes = [["snomed", *entry["snomed"]]]
    elif line.get("rxnorm"):
        codes = [["rxnorm", line.get("rxnorm"), text]]
    else:
        codes = entry["codes"]
    if display := line.get("display"):
        codes, text = [[system, code, display] for system, code, _ in codes], display
    return concept(codes, text)


def _medication(line: Line, entry: dict[str, Any], id_: str) -> tuple[Resource, Resource | None]:
    """The members that name the medication, and the Medication resource they point to, if any."""
    code = _concept(line, entry)
    if line.has("contained"):
        inner = {"resourceType": "Medication", "id": "med", "code": code}
        return {"contained": [inner], "medicationReference": {"reference": "#med"}}, None
    if line.has("reference") or line.has("absolute"):
        sibling = {"resourceType": "Medication", "id": f"{id_}-medication", "code": code}
        base = "https://ehr.example/fhir/" if line.has("absolute") else ""
        return {"medicationReference": {"reference": f"{base}Medication/{id_}-medication"}}, sibling
    return {"medicationCodeableConcept": code}, None


def _reason(line: Line) -> Resource | None:
    coded = words()["stopReasons"].get(line.get("code"))
    text = line.get("stopped") or line.get("reason")
    if coded is None:
        return {"text": text} if text else None
    return concept([coded], text or coded[2])


def _indication(line: Line) -> list[Resource]:
    name = line.get("for")
    return [concept(words()["indications"].get(name, []), name)] if name else []


def _requests(line: Line, scene: Scene, id_: str, shared: Resource) -> list[Resource]:
    """One request, or with `renewals` one a year: all but the newest are completed."""
    start, end = _course(line, scene)
    status, open_end = _request_status(line), (scene.as_of + timedelta(days=VALID_DAYS)).isoformat()
    valid = end or (open_end if status == "active" and start and not _intended(line) and not line.get("last") else "")
    if not (line.has("renewals") and start):
        return [_request(line, scene, id_, shared, status, (start, end), valid)]
    found: list[Resource] = []
    days = _every(start, end or scene.as_of.isoformat(), 365)
    for day, following in zip(days, [*days[1:], ""], strict=True):
        name = scene.id(id_, "renewal", day) if found else id_
        dates = (day, following or end)
        found.append(_request(line, scene, name, shared, "completed" if following else status, dates, following or valid))
    return found


def _course(line: Line, scene: Scene) -> tuple[str, str]:
    """First and last day of the prescription: as written, or those of the listed doses; a plan without a date is of today."""
    if line.has("undated"):
        return "", ""
    listed = [] if line.on else _listed(line)
    start = line.on or (listed[0] if listed else "today" if _intended(line) else "")
    return scene.day(start), scene.day(line.until or (listed[-1] if listed else ""))


def _request(line: Line, scene: Scene, id_: str, shared: Resource, status: str, dates: tuple[str, str], valid_until: str) -> Resource:
    start, end = dates
    dosage: Resource = {"text": line.get("dose") or "as directed"}
    if start or end:
        dosage["timing"] = {"repeat": {"boundsPeriod": period(start, end)}}
    dispense: Resource = {"validityPeriod": period(start, valid_until)} if start or end else {}
    if line.get("refills"):
        dispense["numberOfRepeatsAllowed"] = int(float(line.get("refills")))
    return scene.resource(
        "MedicationRequest",
        id_,
        status=status,
        statusReason=_reason(line),
        intent="plan" if line.has("planned") else "proposal" if line.has("proposed") else "order",
        doNotPerform=True if line.has("do not perform") else None,
        **shared,
        authoredOn=start,
        reasonCode=_indication(line),
        dosageInstruction=[dosage],
        dispenseRequest=dispense,
    )


def _request_status(line: Line) -> str:
    for option, status in (("on hold", "on-hold"), ("draft", "draft"), ("cancelled", "cancelled"), ("completed", "completed")):
        if line.has(option):
            return status
    if line.has("stopped") or line.has("code"):
        return "stopped"
    return "completed" if line.until or (_listed(line) and not line.on) else "active"


def _statement(line: Line, scene: Scene, id_: str, shared: Resource) -> Resource:
    status = "not-taken" if line.has("not taken") else "intended" if line.has("planned") or line.has("draft") else _request_status(line)
    end = scene.day(line.until)
    reason = _reason(line)
    return scene.resource(
        "MedicationStatement",
        id_,
        status=status,
        statusReason=[reason] if reason else None,
        **shared,
        effectivePeriod=None if line.has("undated") else period(scene.day(line.on), end),
        dateAsserted=scene.day(line.get("last")) or end or scene.as_of.isoformat(),
        reasonCode=_indication(line),
    )


def _administrations(line: Line, scene: Scene, shared: Resource, doses: list[str], id_: str) -> list[Resource]:
    """One administration for each dose; the last one may have been broken off."""
    found = [_administration(line, scene, shared, day, id_) for day in doses]
    if reason := line.get("broken off"):
        found[-1] |= {"status": "stopped", "statusReason": [{"text": reason}]}
    return found


def _administration(line: Line, scene: Scene, shared: Resource, day: str, id_: str) -> Resource:
    status = "not-done" if line.has("not done") else "completed"
    dosage: Resource | None = {"text": line.get("dose")} if line.get("dose") else None
    measured = re.fullmatch(r"(\d+(?:\.\d+)?) (mg(?:/m2)?)", line.get("dose"))
    if dosage and measured:
        dosage["dose"] = {"value": float(measured[1]), "unit": measured[2], "system": UCUM, "code": measured[2]}
    return scene.resource(
        "MedicationAdministration",
        scene.id(id_, day),
        status=status,
        **shared,
        effectiveDateTime=day,
        reasonCode=_indication(line),
        dosage=dosage,
    )


def _dispense(scene: Scene, shared: Resource, day: str, id_: str) -> Resource:
    supply = {"value": SUPPLY_DAYS, "unit": "d", "system": UCUM, "code": "d"}
    return scene.resource("MedicationDispense", scene.id(id_, day), status="completed", **shared, daysSupply=supply, whenHandedOver=day)


def _doses(line: Line, entry: dict[str, Any], scene: Scene) -> list[str]:
    """The days of the doses: as listed, or at the drug's usual interval from the first to the last (else to the day of the vignette)."""
    if listed := _listed(line):
        return [scene.day(day) for day in listed]
    start, last = scene.day(line.on), scene.day(line.get("last") or line.until)
    if not start:
        return [last or scene.as_of.isoformat()]
    if line.has("dispense"):
        return [start, last or scene.as_of.isoformat()]
    if interval := line.get("every") or entry.get("every", ""):
        return _series(start, last, interval, scene.as_of)
    return [start, last] if last and last != start and "given" not in entry else [start]


def _listed(line: Line) -> list[str]:
    """The doses or courses that the line lists."""
    text = line.get("doses") or line.get("courses") or line.value
    return re.findall(DATE, text, re.IGNORECASE)


def _series(start: str, last: str, interval: str, as_of: date) -> list[str]:
    """Doses from `start` to `last` at the interval, as precise as `start`; a year alone is counted back from the last dose."""
    count, unit = interval.split(" ")

    def shift(day: date, times: int) -> date:
        return add_months(day, int(count) * times) if unit.startswith("month") else day + timedelta(weeks=int(count) * times)

    if len(start) == len("2024"):
        anchor = span(last).first if last else as_of - (as_of - shift(as_of, -1)) / 2
        back = takewhile(lambda day: day > span(start).last, (shift(anchor, -times) for times in range(MOST_DOSES)))
        days = [start, *reversed([day.isoformat()[:7] for day in back])]
        return list(dict.fromkeys([start, *days[1:-1], last] if last else days))
    first = span(start).first
    end = span(last).last - (shift(first, 1) - first) / 2 if last else as_of
    forth = takewhile(lambda day: day < end, (shift(first, times) for times in range(1, MOST_DOSES)))
    return list(dict.fromkeys([start, *(day.isoformat()[: len(start)] for day in forth), *([last] if last else [])]))


def _every(start: str, end: str, days: int) -> list[str]:
    """Dates from `start` to `end` every so many days, as precise as `start` where it names a month."""
    found, day, stop = [start], span(start).first + timedelta(days=days), span(end).last
    while day <= stop:
        found.append(day.isoformat()[: max(7, len(start))])
        day += timedelta(days=days)
    return list(dict.fromkeys(found))

"""Earlier cell therapy: what kind of stem-cell transplantation, and which other cells, each told apart (clinical-rules F17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Caution, Fact, How
from cds.patient.reading import Reading, count_words, latest, months_since, unique
from cds.patient.records.comedication import MedicineRules, medicines, reasons_of
from cds.patient.records.conditions import absent, date_range, notes_of, read_conditions, why_open, words_of
from cds.patient.rules import Definitions, Pattern, Rules, found, parse_rules
from cds.three_valued import Truth

Kind = Literal[
    "autologousForMs",
    "autologousIndicationUnknown",
    "autologousOther",
    "allogeneic",
    "clinicStemCells",
    "harvestOnly",
    "planned",
    "uncertain",
    "cancelled",
]

Stage = Literal["done", "toCome", "notDone", "uncertain"]

_WORDS: Mapping[Kind, str] = {
    "autologousForMs": "Autologous stem-cell transplantation for MS",
    "autologousIndicationUnknown": "Stem-cell transplantation, indication not stated",
    "autologousOther": "Autologous stem-cell transplantation for another disease",
    "allogeneic": "Allogeneic stem-cell transplantation",
    "clinicStemCells": "Stem cells given at a clinic, not a transplantation",
    "harvestOnly": "Stem-cell harvest",
    "planned": "Stem-cell transplantation planned or considered",
    "uncertain": "Stem cells, of what kind or whether given not known",
    "cancelled": "Stem-cell transplantation cancelled or not done",
}
_ORDER: tuple[Kind, ...] = tuple(_WORDS)


class Cells(Rules):
    """One kind of cell: its value sets in procedures, conditions and medicines."""

    name: str
    sets: tuple[str, ...]


class CellTherapyRules(Rules):
    """How cell therapies are recognised and told apart (definition `caution-cell-therapy`)."""

    autologous: tuple[str, ...]
    allogeneic: tuple[str, ...]
    harvest: tuple[str, ...]
    clinic: tuple[str, ...]
    ms: tuple[str, ...]
    ms_text: tuple[Pattern, ...]
    other_disease_text: tuple[Pattern, ...]
    clinic_text: tuple[Pattern, ...]
    plan_text: tuple[Pattern, ...]
    blood_cancer_sets: tuple[str, ...]
    blood_cancer_codes: tuple[str, ...]
    blood_cancer_text: tuple[Pattern, ...]
    done: tuple[str, ...]
    to_come: tuple[str, ...]
    not_done: tuple[str, ...]
    orders_to_come: tuple[str, ...]
    orders_carried_out: tuple[str, ...]
    cells: dict[str, Cells]

    @property
    def value_sets(self) -> tuple[str, ...]:
        """All value sets of cell therapy."""
        own = (*self.autologous, *self.allogeneic, *self.harvest, *self.clinic)
        return tuple(dict.fromkeys((*own, *(name for cells in self.cells.values() for name in cells.sets))))


class AllCellTherapyRules(NamedTuple):
    """The rules of cell therapy, with those of medicines: some cells are recorded as one."""

    cells: CellTherapyRules
    medicines: MedicineRules

    @classmethod
    def of(cls, definitions: Definitions) -> AllCellTherapyRules:
        """Parse them. Raises `RulesError` naming the definition and the field that does not fit."""
        return cls(
            parse_rules(CellTherapyRules, definitions, "caution-cell-therapy"), parse_rules(MedicineRules, definitions, "caution-medicines")
        )


@dataclass(frozen=True, slots=True)
class _Event:
    """One record of a cell therapy."""

    ref: str
    hits: tuple[Hit, ...]
    stage: Stage
    date: DateRange | None
    text: str
    for_ms: Truth
    status_only: bool = False

    def of(self, value_sets: Sequence[str], *roles: str) -> bool:
        return any(hit.value_set in value_sets and hit.role in (roles or ("include", "context")) for hit in self.hits)

    @property
    def how(self) -> How:
        return "coded" if any(hit.how == "coded" for hit in self.hits) else "text"


def cell_therapy_facts(chart: Chart, terminology: Terminology, rules: AllCellTherapyRules, as_of: date) -> Reading:
    """The facts of section Cell therapy, and every record of one as a caution."""
    events = tuple(sorted(_events(chart, terminology, rules, as_of), key=lambda e: (e.date.first if e.date else date.min, e.ref)))
    cells = rules.cells
    sorted_out = [(kind, event) for event in events if (kind := _kind(event, cells)) is not None]
    kinds = _explained(sorted_out)
    open_because = _unread(chart, terminology, cells)
    prior, for_ms = _prior(chart, terminology, cells, kinds, open_because)
    facts = {"priorHsct": prior, "priorHsct.forMs": for_ms, "priorHsct.monthsAgo": _months_ago(kinds, for_ms, open_because, as_of)}
    for key, one in cells.cells.items():
        facts[f"{key}.recorded"] = _recorded(one, events, open_because)
    facts["msc.paidClinic"] = _paid_clinic(cells, events, open_because)
    cautions = tuple(
        Caution(id="priorHsct", status=kind, text=f"{_words(kind, event)}.", resources=(event.ref,), date=event.date, how=event.how)
        for kind, event in kinds
    )
    return Reading(facts, cautions)


def _events(chart: Chart, terminology: Terminology, rules: AllCellTherapyRules, as_of: date) -> Iterator[_Event]:
    cells = rules.cells
    for entry in chart.entries("Procedure"):
        procedure = entry.resource
        concept = Concept.of(procedure.code)
        hits = _hits(terminology, cells, concept)
        if hits and procedure.status != "entered-in-error":
            day = _performed(procedure)
            stage = _stage(procedure.status, cells, day, as_of, words_of(concept))
            text = f"{words_of(concept)} {notes_of(procedure)}"
            yield _Event(entry.ref, hits, stage, day, text, _for_ms(chart, terminology, cells, entry, text))
    for entry in chart.entries("ServiceRequest"):
        request = entry.resource
        hits = _hits(terminology, cells, Concept.of(request.code))
        if hits and request.status in (*cells.orders_to_come, *cells.orders_carried_out) and not request.doNotPerform:
            words = words_of(Concept.of(request.code))
            text = f"{words} {notes_of(request)}"
            # An order that was carried out says that cells may have been given; whether they were stands in no procedure.
            carried_out = request.status in cells.orders_carried_out and not found(cells.plan_text, words)
            yield _Event(
                entry.ref,
                hits,
                "uncertain" if carried_out else "toCome",
                date_range(request.occurrenceDateTime or request.authoredOn),
                text,
                _for_ms(chart, terminology, cells, entry, text),
            )
    for record in read_conditions(chart, terminology, *cells.value_sets):
        if record.asserted:
            text = f"{record.text} {record.note}"
            for_ms = True if found(cells.ms_text, text) else False if found(cells.other_disease_text, text) else None
            to_come = found(cells.plan_text, record.text)
            yield _Event(record.ref, record.hits, "toCome" if to_come else "done", record.onset, text, for_ms, status_only=True)
    for medicine in medicines(chart, terminology, rules.medicines, as_of, *cells.value_sets):
        yield _Event(medicine.ref, medicine.hits, "done", medicine.date, medicine.name, None)


def _hits(terminology: Terminology, rules: CellTherapyRules, concept: Concept) -> tuple[Hit, ...]:
    return terminology.match(concept, *rules.value_sets)


def _performed(procedure: Any) -> DateRange | None:
    if procedure.performedPeriod is not None:
        return date_range(procedure.performedPeriod.start or procedure.performedPeriod.end)
    return date_range(procedure.performedDateTime)


def _stage(status: str, rules: CellTherapyRules, day: DateRange | None, as_of: date, text: str) -> Stage:
    if status in rules.not_done:
        return "notDone"
    if status in rules.to_come or (day is not None and day.first > as_of) or found(rules.plan_text, text):
        return "toCome"
    return "done" if status in rules.done else "uncertain"


def _for_ms(chart: Chart, terminology: Terminology, rules: CellTherapyRules, entry: Entry, text: str) -> Truth:
    """Whether MS is the stated reason; unknown where none is stated."""
    said = [reason for reason in reasons_of(chart, entry) if reason]
    if any(terminology.match(reason, *rules.ms) or found(rules.ms_text, words_of(reason)) for reason in said) or found(rules.ms_text, text):
        return True
    return False if said or found(rules.other_disease_text, text) else None


def _kind(event: _Event, rules: CellTherapyRules) -> Kind | None:
    """Which kind of stem-cell event it is; `None` if it is none."""
    allogeneic = event.of(rules.allogeneic, "include", "context", "exclude")
    autologous = event.of(rules.autologous)
    clinic = event.of(rules.clinic, "include") and not autologous
    harvest = event.of(rules.harvest) and not autologous
    unclear = event.of(rules.clinic, "context") and not event.of([name for cells in rules.cells.values() for name in cells.sets])
    if not (allogeneic or autologous or clinic or harvest or unclear):
        return None
    match event.stage:
        case "notDone":
            return "cancelled"
        case "toCome":
            return "planned"
        case "uncertain":
            return "uncertain"
    if allogeneic:
        return "allogeneic"
    if harvest:
        return "harvestOnly"
    if clinic:
        return "clinicStemCells"
    if not autologous:
        return "uncertain"
    if event.for_ms is None:
        return "autologousIndicationUnknown"
    return "autologousForMs" if event.for_ms else "autologousOther"


def _explained(events: Sequence[tuple[Kind, _Event]]) -> list[tuple[Kind, _Event]]:
    """A status code such as Z94.84 beside the transplantation it stands for is no further one; a harvest before one is part of it.

    Beside graft-versus-host disease it stands for the transplantation from a donor.
    """
    transplanted = ("autologousForMs", "autologousOther", "autologousIndicationUnknown", "allogeneic")
    done = any(kind in transplanted and not event.status_only for kind, event in events)
    donor = any(kind == "allogeneic" for kind, _ in events)

    def explained(kind: Kind, event: _Event) -> bool:
        unstated = kind == "autologousIndicationUnknown" and not any(hit.role == "include" for hit in event.hits)
        return (done and (event.status_only or kind == "harvestOnly")) or (donor and event.status_only and unstated)

    return [(kind, event) for kind, event in events if not explained(kind, event)]


def _prior(
    chart: Chart, terminology: Terminology, rules: CellTherapyRules, events: Sequence[tuple[Kind, _Event]], open_because: str
) -> tuple[Fact, Fact]:
    """The kind that weighs most, and whether autologous transplantation for MS took place."""
    shown = [(kind, event) for kind, event in events if kind != "cancelled"]
    cancelled = [event for kind, event in events if kind == "cancelled"]
    if not shown:
        if open_because:
            unknown = Fact(value=None, reason=f"{open_because} Earlier stem-cell transplantation is not known.", how="notFound")
            return unknown, unknown
        reason = f"{_words('cancelled', cancelled[0])}." if cancelled else "No stem-cell transplantation is recorded."
        refs = unique(event.ref for event in cancelled)
        return Fact(value="none", reason=reason, resources=refs, how="notFound"), Fact(
            value=False, reason=reason, resources=refs, how="notFound"
        )
    kind = min((kind for kind, _ in shown), key=_ORDER.index)
    own = [event for k, event in shown if k == kind]
    reason = "; ".join(dict.fromkeys(_words(k, event) for k, event in shown)) + "."
    refs, day = unique(event.ref for _, event in shown), latest(event.date for event in own)
    prior = Fact(value=None if kind == "uncertain" else kind, reason=reason, resources=refs, date=day, how=own[0].how)
    return prior, _forms_ms(chart, terminology, rules, kind, prior, open_because)


def _forms_ms(chart: Chart, terminology: Terminology, rules: CellTherapyRules, kind: Kind, prior: Fact, open_because: str) -> Fact:
    value: Truth
    reason = prior.reason
    if kind == "autologousForMs":
        value = True
    elif kind == "uncertain":
        value = None
    elif kind == "autologousIndicationUnknown":
        cancer, why = _blood_cancer(chart, terminology, rules)
        value = True if cancer is False else None
        reason = f"{reason} {why}"
    else:
        value = None if open_because else False
        reason = f"{reason} {open_because}".strip()
    return Fact(value=value, reason=reason, resources=prior.resources, date=prior.date, how=prior.how)


def _blood_cancer(chart: Chart, terminology: Terminology, rules: CellTherapyRules) -> tuple[Truth, str]:
    """Whether a blood cancer or another disease that is a common reason for a transplantation is recorded."""
    records = [
        record
        for record in read_conditions(chart, terminology, *rules.blood_cancer_sets, worded=rules.blood_cancer_text)
        if record.verification != "refuted" and (record.coded(rules.blood_cancer_codes) or found(rules.blood_cancer_text, record.text))
    ]
    if records:
        named = records[0].text or "coded"
        return True, f"Another disease that is treated so is recorded ({named}: {records[0].words()}), so the reason is not known."
    if absent(chart, terminology, *rules.blood_cancer_sets) is None:
        return None, f"{why_open(chart)} Another reason for it cannot be ruled out."
    return False, "No blood cancer is recorded; it is counted as for MS."


def _months_ago(events: Sequence[tuple[Kind, _Event]], for_ms: Fact, open_because: str, as_of: date) -> Fact:
    counted = [event for kind, event in events if kind in ("autologousForMs", "autologousIndicationUnknown")]
    if for_ms.value is not True:
        return Fact(value=None, reason=for_ms.reason, resources=for_ms.resources, how="notFound")
    if open_because and all(event.status_only for event in counted):
        reason = f"{open_because} The date of the transplantation is not known."
        return Fact(value=None, reason=reason, resources=for_ms.resources, how="notFound")
    day = latest(event.date for event in counted) if all(event.date is not None for event in counted) else None
    if day is None:
        return Fact(value=None, reason="The date of the transplantation is not recorded.", resources=for_ms.resources, how="notFound")
    months = months_since(day, as_of)
    return Fact(
        value=months,
        reason=f"Transplanted {count_words(months, 'months')} ago ({day}).",
        resources=unique(event.ref for event in counted),
        date=day,
        how="coded",
    )


def _recorded(cells: Cells, events: Sequence[_Event], open_because: str) -> Fact:
    own = [event for event in events if event.of(cells.sets)]
    done = [event for event in own if event.stage == "done"]
    doubtful = [event for event in own if event.stage == "uncertain"]
    if done or doubtful:
        shown = done or doubtful
        words = ", ".join(dict.fromkeys(str(event.date or "undated") for event in shown))
        reason = f"{cells.name} recorded ({words})." if done else f"{cells.name} recorded, whether given is not known ({words})."
        last = latest(event.date for event in shown)
        return Fact(value=True if done else None, reason=reason, resources=unique(e.ref for e in shown), date=last, how=shown[0].how)
    if open_because:
        return Fact(value=None, reason=f"{open_because} {cells.name}: not known.", how="notFound")
    return Fact(value=False, reason=f"{cells.name}: none recorded as given.", resources=unique(e.ref for e in own), how="notFound")


def _paid_clinic(rules: CellTherapyRules, events: Sequence[_Event], open_because: str) -> Fact:
    own = [
        event
        for event in events
        if event.stage == "done"
        and (
            event.of(rules.clinic, "include")
            or (event.of([s for c in rules.cells.values() for s in c.sets]) and found(rules.clinic_text, event.text))
        )
    ]
    if own:
        last = latest(event.date for event in own)
        return Fact(
            value=True,
            reason=f"Stem cells at a paying clinic are recorded ({last or 'undated'}).",
            resources=unique(event.ref for event in own),
            date=last,
            how="text",
        )
    if open_because:
        return Fact(value=None, reason=f"{open_because} Treatment at a paying clinic: not known.", how="notFound")
    return Fact(value=False, reason="No stem cells at a paying clinic are recorded.", how="notFound")


def _unread(chart: Chart, terminology: Terminology, rules: CellTherapyRules) -> str:
    """Why silence about procedures proves nothing; empty if it does."""
    for among in ("Procedure", "Condition"):
        if absent(chart, terminology, *rules.value_sets, among=among) is None:
            return why_open(chart, among)
    return ""


def _words(kind: Kind, event: _Event) -> str:
    return f"{_WORDS[kind]} ({event.date or 'undated'})"

"""Records of cell therapy: procedures, orders, diagnoses, medicines, and what is given before a transplantation (clinical-rules F17)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange, add_days
from cds.patient.context import How
from cds.patient.reading import earliest, unique
from cds.patient.records.comedication import Medicine, MedicineRules, medicines, reasons_of
from cds.patient.records.conditions import date_range, notes_of, read_conditions, words_of
from cds.patient.records.mentions import MentionRules
from cds.patient.rules import Definitions, Pattern, Rules, found, parse_rules
from cds.three_valued import Truth

Stage = Literal["done", "toCome", "notDone", "uncertain"]


class Cells(Rules):
    """One kind of cell: its value sets in procedures, conditions and medicines."""

    name: str
    sets: tuple[str, ...]


class Combination(Rules):
    """Medicines that are given together before a transplantation, by their names in `Conditioning`."""

    name: str
    drugs: tuple[str, ...]
    at_least: int


class Conditioning(Rules):
    """What is given before a transplantation: words of a procedure or diagnosis, or medicines within some days of each other.

    A medicine is the name that the set's pattern captured, or stands in one of `value_sets`, by name.
    """

    words: tuple[Pattern, ...]
    set: str
    value_sets: dict[str, str]
    within_days: int
    combinations: tuple[Combination, ...]


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
    not_done_text: tuple[Pattern, ...]
    after_text: tuple[Pattern, ...]
    conditioning: Conditioning
    mentions: MentionRules
    blood_cancer_sets: tuple[str, ...]
    blood_cancer_codes: tuple[str, ...]
    blood_cancer_text: tuple[Pattern, ...]
    done: tuple[str, ...]
    to_come: tuple[str, ...]
    not_done: tuple[str, ...]
    orders_to_come: tuple[str, ...]
    orders_carried_out: tuple[str, ...]
    cells: dict[str, Cells]

    @cached_property
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


class Event(Struct, frozen=True):
    """One record of a cell therapy, or (with its name in `conditioning`, further records in `beside`) of what is given before one."""

    ref: str
    hits: tuple[Hit, ...]
    stage: Stage
    date: DateRange | None
    text: str
    for_ms: Truth
    status_only: bool = False
    conditioning: str = ""
    beside: tuple[str, ...] = ()

    @property
    def refs(self) -> tuple[str, ...]:
        """All its records."""
        return (self.ref, *self.beside)

    def of(self, value_sets: Sequence[str], *roles: str) -> bool:
        """Whether it falls into one of the value sets, in one of the roles."""
        return any(hit.value_set in value_sets and hit.role in (roles or ("include", "context")) for hit in self.hits)

    @property
    def how(self) -> How:
        """Whether a code or only words recognised it."""
        return "coded" if any(hit.how == "coded" for hit in self.hits) else "text"


def cell_events(chart: Chart, terminology: Terminology, rules: AllCellTherapyRules, as_of: date) -> Iterator[Event]:
    """Every record of cell therapy in the chart, in no order; errors and refuted statements left out."""
    yield from _procedures(chart, terminology, rules.cells, as_of)
    yield from _orders(chart, terminology, rules.cells)
    yield from _diagnoses(chart, terminology, rules.cells)
    conditioning = rules.cells.conditioning
    sets = (*rules.cells.value_sets, conditioning.set, *conditioning.value_sets.values())
    given = medicines(chart, terminology, rules.medicines, as_of, *dict.fromkeys(sets))
    for medicine in given:
        if any(hit.value_set in rules.cells.value_sets for hit in medicine.hits):
            yield Event(medicine.ref, medicine.hits, "done", medicine.date, medicine.name, None)
    yield from _combined(given, conditioning)


def _procedures(chart: Chart, terminology: Terminology, cells: CellTherapyRules, as_of: date) -> Iterator[Event]:
    for entry in chart.entries("Procedure"):
        procedure = entry.resource
        concept = entry.concept
        hits, words, day = _hits(terminology, cells, concept), words_of(concept), _performed(procedure)
        if procedure.status == "entered-in-error":
            continue
        stage = _stage(procedure.status, cells, day, as_of, words)
        if hits:
            text = f"{words} {notes_of(procedure)}"
            after = found(cells.after_text, words)
            day = None if after else day
            yield Event(entry.ref, hits, stage, day, text, _for_ms(chart, terminology, cells, entry, text), status_only=after)
        elif stage in ("done", "uncertain") and found(cells.conditioning.words, words):
            yield Event(entry.ref, (), "uncertain", day, words, None, conditioning=words[:60])


def _orders(chart: Chart, terminology: Terminology, cells: CellTherapyRules) -> Iterator[Event]:
    for entry in chart.entries("ServiceRequest"):
        request = entry.resource
        hits = _hits(terminology, cells, entry.concept)
        if hits and request.status in (*cells.orders_to_come, *cells.orders_carried_out) and not request.doNotPerform:
            words = words_of(entry.concept)
            text = f"{words} {notes_of(request)}"
            # An order that was carried out says that cells may have been given; whether they were stands in no procedure.
            carried_out = request.status in cells.orders_carried_out and not found(cells.plan_text, words)
            stage: Stage = "notDone" if found(cells.not_done_text, words) else "uncertain" if carried_out else "toCome"
            day = date_range(request.occurrenceDateTime or request.authoredOn)
            yield Event(entry.ref, hits, stage, day, text, _for_ms(chart, terminology, cells, entry, text))


def _diagnoses(chart: Chart, terminology: Terminology, cells: CellTherapyRules) -> Iterator[Event]:
    for record in read_conditions(chart, terminology, *cells.value_sets, worded=cells.conditioning.words):
        if record.verification == "refuted":
            continue
        if found(cells.conditioning.words, record.text):
            yield Event(record.ref, (), "uncertain", record.onset, record.text, None, conditioning=record.text[:60])
        elif record.hits:
            text = f"{record.text} {record.note}"
            for_ms = True if found(cells.ms_text, text) else False if found(cells.other_disease_text, text) else None
            stage: Stage = "done" if record.asserted else "uncertain"
            if found(cells.not_done_text, record.text):
                stage = "notDone"
            elif found(cells.plan_text, record.text):
                stage = "toCome"
            day = None if found(cells.after_text, record.text or record.hits[0].label) else record.onset
            yield Event(record.ref, record.hits, stage, day, text, for_ms, status_only=True)


def _combined(given: Sequence[Medicine], rules: Conditioning) -> Iterator[Event]:
    """Medicines that together are what is given before a transplantation, each in one combination."""
    seen: set[str] = set()
    named = [(name, medicine) for medicine in given if (name := _name(medicine, rules)) and medicine.date is not None]
    for combination in rules.combinations:
        own = [(name, medicine) for name, medicine in named if name in combination.drugs and medicine.ref not in seen]
        for _, first in own:
            together = [(name, medicine) for name, medicine in own if _within(first, medicine, rules.within_days)]
            if len({name for name, _ in together}) >= combination.at_least:
                refs = unique(medicine.ref for _, medicine in together)
                day = earliest(medicine.date for _, medicine in together)
                yield Event(refs[0], (), "uncertain", day, combination.name, None, conditioning=combination.name, beside=refs[1:])
                seen.update(refs)
                break


def _name(medicine: Medicine, rules: Conditioning) -> str:
    for hit in medicine.hits:
        if hit.value_set == rules.set and hit.captured:
            return hit.captured[0][0]
    return next((name for name, of in rules.value_sets.items() if any(hit.value_set == of for hit in medicine.hits)), "")


def _within(first: Medicine, other: Medicine, days: int) -> bool:
    """Whether the other may have been given in so many days from the first on."""
    if first.date is None or other.date is None:
        return False
    return other.date.last >= first.date.first and other.date.first <= add_days(first.date.last, days)


def _hits(terminology: Terminology, rules: CellTherapyRules, concept: Concept) -> tuple[Hit, ...]:
    return terminology.match(concept, *rules.value_sets)


def _performed(procedure: Any) -> DateRange | None:
    if procedure.performedPeriod is not None:
        return date_range(procedure.performedPeriod.start or procedure.performedPeriod.end)
    return date_range(procedure.performedDateTime)


def _stage(status: str, rules: CellTherapyRules, day: DateRange | None, as_of: date, text: str) -> Stage:
    """How far it came. What is recorded as done on a day ahead has one of the two wrong."""
    if status in rules.not_done or found(rules.not_done_text, text):
        return "notDone"
    if status in rules.to_come or found(rules.plan_text, text):
        return "toCome"
    ahead = day is not None and day.first > as_of
    return "done" if status in rules.done and not ahead else "uncertain"


def _for_ms(chart: Chart, terminology: Terminology, rules: CellTherapyRules, entry: Entry, text: str) -> Truth:
    """Whether MS is the stated reason; unknown where none is stated."""
    said = [reason for reason in reasons_of(chart, entry) if reason]
    if any(terminology.match(reason, *rules.ms) or found(rules.ms_text, words_of(reason)) for reason in said) or found(rules.ms_text, text):
        return True
    return False if said or found(rules.other_disease_text, text) else None

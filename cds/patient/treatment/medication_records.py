"""What the FHIR resources say of MS drugs: taken, planned, refused to be read, contradicting themselves (clinical-rules F11, F14).

Carriers are MedicationRequest, MedicationStatement, MedicationAdministration, MedicationDispense, and Procedures and Conditions that
name a drug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.fhir.medications import CARRIERS
from cds.fhir.resources import element
from cds.patient.context import Conflict
from cds.patient.reading import quoted
from cds.patient.records.conditions import codes_in, date_range, read_conditions
from cds.patient.rules import searcher
from cds.patient.treatment.drug_names import Named, name_drugs, named_beside
from cds.patient.treatment.exposure import Record, Told
from cds.patient.treatment.indications import Given, NotForMs, stated_reason, weigh_indications
from cds.patient.treatment.medication_dates import (
    Dates,
    administration_dates,
    dispense_dates,
    not_after,
    procedure_dates,
    request_dates,
    statement_dates,
)
from cds.patient.treatment.rules import Given as Schedule
from cds.patient.treatment.rules import Says, TreatmentRules
from cds.patient.treatment.stop_reasons import QUOTED, About, never_taken, says_not_taken, stop_reasons

_DATES: dict[str, Callable[[Any], Dates]] = {
    "MedicationRequest": request_dates,
    "MedicationStatement": statement_dates,
    "MedicationAdministration": administration_dates,
    "MedicationDispense": dispense_dates,
    "Procedure": procedure_dates,
}


class Planned(Struct, frozen=True, kw_only=True):
    """An MS drug that was proposed, planned or drafted."""

    drug: str
    name: str
    date: DateRange | None
    resource: str


class MedicationRecords(Struct, frozen=True, kw_only=True):
    """All that the chart says of MS drugs. `immunosuppressants` are drugs of the PML strata, taken for whatever disease."""

    records: tuple[Record, ...]
    planned: tuple[Planned, ...]
    not_for_ms: tuple[NotForMs, ...]
    immunosuppressants: tuple[tuple[str, DateRange | None, str], ...]
    conflicts: tuple[Conflict, ...]


class _NotTaken(Struct, frozen=True):
    """A statement that a drug is not taken, and its day."""

    drug: str
    ref: str
    day: DateRange | None


class _Words(Struct, frozen=True):
    """What one resource says in words: its dosage, its notes, and why its status is what it is."""

    dosage: str
    notes: tuple[str, ...]
    status_reasons: tuple[Concept, ...]


class _Scope(Struct, frozen=True):
    """What every function here needs; `names` keeps what a concept was found to name, as charts repeat few concepts many times."""

    chart: Chart
    terminology: Terminology
    rules: TreatmentRules
    as_of: date
    names: dict[tuple[Concept, str], tuple[Named, ...]]


def read_medication_records(
    chart: Chart, terminology: Terminology, rules: TreatmentRules, as_of: date, transplants: Sequence[DateRange] = ()
) -> MedicationRecords:
    """Read every carrier. A record that names two drugs is a conflict and counts as neither for certain."""
    scope = _Scope(chart, terminology, rules, as_of, {})
    given: list[Given] = []
    planned: list[Planned] = []
    denied: list[_NotTaken] = []
    conflicts: list[Conflict] = []
    for type_ in (*CARRIERS, "Procedure"):
        for entry in chart.entries(type_):
            words = _Words(_dosage_words(entry.resource), _notes(entry.resource), _status_reasons(entry.resource))
            for named in _named(scope, type_, entry, words):
                if named.conflict:
                    conflicts.append(
                        Conflict(id="medication-code-display", text=f"In {entry.ref}, {named.conflict}.", resources=(entry.ref,))
                    )
                _read(scope, type_, entry, named, words, given, planned, denied)
    given += _from_conditions(scope)
    given = [item if said is None else _contradicted(item, said) for item in given for said in [_denial(item.record, denied)]]
    counted, not_for_ms = weigh_indications(given, chart, terminology, rules, transplants)
    strata = rules.immunosuppression.drugs
    taken = {(item.record.drug, item.record.start or item.record.last, item.record.ref) for item in given if not item.record.doubt}
    return MedicationRecords(
        records=counted,
        planned=tuple(sorted(planned, key=lambda plan: (plan.drug, plan.resource))),
        not_for_ms=tuple(sorted(not_for_ms, key=lambda other: (other.drug, other.resource))),
        immunosuppressants=tuple(sorted((one for one in taken if one[0] in strata), key=lambda one: (one[0], one[2]))),
        conflicts=tuple(dict.fromkeys(sorted(conflicts, key=lambda conflict: (conflict.resources, conflict.text)))),
    )


def _named(scope: _Scope, type_: str, entry: Entry, said: _Words) -> tuple[Named, ...]:
    """The MS drugs that a resource names, if need be beside its own name; of a procedure only if it can be the giving of a drug."""
    drugs, notes = scope.rules.drugs, " ".join(said.notes)
    if type_ != "Procedure":
        concept = scope.chart.medication(entry)
        found = _names(scope, concept, said.dosage)
        if found or not (said.dosage or notes) or not searcher(drugs.placeholder_words)(" | ".join(concept.words)):
            return found
        return named_beside(said.dosage, notes, scope.terminology, scope.rules)
    words = " | ".join(entry.concept.words)
    found = _names(scope, entry.concept, "")
    if searcher(drugs.procedure_not)(words):
        return tuple(one for one in found if one.how == "coded")
    if found and not searcher(drugs.procedure_words)(words):
        return tuple(one if one.how == "coded" else replace(one, unsure=one.unsure or words[:80]) for one in found)
    used = " | ".join(part for concept in element(entry.resource, "usedCode") or () for part in Concept.of(concept).words)
    if found or not (used or notes) or not searcher(drugs.infusion_words)(words):
        return found
    return named_beside(used, notes, scope.terminology, scope.rules)


def _names(scope: _Scope, concept: Concept, dosage: str) -> tuple[Named, ...]:
    key = concept, dosage
    if key not in scope.names:
        scope.names[key] = name_drugs(concept, scope.terminology, scope.rules, dosage)
    return scope.names[key]


def _dosage_words(resource: Any) -> str:
    """The dosage as written, with route and form: it may tell a tablet from an injection."""
    listed = element(resource, "dosageInstruction") or element(resource, "dosage") or ()
    parts: list[str] = []
    for dosage in listed if isinstance(listed, list | tuple) else (listed,):
        parts += [part for part in (dosage.text, *Concept.of(dosage.route).words) if part]
    return " ".join(parts)


def _read(
    scope: _Scope, type_: str, entry: Entry, named: Named, said: _Words, given: list[Given], planned: list[Planned], denied: list[_NotTaken]
) -> None:
    """Add one resource to what was taken, planned or said not to be taken; what was never taken leaves no other trace."""
    resource, rules = entry.resource, scope.rules
    says = rules.statuses.says(type_, resource.status)
    raw = _DATES[type_](resource)
    if says == "never" or element(resource, "doNotPerform"):
        if resource.status in rules.statuses.not_taken:
            denied.append(_NotTaken(named.drug, entry.ref, _latest(raw.end, raw.start, raw.last)))
        return
    reported = bool(element(resource, "reportedBoolean") or element(resource, "reportedReference"))
    intended = element(resource, "intent") in rules.statuses.plan_intents
    begins = raw.start or raw.last
    if says == "planned" or (intended and not reported) or (begins is not None and begins.first > scope.as_of):
        planned.append(Planned(drug=named.drug, name=rules.name(named.drug), date=begins, resource=entry.ref))
        return
    doubt = _doubt(scope, named, said, says, intended)
    reason, words = stated_reason(_reasons(scope, entry), said.dosage, scope.terminology, rules)
    record = _record(scope, type_, entry, named, said, says, raw, doubt)
    given.append(Given(record=record, form=named.form, reason=reason, reason_words=words))


def _denial(record: Record, denied: Sequence[_NotTaken]) -> _NotTaken | None:
    """What says that the drug of an entry in force is not taken, unless it was surely said before."""
    if record.says != "taken":
        return None
    shown = record.last or record.start
    own = (one for one in denied if one.drug == record.drug)
    return next((one for one in own if one.day is None or shown is None or one.day.last >= shown.first), None)


def _contradicted(item: Given, said: _NotTaken) -> Given:
    note = f"{item.record.ref} is marked active, but {said.ref} says that it is not taken."
    return replace(item, record=replace(item.record, says="paused", notes=(*item.record.notes, note)))


def _doubt(scope: _Scope, named: Named, said: _Words, says: Says, intended: bool) -> str:
    """Why it is not certain that the drug was taken; empty where it is."""
    if named.conflict:
        return named.conflict
    if named.unsure:
        return f'its words do not say that the drug itself was given: "{named.unsure}"'
    if blinded := next((note for note in said.notes if searcher(scope.rules.drugs.blinded_words)(note)), ""):
        return f'a note speaks of a blinded study or placebo: "{quoted(blinded, QUOTED)}"'
    if never := never_taken(said.status_reasons, (*said.notes, said.dosage), _about(scope, named), scope.rules):
        return f'recorded as never taken: "{never}"'
    if says == "unknown":
        return "its status does not say whether it was taken"
    return "reported as a plan, so whether it was taken is not said" if intended else ""


def _record(scope: _Scope, type_: str, entry: Entry, named: Named, said: _Words, says: Says, raw: Dates, doubt: str) -> Record:
    resource, as_of = entry.resource, scope.as_of
    backwards = raw.start is not None and raw.end is not None and raw.end.last < raw.start.first
    raw = raw._replace(end=None) if backwards else raw
    dates = not_after(raw, as_of)
    ended = raw.end is not None and raw.end.first <= as_of
    if says == "ended" and type_ == "MedicationRequest" and "inpatient" in _categories(resource):
        says = "finished"
    broken_off = says == "brokenOff"
    told: Told = "given" if says == "brokenOff" else says if says in ("finished", "ended", "paused", "given") else "taken"
    notes, about = said.notes, _about(scope, named)
    denied = told == "taken" and (says_not_taken(notes, about, scope.rules) or _past(scope, type_, entry))
    told = "paused" if denied else told
    if says == "unknown" and type_ in ("MedicationAdministration", "MedicationDispense", "Procedure"):
        told = "given"
    supply = raw.supply_until
    if told == "taken":
        end, supply = None, _latest(raw.end, supply)
    else:
        end = DateRange(raw.end.first, min(raw.end.last, as_of)) if raw.end is not None and ended else None
    # The day of an assertion says that the drug was, or was not, taken on that day, and no more.
    not_on = dates.last if type_ == "MedicationStatement" and told in ("ended", "paused") else None
    if told == "ended" and end is None:
        supply = _first(supply, _changed(resource), not_on)
    stops = stop_reasons(said.status_reasons, notes, about, scope.terminology, scope.rules)
    if told in ("taken", "paused"):
        # The reason of a running order is none for a stop, but it may say that the drug is not taken as prescribed.
        written = stop_reasons((), notes, about, scope.terminology, scope.rules)
        stops = tuple(stop for stop in stops if stop.kind == "adherence" or stop in written)
    return Record(
        drug=named.drug,
        ref=entry.ref,
        says=told,
        start=dates.start,
        end=end,
        supply_until=supply,
        last=dates.last if not_on is None else None,
        earlier=_begun_earlier(scope, type_, entry, said, raw, scope.rules.window(named.drug).given),
        not_on=not_on,
        stops=stops,
        broken_off=broken_off,
        how=named.how,
        doubt=doubt,
        notes=_remarks(resource, says, denied, backwards),
    )


def _notes(resource: Any) -> tuple[str, ...]:
    return tuple(note.text for note in element(resource, "note") or () if note.text)


def _about(scope: _Scope, named: Named) -> About:
    """Words are about the drug unless they name another one and not it."""
    family = scope.rules.family(named.drug)

    def about(words: str) -> bool:
        others = {scope.rules.family(one.drug) for one in _names(scope, Concept.of(words), "")}
        return not others or family in others

    return about


def _begun_earlier(scope: _Scope, type_: str, entry: Entry, said: _Words, dates: Dates, given: Schedule) -> bool:
    """Whether the drug may have been taken before the first date of a record: a renewal, a refill, a home medication, a later infusion."""
    resource, rules = entry.resource, scope.rules.statuses.begun_earlier
    if dates.start is None:
        return True
    if dates.one_day and type_ == "MedicationStatement" and given == "supply":
        return True
    if type_ == "MedicationRequest":
        previous = resource.priorPrescription
        renewed = previous is not None and scope.chart.resolve(entry, previous) is None
        if renewed or resource.reportedBoolean or resource.reportedReference or _categories(resource) & set(rules.categories):
            return True
    if type_ == "MedicationDispense" and codes_in(resource.type) & set(rules.dispense_types):
        return True
    return any(searcher(rules.words)(words) for words in (*said.notes, said.dosage))


def _categories(resource: Any) -> frozenset[str]:
    return frozenset(code for category in resource.category or () for code in codes_in(category))


def _changed(resource: Any) -> DateRange | None:
    """The day of the last change of the record: a stop cannot be later."""
    return date_range(resource.meta.lastUpdated) if resource.meta is not None else None


def _latest(*days: DateRange | None) -> DateRange | None:
    known = [day for day in days if day is not None]
    return max(known, key=lambda day: (day.last, day.first)) if known else None


def _first(*days: DateRange | None) -> DateRange | None:
    known = [day for day in days if day is not None]
    return min(known, key=lambda day: (day.last, day.first)) if known else None


def _status_reasons(resource: Any) -> tuple[Concept, ...]:
    found = element(resource, "statusReason") or element(resource, "statusReasonCodeableConcept")
    return tuple(Concept.of(one) for one in (found if isinstance(found, list) else [found]) if one is not None)


def _past(scope: _Scope, type_: str, entry: Entry) -> bool:
    """Whether the words of a medication itself say that it is over, such as "Tysabri (discontinued)"."""
    return type_ != "Procedure" and searcher(scope.rules.drugs.past_words)(" | ".join(scope.chart.medication(entry).words)) is not None


def _remarks(resource: Any, says: Says, denied: bool, backwards: bool) -> tuple[str, ...]:
    remarks = []
    if says == "paused":
        remarks.append("The order is on hold.")
    if denied:
        remarks.append("Still marked active, but a note says or its own words say that it was stopped or is not taken.")
    if backwards:
        remarks.append("Its end is recorded before its start and was left aside.")
    if element(resource, "reportedBoolean"):
        remarks.append("Reported by the patient or another source.")
    return tuple(remarks)


def _reasons(scope: _Scope, entry: Entry) -> Iterator[Concept]:
    """The stated reasons: codes, and the Conditions that the record refers to."""
    for reason in element(entry.resource, "reasonCode") or ():
        yield Concept.of(reason)
    for reference in element(entry.resource, "reasonReference") or ():
        condition = scope.chart.resolve(entry, reference)
        if condition is not None and condition.ref.startswith("Condition/"):
            yield condition.concept
        elif reference.display:
            yield Concept.of(reference.display)


def _from_conditions(scope: _Scope) -> list[Given]:
    """Codes such as `long-term current use of rituximab`, which some sites record as Conditions; words do not count here."""
    found = []
    for condition in read_conditions(scope.chart, scope.terminology, *scope.rules.drug_of_value_set):
        drugs = {scope.rules.drug_of_value_set[hit.value_set][0] for hit in condition.hits if hit.how == "coded" and hit.role == "include"}
        day = condition.date
        if len(drugs) != 1 or not condition.asserted or (day is not None and day.first > scope.as_of):
            continue
        dates = not_after(Dates(condition.onset, last=condition.recorded), scope.as_of)
        says: Told = "ended" if condition.state == "resolved" else "taken"
        record = Record(
            drug=drugs.pop(),
            ref=condition.ref,
            says=says,
            start=dates.start,
            last=dates.last,
            earlier=condition.onset is None,
            how="coded",
        )
        found.append(Given(record=record, form="ms", reason="none"))
    return found

"""Medicines that are recorded as taken, for what they say besides MS treatment: NMOSD drugs (F2), interactions (section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from msgspec import Struct

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange
from cds.fhir.medications import CARRIERS
from cds.fhir.resources import element
from cds.patient.context import Fact
from cds.patient.reading import in_months_before, later, latest, unique
from cds.patient.records.conditions import date_range, matcher
from cds.patient.rules import Rules
from cds.three_valued import Truth

_ROLES = ("include", "context")


class MedicineRules(Rules):
    """What the status of a medication record says about its being taken (definition `caution-medicines`)."""

    never: tuple[str, ...]
    ended: tuple[str, ...]
    running: tuple[str, ...]
    orders_ran_out: tuple[str, ...]
    plan_intents: tuple[str, ...]
    active_believed_months: float
    supply_months: float
    ms_reasons: tuple[str, ...]


class Medicine(Struct, frozen=True, kw_only=True):
    """One record of a medicine that was taken. `running` is unknown where the record is old or its end is not said."""

    ref: str
    name: str
    hits: tuple[Hit, ...]
    date: DateRange | None
    running: Truth
    other_reason: bool


def medicines(chart: Chart, terminology: Terminology, rules: MedicineRules, as_of: date, *value_sets: str) -> tuple[Medicine, ...]:
    """Every record of a medicine of the value sets that was, or may have been, taken; plans, drafts and errors left out."""
    found = []
    match = matcher(terminology, *value_sets)
    for type_ in CARRIERS:
        for entry in chart.entries(type_):
            resource = entry.resource
            if _never(resource, rules):
                continue
            concept = chart.medication(entry)
            hits = match(concept)
            if any(hit.role in _ROLES for hit in hits):
                first, last = _span(resource, type_)
                found.append(
                    Medicine(
                        ref=entry.ref,
                        name=next(iter(concept.words), hits[0].label),
                        hits=hits,
                        date=first or last,
                        running=_running(resource, type_, first, last, rules, as_of),
                        other_reason=_other_reason(chart, terminology, rules, entry),
                    )
                )
    return tuple(sorted(found, key=lambda medicine: (medicine.date.first if medicine.date else date.max, medicine.ref)))


def medicines_read(chart: Chart, terminology: Terminology, *value_sets: str) -> bool:
    """Whether silence about these medicines means they are not recorded: a key was answered, and none is refused or without a name."""
    if not any(chart.complete(type_) for type_ in CARRIERS):
        return False
    named = {chart.medication(entry) for type_ in CARRIERS for entry in chart.entries(type_)}
    if not all(terminology.legible(concept) for concept in named if not _says_none(concept, terminology)):
        return False
    refused = [item for item in chart.not_read if item.type in CARRIERS]
    return all(item.concepts and not any(terminology.match(concept, *value_sets) for concept in item.concepts) for item in refused)


def _says_none(concept: Concept, terminology: Terminology) -> bool:
    return any(terminology.systems.says_absent(coding.system) for coding in concept.codings)


def running_fact(chart: Chart, terminology: Terminology, taken: Iterable[Medicine], name: str, *value_sets: str) -> Fact:
    """Whether one of the medicines taken is of the value sets and is still taken on the day of the advice."""
    records = [medicine for medicine in taken if any(hit.value_set in value_sets and hit.role in _ROLES for hit in medicine.hits)]
    now = [record for record in records if record.running is True]
    perhaps = [record for record in records if record.running is None]
    if now or perhaps:
        shown = now or perhaps
        text = ", ".join(dict.fromkeys(record.name for record in shown))
        reason = f"{name}: {text} ({shown[0].date or 'undated'})" + ("." if now else "; whether it is still taken is not known.")
        last = latest(record.date for record in shown)
        return Fact(value=True if now else None, reason=reason, resources=unique(r.ref for r in shown), date=last, how="coded")
    if not medicines_read(chart, terminology, *value_sets):
        return Fact(value=None, reason=f"{name}: medication data could not be read.", how="notFound")
    return Fact(value=False, reason=f"{name}: none recorded as taken.", resources=unique(r.ref for r in records), how="notFound")


def _never(resource: Any, rules: MedicineRules) -> bool:
    """Not taken, or only planned."""
    return resource.status in rules.never or element(resource, "intent") in rules.plan_intents or bool(element(resource, "doNotPerform"))


def _span(resource: Any, type_: str) -> tuple[DateRange | None, DateRange | None]:
    """The first day and the last, if it is said."""
    match type_:
        case "MedicationRequest":
            return date_range(resource.authoredOn), None
        case "MedicationDispense":
            return date_range(resource.whenHandedOver or resource.whenPrepared), None
    period = resource.effectivePeriod
    if period is not None:
        return date_range(period.start), date_range(period.end)
    return date_range(resource.effectiveDateTime), None


def _running(resource: Any, type_: str, first: DateRange | None, last: DateRange | None, rules: MedicineRules, as_of: date) -> Truth:
    if later(DateRange.on(as_of), last) is True:
        return False
    if type_ in ("MedicationAdministration", "MedicationDispense"):
        return in_months_before(last or first, as_of, rules.supply_months)
    ran_out = type_ == "MedicationRequest" and resource.status in rules.orders_ran_out
    if ran_out and in_months_before(first, as_of, rules.supply_months) is True:
        return None
    if resource.status in rules.ended:
        return False
    if resource.status in rules.running:
        return True if in_months_before(last or first, as_of, rules.active_believed_months) is True else None
    return None


def _other_reason(chart: Chart, terminology: Terminology, rules: MedicineRules, entry: Entry) -> bool:
    """Whether the record states a reason, and none of the stated ones is MS or a disease like it."""
    reasons = [reason for reason in reasons_of(chart, entry) if reason]
    return bool(reasons) and not any(terminology.match(reason, *rules.ms_reasons) for reason in reasons)


def reasons_of(chart: Chart, entry: Entry) -> Iterator[Concept]:
    """What a medicine was given or a procedure done for, as stated or as the Condition referred to says."""
    for reason in element(entry.resource, "reasonCode") or ():
        yield Concept.of(reason)
    for reference in element(entry.resource, "reasonReference") or ():
        because = chart.resolve(entry, reference)
        if because is not None:
            yield because.concept

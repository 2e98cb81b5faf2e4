"""Whether a drug with other uses was given for MS (clinical-rules F11): the stated reason, the product, then the problem list.

What stays unclear is kept as such; nothing is dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange, add_days
from cds.patient.records.conditions import read_conditions
from cds.patient.rules import found
from cds.patient.treatment.drug_names import Form
from cds.patient.treatment.exposure import Record
from cds.patient.treatment.rules import DrugRule, TreatmentRules

Reason = Literal["ms", "other", "unlisted", "none"]
"""What a stated reason says: MS, another disease that is listed, words that are not, or nothing."""


class Given(Struct, frozen=True, kw_only=True):
    """A record of a drug with what it says of the reason: MS, another disease (by name), something not recognised, or nothing."""

    record: Record
    form: Form
    reason: Reason
    reason_words: str = ""


class Elsewhere(NamedTuple):
    """What all records of one drug together say of reason and product."""

    reasons: frozenset[str]
    forms: frozenset[str]


class NotForMs(Struct, frozen=True, kw_only=True):
    """A drug that was taken for another disease."""

    drug: str
    name: str
    date: DateRange | None
    why: str
    resource: str


def stated_reason(concepts: Iterable[Concept], dosage: str, terminology: Terminology, rules: TreatmentRules) -> tuple[Reason, str]:
    """What the stated reasons say and, for another disease, which one."""
    reasons = [concept for concept in concepts if concept]
    others: list[str] = []
    unlisted: list[str] = []
    for reason in reasons:
        words = " | ".join(reason.words)
        hits = [hit for hit in terminology.match(reason, *rules.indications.ms_value_sets) if hit.role in ("include", "context")]
        if hits or found(rules.indications.ms_text, words):
            return "ms", ""
        name = _other_disease(reason, words, terminology, rules)
        (others if name else unlisted).append(name or words)
    if others:
        return "other", others[0]
    if unlisted:
        return "unlisted", unlisted[0]
    return ("ms", "") if dosage and found(rules.indications.ms_text, dosage) else ("none", "")


def _other_disease(concept: Concept, words: str, terminology: Terminology, rules: TreatmentRules) -> str:
    for other in rules.indications.others.values():
        coded = terminology.match(concept, *other.value_sets) if other.value_sets else ()
        if any(hit.role in ("include", "context") for hit in coded) or re.search(other.text, words, re.IGNORECASE):
            return other.name
    return ""


def weigh_indications(
    given: Sequence[Given], chart: Chart, terminology: Terminology, rules: TreatmentRules, transplants: Sequence[DateRange]
) -> tuple[tuple[Record, ...], tuple[NotForMs, ...]]:
    """Records that count as MS treatment, those in doubt marked so, and the drugs given for another disease."""
    recorded = _recorded_diseases(given, chart, terminology, rules)
    readable = chart.complete("Condition")
    reasons: dict[str, set[str]] = {}
    forms: dict[str, set[str]] = {}
    for item in given:
        reasons.setdefault(item.record.drug, set()).add(item.reason)
        forms.setdefault(item.record.drug, set()).add(item.form)
    counted: list[Record] = []
    other: list[NotForMs] = []
    for item in given:
        record, rule = item.record, rules.drugs.drugs[item.record.drug]
        elsewhere = Elsewhere(frozenset(reasons[record.drug]), frozenset(forms[record.drug]))
        disease = next((rules.indications.others[id].name for id in rule.other_indications if id in recorded), "")
        verdict, words = _verdict(item, rule, elsewhere, disease, readable, transplants)
        if verdict == "other":
            day = record.start or record.last
            other.append(NotForMs(drug=record.drug, name=rule.name, date=day, why=words, resource=record.ref))
        elif verdict == "unclear":
            counted.append(replace(record, doubt=record.doubt or f"indication unclear: {words}"))
        else:
            counted.append(replace(record, notes=(*record.notes, words)) if words else record)
    return tuple(counted), tuple(other)


def _verdict(
    item: Given, rule: DrugRule, elsewhere: Elsewhere, disease: str, readable: bool, transplants: Sequence[DateRange]
) -> tuple[Literal["ms", "other", "unclear"], str]:
    if rule.part_of_transplant is not None and _near_transplant(item.record, rule, transplants):
        return "other", "given with a stem-cell transplant"
    if item.reason == "other":
        return "other", f"given for {item.reason_words}"
    if rule.indication == "assumed":
        return ("other", "a product for another disease") if item.form == "other" and item.reason != "ms" else ("ms", "")
    if rule.indication == "stated":
        return ("ms", "") if item.reason == "ms" else ("other", "not recorded as given for MS")
    if item.reason == "ms":
        return ("unclear", "a product for another disease recorded for MS") if item.form == "other" else ("ms", "")
    if item.reason == "unlisted":
        return "unclear", f'given for "{item.reason_words[:60]}"'
    return _without_reason(item, rule, elsewhere, disease, readable)


def _without_reason(
    item: Given, rule: DrugRule, elsewhere: Elsewhere, disease: str, readable: bool
) -> tuple[Literal["ms", "other", "unclear"], str]:
    """No reason is stated: other records of the drug, then the product, then the problem list."""
    if item.form != "other" and "ms" in elsewhere.reasons and "other" not in elsewhere.reasons:
        return "ms", ""
    if item.form == "ms" and rule.other_form is not None:
        return "ms", ""
    if item.form == "unclear" and not disease and "other" not in elsewhere.reasons and "ms" in elsewhere.forms:
        return "ms", ""
    if item.form == "other":
        return ("other", f"a product for other diseases; {disease} is recorded") if disease else ("unclear", "a product for other diseases")
    if disease or "other" in elsewhere.reasons:
        words = f"no reason stated, and {disease or 'another disease'} is recorded"
        return ("other", words) if rule.adjunct else ("unclear", words)
    if item.form == "unclear":
        return "unclear", "no reason stated, and the product is not named"
    if not readable:
        return "unclear", "no reason stated, and the problem list could not be read"
    return "ms", "Indication not stated; no other disease on record explains it."


def _near_transplant(record: Record, rule: DrugRule, transplants: Sequence[DateRange]) -> bool:
    day, step = record.start or record.last, rule.part_of_transplant
    if day is None or step is None:
        return False
    return any(step.before(graft.first) <= day.last and day.first <= add_days(graft.last, 1) for graft in transplants)


def _recorded_diseases(given: Sequence[Given], chart: Chart, terminology: Terminology, rules: TreatmentRules) -> frozenset[str]:
    """The other diseases on the problem list, by id; read only where an indication depends on it."""
    if not any(item.reason == "none" and rules.drugs.drugs[item.record.drug].indication == "decides" for item in given):
        return frozenset()
    others = rules.indications.others
    sets = {value_set for other in others.values() for value_set in other.value_sets}
    records = read_conditions(
        chart, terminology, *sorted(sets), *rules.indications.ms_value_sets, worded=tuple(other.text for other in others.values())
    )
    diseases = [
        record
        for record in records
        if record.asserted and not record.of(*rules.indications.ms_value_sets) and not found((rules.indications.no_disease,), record.text)
    ]
    return frozenset(
        id
        for id, other in others.items()
        for record in diseases
        if (other.value_sets and record.of(*other.value_sets)) or found((other.text,), record.text)
    )

"""What triggered the call: the hook, and the MS treatments drafted in it.

Drafts are incomplete by nature; only the drug or procedure, its reason and whether it is meant to be done are read of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.drafts import DraftOrder
from cds.patient.context import Fact
from cds.patient.rules import searcher
from cds.patient.treatment.drug_names import Named, name_drugs, named_beside
from cds.patient.treatment.indications import Reason, stated_reason
from cds.patient.treatment.rules import DrugRule, TreatmentRules

CELL_ORDERS = ("transplant", "msc", "nsc", "esc", "ipsc", "vesicles", "carT", "treg", "tolerogenicDc", "tCellVaccination", "ebvTCells")
"""Kinds of ordered procedure that have a fact `order.<kind>`; a drug order has the kind `dmt`."""

VALUE_SET_OF = {
    "transplant": "proc-ahsct",
    "msc": "proc-msc-infusion",
    "nsc": "proc-nsc",
    "esc": "proc-esc",
    "ipsc": "proc-ipsc",
    "vesicles": "proc-vesicles",
    "carT": "proc-car-t",
    "treg": "proc-treg",
    "tolerogenicDc": "proc-tolerogenic-dc",
    "tCellVaccination": "proc-t-cell-vaccination",
    "ebvTCells": "proc-ebv-t-cells",
}
"""Kind of cell therapy → the value set that recognises it."""

MEDICATION_ORDERS = ("MedicationRequest", "MedicationOrder")
NOT_TO_BE_DONE = ("cancelled", "stopped", "ended", "completed", "revoked", "entered-in-error")
"""Statuses of an order that asks for nothing (any more)."""


class Order(Struct, frozen=True, kw_only=True):
    """One drafted order that concerns MS: a DMT (`kind` dmt, with `drug`) or a cell therapy. `note` says what was left open."""

    kind: str
    name: str
    resource: str
    drug: str | None = None
    note: str = ""


class Trigger(Struct, frozen=True, kw_only=True):
    """The hook that was called and the MS orders selected or drafted in it.

    `before` is the chart without the Conditions that were just put on the problem list (problem-list-item-create).
    """

    hook: str
    orders: tuple[Order, ...] = ()
    before: Chart | None = None


def read_orders(drafts: Iterable[DraftOrder], selections: Any, terminology: Terminology, rules: TreatmentRules) -> tuple[Order, ...]:
    """The drafted orders that concern MS. `selections` are those just picked (`Type/id`); all drafts count where there are none.

    A product for another disease, or one that is stated to be for another disease, is no MS order; steroids are none either.
    """
    picked = _ids(selections)
    wanted = [draft for draft in drafts if not picked or _id(draft.ref) in picked]
    return tuple(order for draft in wanted if _to_be_done(draft) for order in _orders(draft, terminology, rules))


def _ids(selections: Any) -> frozenset[str]:
    listed = selections if isinstance(selections, Sequence) and not isinstance(selections, str) else ()
    return frozenset(_id(item) for item in listed if isinstance(item, str))


def _id(reference: str) -> str:
    """The id in a reference, without type, version or the prefix of a UUID."""
    return reference.split("/_history/", 1)[0].rsplit("/", 1)[-1].removeprefix("urn:uuid:")


def _to_be_done(draft: DraftOrder) -> bool:
    return draft.status not in NOT_TO_BE_DONE and draft.raw.get("doNotPerform") is not True


def _orders(draft: DraftOrder, terminology: Terminology, rules: TreatmentRules) -> Iterator[Order]:
    reason, disease = stated_reason(_reasons(draft.raw), "", terminology, rules)
    if reason == "other":
        return
    for named in _named(draft, terminology, rules):
        rule = rules.drugs.drugs[named.drug]
        if named.form == "other" or rule.adjunct or rule.indication == "stated":
            continue
        yield Order(kind="dmt", name=rule.name, resource=draft.ref, drug=named.drug, note=_open(named, rule, reason, disease))
    for kind in _cell_therapies(draft.concept, terminology):
        title = terminology.value_sets[VALUE_SET_OF[kind]].title
        yield Order(kind=kind, name=_words(draft.concept, title), resource=draft.ref)


def _cell_therapies(concept: Concept, terminology: Terminology) -> list[str]:
    """The kinds of cell therapy that a concept names; words such as `stem cell transplantation` alone mean none where another is named."""
    roles = {kind: {hit.role for hit in terminology.match(concept, value_set)} for kind, value_set in VALUE_SET_OF.items()}
    outright = [kind for kind in roles if "include" in roles[kind]]
    return outright or [kind for kind in roles if "context" in roles[kind]]


def _named(draft: DraftOrder, terminology: Terminology, rules: TreatmentRules) -> tuple[Named, ...]:
    """The drugs an order names. Of an order for a service, words count only if they speak of giving the drug."""
    words = " | ".join(draft.concept.words)
    if draft.type in MEDICATION_ORDERS:
        dosage = " ".join(_dosage_words(draft.raw))
        found = name_drugs(draft.concept, terminology, rules, dosage)
        if found or searcher(rules.drugs.placeholder_words)(words) is None:
            return found
        return named_beside(dosage, " ".join(_note_words(draft.raw)), terminology, rules)
    given = searcher(rules.drugs.procedure_words)(words) and not searcher(rules.drugs.procedure_not)(words)
    return tuple(named for named in name_drugs(draft.concept, terminology, rules) if named.how == "coded" or given)


def _open(named: Named, rule: DrugRule, reason: Reason, disease: str) -> str:
    """What the order does not say of a drug that has other uses."""
    if named.conflict:
        return f"In the draft order, {named.conflict}."
    if named.unsure:
        return f'The order does not say that {rule.name} itself is to be given: "{named.unsure}".'
    if reason == "unlisted":
        return f'The order is stated to be for "{disease[:60]}".'
    if named.form == "unclear":
        return f"The product of {rule.name} is not named in the order."
    return f"The indication of {rule.name} is not stated in the order." if rule.indication == "decides" and reason == "none" else ""


def _reasons(raw: Mapping[str, Any]) -> Iterator[Concept]:
    """The stated reasons: codes, the words of references, and how earlier versions of FHIR wrote them."""
    for name in ("reasonCode", "reasonCodeableConcept", "reason"):
        value = raw.get(name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                yield Concept.of(item)
    references = raw.get("reasonReference")
    for item in references if isinstance(references, list) else [references]:
        if isinstance(item, Mapping) and isinstance(item.get("display"), str):
            yield Concept.of(item["display"])


def _dosage_words(raw: Mapping[str, Any]) -> Iterator[str]:
    dosages = raw.get("dosageInstruction")
    for item in dosages if isinstance(dosages, list) else [dosages]:
        if isinstance(item, Mapping):
            text = item.get("text")
            yield from (words for words in (text, *Concept.of(item.get("route")).words) if isinstance(words, str))


def _note_words(raw: Mapping[str, Any]) -> Iterator[str]:
    notes = raw.get("note")
    for item in notes if isinstance(notes, list) else [notes]:
        if isinstance(item, Mapping) and isinstance(item.get("text"), str):
            yield item["text"]


def _words(concept: Concept, title: str) -> str:
    return concept.words[0] if concept.words else title


def order_facts(trigger: Trigger) -> dict[str, Fact]:
    """The `order.*` facts. What is not ordered is known not to be."""

    def fact(kind: str) -> Fact:
        orders = [order for order in trigger.orders if order.kind == kind]
        said = [f"Ordered: {', '.join(order.name for order in orders)}.", *(order.note for order in orders if order.note)]
        return Fact(
            value=bool(orders),
            reason=" ".join(said) if orders else "Not ordered in this call.",
            resources=_unique(order.resource for order in orders),
            how="coded" if orders else "notFound",
        )

    return {f"order.{kind}": fact(kind) for kind in ("dmt", *CELL_ORDERS)}


def _unique(resources: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(resources))

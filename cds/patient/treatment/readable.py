"""Whether the treatment history can be read (clinical-rules F14): what was refused, what has no name, and infusions that name no drug."""

from __future__ import annotations

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Terminology
from cds.fhir.medications import CARRIERS
from cds.fhir.resources import element
from cds.patient.records.comedication import reasons_of
from cds.patient.records.conditions import read_conditions
from cds.patient.rules import searcher
from cds.patient.treatment.drug_names import name_drugs, names_ms_drug
from cds.patient.treatment.indications import stated_reason
from cds.patient.treatment.rules import TreatmentRules
from cds.three_valued import Truth


def readable_history(chart: Chart, terminology: Terminology, rules: TreatmentRules, *, known: bool, elsewhere: bool) -> tuple[Truth, str]:
    """F14: a medication key was answered, and no MS drug refused. A refused drug that cannot be told leaves it open.

    So does, where no MS drug is `known`, an infusion for MS that nobody names, and a diagnosis that a drug is taken, unless one was for
    another disease (`elsewhere`).
    """
    if not any(chart.complete(type_) for type_ in CARRIERS):
        return False, "Medication data were not read."
    refused = [item for item in chart.not_read if item.type in CARRIERS and item.resource is not None]
    for item in refused:
        if names_ms_drug(item.concepts, terminology, rules):
            return False, f"An MS drug could not be read ({item.resource}: {item.reason})."
    for item in refused:
        if not any(terminology.legible(concept) for concept in item.concepts):
            return None, f"A medication could not be read, and which one is not known ({item.resource}: {item.reason})."
    named = {chart.medication(entry): entry for type_ in CARRIERS for entry in reversed(chart.entries(type_))}
    for medication, entry in named.items():
        if any(terminology.systems.says_absent(coding.system) for coding in medication.codings):
            if any(coding.code in rules.statuses.no_information for coding in medication.codings):
                return None, f"{entry.ref} says that nothing is known of the medication."
        elif not terminology.legible(medication):
            return None, f"Which medication {entry.ref} names is not known: its code has no words and is not on Ranvier's lists."
        elif _unnamed(medication, entry, terminology, rules):
            said = medication.words[0][:60]
            return None, f'{entry.ref} names a treatment of MS without saying which drug of those that Ranvier reads it is ("{said}").'
    for entry in chart.entries("Procedure"):
        if not terminology.legible(entry.concept) and _drug_coded(entry.concept, terminology, rules):
            return None, f"Which drug {entry.ref} stands for is not known: its code has no words and is not on Ranvier's lists."
    if not known and (unnamed := _unnamed_for_ms(chart, terminology, rules)) is not None:
        entry, words = unnamed
        return None, f'{entry.ref} is a treatment for MS without saying which drug was given ("{words[:60]}").'
    if not known and not elsewhere and (status := _unnamed_status(chart, terminology, rules)):
        return None, status
    return True, "Medication data were read."


def _unnamed_status(chart: Chart, terminology: Terminology, rules: TreatmentRules) -> str:
    """What a diagnosis says of a drug that is taken and that it does not name; empty if there is none."""
    status = rules.drugs.unnamed_status
    for record in read_conditions(chart, terminology, status.value_set, worded=(status.words,)):
        told = any(hit.code in status.codes for hit in record.hits) or searcher(status.words)(record.text)
        if told and record.asserted and record.state != "resolved":
            return f'{record.ref} says that a drug is taken and does not name it ("{record.text[:80] or "coded"}").'
    return ""


def _drug_coded(concept: Concept, terminology: Terminology, rules: TreatmentRules) -> bool:
    """Whether one of its codes is of the kind that stands for a drug."""
    codes = [(rules.drugs.drug_codes.get(terminology.systems.id_of(coding.system) or ""), coding.code) for coding in concept.codings]
    return any(pattern is not None and code and searcher(pattern)(code) for pattern, code in codes)


def _unnamed_for_ms(chart: Chart, terminology: Terminology, rules: TreatmentRules) -> tuple[Entry, str] | None:
    """An infusion that speaks of MS treatment, or one or a placeholder that is given for MS, with its words, if it names no drug."""
    for type_ in (*CARRIERS, "Procedure"):
        for entry in reversed(chart.entries(type_)):
            concept = entry.concept if type_ == "Procedure" else chart.medication(entry)
            words = " | ".join(concept.words)
            infused = type_ == "Procedure" and searcher(rules.drugs.infusion_words)(words) and searcher(rules.drugs.unnamed_words)(words)
            if not infused and not (searcher(rules.drugs.unnamed_for_ms)(words) and _for_ms(chart, entry, terminology, rules)):
                continue
            if _perhaps_given(entry, rules) and not any(hit.role == "include" for hit in terminology.match(concept)):
                return entry, words
    return None


def _unnamed(medication: Concept, entry: Entry, terminology: Terminology, rules: TreatmentRules) -> bool:
    """Whether the words speak of an MS treatment that was given, or may have been, and name no drug."""
    if not searcher(rules.drugs.unnamed_words)(" | ".join(medication.words)):
        return False
    return _perhaps_given(entry, rules) and not name_drugs(medication, terminology, rules)


def _for_ms(chart: Chart, entry: Entry, terminology: Terminology, rules: TreatmentRules) -> bool:
    return stated_reason(reasons_of(chart, entry), "", terminology, rules)[0] == "ms"


def _perhaps_given(entry: Entry, rules: TreatmentRules) -> bool:
    says = rules.statuses.says(entry.ref.partition("/")[0], entry.resource.status)
    return says not in ("never", "planned") and element(entry.resource, "intent") not in rules.statuses.plan_intents

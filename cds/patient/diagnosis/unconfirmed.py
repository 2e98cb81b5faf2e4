"""Diagnoses that may be MS, without being read as MS: codes of a category that is MS with the WHO, in lists whose own meaning was not
confirmed, and a bare "MS" (definition `diagnosis-ms`). Where nothing else tells, they keep MS from being called absent.
"""

from __future__ import annotations

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.patient.diagnosis.statements import MsRules
from cds.patient.records.conditions import is_said, read_conditions, verification_of, words_of
from cds.patient.rules import found, searcher


def may_be_ms(concept: Concept, terminology: Terminology, rules: MsRules) -> bool:
    """Whether a concept may mean MS."""
    return _by_code(concept, terminology, rules) or _by_name(concept, rules)


def unconfirmed(chart: Chart, terminology: Terminology, rules: MsRules, *value_sets: str) -> str:
    """Why a Condition that is not refuted may be MS, where neither its code nor its words tell; empty if there is none."""
    open_ = [entry for entry in chart.entries("Condition") if may_be_ms(entry.concept, terminology, rules)]
    if not open_:
        return ""
    understood = {record.ref for record in read_conditions(chart, terminology, *value_sets, worded=rules.suspected_text)}
    for entry in open_:
        if entry.ref not in understood and is_said(entry.resource, terminology) and verification_of(entry.resource) != "refuted":
            by_code = _by_code(entry.concept, terminology, rules)
            return f"What the code of {entry.ref} means was not confirmed." if by_code else f'What "MS" means in {entry.ref} is not clear.'
    return ""


def _by_code(concept: Concept, terminology: Terminology, rules: MsRules) -> bool:
    places = (terminology.systems.place(coding.system, coding.code) for coding in concept.codings)
    return any(searcher(rules.unconfirmed[place[0]])(place[1]) for place in places if place is not None and place[0] in rules.unconfirmed)


def _by_name(concept: Concept, rules: MsRules) -> bool:
    """A bare "MS", with no code beside it that says what it is."""
    if any(coding.code for coding in concept.codings):
        return False
    words = words_of(concept)
    return found((rules.bare_ms,), words) and not found((rules.other_ms,), words)

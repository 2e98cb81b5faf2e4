"""Codes that may be MS: of a category that is MS with the WHO, in lists whose own meaning was not confirmed (definition `diagnosis-ms`)."""

from __future__ import annotations

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.patient.diagnosis.statements import MsRules
from cds.patient.records.conditions import is_said, read_conditions, verification_of
from cds.patient.rules import searcher


def may_be_ms(concept: Concept, terminology: Terminology, rules: MsRules) -> bool:
    """Whether one of its codes is among those."""
    places = (terminology.systems.place(coding.system, coding.code) for coding in concept.codings)
    return any(searcher(rules.unconfirmed[place[0]])(place[1]) for place in places if place is not None and place[0] in rules.unconfirmed)


def unconfirmed_entry(chart: Chart, terminology: Terminology, rules: MsRules, *value_sets: str) -> str:
    """The ref of a Condition that has such a code, is not refuted, and whose words do not tell what it is; empty if there is none."""
    coded = [entry for entry in chart.entries("Condition") if may_be_ms(entry.concept, terminology, rules)]
    understood = (
        {record.ref for record in read_conditions(chart, terminology, *value_sets, worded=rules.suspected_text)} if coded else set()
    )
    standing = (entry for entry in coded if is_said(entry.resource) and verification_of(entry.resource) != "refuted")
    return next((entry.ref for entry in standing if entry.ref not in understood), "")

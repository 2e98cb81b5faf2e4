"""What could not be read: whether it can have said something of one subject."""

from __future__ import annotations

from collections.abc import Sequence

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.patient.records.conditions import words_of
from cds.patient.rules import found


def elsewhere(concepts: Sequence[Concept], terminology: Terminology, value_sets: Sequence[str], names: Sequence[str] = ()) -> bool:
    """Whether what could not be read certainly speaks of something else: it is understood, and is of none of these value sets or names."""
    return bool(concepts) and not any(
        not terminology.legible(one) or terminology.match(one, *value_sets) or found(tuple(names), words_of(one)) for one in concepts
    )


def nameless(chart: Chart, terminology: Terminology, type_: str, whole_systems: Sequence[str] = ()) -> str:
    """Why silence among these resources proves nothing although all could be read: one has a code that no value set knows, and no words.

    It may be anything. A code of a system whose codes the value sets cover as whole ranges is known to be something else. Empty if there
    is none.
    """
    for entry in chart.entries(type_):
        concept = entry.concept
        if concept and not terminology.legible(concept):
            systems = {terminology.systems.id_of(coding.system) for coding in concept.codings}
            absent = any(terminology.systems.says_absent(coding.system) for coding in concept.codings)
            if not absent and systems.isdisjoint(whole_systems):
                return f"What {entry.ref} says is not known: its code has no words and is on no list."
    return ""

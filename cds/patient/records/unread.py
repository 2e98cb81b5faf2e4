"""What could not be read: whether it can have said something of one subject."""

from __future__ import annotations

from collections.abc import Sequence

from cds.fhir.codes import Concept, Terminology
from cds.patient.records.conditions import words_of
from cds.patient.rules import found


def elsewhere(concepts: Sequence[Concept], terminology: Terminology, value_sets: Sequence[str], names: Sequence[str] = ()) -> bool:
    """Whether what could not be read certainly speaks of something else: it is understood, and is of none of these value sets or names."""
    return bool(concepts) and not any(
        not terminology.legible(one) or terminology.match(one, *value_sets) or found(tuple(names), words_of(one)) for one in concepts
    )

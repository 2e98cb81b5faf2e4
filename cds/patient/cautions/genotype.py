"""The CYP2C9 genotype, which siponimod needs (clinical-rules section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from cds.fhir.codes import Concept
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.reading import latest, unique
from cds.patient.records.conditions import notes_of, words_of
from cds.patient.records.results import Observed, Unread
from cds.patient.rules import Pattern, Rules, found

_DIPLOTYPE = re.compile(r"\*\s?(\d+)\s?/\s?\*\s?(\d+)")


class GenotypeRules(Rules):
    """Where the genotype is found, and which diplotypes have a name of their own (definition `caution-cyp2c9`)."""

    sets: tuple[str, ...]
    gene: tuple[Pattern, ...]
    other_gene: tuple[Pattern, ...]
    named: tuple[str, ...]


def genotype_fact(observed: Iterable[Observed], rules: GenotypeRules, unread: Unread) -> Fact:
    """`*3/*3`, `*1/*3`, `*2/*3` or `other`. A phenotype in words does not give the genotype; it is shown and leaves it unknown."""
    seen: dict[str, list[str]] = {}
    dates: list[DateRange | None] = []
    phenotypes: list[tuple[str, str]] = []
    for one in observed:
        text = _said(one.resource)
        if not _about(one, f"{one.name} {text}", rules):
            continue
        alleles = _DIPLOTYPE.search(text)
        if alleles is None:
            phenotypes.append((one.ref, text))
            continue
        diplotype = "/".join(f"*{allele}" for allele in sorted((alleles[1], alleles[2]), key=int))
        seen.setdefault(diplotype, []).append(one.ref)
        dates.append(one.date)
    refs = unique(ref for several in seen.values() for ref in several)
    if len(seen) == 1:
        diplotype = next(iter(seen))
        value = diplotype if diplotype in rules.named else "other"
        return Fact(value=value, reason=f"CYP2C9 genotype {diplotype}.", resources=refs, date=latest(dates), how="coded")
    if seen:
        return Fact(
            value=None, reason=f"CYP2C9 genotypes contradict each other: {', '.join(sorted(seen))}.", resources=refs, date=latest(dates)
        )
    if phenotypes:
        words = phenotypes[0][1].strip(" |")
        reason = f"CYP2C9 phenotype only ({words}); the genotype is not stated."
        return Fact(value=None, reason=reason, resources=unique(ref for ref, _ in phenotypes), how="coded")
    missing = not unread.whole or unread.of(rules.sets)
    return Fact(value=None, reason="CYP2C9 genotype could not be read." if missing else "CYP2C9 genotype not found.", how="notFound")


def _about(one: Observed, text: str, rules: GenotypeRules) -> bool:
    """Whether it is of this gene: by code or name, or by the gene in a component of a genotype report."""
    hits = [hit for hit in one.hits if hit.value_set in rules.sets]
    named = any(hit.role == "include" for hit in hits) or (bool(hits) and found(rules.gene, text))
    return named and not found(rules.other_gene, text)


def _said(observation: Any) -> str:
    """Value, components and notes in words."""
    parts = [observation, *(observation.component or ())]
    said = [part.valueString or words_of(Concept.of(part.valueCodeableConcept)) for part in parts]
    names = [words_of(Concept.of(part.code)) for part in observation.component or ()]
    return " | ".join(part for part in [*said, *names, notes_of(observation)] if part)

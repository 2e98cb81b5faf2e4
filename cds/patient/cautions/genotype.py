"""The CYP2C9 genotype, which siponimod needs (clinical-rules section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cds.fhir.codes import Concept
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.reading import latest, quoted, unique
from cds.patient.records.conditions import notes_of, words_of
from cds.patient.records.mentions import Text
from cds.patient.records.results import Observed, Unread
from cds.patient.rules import Pattern, Rules, found

_DIPLOTYPE = re.compile(r"\*\s?(\d+)[A-Z]?\s?[/|]\s?\*\s?(\d+)[A-Z]?", re.IGNORECASE)
_QUOTED = 120
"""Characters of a report that are shown."""


class GenotypeRules(Rules):
    """Where the genotype is found, and which diplotypes have a name of their own (definition `caution-cyp2c9`).

    `genes` are the names of genes in a panel: what follows one is said of it.
    """

    sets: tuple[str, ...]
    gene: tuple[Pattern, ...]
    genes: Pattern
    named: tuple[str, ...]


class _Said(NamedTuple):
    """What one record says of the gene; `words` is what is shown where it gives no diplotype."""

    ref: str
    date: DateRange | None
    diplotypes: frozenset[str]
    words: str


def genotype_fact(observed: Iterable[Observed], texts: Sequence[Text], rules: GenotypeRules, unread: Unread) -> Fact:
    """`*3/*3`, `*1/*3`, `*2/*3` or `other`. A phenotype in words does not give the genotype; it is shown and leaves it unknown."""
    said = [*_in_results(observed, rules), *_in_reports(texts, rules)]
    typed = [one for one in said if one.diplotypes]
    refs = unique(one.ref for one in typed)
    seen = {diplotype for one in typed for diplotype in one.diplotypes}
    day = latest(one.date for one in typed)
    if len(seen) == 1:
        diplotype = next(iter(seen))
        value = diplotype if diplotype in rules.named else "other"
        return Fact(value=value, reason=f"CYP2C9 genotype {diplotype}.", resources=refs, date=day, how="coded")
    if seen:
        return Fact(value=None, reason=f"CYP2C9 genotypes contradict each other: {', '.join(sorted(seen))}.", resources=refs, date=day)
    if said:
        reason = f"CYP2C9 phenotype only ({said[0].words}); the genotype is not stated."
        return Fact(value=None, reason=reason, resources=unique(one.ref for one in said), how="coded")
    missing = not unread.whole or unread.of(rules.sets)
    return Fact(value=None, reason="CYP2C9 genotype could not be read." if missing else "CYP2C9 genotype not found.", how="notFound")


def _in_results(observed: Iterable[Observed], rules: GenotypeRules) -> Iterator[_Said]:
    for one in observed:
        parts = [(part.name, _value(part.value)) for part in one.parts]
        words = " | ".join(filter(None, (*(value for _, value in parts), notes_of(one.resource))))
        names = " | ".join(filter(None, (name for name, _ in parts)))
        coded = any(hit.value_set in rules.sets and hit.role == "include" for part in one.parts for hit in part.hits)
        if not coded and not found(rules.gene, f"{names} | {words}"):
            continue
        if _only_ours(f"{names} | {words}", rules):
            diplotypes = _diplotypes(words)
        else:
            diplotypes = frozenset(diplotype for name, value in parts for diplotype in _of_part(name, value, rules))
        if diplotypes or coded or found(rules.gene, names):
            yield _Said(one.ref, one.date, diplotypes, words or names)


def _in_reports(texts: Sequence[Text], rules: GenotypeRules) -> Iterator[_Said]:
    for text in texts:
        if text.report and (ours := [words for gene, words in _by_gene(text.words, rules) if found(rules.gene, gene)]):
            diplotypes = frozenset(diplotype for words in ours for diplotype in _diplotypes(words))
            yield _Said(text.ref, text.written, diplotypes, quoted(text.words, _QUOTED))


def _of_part(name: str, value: str, rules: GenotypeRules) -> frozenset[str]:
    """What a result or component says of the gene, where others are named beside it."""
    spoken = list(_by_gene(value, rules))
    if spoken:
        return frozenset(diplotype for gene, words in spoken if found(rules.gene, gene) for diplotype in _diplotypes(words))
    return _diplotypes(value) if found(rules.gene, name) and _only_ours(name, rules) else frozenset()


def _only_ours(text: str, rules: GenotypeRules) -> bool:
    return all(found(rules.gene, gene) for gene, _ in _by_gene(text, rules))


def _by_gene(text: str, rules: GenotypeRules) -> Iterator[tuple[str, str]]:
    """Each gene that a text names, with the words up to the next one."""
    named = list(re.finditer(rules.genes, text, re.IGNORECASE))
    for place, gene in enumerate(named):
        end = named[place + 1].start() if place + 1 < len(named) else len(text)
        yield gene[0], text[gene.end() : end]


def _diplotypes(words: str) -> frozenset[str]:
    return frozenset("/".join(f"*{allele}" for allele in sorted((hit[1], hit[2]), key=int)) for hit in _DIPLOTYPE.finditer(words))


def _value(part: object) -> str:
    """The value in words."""
    said = getattr(part, "valueString", None)
    return str(said) if said else words_of(Concept.of(getattr(part, "valueCodeableConcept", None)))

"""Which MS drug a medication concept names, in which form, and whether its code and its words agree (clinical-rules F11)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.codes import Concept, Hit, Terminology
from cds.patient.context import How
from cds.patient.reading import quoted
from cds.patient.rules import searcher
from cds.patient.treatment.rules import TreatmentRules
from cds.patient.treatment.stop_reasons import QUOTED

Form = Literal["ms", "other", "unclear"]
"""The MS product, a product for another disease, or an ingredient that both share."""


class Named(Struct, frozen=True, kw_only=True):
    """One drug as named by a concept. `conflict` says what contradicts it; empty if nothing does.

    `unsure` quotes words that do not say that the drug itself was given, such as a premedication for it.
    """

    drug: str
    form: Form
    how: How
    conflict: str = ""
    unsure: str = ""


def name_drugs(concept: Concept, terminology: Terminology, rules: TreatmentRules, more: str = "") -> tuple[Named, ...]:
    """The MS drugs that a concept names; none for other medicines. `more` are further words, such as the dosage, that may tell the form.

    More than one only where the concept contradicts itself; then each says so.
    """
    hits = terminology.match(concept, *rules.drug_of_value_set)
    found = _by_drug(list(hits), rules)
    unsure = next((words[:80] for words in concept.words if searcher(rules.drugs.not_given_words)(words)), "")
    if not found:
        return tuple(replace(one, unsure=unsure) for one in _by_unclear_name(concept, rules))
    contradicting = _contradicting(concept, terminology, rules)
    found = _by_drug([*hits, *contradicting], rules)
    if contradicting or len({rules.family(drug) for drug in found}) > 1:
        return tuple(Named(drug=drug, form="unclear", how="coded", conflict=_contradiction(concept)) for drug in found)
    drug, hits_of_drug = _preferred(found)
    how: How = "coded" if any(hit.how == "coded" for hit in hits_of_drug) else "text"
    return (Named(drug=drug, form=_form(drug, hits_of_drug, more, terminology, rules), how=how, unsure=unsure),)


def named_beside(certain: str, notes: str, terminology: Terminology, rules: TreatmentRules) -> tuple[Named, ...]:
    """The MS drugs that words beside a placeholder name: `certain` ones, such as its dosage; notes do not say that it was given."""
    found = name_drugs(Concept.of(certain), terminology, rules, certain)
    if found:
        return found
    if searcher(rules.mentions.not_taken)(notes):
        return ()
    return tuple(
        replace(one, unsure=one.unsure or quoted(notes, QUOTED)) for one in name_drugs(Concept.of(notes), terminology, rules, notes)
    )


def names_ms_drug(concepts: Iterable[Concept], terminology: Terminology, rules: TreatmentRules) -> bool:
    """Whether concepts salvaged from a resource that could not be read name an MS drug."""
    return any(name_drugs(concept, terminology, rules) for concept in concepts)


def _contradicting(concept: Concept, terminology: Terminology, rules: TreatmentRules) -> list[Hit]:
    """The hits of MS drugs that a code or words of the same concept contradict; a drug's own name contradicts nothing."""
    known = rules.drug_of_value_set
    found: list[Hit] = []
    for contradiction in terminology.contradictions(concept):
        ours = [hit for hit in contradiction if hit.value_set in known]
        drugs = {known[hit.value_set][0] for hit in ours}
        if len(drugs) == 2:
            found += ours
        elif len(ours) == 2:
            found += ours if _products_differ(concept, ours, drugs.pop(), terminology, rules) else []
        elif ours and not _own_name(concept, drugs.pop(), terminology, rules):
            found += ours
    return found


def _products_differ(concept: Concept, hits: list[Hit], drug: str, terminology: Terminology, rules: TreatmentRules) -> bool:
    """Whether the code means one product of a drug and all the words together another."""
    told = list(terminology.match_text(" | ".join(concept.words), *_sets(drug, rules)))
    coded = [hit for hit in hits if hit.how == "coded"]
    return len(coded) == 2 or (bool(told) and _says_other(told, rules) != _says_other(coded, rules))


def _sets(drug: str, rules: TreatmentRules) -> tuple[str, ...]:
    """The value sets of a drug, those of its other products included."""
    rule = rules.drugs.drugs[drug]
    return (*rule.value_sets, *((rule.other_form,) if rule.other_form else ()))


def _by_drug(hits: list[Hit], rules: TreatmentRules) -> dict[str, list[Hit]]:
    found: dict[str, list[Hit]] = {}
    for hit in hits:
        if hit.role in ("include", "context", "exclude"):
            found.setdefault(rules.drug_of_value_set[hit.value_set][0], []).append(hit)
    return {drug: found[drug] for drug in rules.drugs.drugs if drug in found}


def _preferred(found: dict[str, list[Hit]]) -> tuple[str, list[Hit]]:
    """Of drugs of one family, the one that is named outright."""
    outright = [drug for drug, hits in found.items() if any(hit.role == "include" for hit in hits)]
    drug = (outright or list(found))[0]
    return drug, found[drug]


def _form(drug: str, hits: list[Hit], more: str, terminology: Terminology, rules: TreatmentRules) -> Form:
    rule = rules.drugs.drugs[drug]
    if _says_other(hits, rules):
        return "other"
    if any(hit.role == "include" for hit in hits):
        return "ms"
    sets = _sets(drug, rules)
    told = terminology.match_text(f"{rule.name} {more}", *sets) if more else ()
    if _says_other(list(told), rules):
        return "other"
    if any(hit.role == "include" for hit in told) or rule.indication == "assumed":
        return "ms"
    return "unclear"


def _says_other(hits: list[Hit], rules: TreatmentRules) -> bool:
    return any(hit.role == "exclude" or rules.drug_of_value_set[hit.value_set][1] for hit in hits)


def _by_unclear_name(concept: Concept, rules: TreatmentRules) -> tuple[Named, ...]:
    if not concept.words:
        return ()
    words = " | ".join(concept.words)
    for drug, pattern in rules.unclear_names:
        if pattern.search(words):
            form: Form = "unclear" if rules.drugs.drugs[drug].indication == "decides" else "ms"
            return (Named(drug=drug, form=form, how="text"),)
    return ()


def _own_name(concept: Concept, drug: str, terminology: Terminology, rules: TreatmentRules) -> bool:
    """Whether the words name the drug, by ingredient, brand or pattern."""
    rule, words = rules.drugs.drugs[drug], " | ".join(concept.words)
    sets = _sets(drug, rules)
    own = [rule.name, drug, *(brand for id in sets for brand in terminology.value_sets[id].brands)]
    folded = words.casefold()
    return any(name.casefold() in folded for name in own) or bool(sets and terminology.match_text(words, *sets))


def _contradiction(concept: Concept) -> str:
    codes = ", ".join(coding.code for coding in concept.codings if coding.code)
    words = "; ".join(concept.words)[:80]
    return f'code {codes} and the words "{words}" mean different drugs' if codes else f'the words "{words}" name more than one drug'

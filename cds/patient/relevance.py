"""Whether a code could mean anything to any reader: the union of all value sets and of all patterns that names are read by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import fields

from cds.fhir.codes import Concept, Terminology
from cds.patient.diagnosis.unconfirmed import may_be_ms
from cds.patient.read import Knowledge
from cds.patient.records.conditions import words_of
from cds.patient.rules import Pattern, Rules, searcher

_IS_PATTERN = get_args(Pattern)[1]


def relevance(knowledge: Knowledge) -> Callable[[Concept], bool]:
    """A test that is false only for a concept in words that no value set knows and no pattern of the rules finds.

    It errs on the side of relevance: patterns meant for reports or notes count, too, and so does whatever cannot be understood.
    """
    terminology: Terminology = knowledge.terminology
    rules = knowledge.rules
    drugs, stops = rules.treatment.drugs, rules.treatment.stop_reasons
    # any amount in mg, words of doubt such as "or", kinds of visits, "taken": they are only asked of what was recognised otherwise
    records, imaging, edss = rules.activity.records, rules.activity.imaging, rules.activity.edss
    # activity and disability each hold these
    of_records = (records.relapse_doubt, records.not_assessed, records.syndrome_name_not, imaging.count_name_not, edss.name_not)
    qualifying = Counter(
        (
            *(rules.activity.steroids.dose, rules.activity.steroids.every_hours),
            *rules.diagnosis.signs.mimics.suspected_text,
            *rules.diagnosis.signs.mimics.refuted_text,
            *rules.diagnosis.signs.mimics.antibody_titre_text,
            *(*rules.diagnosis.ms.part_text, rules.diagnosis.ms.other_ms),
            *(2 * of_records),
            *(*rules.cell_therapy.cells.plan_text, *rules.cell_therapy.cells.not_done_text, *rules.cell_therapy.cells.clinic_text),
            *rules.cell_therapy.cells.after_text,
            *(*drugs.drug_codes.values(), drugs.procedure_words, drugs.procedure_not, drugs.past_words, drugs.blinded_words),
            *(stops.denied, stops.feared, stops.denied_after, stops.later_before, stops.later_after, stops.joined),
            *rules.person.pregnancy.unclear_text,
            *rules.cautions.recorded.denied_words,
            *(*rules.cautions.allergies.denied, *rules.cautions.allergies.doubt_words),
            *(*rules.person.family.contraception.other_names, *rules.person.family.breastfeeding.other_names),
            *patterns_in(rules.treatment.mentions),
        )
    )
    patterns = Counter(patterns_in(rules)) - qualifying
    searches = [searcher(pattern) for pattern in patterns]

    def relevant(concept: Concept) -> bool:
        if not concept.words or any(terminology.systems.says_absent(coding.system) for coding in concept.codings):
            return True
        if terminology.match(concept) or may_be_ms(concept, terminology, rules.diagnosis.ms):
            return True
        return any(search(text) for text in dict.fromkeys((words_of(concept), *concept.words)) for search in searches)

    return relevant


def patterns_in(rules: Any) -> Iterator[str]:
    """Every regular expression of the rules, those that only reports and notes are read by left out."""
    if isinstance(rules, Rules) and rules.of_texts:
        return
    if isinstance(rules, Rules):
        for name, field in type(rules).model_fields.items():
            value = getattr(rules, name)
            is_pattern = _IS_PATTERN in field.metadata or _holds_pattern(field.annotation)
            yield from _strings(value) if is_pattern else patterns_in(value)
    elif isinstance(rules, Struct):
        for part in fields(rules):
            yield from patterns_in(getattr(rules, part.name))
    elif isinstance(rules, Mapping):
        for value in rules.values():
            yield from patterns_in(value)
    elif isinstance(rules, list | tuple):
        for value in rules:
            yield from patterns_in(value)


def _holds_pattern(annotation: Any) -> bool:
    return annotation is _IS_PATTERN or any(_holds_pattern(part) for part in get_args(annotation))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for part in value.values() for text in _strings(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _strings(part))

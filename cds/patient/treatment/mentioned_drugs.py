"""MS drugs that the chart names only outside its medication data: in diagnoses, allergies and notes (clinical-rules F14).

Such words are no history of treatment; they only keep "no drug was ever taken" from being said where the medication data hold none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.patient.reading import quoted
from cds.patient.records.conditions import codes_in, date_range, read_conditions, words_of
from cds.patient.records.mentions import Text, sentences
from cds.patient.rules import found, searcher
from cds.patient.treatment.drug_names import Named, name_drugs
from cds.patient.treatment.exposure import Record
from cds.patient.treatment.rules import TreatmentRules
from cds.patient.treatment.stop_reasons import QUOTED


class _Said(NamedTuple):
    """Words that may name a drug, where and when they were written, and whether they speak of the past."""

    words: str
    ref: str
    day: DateRange | None
    ended: bool


def mentioned_drugs(
    chart: Chart, texts: Iterable[Text], terminology: Terminology, rules: TreatmentRules, as_of: date
) -> tuple[Record, ...]:
    """One record in doubt for every MS drug that a diagnosis, an allergy or a text says is or was taken."""
    said = (*_diagnoses(chart, terminology, rules), *_allergies(chart), *_sentences(texts, rules))
    records = {record for one in said for record in _records(one, terminology, rules, as_of)}
    return tuple(sorted(records, key=lambda record: (record.drug, record.ref, record.says, record.doubt)))


def _diagnoses(chart: Chart, terminology: Terminology, rules: TreatmentRules) -> Iterator[_Said]:
    words, names = rules.mentions, tuple(pattern for rule in rules.drugs.drugs.values() for pattern in rule.unclear_names)
    for condition in read_conditions(chart, terminology, *rules.drug_of_value_set, worded=names):
        if condition.asserted and not searcher(words.not_taken)(condition.text):
            ended = condition.state == "resolved" or searcher(words.ended)(condition.text) is not None
            yield _Said(condition.text, condition.ref, condition.date, ended)


def _allergies(chart: Chart) -> Iterator[_Said]:
    for entry in chart.entries("AllergyIntolerance"):
        allergy = entry.resource
        if not codes_in(allergy.verificationStatus) & {"refuted", "entered-in-error"}:
            day = date_range(allergy.onsetDateTime) or date_range(allergy.recordedDate)
            yield _Said(words_of(entry.concept), entry.ref, day, True)


def _sentences(texts: Iterable[Text], rules: TreatmentRules) -> Iterator[_Said]:
    words = rules.mentions
    for text in texts:
        for sentence in sentences(text.words):
            ended = searcher(words.ended)(sentence) is not None
            if (ended or searcher(words.taken)(sentence)) and not searcher(words.not_taken)(sentence):
                yield _Said(sentence, text.ref, text.written, ended)


def _perhaps_for_ms(named: Named, words: str, rules: TreatmentRules) -> bool:
    """Whether the words may speak of MS treatment: by the drug, or as they speak of MS or, of an MS drug, of no other disease."""
    rule = rules.drugs.drugs[named.drug]
    if rule.indication == "assumed" or found((*rules.indications.ms_text, rules.drugs.unnamed_words), words):
        return True
    others = tuple(other.text for other in rules.indications.others.values())
    return not rule.adjunct and rule.indication == "decides" and named.form != "other" and not found(others, words)


def _records(said: _Said, terminology: Terminology, rules: TreatmentRules, as_of: date) -> Iterator[Record]:
    """A record for every drug that the words name and that may have been taken for MS."""
    day = DateRange(said.day.first, min(said.day.last, as_of)) if said.day is not None and said.day.first <= as_of else None
    names = name_drugs(Concept.of(said.words), terminology, rules)
    for drug in dict.fromkeys(one.drug for one in names if _perhaps_for_ms(one, said.words, rules)):
        yield Record(
            drug=drug,
            ref=said.ref,
            says="ended" if said.ended else "taken",
            supply_until=day if said.ended else None,
            last=None if said.ended else day,
            earlier=True,
            not_on=day if said.ended else None,
            how="text",
            doubt=f'named only in {said.ref}: "{quoted(said.words, QUOTED)}"',
        )

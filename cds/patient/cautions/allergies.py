"""Hypersensitivity to MS drugs, from allergy records, diagnoses and reasons for stopping (section 4; `conventions.allergy`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange
from cds.fhir.medications import CARRIERS
from cds.fhir.resources import element
from cds.patient.context import Caution, Fact, How
from cds.patient.reading import latest, unique
from cds.patient.records.conditions import Diagnosed, absent, codes_in, date_range, doubted, notes_of, read_conditions, why_open, words_of
from cds.patient.records.unread import nameless
from cds.patient.rules import Pattern, Rules, found, without
from cds.three_valued import Truth, any_of

_ROLES = ("include", "context", "exclude")
"""A product of the substance for another disease is excluded as an MS drug, not as an allergen."""


class Substance(Rules):
    """One drug or excipient: its value sets and the words for what has none; `doubt` are words that may mean it."""

    name: str
    sets: tuple[str, ...] = ()
    text: tuple[Pattern, ...] = ()
    doubt: tuple[Pattern, ...] = ()


class AllergyRules(Rules):
    """Substances by the last part of their fact `caution.hypersensitivity.*` (definition `caution-allergies`).

    `anaphylaxis` lists those that also have a fact `caution.anaphylaxis.*`, with the codes and words of an anaphylactic reaction; what
    matches `denied` is taken out of words first. A reaction is `grave` by its severity or its criticality. `told` are words and
    `told_codes` codes that make a diagnosis or a reason for stopping an allergy; words of `doubt_told` leave it open.
    """

    substances: dict[str, Substance]
    anaphylaxis: tuple[str, ...]
    anaphylaxis_codes: tuple[str, ...]
    anaphylaxis_text: tuple[Pattern, ...]
    denied: tuple[Pattern, ...]
    grave: tuple[str, ...]
    told: tuple[Pattern, ...]
    told_codes: tuple[str, ...]
    doubt_told: tuple[Pattern, ...]
    doubt_words: tuple[Pattern, ...]

    @property
    def value_sets(self) -> tuple[str, ...]:
        """All value sets of substances."""
        return tuple(dict.fromkeys(name for substance in self.substances.values() for name in substance.sets))


class _Allergy(Struct, frozen=True):
    ref: str
    hits: tuple[Hit, ...]
    words: str
    date: DateRange | None
    certain: Truth
    anaphylaxis: Truth
    kind: str = "Hypersensitivity"
    grave: bool = False


def allergy_facts(chart: Chart, terminology: Terminology, rules: AllergyRules) -> tuple[dict[str, Fact], tuple[Caution, ...]]:
    """A flag for every substance: recorded, not recorded, or unknown where the allergy list was not read or calls it an intolerance."""
    listed = tuple(_allergies(chart, terminology, rules))
    allergies = (*listed, *_on_the_problem_list(chart, terminology, rules), *_stopped_for_it(chart, terminology, rules))
    open_because = _unread(chart, terminology, rules)
    facts: dict[str, Fact] = {}
    for key, substance in rules.substances.items():
        own = [allergy for allergy in allergies if _about(substance, allergy)]
        maybe = [allergy for allergy in allergies if not own and found(substance.doubt, allergy.words)]
        facts[f"caution.hypersensitivity.{key}"] = _hypersensitivity(substance, own, maybe, open_because)
        if key in rules.anaphylaxis:
            facts[f"caution.anaphylaxis.{key}"] = _anaphylaxis(substance, own, open_because)
    cautions = tuple(
        Caution(
            id=name,
            status="recorded" if fact.value else "unknown",
            text=fact.reason,
            resources=fact.resources,
            date=fact.date,
            how=fact.how,
        )
        for name, fact in facts.items()
        if fact.resources
    )
    return facts, cautions


def _allergies(chart: Chart, terminology: Terminology, rules: AllergyRules) -> Iterator[_Allergy]:
    """Active or unstated allergies that are neither refuted nor errors."""
    for entry in chart.entries("AllergyIntolerance"):
        record = entry.resource
        if codes_in(record.verificationStatus) & {"refuted", "entered-in-error"} or codes_in(record.clinicalStatus) & {
            "inactive",
            "resolved",
        }:
            continue
        concepts = [entry.concept, *(Concept.of(r.substance) for r in record.reaction or () if r.substance is not None)]
        hits = tuple(hit for concept in concepts for hit in terminology.match(concept, *rules.value_sets) if hit.role in _ROLES)
        anaphylaxis = _is_anaphylaxis(record, rules)
        intolerance = record.type == "intolerance" and anaphylaxis is not True
        severities = {record.criticality, *(reaction.severity for reaction in record.reaction or ())}
        grave = anaphylaxis is False and not severities.isdisjoint(rules.grave)
        yield _Allergy(
            entry.ref,
            hits,
            " | ".join(words_of(concept) for concept in concepts),
            date_range(record.onsetDateTime) or date_range(record.recordedDate),
            None if intolerance else True,
            None if grave else anaphylaxis,
            "An intolerance (not an allergy)" if intolerance else "Hypersensitivity",
            grave,
        )


def _on_the_problem_list(chart: Chart, terminology: Terminology, rules: AllergyRules) -> Iterator[_Allergy]:
    """Diagnoses such as "Allergy to glatiramer"."""
    for record in read_conditions(chart, terminology, *rules.value_sets, worded=(*rules.told, *rules.doubt_told)):
        record = doubted(record, rules.doubt_words)
        said = without(rules.denied, record.text)
        sure = _told(said, rules)
        if record.verification == "refuted" or sure is False:
            continue
        certain = True if sure and record.asserted and record.state == "active" else None
        yield _elsewhere(record.ref, terminology.match_text(said, *rules.value_sets), said, _day(record), certain, rules)


def _stopped_for_it(chart: Chart, terminology: Terminology, rules: AllergyRules) -> Iterator[_Allergy]:
    """Drugs that were stopped, or not given, for an allergy."""
    for type_ in CARRIERS:
        for entry in chart.entries(type_):
            stated = element(entry.resource, "statusReason")
            if stated is None or entry.resource.status == "entered-in-error":
                continue
            reasons = [Concept.of(reason) for reason in (stated if isinstance(stated, list) else [stated])]
            said = without(rules.denied, " | ".join(words_of(reason) for reason in reasons))
            sure = True if any(coding.code in rules.told_codes for one in reasons for coding in one.codings) else _told(said, rules)
            if sure is not False:
                concept = chart.medication(entry)
                hits = terminology.match(concept, *rules.value_sets)
                yield _elsewhere(entry.ref, hits, f"{words_of(concept)} | {said}", None, sure, rules)


def _elsewhere(ref: str, hits: tuple[Hit, ...], said: str, day: DateRange | None, certain: Truth, rules: AllergyRules) -> _Allergy:
    anaphylaxis = True if certain and found(rules.anaphylaxis_text, said) else None
    kind = "Hypersensitivity" if certain else "A reaction that may be an allergy"
    return _Allergy(ref, tuple(hit for hit in hits if hit.role in _ROLES), said, day, certain, anaphylaxis, kind)


def _told(said: str, rules: AllergyRules) -> Truth:
    """Whether words speak of an allergy; unknown where they speak of a reaction only."""
    return True if found(rules.told, said) else None if found(rules.doubt_told, said) else False


def _day(record: Diagnosed) -> DateRange | None:
    return record.onset or record.recorded


def _is_anaphylaxis(record: Any, rules: AllergyRules) -> Truth:
    """Whether a reaction to it was anaphylaxis; unknown where no reaction is described."""
    reactions = record.reaction or ()
    manifestations = [Concept.of(concept) for reaction in reactions for concept in reaction.manifestation or ()]
    described = [words_of(concept) for concept in manifestations] + [reaction.description or "" for reaction in reactions]
    if any(coding.code in rules.anaphylaxis_codes for concept in manifestations for coding in concept.codings):
        return True
    if found(rules.anaphylaxis_text, without(rules.denied, " | ".join([*described, notes_of(record)]))):
        return True
    return False if any(described) else None


def _about(substance: Substance, allergy: _Allergy) -> bool:
    return any(hit.value_set in substance.sets for hit in allergy.hits) or found(substance.text, allergy.words)


def _unread(chart: Chart, terminology: Terminology, rules: AllergyRules) -> str:
    """Why silence in the allergy list proves nothing; empty if it does. Substances known by words alone make every unread one count."""
    worded = any(not substance.sets for substance in rules.substances.values())
    refused = any(item.type == "AllergyIntolerance" for item in chart.not_read)
    if (worded and refused) or absent(chart, terminology, *rules.value_sets, among="AllergyIntolerance") is None:
        return why_open(chart, "AllergyIntolerance")
    return nameless(chart, terminology, "AllergyIntolerance")


def _hypersensitivity(substance: Substance, own: list[_Allergy], maybe: list[_Allergy], open_because: str) -> Fact:
    truth = any_of(allergy.certain for allergy in own)
    if own:
        kind = next(allergy.kind for allergy in own if allergy.certain is truth)
        return _fact(truth, f"{kind} to {substance.name} is recorded", own)
    if maybe:
        return _fact(None, f'An allergy to "{maybe[0].words[:60]}" is recorded, which may mean {substance.name}', maybe)
    if open_because:
        return Fact(value=None, reason=f"{open_because} Not known: hypersensitivity to {substance.name}.", how="notFound")
    return Fact(value=False, reason=f"No hypersensitivity to {substance.name} is recorded.", how="notFound")


def _anaphylaxis(substance: Substance, own: list[_Allergy], open_because: str) -> Fact:
    if own:
        truth = any_of(allergy.anaphylaxis for allergy in own)
        grave = any(allergy.grave for allergy in own)
        unclear = "A severe allergic reaction, not called anaphylaxis, to" if grave else "An allergy, its reaction not described, to"
        words = {True: "Anaphylaxis to", False: "An allergy without anaphylaxis to", None: unclear}
        return _fact(truth, f"{words[truth]} {substance.name} is recorded", own)
    if open_because:
        return Fact(value=None, reason=f"{open_because} Not known: anaphylaxis to {substance.name}.", how="notFound")
    return Fact(value=False, reason=f"No anaphylaxis to {substance.name} is recorded.", how="notFound")


def _fact(truth: Truth, text: str, own: list[_Allergy]) -> Fact:
    day = latest(allergy.date for allergy in own)
    how: How = "coded" if any(hit.how == "coded" for allergy in own for hit in allergy.hits) else "text"
    return Fact(value=truth, reason=f"{text} ({day or 'undated'}).", resources=unique(a.ref for a in own), date=day, how=how)

"""Could it be something else? Diseases that imitate MS (clinical-rules F2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Conflict, Fact, How
from cds.patient.reading import earliest, later, sentence, unique
from cds.patient.records.comedication import MedicineRules, medicines
from cds.patient.records.conditions import (
    Diagnosed,
    absent,
    dated,
    doubted,
    how_known,
    notes_of,
    read_conditions,
    refs,
    standing,
    why_open,
    words_of,
)
from cds.patient.records.results import ResultRules, observed_on, result_word
from cds.patient.rules import Pattern, Rules, found
from cds.three_valued import Truth, any_of, negate

_ROLES = ("include", "context", "exclude")


class Withholding(Rules):
    """One disease that withholds therapy: its value sets, and from when on."""

    sets: tuple[str, ...]
    only_from_first_ms_date: bool = False


class MimicRules(Rules):
    """Which diseases withhold, and what is only a sign of one (definition `diagnosis-mimics`)."""

    withhold: dict[str, Withholding]
    drugs: tuple[str, ...]
    suspected_text: tuple[Pattern, ...]
    antibody_test_text: tuple[Pattern, ...]
    antibody_positive_text: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mimic:
    """The fact `mimic` and the conflicts that go with it."""

    fact: Fact
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class _Sign:
    text: str
    resources: tuple[str, ...]
    date: DateRange | None
    certain: bool
    how: How = "coded"


class SignRules(NamedTuple):
    """The rules of mimics with those of test results and medicines, which are signs of one."""

    mimics: MimicRules
    results: ResultRules
    medicines: MedicineRules


def read_mimics(
    chart: Chart, terminology: Terminology, signs_from: SignRules, as_of: date, ms_possible: bool, since: DateRange | None
) -> Mimic:
    """The mimic, if any. `since` is the first MS date, which decides what an ADEM means."""
    rules = signs_from.mimics
    sets = tuple(name for disease in rules.withhold.values() for name in disease.sets)
    records = tuple(doubted(record, rules.suspected_text) for record in read_conditions(chart, terminology, *sets))
    signs = [sign for name, disease in rules.withhold.items() if (sign := _disease(name, disease, records, ms_possible, since))]
    signs += [*_antibodies(chart, signs_from), *_drugs(chart, terminology, signs_from, as_of)]
    conflicts = tuple(_conflict(sign) for sign in signs) if ms_possible else ()
    certain = [sign for sign in signs if sign.certain]
    if certain:
        return Mimic(fact=_fact("withhold", certain), conflicts=conflicts)
    if absent(chart, terminology, *sets) is None:
        said = " ".join([why_open(chart), "A disease that imitates MS may be recorded.", *(sign.text for sign in signs)])
        return Mimic(fact=Fact(value=None, reason=said, resources=unique(r for s in signs for r in s.resources)), conflicts=conflicts)
    if signs:
        return Mimic(fact=_fact("possible", signs), conflicts=conflicts)
    return Mimic(fact=Fact(value="none", reason="No disease that imitates MS is recorded.", how="notFound"), conflicts=())


def _fact(value: str, signs: Sequence[_Sign]) -> Fact:
    return Fact(
        value=value,
        reason=" ".join(sign.text for sign in signs),
        resources=unique(ref for sign in signs for ref in sign.resources),
        date=signs[0].date,
        how=signs[0].how,
    )


def _conflict(sign: _Sign) -> Conflict:
    return Conflict(id=f"mimic-{sign.resources[0]}", text=f"Beside MS: {sign.text}", resources=sign.resources)


def _disease(name: str, rule: Withholding, records: tuple[Diagnosed, ...], ms_possible: bool, since: DateRange | None) -> _Sign | None:
    matching = [record for record in records if _matches(record, rule)]
    unresolved = [record for record in matching if not (record.asserted and record.over)]
    match standing(unresolved)[0]:
        case "present":
            asserted = [record for record in unresolved if record.asserted]
        case "suspected":
            return _Sign(
                sentence(f"{name} is recorded but not confirmed ({dated(unresolved[0])})."),
                refs(unresolved),
                unresolved[0].date,
                False,
                how_known(unresolved),
            )
        case _:
            return None
    first = earliest(record.date for record in asserted)
    counts: Truth = True
    if rule.only_from_first_ms_date and ms_possible:
        counts = _any_from([record.date for record in asserted], since)
    if counts is False:
        return None
    text = f"{name} is recorded ({asserted[0].words()})."
    if counts is None:
        text = f"{name} is recorded ({asserted[0].words()}); whether before or after the first MS date is not known."
    return _Sign(sentence(text), refs(asserted), first, counts is True, how_known(asserted))


def _any_from(dates: list[DateRange | None], since: DateRange | None) -> Truth:
    """Whether one of the dates lies on or after the first MS date; unknown where dates are missing or overlap."""
    return any_of(None if day is None or since is None else negate(later(since, day)) for day in dates)


def _matches(record: Diagnosed, rule: Withholding) -> bool:
    return bool(record.of(*rule.sets, roles=_ROLES))


def _antibodies(chart: Chart, rules: SignRules) -> Iterator[_Sign]:
    """AQP4 or MOG antibodies reported positive: as a test result, or in a note or report."""
    for entry in chart.entries("Observation"):
        resource = entry.resource
        if resource.status in rules.results.statuses:
            named = found(rules.mimics.antibody_test_text, words_of(Concept.of(resource.code)))
            said = found(rules.mimics.antibody_positive_text, f"{resource.valueString or ''} {notes_of(resource)}")
            if said or (named and result_word(resource, rules.results) == "positive"):
                day = observed_on(resource)
                yield _Sign(f"A positive AQP4 or MOG antibody is reported ({day or 'undated'}).", (entry.ref,), day, False, "text")
    for type_ in ("Condition", "DiagnosticReport"):
        for entry in chart.entries(type_):
            resource = entry.resource
            text = resource.conclusion or "" if type_ == "DiagnosticReport" else notes_of(resource)
            if text and found(rules.mimics.antibody_positive_text, text) and getattr(resource, "status", None) != "entered-in-error":
                yield _Sign("A note or report tells of a positive AQP4 or MOG antibody.", (entry.ref,), None, False, "text")


def _drugs(chart: Chart, terminology: Terminology, rules: SignRules, as_of: date) -> Iterator[_Sign]:
    for drug in medicines(chart, terminology, rules.medicines, as_of, *rules.mimics.drugs):
        if not drug.other_reason:
            text = f"{drug.name} is recorded ({drug.date or 'undated'}), a drug of NMOSD and similar diseases."
            yield _Sign(sentence(text), (drug.ref,), drug.date, False)

"""Could it be something else? Diseases that imitate MS (clinical-rules F2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.fhir.medications import CARRIERS
from cds.fhir.resources import element
from cds.patient.context import Conflict, Fact, How
from cds.patient.reading import earliest, later, sentence, unique
from cds.patient.records.comedication import Medicine, MedicineRules, medicines
from cds.patient.records.conditions import (
    Diagnosed,
    absent,
    codes_in,
    dated,
    how_known,
    notes_of,
    read_conditions,
    refs,
    standing,
    why_open,
    words_of,
)
from cds.patient.records.results import ResultRules, observed_on, parts_of, result_word
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
    worded_beside: tuple[str, ...]
    drugs: tuple[str, ...]
    suspected_text: tuple[Pattern, ...]
    refuted_text: tuple[Pattern, ...]
    antibody_test_text: tuple[Pattern, ...]
    antibody_positive_text: tuple[Pattern, ...]
    antibody_titre_text: tuple[Pattern, ...]
    antibody_value_text: tuple[Pattern, ...]
    antibody_flags: tuple[str, ...]


class Mimic(Struct, frozen=True, kw_only=True):
    """The fact `mimic` and the conflicts that go with it."""

    fact: Fact
    conflicts: tuple[Conflict, ...]


class _Sign(Struct, frozen=True):
    """What speaks for another disease. `certain`: it withholds; `how` is `notFound` where it could not be read."""

    id: str
    text: str
    resources: tuple[str, ...]
    date: DateRange | None
    certain: bool = False
    how: How = "coded"


class SignRules(NamedTuple):
    """The rules of mimics with those of test results and medicines, which are signs of one."""

    mimics: MimicRules
    results: ResultRules
    medicines: MedicineRules


def read_mimics(chart: Chart, terminology: Terminology, signs_from: SignRules, as_of: date, beside: str, since: DateRange | None) -> Mimic:
    """The mimic, if any. `beside` is the diagnosis that it would contradict, MS or CIS; `since`, its first date, decides about ADEM."""
    rules = signs_from.mimics
    sets = tuple(name for disease in rules.withhold.values() for name in disease.sets)
    read = (_named(record, terminology, sets) for record in read_conditions(chart, terminology, *sets, *rules.worded_beside))
    records = tuple(stated for record in read if record.hits for stated in _statements(record, rules))
    signs = [sign for name, disease in rules.withhold.items() if (sign := _disease(name, disease, records, bool(beside), since))]
    signs += [*_antibodies(chart, signs_from), *_drugs(chart, terminology, signs_from, as_of), *_unread(chart, terminology, rules)]
    conflicts = tuple(_conflict(sign, beside) for sign in signs if beside and sign.how != "notFound")
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


def _conflict(sign: _Sign, beside: str) -> Conflict:
    return Conflict(id=sign.id, text=f"Beside {beside}: {sign.text}", resources=sign.resources)


def _named(record: Diagnosed, terminology: Terminology, sets: tuple[str, ...]) -> Diagnosed:
    """The record with its hits in these sets. Where its code is of another disease, such as demyelination unspecified, its words count."""
    hits = tuple(hit for hit in record.hits if hit.value_set in sets)
    return replace(record, hits=hits or terminology.match(Concept(text=record.text), *sets))


def _statements(record: Diagnosed, rules: MimicRules) -> tuple[Diagnosed, ...]:
    """What the record states: a suspicion where nothing but its words names the disease, or nothing confirms it, and they doubt.

    Where they rule out what its code says, it states both.
    """
    coded = any(hit.how == "coded" for hit in record.hits)
    if record.asserted and found(rules.suspected_text, record.text) and (not coded or record.verification == "notStated"):
        return (replace(record, verification="suspected"),)
    denied = record.asserted and coded and found(rules.refuted_text, record.text)
    return (record, replace(record, verification="refuted")) if denied else (record,)


def _disease(name: str, rule: Withholding, records: tuple[Diagnosed, ...], beside: bool, since: DateRange | None) -> _Sign | None:
    matching = [record for record in records if _matches(record, rule)]
    unresolved = [record for record in matching if not (record.asserted and record.over)]
    asserted = [record for record in unresolved if record.asserted]
    id = f"mimic-{name.replace(' ', '-')}"
    stands = standing(unresolved)[0]
    if stands == "suspected":
        said = "is recorded both as confirmed and as refuted" if asserted else "is recorded but not confirmed"
        days = ", ".join(dict.fromkeys(dated(record) for record in unresolved))
        text = sentence(f"{name} {said} ({days}).")
        return _Sign(id, text, refs(unresolved), unresolved[0].date, how=how_known(unresolved))
    if stands != "present":
        return None
    first = earliest(record.date for record in asserted)
    counts: Truth = True
    if rule.only_from_first_ms_date and beside:
        counts = _any_from([record.date for record in asserted], since)
    if counts is False:
        return None
    text = f"{name} is recorded ({asserted[0].words()})."
    if counts is None:
        text = f"{name} is recorded ({asserted[0].words()}); whether before or after the first MS date is not known."
    return _Sign(id, sentence(text), refs(asserted), first, counts is True, how_known(asserted))


def _any_from(dates: list[DateRange | None], since: DateRange | None) -> Truth:
    """Whether one of the dates lies on or after the first MS date; unknown where dates are missing or overlap."""
    return any_of(None if day is None or since is None else negate(later(since, day)) for day in dates)


def _matches(record: Diagnosed, rule: Withholding) -> bool:
    return bool(record.of(*rule.sets, roles=_ROLES))


def _antibodies(chart: Chart, rules: SignRules) -> Iterator[_Sign]:
    """AQP4 or MOG antibodies reported positive: as a test result, or in a note or report."""
    positive: dict[str, DateRange | None] = {}
    for entry in chart.entries("Observation"):
        resource = entry.resource
        if resource.status not in rules.results.statuses:
            continue
        tested = (_positive(part, {words_of(entry.concept), words_of(concept)}, rules) for part, concept in parts_of(entry))
        if _said_positive(entry, rules.mimics) or any(tested):
            positive[entry.ref] = observed_on(resource)
    if positive:
        days = ", ".join(str(day or "undated") for day in dict.fromkeys(positive.values()))
        text = f"A positive AQP4 or MOG antibody is reported ({days})."
        yield _Sign("mimic-antibody", text, tuple(positive), earliest(positive.values()), how="text")
    noted = []
    for type_ in ("Condition", "DiagnosticReport"):
        for entry in chart.entries(type_):
            resource = entry.resource
            text = resource.conclusion or "" if type_ == "DiagnosticReport" else f"{words_of(entry.concept)}. {notes_of(resource)}"
            if found(rules.mimics.antibody_positive_text, text) and not _taken_back(resource):
                noted.append(entry.ref)
    if noted:
        yield _Sign("mimic-antibody-noted", "A note or report tells of a positive AQP4 or MOG antibody.", unique(noted), None, how="text")


def _said_positive(entry: Entry, rules: MimicRules) -> bool:
    """Whether words of an Observation tell of a positive antibody: its value and notes, or its value behind its name."""
    resource, name = entry.resource, words_of(entry.concept)
    if found(rules.antibody_positive_text, f"{resource.valueString or ''} {notes_of(resource)}"):
        return True
    behind = f"{name}: {resource.valueString}" if resource.valueString and not found(rules.antibody_positive_text, name) else ""
    return found(rules.antibody_positive_text, behind)


def _taken_back(resource: Any) -> bool:
    status = (element(resource, "status"), *codes_in(element(resource, "verificationStatus")))
    return "entered-in-error" in status or "refuted" in status


def _positive(part: Any, names: Collection[str], rules: SignRules) -> bool:
    """Whether an Observation or component of these names is a positive AQP4 or MOG test: by its word, a titre, or the laboratory's flag."""
    if not any(found(rules.mimics.antibody_test_text, name) for name in names):
        return False
    word = result_word(part, rules.results)
    if word is not None:
        return word == "positive"
    flags = {code.upper() for concept in part.interpretation or () for code in codes_in(concept)}
    written = part.valueString or words_of(Concept.of(part.valueCodeableConcept))
    return bool(flags & set(rules.mimics.antibody_flags)) or found(
        (*rules.mimics.antibody_titre_text, *rules.mimics.antibody_value_text), written
    )


def _drugs(chart: Chart, terminology: Terminology, rules: SignRules, as_of: date) -> Iterator[_Sign]:
    """Drugs of NMOSD and similar diseases that were taken, each once, unless all its records state another reason."""
    taken: dict[str, list[Medicine]] = {}
    for drug in medicines(chart, terminology, rules.medicines, as_of, *rules.mimics.drugs):
        if not drug.other_reason:
            taken.setdefault(drug.name.lower(), []).append(drug)
    for records in taken.values():
        first = earliest(drug.date for drug in records)
        text = f"{records[0].name} is recorded ({f'since {first}' if first else 'undated'}), a drug of NMOSD and similar diseases."
        yield _Sign(f"mimic-{records[0].name.lower()}", sentence(text), unique(drug.ref for drug in records), first)


def _unread(chart: Chart, terminology: Terminology, rules: MimicRules) -> Iterator[_Sign]:
    """Antibody tests and drugs of such diseases that were sent and could not be read."""
    for item in chart.not_read:
        tests = item.type == "Observation" and any(found(rules.antibody_test_text, words_of(concept)) for concept in item.concepts)
        drugs = item.type in CARRIERS and any(terminology.match(concept, *rules.drugs) for concept in item.concepts)
        if item.resource is not None and (tests or drugs):
            what = "An AQP4 or MOG antibody test" if tests else "A drug of NMOSD and similar diseases"
            yield _Sign("mimic-unread", f"{what} could not be read.", (item.resource,), None, how="notFound")

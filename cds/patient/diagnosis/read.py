"""Whether the patient has MS, which course, since when, and whether it could be something else (clinical-rules F1–F3, F16)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, NamedTuple

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Conflict, Fact, How
from cds.patient.diagnosis.duration import disease_duration, first_symptom, since_diagnosis
from cds.patient.diagnosis.mimics import Mimic, MimicRules, SignRules, read_mimics
from cds.patient.diagnosis.subtype import Course, SubtypeRules, coded_courses, read_course
from cds.patient.reading import Reading, earliest, unique
from cds.patient.records.comedication import MedicineRules
from cds.patient.records.conditions import Diagnosed, absent, dated, how_known, read_conditions, refs, standing, unread_concepts, why_open
from cds.patient.records.results import ResultRules
from cds.patient.rules import Definitions, Pattern, Rules, found, parse_rules
from cds.three_valued import Truth

MsWord = Literal["present", "suspected", "absent", "excluded"]


class MsRules(Rules):
    """What makes MS present or suspected, and how a first symptom is written (definition `diagnosis-ms`)."""

    ms: tuple[str, ...]
    cis: tuple[str, ...]
    ris: tuple[str, ...]
    suspected_text: tuple[Pattern, ...]
    refuted_text: tuple[Pattern, ...]
    family_text: tuple[Pattern, ...]
    symptom_onset_text: tuple[Pattern, ...]


class DiagnosisRules(NamedTuple):
    """All rules of the diagnosis."""

    ms: MsRules
    subtype: SubtypeRules
    signs: SignRules

    @classmethod
    def of(cls, definitions: Definitions) -> DiagnosisRules:
        """Parse them. Raises `RulesError` naming the definition and the field that does not fit."""
        return cls(
            parse_rules(MsRules, definitions, "diagnosis-ms"),
            parse_rules(SubtypeRules, definitions, "diagnosis-subtype"),
            SignRules(
                parse_rules(MimicRules, definitions, "diagnosis-mimics"),
                parse_rules(ResultRules, definitions, "caution-results"),
                parse_rules(MedicineRules, definitions, "caution-medicines"),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The diagnosis as read. `since` is the first date of MS; `ms` is `None` where it cannot be said."""

    ms: MsWord | None
    reason: str
    resources: tuple[str, ...]
    how: How
    since: DateRange | None
    resolved_while_treated: Truth
    cis: Truth
    cis_resources: tuple[str, ...]
    course: Course
    mimic: Mimic
    duration: Fact
    since_diagnosis: Fact
    conflicts: tuple[Conflict, ...]


def read_diagnosis(chart: Chart, terminology: Terminology, rules: DiagnosisRules, as_of: date, dmt_running: Truth) -> Diagnosis:
    """Read F1 to F3 and F16. `dmt_running` says whether an MS drug runs now; it decides what a resolved MS entry means.

    An MS entry that could not be read, or a problem list that was not, makes MS unknown, never absent.
    """
    spectrum = (*rules.ms.ms, *rules.ms.cis, *rules.ms.ris)
    value_sets = (*spectrum, *rules.subtype.value_sets)
    records = [
        _in_doubt(record, rules.ms)
        for record in read_conditions(chart, terminology, *value_sets, worded=rules.ms.suspected_text)
        if not found(rules.ms.family_text, record.text)
    ]
    ms_records = [record for record in records if record.of(*rules.ms.ms) or not _named(record)]
    early = {"cis": _including(records, rules.ms.cis), "ris": _including(records, rules.ms.ris)}
    silence = absent(chart, terminology, *spectrum)
    ms = _ms(ms_records, silence, why_open(chart), dmt_running)
    possible = ms.word in ("present", "suspected")
    asserted = [record for record in ms_records if record.asserted and ms.word != "excluded"]
    since = earliest(record.date for record in asserted) if possible else None
    unread = coded_courses(rules.subtype, [hit for concept in unread_concepts(chart) for hit in terminology.match(concept, *value_sets)])
    standing_records = [] if ms.word == "excluded" else ms_records
    course = read_course(terminology, rules.subtype, standing_records, early, ms.word is None or bool(asserted), silence, unread)
    mimic = read_mimics(chart, terminology, rules.signs, as_of, possible, since)
    attacks = [record for record in early["cis"] if record.asserted]
    return Diagnosis(
        ms=ms.word,
        reason=ms.reason,
        resources=ms.resources,
        how=how_known(ms_records, *rules.ms.ms),
        since=since,
        resolved_while_treated=ms.resolved_while_treated,
        cis=_current(early["cis"], silence),
        cis_resources=refs(early["cis"]),
        course=course,
        mimic=mimic,
        duration=disease_duration([*asserted, *attacks], first_symptom(chart, rules.ms.symptom_onset_text, as_of), as_of),
        since_diagnosis=since_diagnosis(asserted, as_of),
        conflicts=(*ms.conflicts, *course.conflicts, *mimic.conflicts),
    )


def diagnosis_facts(diagnosis: Diagnosis) -> Reading:
    """The facts of section Diagnosis, with the conflicts found."""
    course, resources, since = diagnosis.course, diagnosis.resources, diagnosis.since
    return Reading(
        {
            "ms": Fact(value=diagnosis.ms, reason=diagnosis.reason, resources=resources, date=since, how=diagnosis.how),
            "ms.orCis": _ms_or_cis(diagnosis),
            "ms.previouslyResolved": Fact(value=diagnosis.resolved_while_treated, reason=diagnosis.reason, resources=resources, date=since),
            "subtype": course.subtype,
            "course.progressive": course.progressive,
            "course.relapsing": course.relapsing,
            "course.aggressive": course.aggressive,
            "mimic": diagnosis.mimic.fact,
            "disease.durationYears": diagnosis.duration,
            "disease.yearsSinceDiagnosis": diagnosis.since_diagnosis,
        },
        conflicts=diagnosis.conflicts,
    )


def _ms_or_cis(diagnosis: Diagnosis) -> Fact:
    if diagnosis.ms != "present" and diagnosis.cis is True:
        return Fact(
            value=True, reason="Clinically isolated syndrome is the current diagnosis.", resources=diagnosis.cis_resources, how="coded"
        )
    value: Truth = True if diagnosis.ms == "present" else None if diagnosis.ms is None or diagnosis.cis is None else False
    return Fact(value=value, reason=diagnosis.reason, resources=unique(diagnosis.resources + diagnosis.cis_resources), date=diagnosis.since)


def _including(records: Iterable[Diagnosed], value_sets: tuple[str, ...]) -> list[Diagnosed]:
    return [record for record in records if record.of(*value_sets, roles=("include",))]


class _Ms(NamedTuple):
    word: MsWord | None
    reason: str
    resources: tuple[str, ...] = ()
    resolved_while_treated: Truth = False
    conflicts: tuple[Conflict, ...] = ()


def _ms(records: Sequence[Diagnosed], silence: Truth, open_because: str, dmt_running: Truth) -> _Ms:
    """F1 over all MS records of the chart."""
    resources = refs(records)
    resolved = [record for record in records if record.asserted and record.over]
    current = [record for record in records if record not in resolved]
    word, contradicted = standing(_bearing(current))
    conflicts: tuple[Conflict, ...] = (_confirmed_and_refuted(current, word),) if contradicted else ()
    if word == "present":
        first = next(record for record in current if record.asserted)
        return _Ms("present", f"Multiple sclerosis is recorded ({first.words()}).", resources, conflicts=conflicts)
    if word == "suspected":
        doubtful = next((record for record in current if record.verification == "suspected"), None)
        text = conflicts[0].text if doubtful is None else f"Multiple sclerosis is recorded as suspected only ({doubtful.words()})."
        return _Ms("suspected", text, resources, conflicts=conflicts)
    if resolved and (word == "none" or dmt_running is not False):
        return _resolved(resolved, resources, dmt_running, silence, open_because)
    if silence is None:
        return _Ms(None, f"{open_because} Whether multiple sclerosis is recorded cannot be said.", resources, None)
    if resources:
        return _Ms("excluded", "Multiple sclerosis is recorded as refuted.", resources, conflicts=conflicts)
    return _Ms("absent", "No diagnosis of multiple sclerosis is recorded.")


def _bearing(records: Sequence[Diagnosed]) -> list[Diagnosed]:
    """A refutation of one course says nothing of MS recorded under another or under none; it is left out (judgement)."""
    courses = {_courses(record) for record in records if record.asserted}
    return [
        record
        for record in records
        if record.verification != "refuted" or not _courses(record) or not courses or courses == {_courses(record)}
    ]


def _courses(record: Diagnosed) -> frozenset[str]:
    return frozenset(hit.value_set for hit in record.hits if hit.value_set.startswith("ms-subtype-") and hit.role == "include")


def _resolved(resolved: Sequence[Diagnosed], resources: tuple[str, ...], dmt_running: Truth, silence: Truth, open_because: str) -> _Ms:
    entry = f"The problem list marks multiple sclerosis as resolved ({dated(resolved[0])})"
    if dmt_running:
        text = f"{entry}, yet an MS drug runs."
        return _Ms("suspected", text, resources, True, (Conflict(id="ms-resolved-while-treated", text=text, resources=resources),))
    if dmt_running is None:
        return _Ms(None, f"{entry}; whether an MS drug still runs is not known.", resources, None)
    if silence is None:
        return _Ms(None, f"{entry}. {open_because}", resources)
    return _Ms("absent", f"{entry}, and no MS drug runs.", resources)


def _confirmed_and_refuted(records: Sequence[Diagnosed], word: str) -> Conflict:
    outcome = {
        "present": "the later confirmation counts",
        "excluded": "the later refutation counts",
        "suspected": "which came later is not known",
    }[word]
    text = f"Multiple sclerosis is recorded both as confirmed and as refuted; {outcome}."
    return Conflict(id="ms-confirmed-and-refuted", text=text, resources=refs(records))


def _in_doubt(record: Diagnosed, rules: MsRules) -> Diagnosed:
    """Words such as "possible MS" make a suspicion of a record that is nothing but words, or whose verification is not stated.

    Words such as "MS ruled out" make a refutation of one that is nothing but words.
    """
    if not record.asserted:
        return record
    coded, denied = any(hit.how == "coded" for hit in record.hits), found(rules.refuted_text, record.text)
    if denied and not coded:
        return replace(record, verification="refuted")
    open_to_words = (not coded or record.verification == "notStated") and bool(record.of(*rules.ms))
    doubted = not _named(record) or (open_to_words and (denied or found(rules.suspected_text, record.text)))
    return replace(record, verification="suspected") if doubted else record


def _named(record: Diagnosed) -> bool:
    """Whether a value set recognised the record, guards aside."""
    return any(hit.role in ("include", "context") for hit in record.hits)


def _current(records: Sequence[Diagnosed], silence: Truth) -> Truth:
    """Whether the disease stands as a current, confirmed diagnosis."""
    match standing(record for record in records if not record.over)[0]:
        case "present":
            return True
        case "suspected":
            return None
        case _:
            return False if silence else None

"""Whether the patient has MS, which course, since when, and whether it could be something else (clinical-rules F1–F3, F16)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange, add_months
from cds.patient.context import Conflict, Fact, How
from cds.patient.diagnosis.duration import disease_duration, first_symptom, since_diagnosis
from cds.patient.diagnosis.mimics import Mimic, MimicRules, SignRules, read_mimics
from cds.patient.diagnosis.statements import MsRules, Statements, confirmed_and_refuted, read_statements
from cds.patient.diagnosis.subtype import Course, SubtypeRules, coded_courses, read_course
from cds.patient.diagnosis.unconfirmed import unconfirmed
from cds.patient.reading import Reading, earliest, unique
from cds.patient.records.comedication import MedicineRules
from cds.patient.records.conditions import (
    Diagnosed,
    absent,
    date_range,
    dated,
    doubted,
    how_known,
    read_conditions,
    refs,
    standing,
    unread_concepts,
    why_open,
)
from cds.patient.records.results import ResultRules
from cds.patient.rules import Definitions, found, parse_rules
from cds.three_valued import Truth

MsWord = Literal["present", "suspected", "absent", "excluded"]


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


class Diagnosis(Struct, frozen=True, kw_only=True):
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


def read_diagnosis(
    chart: Chart, terminology: Terminology, rules: DiagnosisRules, as_of: date, dmt_running: Truth, dmt_records: tuple[str, ...] = ()
) -> Diagnosis:
    """Read F1 to F3 and F16. `dmt_running` says whether an MS drug runs now, by `dmt_records`; it decides what a resolved MS entry means.

    An MS entry that could not be read or understood, or a problem list that was not read, makes MS unknown, never absent.
    """
    spectrum = (*rules.ms.ms, *rules.ms.cis, *rules.ms.ris)
    value_sets = (*spectrum, *rules.subtype.value_sets)
    found_records = read_conditions(chart, terminology, *value_sets, worded=rules.ms.suspected_text)
    earliest_day = _earliest_day(chart, rules.ms)
    read = [_in_a_life(record, earliest_day) for record in found_records]
    statements = read_statements(read, terminology, rules.ms)
    ms_records = statements.ms
    stated = [*(_in_doubt(record, rules.signs.mimics) for record in statements.others), *ms_records]
    early = {"cis": _including(stated, rules.ms.cis), "ris": _including(stated, rules.ms.ris)}
    unclear = unconfirmed(chart, terminology, rules.ms, *value_sets)
    silence = None if unclear else absent(chart, terminology, *spectrum)
    ms = _ms(statements, silence, unclear or why_open(chart), _Dmt(dmt_running, dmt_records))
    possible = ms.word in ("present", "suspected")
    asserted = [record for record in ms_records if record.asserted and ms.word != "excluded"]
    since = earliest(record.date for record in asserted) if possible else None
    unread = coded_courses(rules.subtype, [hit for concept in unread_concepts(chart) for hit in terminology.match(concept, *value_sets)])
    standing_records = [] if ms.word == "excluded" else ms_records
    course = read_course(terminology, rules.subtype, standing_records, early, ms.word is None or bool(asserted), silence, unread)
    attacks = [record for record in early["cis"] if record.asserted]
    cis = _current(early["cis"], silence)
    first = since if possible else earliest(record.date for record in attacks)
    beside = "MS" if possible else "CIS" if early["cis"] and cis is not False else ""
    mimic = read_mimics(chart, terminology, rules.signs, as_of, beside, first)
    return Diagnosis(
        ms=ms.word,
        reason=ms.reason,
        resources=ms.resources,
        how=how_known(ms_records, *rules.ms.ms),
        since=since,
        resolved_while_treated=ms.resolved_while_treated,
        cis=cis,
        cis_resources=refs(early["cis"]),
        course=course,
        mimic=mimic,
        duration=disease_duration([*asserted, *attacks], first_symptom(chart, rules.ms.symptom_onset_text, earliest_day, as_of), as_of),
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


def _earliest_day(chart: Chart, rules: MsRules) -> date:
    """The first day that is believed as a date of MS: a birthday, where the day of birth is known."""
    birth = date_range(chart.patient.resource.birthDate) if chart.patient is not None else None
    return add_months(birth.first, 12 * rules.youngest_years) if birth is not None else date.min


def _in_a_life(record: Diagnosed, earliest_day: date) -> Diagnosed:
    """The record without the dates that lie before the patient can have had MS."""

    def believed(day: DateRange | None) -> DateRange | None:
        return day if day is not None and day.last >= earliest_day else None

    return replace(record, onset=believed(record.onset), recorded=believed(record.recorded), asserted_on=believed(record.asserted_on))


def _ms_or_cis(diagnosis: Diagnosis) -> Fact:
    if diagnosis.ms != "present" and diagnosis.cis is True:
        return Fact(
            value=True, reason="Clinically isolated syndrome is the current diagnosis.", resources=diagnosis.cis_resources, how="coded"
        )
    value: Truth = True if diagnosis.ms == "present" else None if diagnosis.ms is None or diagnosis.cis is None else False
    return Fact(value=value, reason=diagnosis.reason, resources=unique(diagnosis.resources + diagnosis.cis_resources), date=diagnosis.since)


def _in_doubt(record: Diagnosed, rules: MimicRules) -> Diagnosed:
    """CIS or RIS whose words doubt it, where nothing but words names it, or rule out what its code says, is a suspicion."""
    if record.asserted and found(rules.refuted_text, record.text):
        return replace(record, verification="suspected")
    return doubted(record, rules.suspected_text)


def _including(records: Iterable[Diagnosed], value_sets: tuple[str, ...]) -> list[Diagnosed]:
    return [record for record in records if record.of(*value_sets, roles=("include",))]


class _Ms(NamedTuple):
    word: MsWord | None
    reason: str
    resources: tuple[str, ...] = ()
    resolved_while_treated: Truth = False
    conflicts: tuple[Conflict, ...] = ()


class _Dmt(NamedTuple):
    running: Truth
    records: tuple[str, ...]


def _ms(statements: Statements, silence: Truth, open_because: str, dmt: _Dmt) -> _Ms:
    """F1 over all MS records of the chart."""
    records = statements.ms
    resources = refs(records)
    resolved = [record for record in records if record.asserted and record.over]
    current = [record for record in records if record not in resolved]
    bearing = _bearing(current)
    word, contradicted = standing(bearing)
    suspected = [record for record in current if record.verification == "suspected"]
    conflicts = statements.contradictory
    if contradicted:
        conflicts += confirmed_and_refuted(bearing, _outcome(word, suspected))
    if word == "present":
        first = next((record for record in current if record.verification == "confirmed"), None)
        first = first or next(record for record in current if record.asserted)
        return _Ms("present", f"Multiple sclerosis is recorded ({first.words()}).", resources, conflicts=conflicts)
    if word == "suspected":
        conflicts += statements.doubted
        text = conflicts[0].text if conflicts else f"Multiple sclerosis is recorded as suspected only ({suspected[0].words()})."
        return _Ms("suspected", text, resources, conflicts=conflicts)
    if resolved and (word == "none" or dmt.running is not False):
        return _resolved(resolved, resources, dmt, silence, open_because)
    if silence is None:
        return _Ms(None, f"{open_because} Whether multiple sclerosis is recorded cannot be said.", resources, None)
    if resources:
        return _Ms("excluded", "Multiple sclerosis is recorded as refuted.", resources, conflicts=conflicts)
    return _Ms("absent", "No diagnosis of multiple sclerosis is recorded.")


def _outcome(word: str, suspected: Sequence[Diagnosed]) -> str:
    """What follows from a confirmation and a refutation, for a sentence."""
    if word == "suspected":
        return "a suspicion is recorded as well" if suspected else "which came later is not known"
    return {"present": "the later confirmation counts", "excluded": "the later refutation counts"}[word]


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


def _resolved(resolved: Sequence[Diagnosed], resources: tuple[str, ...], dmt: _Dmt, silence: Truth, open_because: str) -> _Ms:
    entry = f"The problem list marks multiple sclerosis as resolved ({dated(resolved[0])})"
    if dmt.running:
        text = f"{entry}, yet an MS drug runs."
        conflict = Conflict(id="ms-resolved-while-treated", text=text, resources=unique(resources + dmt.records))
        return _Ms("suspected", text, resources, True, (conflict,))
    if dmt.running is None:
        return _Ms(None, f"{entry}; whether an MS drug still runs is not known.", resources, None)
    if silence is None:
        return _Ms(None, f"{entry}. {open_because}", resources)
    return _Ms("absent", f"{entry}, and no MS drug runs.", resources)


def _current(records: Sequence[Diagnosed], silence: Truth) -> Truth:
    """Whether the disease stands as a current, confirmed diagnosis."""
    match standing(record for record in records if not record.over)[0]:
        case "present":
            return True
        case "suspected":
            return None
        case _:
            return False if silence else None

"""MRI of brain and cord → scans with their lesions (clinical-rules F5): reports in words, and counts as Observations.

A coded count beats the words of the report; where they differ the scan says so. A report that cannot be read is a scan of which
nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.patient.activity.attacks import days_between
from cds.patient.activity.report_text import ReportReading, total
from cds.patient.activity.rules import ActivityRules, ImagingRecords
from cds.patient.context import How, Scan
from cds.patient.reading import unique
from cds.patient.records.conditions import codes_in, date_range, says
from cds.patient.records.counts import observed_count
from cds.patient.records.mentions import attached_texts, report_texts
from cds.patient.records.results import observed_on, parts_of
from cds.patient.records.unread import elsewhere
from cds.three_valued import Bounds, Truth

Region = Literal["brain", "cord"]
CountKind = Literal["new", "enlarging", "newOrEnlarging", "gd"]
COUNT_KINDS: tuple[CountKind, ...] = ("new", "enlarging", "newOrEnlarging", "gd")

_NONE = Bounds.exactly(0)


class _Count(Struct, frozen=True):
    """One lesion count as an Observation or one of its components."""

    kind: CountKind
    number: Bounds
    how: How


class _Study(Struct):
    """One MRI while its records are gathered."""

    date: DateRange
    region: Region
    refs: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    counts: list[_Count] = field(default_factory=list)
    unread: str = ""


def read_scans(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date, pml_from: date | None) -> tuple[Scan, ...]:
    """Every MRI of brain or cord up to `as_of`, in the order of time (F5).

    `pml_from`: the first day on which PML may have been suspected; lesions on a scan from that day on are not MS activity.
    """
    studies: list[_Study] = []
    by_result: dict[str, _Study] = {}
    for entry in chart.entries("DiagnosticReport"):
        study = _reported(entry, terminology, rules, as_of)
        if study is None:
            continue
        study = _same_study(study, studies)
        for reference in entry.resource.result or ():
            if (result := chart.resolve(entry, reference)) is not None:
                by_result[result.ref] = study
    for entry in chart.entries("Observation"):
        _add_observation(entry, terminology, rules, as_of, studies, by_result)
    for entry in chart.entries("Procedure"):
        _add_procedure(entry, terminology, rules, as_of, studies)
    scans = [_scan(study, rules, pml_from) for study in studies]
    return tuple(sorted(scans, key=lambda scan: (scan.date.first, scan.date.last, scan.region, scan.resources)))


def mri_open(chart: Chart, terminology: Terminology, rules: ActivityRules) -> str:
    """Why an MRI may be missing from the scans of a chart; empty if nothing says so."""
    records = rules.imaging
    sets = (*records.brain_value_sets, *records.cord_value_sets, records.gd_value_set, records.t2_value_set)
    names = (records.brain_name, records.cord_name, records.gd_name, records.t2_name)
    for item in chart.not_read:
        if item.type not in ("DiagnosticReport", "Observation"):
            continue
        if not elsewhere(item.concepts, terminology, sets, names):
            return f"{item.what.capitalize()} that may be an MRI could not be read ({item.reason})."
    for entry in chart.entries("DiagnosticReport"):
        report = entry.resource
        undated = observed_on(report) is None and report.status in (*rules.records.final, *records.unread_statuses)
        if undated and _region(entry.concept, terminology, records) is not None:
            return "An MRI report has no date."
    return ""


def _reported(entry: Entry, terminology: Terminology, rules: ActivityRules, as_of: date) -> _Study | None:
    report = entry.resource
    region = _region(entry.concept, terminology, rules.imaging) or _region_in_words(entry, terminology, rules.imaging)
    day = observed_on(report)
    if region is None or day is None or day.first > as_of or report.status not in (*rules.records.final, *rules.imaging.unread_statuses):
        return None
    return _Study(
        date=day,
        region=region,
        refs=[entry.ref],
        texts=list(report_texts(report)),
        attached=list(attached_texts(report)) if report.conclusion else [],
        unread=f"{report.status} report" if report.status in rules.imaging.unread_statuses else "",
    )


def _region(concept: Concept, terminology: Terminology, records: ImagingRecords) -> Region | None:
    hits = terminology.match(concept, *records.brain_value_sets, *records.cord_value_sets)
    if any(hit.value_set in records.brain_value_sets and hit.role == "include" for hit in hits):
        return "brain"
    other = says(concept, terminology, records.other_modality)
    if says(concept, terminology, records.brain_name) and not other:
        return "brain"
    if any(hit.role == "include" for hit in hits) or (says(concept, terminology, records.cord_name) and not other):
        return "cord"
    return None


def _region_in_words(entry: Entry, terminology: Terminology, records: ImagingRecords) -> Region | None:
    """The region that the text of a report begins with, where its code says no more than that it is of radiology."""
    text = next(report_texts(entry.resource), "")[: records.heading_reach]
    if not text or not says(entry.concept, terminology, records.radiology_name):
        return None
    return _region(Concept(text=text), terminology, records)


def _same_study(study: _Study, studies: list[_Study]) -> _Study:
    """Reports of one day and region are one study. Adds the study, or adds to the one that is there."""
    for known in studies:
        if (known.date, known.region, known.unread) == (study.date, study.region, study.unread):
            known.refs += study.refs
            known.texts += study.texts
            known.attached += study.attached
            return known
    studies.append(study)
    return study


def _add_observation(
    entry: Entry, terminology: Terminology, rules: ActivityRules, as_of: date, studies: list[_Study], by_result: dict[str, _Study]
) -> None:
    """Put a lesion count, or MRI findings in words, to the study it belongs to: by the report's reference, else by its date."""
    observation, day = entry.resource, observed_on(entry.resource)
    unread = observation.status in rules.imaging.unread_statuses
    if day is None or day.first > as_of or (observation.status not in rules.records.final and not unread):
        return
    counts = [count for part, named in parts_of(entry) if (count := _count(part, named, terminology, rules)) is not None]
    concept = entry.concept
    nowhere = bool(counts) and entry.ref not in by_result and not _of_imaging(entry, terminology, rules.imaging)
    if nowhere and all(count.number == _NONE for count in counts):
        return
    region = None if counts else _region(concept, terminology, rules.imaging)
    if not counts and (region is None or not observation.valueString):
        return
    study = by_result.get(entry.ref) if not unread else None
    if study is None:
        why = f"{observation.status} result" if unread else "count of lesions that does not say where" if nowhere else ""
        named: Region = region or ("cord" if says(concept, terminology, rules.imaging.cord_name) else "brain")
        study = _same_study(_Study(date=day, region=named, unread=why), studies)
    study.refs.append(entry.ref)
    study.counts += counts
    if region is not None:
        study.texts.append(observation.valueString)


def _of_imaging(entry: Entry, terminology: Terminology, records: ImagingRecords) -> bool:
    """Whether a count is one of a scan: by its code, its category, or a word such as MRI or T2; other new lesions may be of the skin."""
    if any(not codes_in(category).isdisjoint(records.count_categories) for category in entry.resource.category or ()):
        return True
    named = (entry.concept, *(concept for _, concept in parts_of(entry)))
    return any(
        says(concept, terminology, records.count_context) or terminology.match(concept, records.gd_value_set, records.t2_value_set)
        for concept in named
    )


def _add_procedure(entry: Entry, terminology: Terminology, rules: ActivityRules, as_of: date, studies: list[_Study]) -> None:
    """An MRI that was done and of which no report was sent: a study of which nothing is known."""
    procedure = entry.resource
    period = procedure.performedPeriod
    day = date_range(period.start or period.end) if period is not None else date_range(procedure.performedDateTime)
    region = _region(entry.concept, terminology, rules.imaging)
    if region is None or day is None or day.first > as_of or procedure.status not in rules.imaging.done:
        return
    days = rules.imaging.report_within_days
    if not any(study.region == region and days_between(day, study.date, -days, days) is not False for study in studies):
        studies.append(_Study(date=day, region=region, refs=[entry.ref], unread="no report was sent"))


def _count(part: Any, concept: Concept, terminology: Terminology, rules: ActivityRules) -> _Count | None:
    records = rules.imaging
    hits = terminology.match(concept, records.gd_value_set, records.t2_value_set)
    if any(hit.role == "exclude" for hit in hits) or says(concept, terminology, records.count_name_not):
        return None
    coded = {hit.value_set for hit in hits if hit.how == "coded"}
    gd, t2 = (name in coded or (not coded and says(concept, terminology, pattern)) for name, pattern in _lesion_names(records))
    if not gd and not t2:
        return None
    number = observed_count(part, rules.numbers)
    if number is None:
        return None
    new, enlarging = says(concept, terminology, records.new_name), says(concept, terminology, records.enlarging_name)
    kind: CountKind = "gd" if gd else "newOrEnlarging" if new == enlarging else "new" if new else "enlarging"
    return _Count(kind, number, "coded" if coded else "text")


def _lesion_names(records: ImagingRecords) -> tuple[tuple[str, str], ...]:
    return (records.gd_value_set, records.gd_name), (records.t2_value_set, records.t2_name)


def _scan(study: _Study, rules: ActivityRules, pml_from: date | None) -> Scan:
    """What one study says of lesions."""
    scan = Scan(
        date=study.date,
        gd_lesions=None,
        new_t2_lesions=None,
        compared_with=None,
        marked_t2_increase=None,
        clean=None,
        counts=pml_from is None or study.date.last < pml_from,
        resources=unique(study.refs),
        how="text",
        region=study.region,
    )
    if study.unread:
        return replace(scan, note=f"{study.unread.capitalize()}: not read.", unread=study.unread)
    readings = _readings(study, rules)
    counted = {kind: _agreed(count.number for count in study.counts if count.kind == kind) for kind in COUNT_KINDS}
    written_t2 = _agreed(total(reading.new, reading.enlarging) for reading in readings)
    written_gd = _agreed(reading.gd for reading in readings)
    t2 = counted["newOrEnlarging"] or _parts(counted["new"], counted["enlarging"], readings)
    if written_t2 is None and not study.counts:
        t2 = None  # reports that contradict each other
    gd = counted["gd"] or written_gd
    marked: Truth = True if any(reading.marked_increase for reading in readings) else False if t2 == _NONE else None
    note, disagreement = _words(study, readings), _disagreement(counted, written_t2, written_gd)
    coded = any(count.how == "coded" for count in study.counts)
    return replace(
        scan,
        gd_lesions=gd,
        new_t2_lesions=t2,
        compared_with=_compared(readings, study.date),
        marked_t2_increase=marked,
        clean=_clean(
            t2, gd, readings, counted_both=(counted["newOrEnlarging"] or counted["new"]) is not None and counted["gd"] is not None
        ),
        counts=scan.counts and not any(reading.pml for reading in readings),
        how="coded" if coded else "text",
        note=note,
        disagreement=disagreement,
        unread=_unread(t2, gd, readings),
    )


def _readings(study: _Study, rules: ActivityRules) -> list[ReportReading]:
    """What the texts say. Attached text stands in for a conclusion that says nothing of lesions; else it only adds those it names."""

    def read(texts: Iterable[str]) -> list[ReportReading]:
        return [rules.reports.read(text, cord=study.region == "cord", on=study.date) for text in sorted(set(texts))]

    concluded, attached = read(study.texts), read(study.attached)
    if all(reading.new is None and reading.enlarging is None and reading.gd is None for reading in concluded):
        return concluded + attached
    return concluded + [_only_lesions(reading) for reading in attached if reading.clean is False]


def _only_lesions(reading: ReportReading) -> ReportReading:
    def some(number: Bounds | None) -> Bounds | None:
        return number if number is not None and number.low >= 1 else None

    return replace(reading, new=some(reading.new), enlarging=some(reading.enlarging), gd=some(reading.gd), note="")


def _unread(t2: Bounds | None, gd: Bounds | None, readings: Sequence[ReportReading]) -> str:
    """Why the report may speak of lesions that were not read; empty if it was understood."""
    if t2 is None and gd is None:
        return "no statement on lesions was recognized"
    return "the report was not understood in full" if any(reading.note for reading in readings) else ""


def _agreed(numbers: Iterable[Bounds | None]) -> Bounds | None:
    """One number from several records of one thing: the same, or the span from the largest lower to the largest upper bound.

    One record that says none beside one that says some leaves it open.
    """
    said = [number for number in numbers if number is not None]
    if not said or (_NONE in said and any(number.low >= 1 for number in said)):
        return None
    return Bounds(max(number.low for number in said), max(number.high for number in said))


def _parts(new: Bounds | None, enlarging: Bounds | None, readings: Sequence[ReportReading]) -> Bounds | None:
    """New and enlarging lesions, each from its count, else from the words."""
    return total(
        new if new is not None else _agreed(reading.new for reading in readings),
        enlarging if enlarging is not None else _agreed(reading.enlarging for reading in readings),
    )


def _clean(t2: Bounds | None, gd: Bounds | None, readings: Sequence[ReportReading], *, counted_both: bool) -> Truth:
    """Without new, enlarging or enhancing lesions. Words that speak of more, or contradict, leave it open unless both were counted."""
    if any(number is not None and number.low >= 1 for number in (t2, gd)):
        return False
    said_more = any(reading.marked_increase or reading.pml or reading.note or reading.clean is False for reading in readings)
    if t2 != _NONE or gd not in (None, _NONE) or (said_more and not counted_both):
        return None
    return True


def _compared(readings: Iterable[ReportReading], day: DateRange) -> DateRange | None:
    """The latest earlier scan that the words name."""
    named = [reading.compared_with for reading in readings if reading.compared_with is not None and reading.compared_with.first < day.first]
    return max(named, key=lambda date: (date.last, date.first), default=None)


def _words(study: _Study, readings: Sequence[ReportReading]) -> str:
    """What the reading rests on, for a clinician."""
    phrases = list(dict.fromkeys(phrase for reading in readings for phrase in reading.phrases))
    parts = []
    if phrases:
        parts.append("Read from the report: " + ", ".join(f"“{phrase}”" for phrase in phrases) + ".")
    elif not study.counts:
        parts.append("No statement on lesions was recognized in the report." if study.texts else "A report without text.")
    if any(reading.pml for reading in readings):
        parts.append("The report names PML; its lesions do not count as MS activity.")
    parts += dict.fromkeys(reading.note for reading in readings if reading.note)
    return " ".join(parts)


def _disagreement(counted: dict[CountKind, Bounds | None], written_t2: Bounds | None, written_gd: Bounds | None) -> str:
    t2 = counted["newOrEnlarging"] or total(counted["new"], counted["enlarging"])
    parts = [
        f"{name}: the coded count is {coded}, the report says {written}"
        for name, coded, written in (("new T2 lesions", t2, written_t2), ("Gd lesions", counted["gd"], written_gd))
        if coded is not None and written is not None and (coded.high < written.low or written.high < coded.low)
    ]
    return f"{'; '.join(parts)}. The coded count is used." if parts else ""

"""Relapses as a chart records them (clinical-rules F4): coded events, visits for a relapse, counts, notes; and what makes them uncertain.

Records within 30 days are one relapse. An infection near the onset makes it uncertain, unless MRI shows activity. A steroid course alone
is only a possible relapse. The order of records never matters: they are sorted before anything else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange, add_months
from cds.patient.activity.attacks import Attack, days_between, fewest, merged
from cds.patient.activity.imaging import mri_open
from cds.patient.activity.infections import Infection, infections_complete, near, read_infections
from cds.patient.activity.relapse_history import Assessment, RelapseCount, RelapseHistory, StatedActivity, UndatedRelapse
from cds.patient.activity.relapse_text import NarrativeReading
from cds.patient.activity.rules import ActivityRules
from cds.patient.activity.steroids import SteroidCourse, read_steroids, steroids_readable
from cds.patient.activity.syndromes import read_syndromes
from cds.patient.activity.visits import (
    Visit,
    before_visit,
    neurology_visits,
    read_visits,
    relapse_visits,
    undated_relapse_visits,
    visits_after_relapse,
    visits_of_conditions,
)
from cds.patient.context import Relapse, Scan
from cds.patient.disability.edss import EdssRecord, edss_records
from cds.patient.reading import unique
from cds.patient.records.conditions import Diagnosed, date_range, read_conditions, says, words_of
from cds.patient.records.counts import is_short_answer, observed_count
from cds.patient.records.narratives import Narrative, narratives
from cds.patient.records.results import observed_on, parts_of
from cds.patient.records.unread import elsewhere
from cds.patient.rules import found
from cds.three_valued import Truth, any_of


def read_relapses(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date, scans: Sequence[Scan] = ()) -> RelapseHistory:
    """The relapse history up to `as_of` (F4). `scans` confirm an attack near an infection, if they show activity soon after."""
    visits = read_visits(chart, rules)
    infections = read_infections(chart, terminology, rules, as_of, visits)
    conditions = _relapse_conditions(chart, terminology, rules)
    seen = visits_of_conditions(chart, visits)
    notes = [(note, rules.narratives.read(note.text, note.written)) for note in narratives(chart, terminology, rules, as_of)]
    attacks = [
        *(attack for record in conditions if (attack := _diagnosed(record, seen, rules)) is not None),
        *relapse_visits(visits, terminology, rules),
        *read_syndromes(chart, terminology, rules, visits),
        *(
            Attack(
                onset=relapse.onset,
                stated=True,
                provisional=relapse.doubtful or relapse.syndrome,
                syndrome=relapse.syndrome,
                resources=(note.ref,),
                how="text",
                note=f"“{relapse.phrase}”.",
            )
            for note, said in notes
            for relapse in said.dated
        ),
    ]
    past = merged((attack for attack in attacks if attack.onset.first <= as_of), rules.merging.within_days)
    infections += tuple(_named_infections(conditions, rules))
    relapses = [_judged(attack, infections, scans, rules) for attack in past]
    by_syndrome = [relapse for attack, relapse in zip(past, relapses, strict=True) if attack.syndrome]
    rows = tuple(_counted(chart, terminology, rules, as_of))
    counts = [*(row for row in rows if isinstance(row, RelapseCount)), *_stated_counts(notes)]
    undated = [UndatedRelapse(known_by=one.recorded, resources=(one.ref,)) for one in conditions if _diagnosed(one, seen, rules) is None]
    undated += [row for row in rows if isinstance(row, UndatedRelapse)]
    undated += [
        UndatedRelapse(known_by=said.quiet_since or note.written, resources=(note.ref,), most=math.inf)
        for note, said in notes
        if said.undated
    ]
    undated += _seen_after(visits, relapses, terminology, rules)
    undated += [UndatedRelapse(known_by=None, resources=(ref,)) for ref in undated_relapse_visits(chart, terminology, rules)]
    more, unplaced = _from_counts(counts, relapses, rules.merging.within_days)
    relapses += more
    steroids = read_steroids(chart, terminology, rules, as_of)
    relapses += [_possible(course) for course in steroids if course.certain and explained(course.date, relapses, rules) is not True]
    unread = any(said.unread for _, said in notes)
    why_open = _why_open(chart, terminology, rules) or ("A note has a sentence too long to be read." if unread else "")
    scores = edss_records(chart, terminology, rules, as_of)
    return RelapseHistory(
        relapses=tuple(sorted(relapses, key=lambda one: (one.onset.first, one.onset.last, one.status, one.resources))),
        undated=(*undated, *unplaced),
        counted=tuple(more),
        by_syndrome=tuple(by_syndrome),
        infections=tuple(sorted(infections, key=lambda one: (one.date.first, one.date.last, one.resources))),
        infections_complete=infections_complete(chart, terminology, rules),
        steroid_courses=steroids,
        steroids_readable=steroids_readable(chart, terminology, rules),
        counts=tuple(sorted(counts, key=lambda one: (one.until.first, one.until.last, one.what, one.resources))),
        assessments=_assessments(visits, terminology, rules, as_of, counts, scores),
        stated=_stated(chart, terminology, rules, as_of),
        complete=not why_open,
        why_open=why_open,
        mri_open=mri_open(chart, terminology, rules),
        edss_left_aside=tuple(record for record in scores if record.value is None),
    )


def _seen_after(
    visits: tuple[Visit, ...], relapses: Sequence[Relapse], terminology: Terminology, rules: ActivityRules
) -> Iterator[UndatedRelapse]:
    """Relapses of which only a visit afterwards tells; none where one is on record that may be it."""
    for visit in visits_after_relapse(visits, terminology, rules):
        earliest = add_months(visit.date.first, -rules.records.relapse_explained_months)
        if not any(one.onset.within(earliest, visit.date.last) is not False for one in relapses):
            yield UndatedRelapse(known_by=visit.date, resources=(visit.ref,))


def _relapse_conditions(chart: Chart, terminology: Terminology, rules: ActivityRules) -> tuple[Diagnosed, ...]:
    """Conditions that are a relapse: by code, or by words that tie the attack to MS. Refuted ones are left out."""
    records = rules.records
    conditions = []
    for record in read_conditions(chart, terminology, records.relapse_value_set, worded=records.relapse_name):
        coded = any(hit.how == "coded" and hit.role == "include" for hit in record.of(records.relapse_value_set))
        worded = found(records.relapse_name, record.text) and not found(records.relapse_name_not, record.text)
        if record.verification != "refuted" and (coded or worded):
            conditions.append(record)
    return tuple(conditions)


def _diagnosed(record: Diagnosed, seen: Mapping[str, DateRange], rules: ActivityRules) -> Attack | None:
    """The attack of a Condition; `None` if it has no onset, is no encounter diagnosis, and no visit was for it (`seen`)."""
    day, note = record.onset, ""
    visit = record.recorded if record.encounter and record.recorded is not None else seen.get(record.ref)
    if day is None and visit is not None:
        day, note = before_visit(visit, rules), f"Onset not recorded; taken from the visit of {visit}."
    if day is None:
        return None
    records = rules.records
    doubtful = (
        record.verification == "suspected" or found((records.relapse_doubt,), record.text) or found(records.relapse_name_not, record.note)
    )
    if doubtful:
        note = f"{note} Recorded as provisional or doubtful.".strip()
    coded = any(hit.how == "coded" for hit in record.of(records.relapse_value_set))
    return Attack(
        onset=day,
        stated=record.onset is not None,
        provisional=doubtful,
        resources=(record.ref,),
        how="coded" if coded else "text",
        note=note,
    )


def _named_infections(conditions: Iterable[Diagnosed], rules: ActivityRules) -> Iterator[Infection]:
    """Infections that the note of a relapse names: they lie at its onset."""
    for record in conditions:
        named = found(rules.records.infection_name, record.note) and not found(rules.records.infection_name_not, record.note)
        if record.onset is not None and named:
            yield Infection(
                date=record.onset, name="infection or fever named in the record of the relapse", resources=(record.ref,), how="text"
            )


def _judged(attack: Attack, infections: Iterable[Infection], scans: Iterable[Scan], rules: ActivityRules) -> Relapse:
    """A relapse, or an uncertain one: provisional, or near an infection without MRI activity soon after."""
    close = [infection for infection in infections if near(attack.onset, infection, rules) is not False]
    most = rules.pseudo_relapse.mri_days_after
    proof = [scan for scan in scans if scan.active is True and days_between(attack.onset, scan.date, 0, most) is True]
    notes, resources = [attack.note] if attack.note else [], list(attack.resources)
    if close:
        notes.append("Near its onset: " + ", ".join(f"{infection.name} ({infection.when})" for infection in close) + ".")
        resources += [ref for infection in close for ref in infection.resources]
    if close and proof:
        notes.append(f"Counted as a relapse because the MRI of {proof[0].date} shows activity.")
        resources += proof[0].resources
    uncertain = attack.provisional or (close and not proof)
    return Relapse(
        onset=attack.onset,
        status="uncertain" if uncertain else "relapse",
        resources=unique(resources),
        how=attack.how,
        note=" ".join(notes),
    )


def _counted(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date) -> Iterator[RelapseCount | UndatedRelapse]:
    """Numbers of relapses as Observations, with the period they speak of. An answer that was not understood may be any number of them."""
    records = rules.records
    for entry in chart.entries("Observation"):
        observation, day = entry.resource, observed_on(entry.resource)
        if day is None or day.first > as_of or observation.status not in records.final:
            continue
        for part, concept in parts_of(entry):
            coded = [hit for hit in terminology.match(concept, records.relapse_count_value_set) if hit.how == "coded"]
            if not coded and not says(concept, terminology, records.relapse_count_name):
                continue
            words = words_of(concept)
            number = observed_count(part, rules.numbers)
            if number is None and is_short_answer(part, records.answer_words):
                yield UndatedRelapse(known_by=day, resources=(entry.ref,), most=math.inf)
            if number is None:
                continue
            months = next((int(said) for hit in coded if (said := hit.get("months"))), None) or _months(words, rules)
            period = observation.effectivePeriod
            start = (
                date_range(period.start)
                if period
                else DateRange(add_months(day.first, -months), add_months(day.last, -months))
                if months
                else None
            )
            span = f"over {months} months" if months else f"since {start}" if start else "over a time not stated"
            yield RelapseCount(
                number=number,
                start=start,
                until=day,
                what=f"{number} relapses {span}, stated {day}",
                resources=(entry.ref,),
                how="coded" if coded else "text",
            )


def _months(words: str, rules: ActivityRules) -> int | None:
    """The months that the name of a count speaks of."""
    said = re.search(rules.records.count_period, words, re.IGNORECASE)
    if said is None:
        return None
    number = rules.numbers.read(said["n"] or said["n2"] or "1")
    unit = (said["unit"] or said["unit2"]).lower()
    return int(number.low) * (12 if unit.startswith("y") else 1) if number is not None and number.exact is not None else None


def _stated_counts(notes: Iterable[tuple[Narrative, NarrativeReading]]) -> Iterator[RelapseCount]:
    """What notes say of numbers of relapses."""
    for note, said in notes:
        for count in said.counted:
            if note.written is not None and (count.start is None or count.start.first <= note.written.last):
                yield RelapseCount(
                    number=count.number,
                    start=count.start,
                    until=note.written,
                    what=f"“{count.phrase}”, written {note.written}",
                    resources=(note.ref,),
                    how="text",
                )


def _from_counts(
    counts: Iterable[RelapseCount], relapses: Sequence[Relapse], within_days: int
) -> tuple[list[Relapse], list[UndatedRelapse]]:
    """Relapses that a count states beyond those already known, somewhere in its period; undated ones where it names no period.

    A known relapse that may lie outside the period leaves room for an undated one. The latest period comes first: relapses of an earlier
    one may be the same, and the latest decides on present activity.
    """
    known = [relapse for relapse in relapses if relapse.status == "relapse"]
    unplaced: list[UndatedRelapse] = []
    latest_first = sorted(counts, key=lambda one: (one.until.last, one.until.first, one.what, one.resources), reverse=True)
    for count in sorted(latest_first, key=lambda one: one.start is None):
        start = count.start.first if count.start is not None else date.min
        possible = [relapse for relapse in known if start <= relapse.onset.last and relapse.onset.first <= count.until.last]
        if count.start is not None:
            within = [relapse.onset for relapse in possible if relapse.onset.within(count.start.last, count.until.first) is True]
            sure = fewest(within, within_days)
            unclear = min(len(possible), int(count.number.low)) - sure
            unplaced += [UndatedRelapse(known_by=count.until, resources=count.resources, counted=True)] * max(0, unclear)
        for _ in range(len(possible), int(count.number.low)):
            if count.start is None:
                most = math.inf if math.isinf(count.number.high) else 1
                unplaced.append(UndatedRelapse(known_by=count.until, resources=count.resources, most=most))
            else:
                known.append(
                    Relapse(
                        onset=DateRange(count.start.first, count.until.last),
                        status="relapse",
                        resources=count.resources,
                        how=count.how,
                        note=f"Counted, not dated: {count.what}.",
                    )
                )
    return known[len([relapse for relapse in relapses if relapse.status == "relapse"]) :], unplaced


def explained(course: DateRange, relapses: Iterable[Relapse], rules: ActivityRules) -> Truth:
    """Whether an attack that is on record is what a steroid course treated."""
    around = rules.steroids.explained_by_relapse
    return any_of(
        days_between(relapse.onset, course, -around.days_after, around.days_before) for relapse in relapses if relapse.status != "possible"
    )


def _possible(course: SteroidCourse) -> Relapse:
    return Relapse(
        onset=course.date,
        status="possible",
        resources=course.resources,
        how=course.how,
        note=f"A high-dose steroid course alone ({course.name}); not counted as a relapse.",
    )


def _assessments(
    visits: tuple[Visit, ...],
    terminology: Terminology,
    rules: ActivityRules,
    as_of: date,
    counts: Iterable[RelapseCount],
    scores: Iterable[EdssRecord],
) -> tuple[Assessment, ...]:
    """Days on which a clinician looked: neurology visits, EDSS, statements on relapses (F6)."""
    found_on = [
        Assessment(date=visit.date, what=f"neurology visit {visit.date}", resources=(visit.ref,))
        for visit in neurology_visits(visits, terminology, rules, as_of)
    ]
    found_on += [
        Assessment(date=record.date, what=f"EDSS {record.value:g} {record.date}", resources=(record.ref,))
        for record in scores
        if record.value is not None
    ]
    found_on += [Assessment(date=count.until, what=count.what, resources=count.resources) for count in counts]
    return tuple(sorted(set(found_on), key=lambda one: (one.date.first, one.date.last, one.what, one.resources)))


def _stated(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date) -> tuple[StatedActivity, ...]:
    """Codes of active and non-active disease, on the day they were recorded; without that, on the day they are dated from (F6)."""
    codes = rules.codes
    found_codes = []
    for record in read_conditions(chart, terminology, codes.value_set):
        day = record.recorded or record.onset
        for hit in record.of(codes.value_set):
            known = hit.how == "coded" and hit.code in (*codes.active, *codes.not_active)
            if known and record.asserted and not record.over and day is not None and day.first <= as_of:
                found_codes.append(StatedActivity(active=hit.code in codes.active, date=day, code=str(hit.code), resources=(record.ref,)))
    return tuple(sorted(found_codes, key=lambda one: (one.date.first, one.date.last, one.code, one.resources)))


def _why_open(chart: Chart, terminology: Terminology, rules: ActivityRules) -> str:
    """Why silence about relapses proves nothing; empty if it means that none is recorded."""
    for type_, name in (("Condition", "The problem list"), ("Observation", "The list of observations")):
        if not chart.complete(type_):
            return f"{name} was {'read in part only' if type_ in chart.partial else 'not read'}."
    if "Encounter" in chart.partial:
        return "The list of visits was read in part only."
    records = rules.records
    for item in chart.not_read:
        if item.type not in ("Condition", "Observation", "Encounter"):
            continue
        sets = (records.relapse_value_set, records.relapse_count_value_set, records.syndrome_value_set)
        names = (*records.relapse_name, records.relapse_count_name, records.syndrome_name)
        if not elsewhere(item.concepts, terminology, sets, names):
            return f"{item.what.capitalize()} could not be read."
    return ""

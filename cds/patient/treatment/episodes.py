"""Records of drugs taken → courses of treatment (clinical-rules F11).

Order never matters: records are sorted before anything else. What the records leave open stays open as a range of days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby, pairwise

from msgspec.structs import replace

from cds.fhir.dates import DateRange
from cds.patient.reading import earliest, latest, unique
from cds.patient.treatment.exposure import Exposure, Record
from cds.patient.treatment.reach import Courses, begins, close_overtaken, course_days, courses_of, doses_given, evidence, last_taken, reach
from cds.patient.treatment.rules import BEGINNING, FOREVER, TreatmentRules, Window
from cds.three_valued import Truth

_ALWAYS = DateRange(FOREVER, FOREVER)


def build_exposures(
    records: Iterable[Record], rules: TreatmentRules, as_of: date, transplants: Iterable[DateRange] = ()
) -> tuple[Exposure, ...]:
    """All courses of all drugs, by start and drug.

    An order that was never closed ends where a later MS drug or a transplant (`transplants`) takes over. Records in doubt stand for
    themselves only where no course already found covers them.
    """
    found: list[Exposure] = []
    for drug, group in groupby(sorted(records, key=_order), key=lambda record: record.drug):
        found += _of_one_drug(drug, tuple(group), rules, as_of)
    found.sort(key=_when)
    transplanted = sorted(transplants, key=lambda day: (day.first, day.last))
    closed = [_superseded(exposure, found, transplanted, rules, as_of) for exposure in found]
    continued = _continued(closed, rules)
    return tuple(_answering(exposure, continued, transplanted, rules) for exposure in continued)


def _order(record: Record) -> tuple[str, date, date, str, str]:
    start = begins(record)
    return (record.drug, start.first if start else BEGINNING, start.last if start else BEGINNING, record.ref, record.says)


def _when(exposure: Exposure) -> tuple[date, date, str]:
    return (exposure.clock.first, exposure.clock.last, exposure.drug)


def _of_one_drug(drug: str, records: tuple[Record, ...], rules: TreatmentRules, as_of: date) -> list[Exposure]:
    records = _until_renewed(records, rules.window(drug), rules)
    certain = close_overtaken([record for record in records if not record.doubt])
    doubtful = [record for record in records if record.doubt]
    found: list[Exposure] = []
    for segment in _segments(certain, drug, rules, as_of):
        found.append(_exposure(drug, segment, rules, as_of, found[-1] if found else None))
    alone: list[Record] = []
    for record in doubtful:
        home = next((number for number, exposure in enumerate(found) if _within(record, exposure)), None)
        if home is None:
            alone.append(record)
        else:
            note = f"{record.ref} was left aside: {record.doubt}."
            found[home] = replace(found[home], notes=(*found[home].notes, note), resources=unique((*found[home].resources, record.ref)))
    return found + [_exposure(drug, segment, rules, as_of) for segment in _segments(close_overtaken(alone), drug, rules, as_of)]


def _until_renewed(records: tuple[Record, ...], window: Window, rules: TreatmentRules) -> tuple[Record, ...]:
    """Orders that ran out on no known day, of a drug that is given often: each was followed until it was due for renewal at most.

    Not where doses of it are on record, and not orders that follow one another as doses do: each of these is one dose.
    """
    if not window.renewed:
        return records
    ordered = sorted({day for one in records if one.says != "given" and (day := begins(one))}, key=lambda day: (day.first, day.last))
    single = {day for before, after in pairwise(ordered) for day in (before, after) if after.first <= window.acts.after(before.last)}
    given = [day for one in records if one.says == "given" and (day := begins(one))]

    def lasting(record: Record) -> Record:
        start = begins(record)
        if record.says != "finished" or record.end is not None or record.supply_until is not None or start is None or start in single:
            return record
        due = rules.records.renewal_gap.from_(start)
        until = next((day.first for day in ordered if day.first > start.last), due.last)
        followed = any(start.first <= day.last and day.first <= until for day in given)
        return record if followed else replace(record, supply_until=due)

    return tuple(lasting(record) for record in records)


def _within(record: Record, exposure: Exposure) -> bool:
    """Whether a record in doubt can belong to a course already found: undated, or dated while it lasts."""
    start = begins(record)
    return start is None or (exposure.clock.first <= start.last and start.first <= exposure.acts.last)


def _segments(records: Sequence[Record], drug: str, rules: TreatmentRules, as_of: date) -> list[tuple[Record, ...]]:
    """Records that belong to one course: no gap between them is certainly longer than the drug acts.

    Undated records join the latest course.
    """
    window = rules.window(drug)
    segments: list[list[Record]] = []
    limit = BEGINNING
    for record in records:
        start = begins(record)
        if start is None:
            continue
        if not segments or start.first > limit:
            segments.append([])
            limit = _limit(record, record, window, rules, as_of)
        segments[-1].append(record)
        limit = max(limit, _limit(record, segments[-1][0], window, rules, as_of))
    if undated := [record for record in records if begins(record) is None]:
        segments = [*segments[:-1], [*(segments[-1] if segments else ()), *undated]]
    return [tuple(segment) for segment in segments]


def _limit(record: Record, first: Record, window: Window, rules: TreatmentRules, as_of: date) -> date:
    """The last day on which a further record of the drug still belongs to the course."""
    if window.acts_from == "first":
        start = begins(first)
        return window.acts.after(start.last) if start else FOREVER
    reached, last = reach(record, window, rules, as_of), latest((evidence(record), record.not_on))
    if reached.open or last is None:
        return FOREVER
    if reached.known:
        return window.acts.after(reached.until.last)
    return max(window.acts.after(last.last), rules.records.renewal_gap.after(last.last))


def _begun(records: Sequence[Record], before: Exposure | None, as_of: date) -> tuple[DateRange | None, DateRange]:
    """The start of a course, if it can be told, and the days on which it can lie.

    A record that tells no start shows the drug in use, so it was begun by then: after the course before, if that one was stopped.
    """
    begun = earliest(begins(record) for record in records)
    if begun is None:
        return None, DateRange(BEGINNING, as_of)
    told = earliest(record.start for record in records if not record.earlier)
    shown = earliest(begins(record) for record in records if record.earlier)
    if shown is None or (told is not None and told.first <= shown.first):
        return begun, begun
    stopped = before is not None and before.ongoing is False
    first = min(before.last_taken.first, begun.last) if before is not None and stopped else BEGINNING
    clock = DateRange(first, begun.last)
    return (clock if first != BEGINNING else None), clock


def _exposure(drug: str, records: tuple[Record, ...], rules: TreatmentRules, as_of: date, before: Exposure | None = None) -> Exposure:
    """One course from its records; `before` is the drug's course before it."""
    window = rules.window(drug)
    start, clock = _begun(records, before, as_of)
    doses = doses_given(records)
    taken = last_taken(records, doses, window, rules, as_of)
    acts_from = when = taken.when
    courses = Courses()
    if window.given == "course":
        days = course_days(records, doses, rules, as_of)
        courses = courses_of(days, window)
        when = latest(days) or clock
        acts_from = (earliest(days) if window.acts_from == "first" else None) or when
    acts = window.acts.from_(acts_from)
    tier, tier_reason = rules.tier(drug)
    exposure = Exposure(
        drug=drug,
        name=rules.name(drug),
        tier=tier,
        tier_reason=tier_reason,
        family=rules.family(drug),
        given=window.given,
        adjunct=rules.drugs.drugs[drug].adjunct,
        start=start,
        clock=clock,
        last_taken=when,
        shown=_shown(records, window, rules, as_of),
        end=None,
        ongoing=None,
        doses=doses,
        courses=courses.possible,
        courses_sure=len(courses.sure),
        courses_needed=window.courses,
        wash_in=_wash_in(clock, courses, window),
        acts=acts,
        aftermath=window.after,
        window=_window(when, acts, window),
        answers_until=_ALWAYS,
        stops=taken.stops,
        overtaken_stops=taken.overtaken,
        broken_off=taken.broken_off,
        assumed=taken.assumed,
        doubt=next((record.doubt for record in records if record.doubt), ""),
        continued_as="",
        notes=tuple(dict.fromkeys(note for record in records for note in record.notes)),
        resources=unique(record.ref for record in records),
        how="coded" if any(record.how == "coded" for record in records) else "text",
    )
    return _settled(exposure, taken.stopped, as_of)


def _wash_in(clock: DateRange, courses: Courses, window: Window) -> DateRange | None:
    """The end of the wash-in; where it is not sure that the induction is complete, it may not have ended."""
    last = window.courses - 1
    if window.given != "course":
        return window.wash_in.from_(clock)
    if len(courses.possible) <= last:
        return None
    return DateRange(
        window.wash_in.after(courses.possible[last].first),
        window.wash_in.after(courses.sure[last].last) if len(courses.sure) > last else FOREVER,
    )


def _window(taken: DateRange, acts: DateRange, window: Window) -> DateRange:
    """The end of what follows a stop: a rebound or residual window, no end for a late return, nothing for a drug that is off."""
    if window.after == "late":
        return _ALWAYS
    return window.after_until.from_(taken) if window.after_until is not None else acts


def _settled(exposure: Exposure, stopped: bool, as_of: date) -> Exposure:
    """The course with its end and whether it goes on: an induction that is complete is over, though it acts.

    Whether a drug goes on whose last dose was broken off is not known while it acts; once it is over, that was the reason.
    """
    ongoing: Truth = False if stopped else exposure.acting(as_of)
    if exposure.broken_off and ongoing is True:
        ongoing = None
    if exposure.given == "course" and not exposure.induction_incomplete:
        ongoing = False if exposure.induction_complete else None
    end = None
    if ongoing is False and exposure.last_taken.first != BEGINNING:
        end = DateRange(exposure.last_taken.first, max(exposure.last_taken.first, min(exposure.last_taken.last, as_of)))
    if exposure.broken_off and ongoing is False:
        stops = tuple(dict.fromkeys((*exposure.stops, *exposure.broken_off)))
        went_on = tuple(stop for stop in exposure.overtaken_stops if stop not in exposure.broken_off)
        exposure = replace(exposure, stops=stops, overtaken_stops=went_on)
    return replace(exposure, ongoing=ongoing, end=end)


def _superseded(
    exposure: Exposure, others: Sequence[Exposure], transplants: Sequence[DateRange], rules: TreatmentRules, as_of: date
) -> Exposure:
    """A course that nothing closed, or whose stop has no date, ended before a later MS drug or a transplant began.

    Only where nothing on record shows it in use after that. If an order was never closed and the later drug no longer acts either, it stays
    unknown whether the old order is followed.
    """
    shown = exposure.shown
    if exposure.given == "course" or exposure.last_taken.first == exposure.last_taken.last or shown is None:
        return exposure
    later: list[tuple[DateRange, str, bool]] = [
        (other.start, f"{other.name} began {other.start}", other.acting(as_of) is not False)
        for other in others
        if other.start is not None and not other.doubt and not (other.adjunct or exposure.adjunct) and other.drug != exposure.drug
    ]
    later += [(day, f"stem cells were transplanted {day}", True) for day in transplants]
    later = [(day, what, ends) for day, what, ends in later if shown.last < day.first and exposure.clock.last < day.first]
    if not later:
        return exposure
    day, what, _ = min(later, key=lambda one: (one[0].first, one[0].last, one[1]))
    closed = exposure.ongoing is False
    if closed and exposure.last_taken.last <= day.last:
        return exposure
    ends = closed or any(ends for _, _, ends in later)
    taken = (latest(exposure.doses) if exposure.given == "dose" else None) or DateRange(shown.first, day.last)
    if not ends:
        taken = DateRange(taken.first, FOREVER)
    window = rules.window(exposure.drug)
    acts = window.acts.from_(taken)
    never = "has no date" if closed else "is not on record"
    note = f"The stop of {exposure.name} {never}; {what}, and nothing after that shows {exposure.name} in use (end assumed)."
    moved = replace(exposure, last_taken=taken, acts=acts, window=_window(taken, acts, window), assumed="", notes=(*exposure.notes, note))
    return _settled(moved, ends, as_of)


def _shown(records: Iterable[Record], window: Window, rules: TreatmentRules, as_of: date) -> DateRange | None:
    """The last day on which a record shows the drug in use; a supply shows it until it runs out."""
    days = [evidence(record) for record in records]
    for record in records:
        reached = reach(record, window, rules, as_of)
        if reached.known:
            end = reached.until.first
            days.append(DateRange.on(min(as_of, end)))
    return latest(days)


def _continued(exposures: Sequence[Exposure], rules: TreatmentRules) -> list[Exposure]:
    """Drugs of one family without a certain gap between them continue one another: wash-in counts from the first."""
    found = list(exposures)
    for number, exposure in enumerate(found):
        earlier = [
            n
            for n in range(number)
            if found[n].family == exposure.family and found[n].drug != exposure.drug and not (found[n].doubt or exposure.doubt)
        ]
        if not earlier or exposure.start is None or found[earlier[-1]].acts.last < exposure.start.first:
            continue
        before = found[earlier[-1]]
        found[earlier[-1]] = replace(before, continued_as=exposure.name)
        wash_in = rules.window(exposure.drug).wash_in.from_(before.clock) if exposure.given != "course" else exposure.wash_in
        note = f"Continues {before.name}: wash-in counts from {before.start}."
        found[number] = replace(exposure, clock=before.clock, wash_in=wash_in, notes=(*exposure.notes, note))
    return found


def _answering(exposure: Exposure, others: Sequence[Exposure], transplants: Sequence[DateRange], rules: TreatmentRules) -> Exposure:
    """The course with the day until which events are laid at its door; a transplant also ends its action."""
    ends = [
        end
        for other in others
        if other is not exposure and not other.adjunct and not other.doubt and other.start is not None
        if other.start.first > exposure.clock.last and (end := _takes_over(other, exposure, rules)) is not None
    ]
    grafts = [day for day in transplants if day.first > exposure.clock.last and exposure.last_taken.first <= day.last]
    until = _first_of([*ends, *grafts])
    if not grafts:
        return replace(exposure, answers_until=until)
    graft = _first_of(grafts)
    return replace(exposure, answers_until=until, acts=_first_of((exposure.acts, graft)), window=_first_of((exposure.window, graft)))


def _takes_over(later: Exposure, earlier: Exposure, rules: TreatmentRules) -> DateRange | None:
    """From when a later drug answers for events instead; `None` if it was stopped before that."""
    if later.family == earlier.family:
        return later.start
    step = rules.window(later.drug).wash_in
    day = later.wash_in or step.from_(later.clock)
    return day if later.acts.last >= day.first else None


def _first_of(days: Sequence[DateRange]) -> DateRange:
    return DateRange(min((day.first for day in days), default=FOREVER), min((day.last for day in days), default=FOREVER))

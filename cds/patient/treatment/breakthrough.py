"""Breakthrough on a drug: relapses and lesions after the wash-in and while the drug acts (clinical-rules F12, F12e).

A date or count that could go either way makes the answer unknown, never no.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.dates import DateRange
from cds.patient.context import Relapse, Scan
from cds.patient.treatment.exposure import Exposure, Place, Places
from cds.patient.treatment.rules import TreatmentRules
from cds.patient.treatment.words import wash_in_end
from cds.three_valued import Bounds, Truth, all_of, any_of


class DrugEvent(Struct, frozen=True, kw_only=True):
    """One relapse or scan seen from one course of treatment: whether it counts as breakthrough.

    `why` says by which rule it does not count, or what is worth knowing if it does; that it fell after the wash-in goes without saying.
    """

    date: DateRange
    counts: Truth
    what: str
    why: str
    resources: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what} ({self.why})" if self.why else self.what


class EarlyActivity(Struct, frozen=True, kw_only=True):
    """Marked activity between the third month and the end of the wash-in (F12e)."""

    truth: Truth
    events: tuple[DrugEvent, ...] = ()


def breakthrough_events(
    exposure: Exposure, relapses: Iterable[Relapse], scans: Iterable[Scan], rules: TreatmentRules
) -> tuple[DrugEvent, ...]:
    """Every relapse and every active scan during or soon after the course, judged by F12, in the order of time."""
    events = [_relapse_event(exposure, relapse) for relapse in relapses if relapse.status == "relapse"]
    events += _scan_events(exposure, sorted(scans, key=lambda scan: (scan.date.first, scan.date.last, scan.resources)), rules)
    kept = [event for event in events if event is not None]
    return tuple(sorted(kept, key=lambda event: (event.date.first, event.date.last, event.what, event.resources)))


def _relapse_event(exposure: Exposure, relapse: Relapse) -> DrugEvent | None:
    places = exposure.place_of_event(relapse.onset)
    if _elsewhere(places):
        return None
    when, why = _in_time(exposure, places)
    return DrugEvent(date=relapse.onset, counts=when, what=f"relapse {relapse.onset}", why=why, resources=relapse.resources)


def _elsewhere(places: Places) -> bool:
    """Before the course, or after all that follows it."""
    return places.last == Place.BEFORE or places.first == Place.OFF


def _in_time(exposure: Exposure, places: Places) -> tuple[Truth, str]:
    """Whether an event with these places counts for the drug, and why in words."""
    if places.first == places.last:
        return _at(exposure, places.first)
    possible = [_at(exposure, Place(number)) for number in range(places.first, places.last + 1)]
    if all(counts is False for counts, _ in possible):
        return False, possible[-1][1] if possible[-1][1] != _OFF else possible[0][1]
    return None, "its date, or that of the drug, is not exact enough to say whether the drug was acting after its wash-in"


_OFF = "off the drug, not counted"


def _at(exposure: Exposure, place: Place) -> tuple[Truth, str]:
    match place:
        case Place.BEFORE:
            return False, "before the drug, not counted"
        case Place.WASH_IN if exposure.induction_incomplete:
            given, needed = len(exposure.courses), exposure.courses_needed
            return None, f"induction incomplete: {given} of {needed} courses on record"
        case Place.WASH_IN:
            return False, f"in wash-in until {wash_in_end(exposure)}, not counted"
        case Place.ACTING:
            return True, ""
        case Place.AFTER if exposure.aftermath == "rebound":
            return False, f"in the rebound window until {exposure.window.last}, not counted"
        case Place.AFTER if exposure.aftermath == "residual":
            return None, f"in the residual window until {exposure.window.last}: neither failure nor its absence"
        case Place.AFTER if exposure.aftermath == "late":
            return None, f"late return, after the drug acted until {exposure.acts.last}: neither failure nor its absence"
    return False, _OFF


def _scan_events(exposure: Exposure, scans: Sequence[Scan], rules: TreatmentRules) -> list[DrugEvent | None]:
    events: list[DrugEvent | None] = []
    for number, scan in enumerate(scans):
        places = exposure.place_of_event(scan.date)
        what = _lesions(scan) or ("lesions not known" if scan.unread else "")
        if not what or _elsewhere(places):
            continue
        event = DrugEvent(date=scan.date, counts=False, what=f"{what} on MRI {scan.date}", why="", resources=scan.resources)
        if not scan.counts:
            events.append(replace(event, why="not MS activity once PML is suspected"))
            continue
        enough, why = _enough_lesions(exposure, scan, scans[:number], rules)
        if enough is False and scan.unread:
            enough, why = None, scan.unread
        if enough is False:
            events.append(replace(event, why=why))
            continue
        when, time = _in_time(exposure, places)
        events.append(replace(event, counts=all_of((enough, when)), why="; ".join(part for part in (why, time) if part)))
    return events


def _lesions(scan: Scan) -> str:
    """The lesions that a scan reports, in words; empty if it reports none."""
    parts = []
    if scan.new_t2_lesions is not None and scan.new_t2_lesions.high > 0:
        parts.append(_count(scan.new_t2_lesions, "new T2 lesion"))
    elif scan.new_t2_lesions is None and scan.marked_t2_increase is True:
        parts.append("marked increase of T2 lesions")
    if scan.gd_lesions is not None and scan.gd_lesions.high > 0:
        parts.append(_count(scan.gd_lesions, "Gd lesion"))
    return ", ".join(parts)


def _count(number: Bounds, what: str) -> str:
    return f"{number} {what}" if number.exact == 1 else f"{number} {what}s"


def _enough_lesions(exposure: Exposure, scan: Scan, earlier: Sequence[Scan], rules: TreatmentRules) -> tuple[Truth, str]:
    """Whether a scan reaches the threshold of F12, and why in words (empty where a Gd lesion needs no explanation)."""
    gd: Truth = False if scan.gd_lesions is None else scan.gd_lesions >= rules.breakthrough.gd_lesions
    if gd is True:
        return True, ""
    t2, why = _enough_t2(exposure, scan, earlier, rules)
    if gd is None and t2 is not True:
        return None, "the number of Gd lesions is not stated"
    return t2, why


def _enough_t2(exposure: Exposure, scan: Scan, earlier: Sequence[Scan], rules: TreatmentRules) -> tuple[Truth, str]:
    rule = rules.breakthrough
    threshold = f"threshold {rule.new_t2_lesions} ({rule.t2_rule})"
    number = scan.new_t2_lesions
    if number is None:
        return (None, "the number of new T2 lesions is not stated") if scan.marked_t2_increase is True else (False, threshold)
    enough, why = number >= rule.new_t2_lesions, threshold
    if enough is False and number.low > 0:
        enough, why = _with_earlier(exposure, scan, number, earlier, rules, threshold)
    if enough is False:
        return False, why
    if enough is None and number.low < rule.new_t2_lesions <= number.high:
        why = f"the number of new T2 lesions is not stated; {threshold}"
    compared, how = _rebaselined(exposure, scan, rules)
    return all_of((enough, compared)), "; ".join(part for part in (why, how) if part)


def _with_earlier(
    exposure: Exposure, scan: Scan, number: Bounds, earlier: Sequence[Scan], rules: TreatmentRules, threshold: str
) -> tuple[Truth, str]:
    """Lesions of scans within twelve months add up, where each was compared with the scan before it (Danish rule, AAN 2018)."""
    rule = rules.breakthrough
    for before in reversed(earlier):
        if before.date.first < rule.new_t2_within.before(scan.date.last):
            break
        more = before.new_t2_lesions
        if not before.counts or more is None or number.low + more.low < rule.new_t2_lesions:
            continue
        acting = exposure.place_of_event(before.date).at(Place.ACTING)
        if acting is False:
            continue
        why = f"with {_count(more, 'new T2 lesion')} on MRI {before.date}; {threshold} within {rule.new_t2_within}"
        compared = scan.compared_with
        if compared is None:
            return None, f"{why}; whether both scans show the same lesion is not known"
        if compared.last < before.date.first:
            return False, threshold
        if acting is None:
            return None, f"{why}; whether the drug was acting after its wash-in on {before.date} is not known"
        distinct = compared == before.date or compared.first >= before.date.first
        return (True if distinct else None), why
    return False, threshold


def _rebaselined(exposure: Exposure, scan: Scan, rules: TreatmentRules) -> tuple[Truth, str]:
    """Whether new T2 lesions can be laid at the drug's door: compared with a scan on the drug, or long enough on it."""
    from_day = rules.breakthrough.rebaseline_after.from_(exposure.clock)
    if scan.compared_with is not None and scan.compared_with.first >= from_day.last:
        return True, f"compared with MRI {scan.compared_with}"
    late = rules.breakthrough.without_rebaseline_after.from_(exposure.clock)
    if scan.date.first >= late.last:
        return True, "no re-baseline scan"
    return None, f"no re-baseline scan, and less than {rules.breakthrough.without_rebaseline_after} on the drug"


def early_activity(exposure: Exposure, relapses: Iterable[Relapse], scans: Iterable[Scan], rules: TreatmentRules) -> EarlyActivity:
    """Marked early activity on one course (F12e).

    Where the end of the wash-in is not known exactly, the same events are failure on either side of it: before it by F12e, after it by F12.
    They then count as early, the weaker of the two.
    """
    why = f"from {rules.early.begins} after the first dose and before the wash-in ended"
    early = _marked(exposure, relapses, scans, rules, Place.WASH_IN, why)
    if early.truth is None:
        why = f"from {rules.early.begins} after the first dose; that the wash-in had ended is not certain"
        either = _marked(exposure, relapses, scans, rules, Place.ACTING, why)
        return either if either.truth is True else early
    return early


def _marked(
    exposure: Exposure, relapses: Iterable[Relapse], scans: Iterable[Scan], rules: TreatmentRules, until: Place, why: str
) -> EarlyActivity:
    """Whether the events between the third month and the end of the wash-in, or of the drug's action, reach the threshold of F12e."""
    rule = rules.early
    begins = rule.begins.from_(exposure.clock)

    def within(when: DateRange) -> Truth:
        begun: Truth = True if when.first >= begins.last else False if when.last < begins.first else None
        return all_of((begun, exposure.place_of_event(when).between(Place.WASH_IN, until)))

    attacks = [(relapse, within(relapse.onset)) for relapse in relapses if relapse.status == "relapse"]
    enhancing = [(scan, within(scan.date), scan.gd_lesions) for scan in scans if scan.counts and scan.gd_lesions is not None]
    number = Bounds(sum(truth is True for _, truth in attacks), sum(truth is not False for _, truth in attacks))
    with_gd = any_of(all_of((truth, gd >= rule.relapse_with_gd_lesions)) for _, truth, gd in enhancing)
    much_gd = any_of(all_of((truth, gd >= rule.gd_lesions)) for _, truth, gd in enhancing)
    truth = any_of((number >= rule.relapses, all_of((number >= 1, with_gd)), much_gd))
    if truth is False:
        return EarlyActivity(truth=False)
    events = [
        DrugEvent(date=relapse.onset, counts=counts, what=f"relapse {relapse.onset}", why=why, resources=relapse.resources)
        for relapse, counts in attacks
        if counts is not False
    ]
    events += [
        DrugEvent(date=scan.date, counts=counts, what=f"{_count(gd, 'Gd lesion')} on MRI {scan.date}", why=why, resources=scan.resources)
        for scan, counts, gd in enhancing
        if counts is not False and gd.high >= 1
    ]
    return EarlyActivity(truth=truth, events=tuple(sorted(events, key=lambda event: (event.date.first, event.date.last, event.what))))

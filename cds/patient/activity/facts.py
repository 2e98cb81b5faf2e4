"""Whether the disease is active, and whether it is so under the present treatment (clinical-rules F6, F7).

`notActive` needs both a clinical assessment and an MRI read as clean; everything that may hide an event keeps it indeterminate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from msgspec import Struct

from cds.fhir.dates import DateRange, add_months
from cds.patient.activity.latest_attack import latest_attack_facts
from cds.patient.activity.mri_facts import mri_facts, scan_words
from cds.patient.activity.relapse_counts import inside, open_attacks, relapse_count_facts
from cds.patient.activity.relapse_history import RelapseHistory, StatedActivity
from cds.patient.activity.rules import ActivityRules
from cds.patient.context import Conflict, Episode, Fact, Scan
from cds.patient.reading import later, latest, unique
from cds.three_valued import Truth, all_of


def activity_facts(
    history: RelapseHistory, scans: Sequence[Scan], episodes: Sequence[Episode], rules: ActivityRules, as_of: date
) -> dict[str, Fact]:
    """Every fact of the section "Activity"."""
    events = _events(history, scans, rules, as_of)
    activity = _activity(history, scans, events, rules, as_of)
    return {
        "activity": activity,
        "activity.current": _current(activity, events, episodes, rules, as_of),
        **relapse_count_facts(history, scans, rules, as_of),
        **latest_attack_facts(history, rules, as_of),
        **mri_facts(scans, history.mri_open, rules, as_of),
    }


class _Event(Struct, frozen=True):
    """Something that is, or may be, activity. `counts`: whether it is an event of the look-back at all; `None` if it may be."""

    date: DateRange | None
    counts: Truth
    what: str
    resources: tuple[str, ...]


def _events(history: RelapseHistory, scans: Sequence[Scan], rules: ActivityRules, as_of: date) -> tuple[_Event, ...]:
    """Relapses, active scans and stated activity in the look-back, and all that may be one of them."""
    months = rules.look_back.months
    events = [
        _Event(relapse.onset, inside(relapse.onset, months, as_of), f"relapse {relapse.onset}", relapse.resources)
        for relapse in history.relapses
        if relapse.status == "relapse"
    ]
    events += [
        _Event(relapse.onset, None, f"uncertain attack {relapse.onset}", relapse.resources)
        for relapse in open_attacks(history, scans, rules, months, as_of)
    ]
    events += [
        _Event(scan.date, all_of((scan.active, inside(scan.date, months, as_of))), scan_words(scan), scan.resources)
        for scan in scans
        if scan.counts
    ]
    start = add_months(as_of, -months)
    events += [
        _Event(None, None, "a relapse recorded without an onset", record.resources)
        for record in history.undated
        if record.known_by is None or record.known_by.last >= start
    ]
    stated = _newest_statement(history, rules, as_of)
    if stated is not None and stated.active:
        events.append(_Event(stated.date, True, f"active disease coded by the clinician ({stated.code}, {stated.date})", stated.resources))
    return tuple(event for event in events if event.counts is not False)


def _statements(history: RelapseHistory, rules: ActivityRules, as_of: date) -> list[StatedActivity]:
    return [one for one in history.stated if inside(one.date, rules.look_back.months, as_of) is True]


def _newest_statement(history: RelapseHistory, rules: ActivityRules, as_of: date) -> StatedActivity | None:
    """The clinician's latest activity code of the look-back; none if two that differ cannot be put in order."""
    stated = _statements(history, rules, as_of)
    newest = max(stated, key=lambda one: (one.date.first, one.date.last), default=None)
    opposite = [one for one in stated if newest is not None and one.active != newest.active]
    return newest if newest is not None and all(later(newest.date, one.date) is True for one in opposite) else None


def _activity(history: RelapseHistory, scans: Sequence[Scan], events: Sequence[_Event], rules: ActivityRules, as_of: date) -> Fact:
    """F6."""
    months = rules.look_back.months
    since = f"in the last {months} months"
    sure = [event for event in events if event.counts is True]
    if sure:
        return _fact("active", f"Active {since}: {_whats(sure)}.", sure)
    if events:
        return _fact(None, f"Not known {since}: {_whats(events)} may be activity.", events)
    stated = _newest_statement(history, rules, as_of)
    if stated is not None:
        reason = f"Coded by the clinician as not active ({stated.code}, {stated.date}); no relapse or active lesion is recorded {since}."
        return Fact(value="notActive", reason=reason, resources=stated.resources, date=stated.date, how="coded")
    looked = [one for one in history.assessments if inside(one.date, months, as_of) is True]
    clean = [
        scan for scan in scans if scan.counts and scan.clean is True and scan.region == "brain" and inside(scan.date, months, as_of) is True
    ]
    missing = list(_missing(history, bool(looked), bool(clean), len(_statements(history, rules, as_of)), months))
    if missing:
        reason = f"No relapse or active lesion is recorded {since}, but: {'; '.join(missing)}."
        known = [ref for one in looked for ref in one.resources] + [ref for scan in clean for ref in scan.resources]
        return Fact(value=None, reason=reason, resources=unique(known), how="derived" if known else "notFound")
    assessed = max(looked, key=lambda one: (one.date.first, one.date.last, one.what))
    scan = max(clean, key=lambda one: (one.date.first, one.date.last, one.resources))
    return Fact(
        value="notActive",
        reason=f"Not active {since}: {assessed.what} without a relapse on record, and {scan_words(scan)}.",
        resources=unique((*assessed.resources, *scan.resources)),
        date=latest((assessed.date, scan.date)),
        how="derived",
    )


def _missing(history: RelapseHistory, looked: bool, clean: bool, contradicting: int, months: int) -> Iterator[str]:
    """What keeps silence from meaning "not active"."""
    if contradicting:
        yield "the clinician's activity codes contradict each other"
    if not looked:
        yield f"no neurological assessment of the last {months} months was found"
    if not clean:
        yield f"no brain MRI of the last {months} months read as without new, enlarging or enhancing lesions was found"
    for gap in (history.why_open, history.mri_open):
        if gap:
            yield gap[0].lower() + gap[1:].rstrip(".")


def _current(activity: Fact, events: Sequence[_Event], episodes: Sequence[Episode], rules: ActivityRules, as_of: date) -> Fact:
    """F7: one answer for every treatment that may be the present one; unknown if they differ."""
    answers = [_under(episode, activity, events, rules, as_of) for episode in _present(episodes)]
    if len({answer.value for answer in answers}) == 1:
        return answers[0]
    reason = "Which treatment acts now is not certain, and it decides. " + " ".join(answer.reason for answer in answers)
    return Fact(value=None, reason=reason, resources=unique(ref for answer in answers for ref in answer.resources), how="derived")


def _present(episodes: Sequence[Episode]) -> list[Episode | None]:
    """The treatments that may be the present one: the last started of those that act, or none."""
    acting = [episode for episode in episodes if episode.acting is True]
    maybe = [episode for episode in episodes if episode.acting is None]
    found: list[Episode | None] = [] if acting else [None]
    for episode in (*acting, *maybe):
        overtaken = any(later(other.start, episode.start) is True for other in acting if other is not episode)
        if not overtaken:
            found.append(episode)
    return found


def _under(episode: Episode | None, activity: Fact, events: Sequence[_Event], rules: ActivityRules, as_of: date) -> Fact:
    """F7 under one treatment, or under none."""
    if episode is None:
        reason = f"No MS drug acts now. {activity.reason}"
        return Fact(value=activity.value, reason=reason, resources=activity.resources, date=activity.date, how="derived")
    answers = [(event, all_of((event.counts, _after_wash_in(event.date, episode)))) for event in events]
    behind = [event for event, truth in answers if truth is True]
    if behind:
        return _fact("active", f"After the wash-in of {episode.name}{_wash_in(episode)}: {_whats(behind)}.", behind)
    early = all_of((episode.early_activity, inside(episode.early_on, rules.look_back.months, as_of)))
    if early is True:
        reason = f"Marked early activity on {episode.name}, before the end of its wash-in{_wash_in(episode)}."
        return _fact("active", reason, events, episode.resources)
    open_ = [event for event, truth in answers if truth is None]
    if open_:
        reason = f"It cannot be said whether there was activity after the wash-in of {episode.name}{_wash_in(episode)}: {_whats(open_)}."
        return _fact(None, reason, open_, episode.resources)
    if early is None:
        reason = f"It cannot be said whether this is marked early activity on {episode.name}: {_whats(events)}."
        return _fact(None, reason, events, episode.resources)
    sure = [event for event in events if event.counts is True]
    if sure:
        reason = f"{_whats(sure)}: before the end of the wash-in of {episode.name}{_wash_in(episode)}, so not yet assessable."
        return _fact("notYetAssessable", reason[0].upper() + reason[1:], sure, episode.resources)
    return Fact(value=activity.value, reason=activity.reason, resources=activity.resources, date=activity.date, how=activity.how)


def _after_wash_in(day: DateRange | None, episode: Episode) -> Truth:
    """Whether a day lies after the wash-in; while an induction is incomplete the wash-in has no end.

    The end is the last day that it can have; it may be as much earlier as the dates of the drug are inexact.
    """
    if episode.wash_in_ends is None:
        return False if episode.induction_incomplete else None
    if day is None:
        return None
    if day.first > episode.wash_in_ends:
        return True
    if episode.start is None:
        return None
    slack = max(given.last - given.first for given in (episode.start, *episode.doses))
    return False if day.last <= episode.wash_in_ends - slack else None


def _wash_in(episode: Episode) -> str:
    if episode.wash_in_ends is not None:
        return f" ({episode.wash_in_ends})"
    return " (induction incomplete)" if episode.induction_incomplete else " (end not known)"


def _fact(value: str | None, reason: str, events: Sequence[_Event], more: Iterable[str] = ()) -> Fact:
    return Fact(
        value=value,
        reason=reason,
        resources=unique((*(ref for event in events for ref in event.resources), *more)),
        date=latest(event.date for event in events),
        how="derived",
    )


def _whats(events: Sequence[_Event]) -> str:
    return "; ".join(event.what for event in sorted(events, key=lambda event: (event.date.first if event.date else date.min, event.what)))


def activity_conflicts(history: RelapseHistory, scans: Sequence[Scan], rules: ActivityRules, as_of: date) -> tuple[Conflict, ...]:
    """Activity records that cannot both be right (F6): codes against events, codes against codes, counts against relapses and reports."""
    return tuple(_conflicts(history, scans, rules, as_of))


def _conflicts(history: RelapseHistory, scans: Sequence[Scan], rules: ActivityRules, as_of: date) -> Iterator[Conflict]:
    stated = _statements(history, rules, as_of)
    quiet, active = [one for one in stated if not one.active], [one for one in stated if one.active]
    dated = [
        event for event in _events(history, scans, rules, as_of) if event.counts is True and "coded by the clinician" not in event.what
    ]
    if quiet and dated:
        codes = ", ".join(f"{one.code} {one.date}" for one in quiet)
        refs = unique((*(ref for one in quiet for ref in one.resources), *(ref for event in dated for ref in event.resources)))
        yield Conflict(id="activity", text=f"Coded as not active ({codes}), but: {_whats(dated)}. The dated event counts.", resources=refs)
    if quiet and active:
        codes = ", ".join(f"{one.code} {one.date}" for one in stated)
        yield Conflict(
            id="activity", text=f"Active and non-active codes: {codes}.", resources=unique(ref for one in stated for ref in one.resources)
        )
    for count in history.counts:
        if count.number.high == 0 and count.start is not None:
            start, until = count.start.last, count.until.first
            inside_ = [one for one in history.relapses if one.status == "relapse" and one.onset.within(start, until) is True]
            if inside_:
                onsets = ", ".join(str(one.onset) for one in inside_)
                refs = unique((*count.resources, *(ref for one in inside_ for ref in one.resources)))
                yield Conflict(
                    id="relapses", text=f"{count.what[0].upper()}{count.what[1:]}, but relapses are recorded: {onsets}.", resources=refs
                )
    for scan in scans:
        if scan.disagreement:
            yield Conflict(id="mri", text=f"MRI {scan.date}: {scan.disagreement}", resources=scan.resources)

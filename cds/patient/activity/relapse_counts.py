"""How many relapses there were in a window: exact only where someone looked, otherwise "at least" (clinical-rules F4, F6)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from msgspec import Struct

from cds.fhir.dates import DateRange, add_months, months_between
from cds.patient.activity.attacks import fewest
from cds.patient.activity.infections import near
from cds.patient.activity.relapse_history import Assessment, RelapseCount, RelapseHistory
from cds.patient.activity.rules import ActivityRules, Coverage
from cds.patient.context import Fact, Relapse, Scan
from cds.patient.reading import latest, unique
from cds.three_valued import Bounds, Truth, any_of

WINDOWS = (6, 12, 24, 60)


def inside(day: DateRange | None, months: int, as_of: date) -> Truth:
    """Whether a date lies in the months before `as_of`; a record cannot lie after it. Unknown for no date."""
    return None if day is None else day.on_or_after(add_months(as_of, -months))


def relapse_count_facts(history: RelapseHistory, scans: Sequence[Scan], rules: ActivityRules, as_of: date) -> dict[str, Fact]:
    """`relapses.last6Months` to `relapses.last60Months`."""
    covers = {months: coverage(history, scans, rules, as_of, months) for months in WINDOWS}
    return {f"relapses.last{months}Months": _fact(history, scans, rules, as_of, months, covers) for months in WINDOWS}


def _fact(
    history: RelapseHistory, scans: Sequence[Scan], rules: ActivityRules, as_of: date, months: int, covers: Mapping[int, Cover]
) -> Fact:
    start = add_months(as_of, -months)
    relapses = [relapse for relapse in history.relapses if relapse.status == "relapse"]
    dated = [relapse for relapse in relapses if relapse not in history.counted]
    sure = [relapse for relapse in relapses if inside(relapse.onset, months, as_of) is True]
    maybe = [relapse for relapse in relapses if inside(relapse.onset, months, as_of) is None]
    doubtful = list(open_attacks(history, scans, rules, months, as_of))
    undated = [record for record in history.undated if not record.counted and (record.known_by is None or record.known_by.last >= start)]
    counts = [count for count in history.counts if count.start is not None and count.until.last >= start]
    stated = [count for count in counts if count.start is not None and count.start.first >= start]
    low = max([fewest((relapse.onset for relapse in sure), rules.merging.within_days), *(int(count.number.low) for count in stated)])
    cover = next((covers[window] for window in WINDOWS if window >= months and not covers[window].gap), covers[months])
    gap = history.why_open or cover.gap
    most = (
        sum(relapse in dated for relapse in (*sure, *maybe))
        + len(doubtful)
        + sum(record.most for record in undated)
        + sum(_beyond(count, dated, rules.merging.within_days) for count in counts)
    )
    most = math.inf if gap else most
    value = Bounds(low, max(low, most))
    shown = [*sure, *maybe, *doubtful]
    resources = [ref for relapse in shown for ref in relapse.resources] + [ref for record in undated for ref in record.resources]
    resources += [ref for count in stated if count.number.low for ref in count.resources]
    return Fact(
        value=value,
        reason=_reason(value, sure, maybe, doubtful, len(undated), start, gap, cover),
        resources=unique((*resources, *cover.resources)),
        date=latest(relapse.onset for relapse in shown) or latest(assessment.date for assessment in cover.contacts),
        how="derived" if shown or cover.contacts else "notFound",
    )


def _beyond(count: RelapseCount, dated: Iterable[Relapse], within_days: int) -> float:
    """How many relapses a stated number holds at most besides those that certainly lie in its period."""
    if count.start is None:
        return 0
    first, last = count.start.last, count.until.first
    within = [relapse.onset for relapse in dated if relapse.onset.within(first, last) is True]
    return max(0, count.number.high - fewest(within, within_days))


def open_attacks(history: RelapseHistory, scans: Iterable[Scan], rules: ActivityRules, months: int, as_of: date) -> Iterator[Relapse]:
    """Uncertain attacks that may lie in the window and that no later MRI without new lesions has settled.

    Where only its date leaves open whether an infection was near, an attack may be a plain relapse, and MRI settles nothing. It settles
    optic neuritis or myelitis no more: their lesion is not in the brain.
    """
    clean = [scan for scan in scans if scan.counts and scan.clean is True and scan.region == "brain"]
    for relapse in history.relapses:
        infected = any_of(near(relapse.onset, infection, rules) for infection in history.infections)
        can_settle = infected is not None and relapse not in history.by_syndrome
        settled = can_settle and any(scan.date.first >= relapse.onset.last for scan in clean)
        if relapse.status == "uncertain" and inside(relapse.onset, months, as_of) is not False and not settled:
            yield relapse


class Cover(Struct, frozen=True):
    """Whether a window was looked at: why not, or the contacts that cover it."""

    gap: str
    contacts: tuple[Assessment, ...]

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources behind the contacts."""
        return tuple(ref for contact in self.contacts for ref in contact.resources)


def coverage(history: RelapseHistory, scans: Iterable[Scan], rules: ActivityRules, as_of: date, months: int) -> Cover:
    """Whether clinicians looked often enough for silence to mean "no relapse" (definition `ranvier-relapse-assessment`).

    A date known to the month or year is taken at its worst: contacts follow one another at most so many months apart whatever day is meant.
    """
    rule = rules.assessment.window(months)
    start = add_months(as_of, -months)
    recent = min(months, rules.assessment.latest_assessment_months)
    clinical = [one for one in history.assessments if one.date.last >= start]
    if not any(inside(one.date, recent, as_of) is True for one in clinical):
        last = max(history.assessments, key=lambda one: (one.date.first, one.date.last), default=None)
        since = f"; the last was {last.what}" if last else ""
        return Cover(f"no neurological assessment is recorded in the last {recent} months{since}", ())
    contacts = sorted({*clinical, *_imaging(scans, start)}, key=lambda one: (one.date.last, one.date.first, one.what))
    reached = _reached(history, contacts, rule, start, as_of)
    if months_between(reached, as_of) > rule.longest_gap_months:
        return Cover(f"no contact is recorded for more than {rule.longest_gap_months} months from {reached} on", tuple(contacts))
    sure = sum(inside(one.date, months, as_of) is True for one in contacts)
    if sure < rule.fewest_contacts and not _told(history, start):
        return Cover(f"only {_number(sure, 'contact')} in {months} months recorded", tuple(contacts))
    return Cover("", tuple(contacts))


def _imaging(scans: Iterable[Scan], start: date) -> Iterator[Assessment]:
    for scan in scans:
        if scan.active is not None and scan.date.last >= start:
            yield Assessment(date=scan.date, what=f"MRI {scan.date}", resources=scan.resources)


def _told(history: RelapseHistory, start: date) -> bool:
    """Whether a statement on relapses covers the window from its beginning."""
    return any(count.start is not None and count.start.last <= start and count.until.first >= start for count in history.counts)


def _reached(history: RelapseHistory, contacts: Iterable[Assessment], rule: Coverage, start: date, as_of: date) -> date:
    """The day up to which contacts and statements cover the window without too long a gap."""
    spans = [(one.date.last, one.date.first) for one in contacts]
    spans += [(count.start.last, count.until.first) for count in history.counts if count.start is not None]
    reached = start
    for begins, ends in sorted(spans):
        if months_between(reached, min(begins, as_of)) <= rule.longest_gap_months:
            reached = max(reached, ends)
    return min(reached, as_of)


def _reason(
    value: Bounds,
    sure: Sequence[Relapse],
    maybe: Sequence[Relapse],
    doubtful: Sequence[Relapse],
    undated: int,
    start: date,
    gap: str,
    cover: Cover,
) -> str:
    parts = []
    if sure:
        parts.append(f"{_number(len(sure), 'relapse')} since {start}: {_onsets(sure)}.")
    else:
        parts.append(f"No dated relapse is recorded since {start}." if value.low == 0 else f"{value} relapses since {start} are stated.")
    if maybe:
        parts.append(f"Dated too roughly to say whether since then: {_onsets(maybe)}.")
    if doubtful:
        parts.append(f"Uncertain, not counted: {_onsets(doubtful)}.")
    if undated:
        parts.append(f"Recorded without an onset: {_number(undated, 'relapse')}.")
    if gap:
        text = gap[0].upper() + gap[1:].rstrip(".")
        parts.append(f"{text}: there may be more.")
    elif cover.contacts:
        last = max(cover.contacts, key=lambda one: (one.date.first, one.date.last, one.what))
        parts.append(f"Last assessed: {last.what}.")
    return " ".join(parts)


def _onsets(relapses: Iterable[Relapse]) -> str:
    return ", ".join(str(relapse.onset) for relapse in relapses)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"

"""Confirmed worsening of the EDSS, and whether it came with a relapse (clinical-rules F9, F10).

A score whose date or neighbourhood leaves something open never makes a worsening; what could make one keeps "no worsening" from being said.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.dates import DateRange, add_months
from cds.patient.activity.attacks import days_between
from cds.patient.activity.relapse_history import RelapseHistory
from cds.patient.context import EdssScore, Episode, Relapse
from cds.patient.disability.rules import DisabilityRules
from cds.patient.reading import unique
from cds.three_valued import Truth, any_of

Course = Literal["raw", "pira", "neither"]


class Worsening(Struct, frozen=True, kw_only=True):
    """One rise of the EDSS that meets the rule: from a reference to the first score at or above the threshold.

    `confirmed_on` is the score that confirms it; without one it is unconfirmed and counts nowhere. `drug` is the drug whose start gave the
    reference. `course` is relapse-associated, independent of relapse, or neither (F10). `certain`: whatever days rough dates mean.
    """

    rule: str
    reference: DateRange
    from_value: float
    onset: DateRange
    to_value: float
    confirmed_on: DateRange | None
    course: Course
    drug: str | None
    resources: tuple[str, ...]
    certain: bool = True

    @property
    def confirmed(self) -> bool:
        """Whether a later score confirms it."""
        return self.confirmed_on is not None

    def __str__(self) -> str:
        rise = f"EDSS {self.from_value:.1f} ({self.reference}) to {self.to_value:.1f} ({self.onset})"
        if not self.certain:
            return f"{rise}, which rough dates leave open"
        return f"{rise}, confirmed {self.confirmed_on}" if self.confirmed else f"{rise}, not confirmed"


def by_rule(worsenings: Iterable[Worsening]) -> str:
    """Worsenings in words, with the name of the rule that they meet (F9: it is always printed)."""
    listed = tuple(worsenings)
    return "; ".join(map(str, listed)) + f" ({listed[0].rule})" if listed else ""


class Point(Struct, frozen=True):
    """The scores of one date. They differ where two records of the day do; `near` is whether a relapse lies in the 90 days before."""

    date: DateRange
    low: float
    high: float
    near: Truth
    resources: tuple[str, ...]


def points_of(scores: Iterable[EdssScore], history: RelapseHistory, rules: DisabilityRules) -> tuple[Point, ...]:
    """The scores by date, in the order of time."""
    ordered = sorted(scores, key=lambda score: (score.date.first, score.date.last, score.value))
    points = []
    for day, same in groupby(ordered, key=lambda score: score.date):
        of_day = tuple(same)
        points.append(
            Point(
                day,
                min(score.value for score in of_day),
                max(score.value for score in of_day),
                near_relapse(day, history, rules),
                unique(ref for score in of_day for ref in score.resources),
            )
        )
    return tuple(points)


def near_relapse(day: DateRange, history: RelapseHistory, rules: DisabilityRules) -> Truth:
    """Whether a relapse, certain or not, has its onset in the 90 days before. One that only a number states may have."""
    days = rules.near_relapse.days_after_relapse
    placed = [days_between(relapse.onset, day, 0, days) for relapse in history.relapses if relapse.status != "possible"]
    unplaced: list[Truth] = [None for record in history.undated if record.counted]
    return any_of((*placed, *unplaced))


def confirmed(rises: Iterable[Worsening]) -> tuple[Worsening, ...]:
    """Those rises that are confirmed."""
    return tuple(one for one in rises if one.confirmed)


def possible_worsenings(
    known: Sequence[Worsening],
    scores: Sequence[EdssScore],
    history: RelapseHistory,
    episodes: Sequence[Episode],
    rules: DisabilityRules,
    as_of: date,
) -> tuple[Worsening, ...]:
    """Worsenings that are confirmed if rough dates mean certain days, and not if they mean others; `known` are confirmed anyway."""
    points = points_of((score for score in scores if score.date.first <= as_of), history, rules)
    settled = settlements(points, history, episodes, rules)
    if settled is None:
        found = [
            _worsening(earlier, later, None, None, history, rules)
            for earlier, later in itertools.combinations(points, 2)
            if later.high >= rules.worsening.threshold(earlier.low)
        ]
    else:
        found = [one for chart in settled for one in _by_rule(*chart, rules) if one.confirmed]
    new = {one.resources: one for one in found if not any(one.resources == other.resources or _same(other, one) for other in known)}
    return tuple(replace(one, certain=False) for one in new.values())


def read_worsenings(
    scores: Sequence[EdssScore], history: RelapseHistory, episodes: Sequence[Episode], rules: DisabilityRules, as_of: date
) -> tuple[Worsening, ...]:
    """Every rise that meets the rule, in the order of time; the last one may wait for its confirmation (F9).

    On a drug the reference is the EDSS nearest to its start, otherwise the lowest of the time before. A confirmed worsening sets a new
    reference. Where dates are rough, a worsening is confirmed only if it is so whatever days are meant.
    """
    points = points_of((score for score in scores if score.date.first <= as_of), history, rules)
    found = _by_rule(points, history, episodes, rules)
    settled = settlements(points, history, episodes, rules)
    if settled is None:
        return tuple(one for one in found if not one.confirmed)
    each = [_by_rule(*one, rules) for one in settled]
    return tuple(one for one in found if not one.confirmed or all(any(_same(one, other) for other in others) for others in each))


def _same(rough: Worsening, settled: Worsening) -> bool:
    """Whether a worsening by settled dates is the one by rough dates."""
    return (
        settled.confirmed_on is not None
        and rough.confirmed_on is not None
        and (
            rough.onset.first <= settled.onset.first <= rough.onset.last
            and rough.confirmed_on.first <= settled.confirmed_on.first <= rough.confirmed_on.last
        )
    )


def _by_rule(
    points: Sequence[Point], history: RelapseHistory, episodes: Sequence[Episode], rules: DisabilityRules
) -> tuple[Worsening, ...]:
    found: list[Worsening] = []
    since: Point | None = None
    for number, event in enumerate(points):
        reference, drug = _reference(event, points, since, episodes, rules)
        if reference is None or event.low < rules.worsening.threshold(reference.high):
            continue
        confirmation, broken = _confirmation(event, points[number + 1 :], rules.worsening.threshold(reference.high), rules)
        if broken:
            continue
        found.append(_worsening(reference, event, confirmation, drug, history, rules))
        if confirmation is None:
            break
        since = event
    return tuple(found)


Settlement = tuple[tuple[Point, ...], RelapseHistory, tuple[Episode, ...]]
_MOST_SETTLEMENTS = 256


def settlements(
    points: Sequence[Point], history: RelapseHistory, episodes: Sequence[Episode], rules: DisabilityRules
) -> list[Settlement] | None:
    """The same scores, relapses and drugs with every rough date at its first or last day, and every doubtful value at either.

    Empty if all is exact; `None` if there are too many. Relapses that are surely far from every score keep their dates.
    """
    near = [one for one in history.relapses if _blurs(one, points, rules)]
    choices: list[list[Point] | list[Relapse] | list[Episode]] = [_exact_points(point) for point in points]
    choices += [[replace(one, onset=DateRange.on(day)) for day in _ends(one.onset)] for one in near]
    choices += [[replace(one, start=DateRange.on(day)) for day in _ends(one.start)] if one.start else [one] for one in episodes]
    if all(len(options) == 1 for options in choices):
        return []
    if math.prod(len(options) for options in choices) > _MOST_SETTLEMENTS:
        return None
    far = tuple(one for one in history.relapses if one not in near)
    settled: list[Settlement] = []
    for chosen in itertools.product(*choices):
        known = replace(history, relapses=(*far, *(one for one in chosen if isinstance(one, Relapse))))
        own = [replace(one, near=near_relapse(one.date, known, rules)) for one in chosen if isinstance(one, Point)]
        ordered = tuple(sorted(own, key=lambda one: (one.date.first, one.low, one.resources)))
        settled.append((ordered, known, tuple(one for one in chosen if isinstance(one, Episode))))
    return settled


def _blurs(relapse: Relapse, points: Sequence[Point], rules: DisabilityRules) -> bool:
    """Whether the rough date of an attack leaves open that a score lies near it."""
    days = rules.near_relapse.days_after_relapse
    return relapse.status != "possible" and any(days_between(relapse.onset, point.date, 0, days) is None for point in points)


def _exact_points(point: Point) -> list[Point]:
    return [
        replace(point, date=DateRange.on(day), low=value, high=value)
        for day in _ends(point.date)
        for value in dict.fromkeys((point.low, point.high))
    ]


def _ends(day: DateRange) -> list[date]:
    return list(dict.fromkeys((day.first, day.last)))


def _confirmation(event: Point, later: Sequence[Point], threshold: float, rules: DisabilityRules) -> tuple[Point | None, bool]:
    """The score that confirms, and whether a score before it fell below the threshold."""
    earliest = add_months(event.date.last, rules.worsening.confirmed_after_months)
    for point in later:
        if point.low < threshold:
            return None, True
        if point.date.first >= earliest and point.near is False:
            return point, False
    return None, False


def _reference(
    event: Point, points: Sequence[Point], since: Point | None, episodes: Sequence[Episode], rules: DisabilityRules
) -> tuple[Point | None, str | None]:
    """The score that an event is compared with, and the drug whose start it belongs to."""
    usable = [point for point in points if point.near is False and point.date.last < event.date.first]
    episode = _on_drug(event.date, episodes)
    if since is not None:
        usable = [point for point in usable if point.date.first >= since.date.first]
        if episode is None or episode.start is None or episode.start.first <= since.date.last:
            return _lowest(usable, event, rules, limited=episode is None), None
    if episode is not None and episode.start is not None:
        near = _nearest([point for point in points if point.near is False], episode.start, rules)
        if near in usable:
            return near, episode.drug
    return _lowest(usable, event, rules, limited=True), None


def _on_drug(day: DateRange, episodes: Iterable[Episode]) -> Episode | None:
    """The last started drug that certainly acted on the day."""
    acting = [
        episode
        for episode in episodes
        if episode.start is not None
        and episode.start.last <= day.first
        and (day.last <= episode.acts_until if episode.acts_until is not None else episode.ongoing is True)
    ]
    return max(
        acting, key=lambda one: (one.start.last, one.start.first, one.drug) if one.start else (date.min, date.min, one.drug), default=None
    )


def _nearest(points: Iterable[Point], start: DateRange, rules: DisabilityRules) -> Point | None:
    """The score nearest to the start of a drug, in the window around it; of two that may be the nearest, the higher."""
    first = add_months(start.last, -rules.reference.months_before_start)
    last = add_months(start.first, rules.reference.months_after_start)
    close = [point for point in points if point.date.within(first, last) is True]
    if not close:
        return None
    limit = min(max(_distances(point.date, start)) for point in close)
    return max((point for point in close if min(_distances(point.date, start)) <= limit), key=lambda point: (point.high, point.date.last))


def _distances(day: DateRange, start: DateRange) -> tuple[int, int]:
    """The least and the greatest number of days between two dates."""
    gaps = ((start.first - day.last).days, (day.first - start.last).days)
    return max(0, *gaps), max(abs((start.last - day.first).days), abs((day.last - start.first).days))


def _lowest(points: Iterable[Point], event: Point, rules: DisabilityRules, *, limited: bool) -> Point | None:
    """The lowest score of the months before the event; without a limit, of all that are left."""
    earliest = add_months(event.date.last, -rules.reference.lowest_within_months) if limited else date.min
    recent = [point for point in points if point.date.first >= earliest]
    return min(recent, key=lambda point: (point.high, -point.date.last.toordinal()), default=None)


def _worsening(
    reference: Point, event: Point, confirmation: Point | None, drug: str | None, history: RelapseHistory, rules: DisabilityRules
) -> Worsening:
    behind = [reference, event, *((confirmation,) if confirmation else ())]
    return Worsening(
        rule=rules.worsening.name,
        reference=reference.date,
        from_value=reference.high,
        onset=event.date,
        to_value=event.low,
        confirmed_on=confirmation.date if confirmation else None,
        course=_course([event.date, *((confirmation.date,) if confirmation else ())], history, rules),
        drug=drug,
        resources=unique(ref for point in behind for ref in point.resources),
    )


def _course(days: Sequence[DateRange], history: RelapseHistory, rules: DisabilityRules) -> Course:
    """F10. Relapse dates that cannot be read, and relapses near but not before, make it neither."""
    certain = [relapse for relapse in history.relapses if relapse.status == "relapse"]
    if any(days_between(relapse.onset, days[0], 0, rules.raw.days_after_relapse) is True for relapse in certain):
        return "raw"
    first = min(day.first for day in days)
    undated = any(record.known_by is None or (first - record.known_by.last).days <= rules.pira.days_before for record in history.undated)
    attacks = [relapse for relapse in history.relapses if relapse.status != "possible"]
    far = all(
        days_between(relapse.onset, day, -rules.pira.days_after, rules.pira.days_before) is False for relapse in attacks for day in days
    )
    return "pira" if history.complete and far and not undated else "neither"


def why_open(points: Sequence[Point], history: RelapseHistory, episodes: Sequence[Episode], rules: DisabilityRules) -> str:
    """Why a rise may meet the rule though none was found to; empty if the rule has answered.

    Either a rise has no score close enough before it to be compared with, or rough dates leave open whether a higher score is a worsening.
    """
    if said := _without_reference(points, episodes, rules):
        return said
    exact = settlements(points, history, episodes, rules) == []
    risen = any(
        later.high >= rules.worsening.threshold(earlier.low)
        for earlier in points
        for later in points
        if later is not earlier and earlier.date.first <= later.date.last
    )
    return "dates or values are known too roughly to say" if risen and not exact else ""


def _without_reference(points: Sequence[Point], episodes: Sequence[Episode], rules: DisabilityRules) -> str:
    for number, event in enumerate(points):
        risen = any(event.high >= rules.worsening.threshold(point.low) for point in points[:number])
        if risen and _reference(event, points, None, episodes, rules)[0] is None:
            return f"the EDSS of {event.date} is higher than earlier ones, but none of them can serve as its reference"
    return ""

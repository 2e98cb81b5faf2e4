"""The EDSS now, and whether it has worsened (clinical-rules F8–F10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange, add_months
from cds.patient.activity.relapse_counts import inside
from cds.patient.activity.relapse_history import RelapseHistory
from cds.patient.context import EdssScore, Episode, Fact, Relapse
from cds.patient.disability.edss import EdssRecord, edss_records
from cds.patient.disability.rules import DisabilityRules
from cds.patient.disability.worsening import Point, Worsening, near_relapse, points_of, why_open
from cds.patient.reading import latest, unique
from cds.three_valued import Bounds

_SHOWN = 5
"""How many scores a reason names."""

__all__ = ["Worsening", "disability_facts", "read_edss"]


def read_edss(
    chart: Chart, terminology: Terminology, rules: DisabilityRules, as_of: date, relapses: Sequence[Relapse]
) -> tuple[EdssScore, ...]:
    """Every EDSS up to `as_of`, in the order of time (F8). Of one day, coded values beat values read from text."""
    history = RelapseHistory(relapses=tuple(relapses))
    records = [record for record in edss_records(chart, terminology, rules, as_of) if record.value is not None]
    coded = {record.date for record in records if record.how == "coded"}
    return tuple(
        EdssScore(
            value=record.value,
            date=record.date,
            resources=(record.ref,),
            how=record.how,
            near_relapse=near_relapse(record.date, history, rules) is not False,
        )
        for record in records
        if record.value is not None and (record.how == "coded" or record.date not in coded)
    )


def disability_facts(
    scores: Sequence[EdssScore],
    worsenings: Sequence[Worsening],
    history: RelapseHistory,
    episodes: Sequence[Episode],
    rules: DisabilityRules,
    as_of: date,
) -> dict[str, Fact]:
    """Every fact of the section "Disability". `worsenings` are those of `read_worsenings`."""
    points = points_of(scores, history, rules)
    return {
        "edss": _edss(scores, history, rules, as_of),
        "worsening.last12Months": _worsened(12, points, worsenings, history, episodes, rules, as_of),
        "worsening.last24Months": _worsened(24, points, worsenings, history, episodes, rules, as_of),
        "worsening.course": _course(worsenings, rules),
    }


def _edss(scores: Sequence[EdssScore], history: RelapseHistory, rules: DisabilityRules, as_of: date) -> Fact:
    """The latest EDSS of the last 24 months; of several that may be the latest, their span."""
    months = rules.current.months
    last = max((score.date.first for score in scores), default=date.min)
    newest = [score for score in scores if score.date.last >= last]
    refs = unique(ref for score in newest for ref in score.resources)
    left_aside = _left_aside(history.edss_left_aside)
    if not newest:
        return Fact(
            value=None, reason=f"EDSS not found.{left_aside}", resources=unique(one.ref for one in history.edss_left_aside), how="notFound"
        )
    shown = " or ".join(dict.fromkeys(f"{score.value:.1f} on {score.date}" for score in newest))
    if later := [one for one in history.edss_left_aside if one.unclear and one.date.last >= last]:
        refs, day = unique((*refs, *(one.ref for one in later))), latest(one.date for one in later)
        reason = f"What the EDSS is now is not clear; last clear value {shown}.{left_aside}"
        return Fact(value=None, reason=reason, resources=refs, date=day, how="notFound")
    if not any(inside(score.date, months, as_of) is True for score in newest):
        start = add_months(as_of, -months)
        reason = f"EDSS not found after {start}; last value {shown}.{left_aside}"
        if any(inside(score.date, months, as_of) is None for score in newest):
            reason = f"Whether the last EDSS ({shown}) is from after {start} cannot be said.{left_aside}"
        return Fact(value=None, reason=reason, resources=refs, date=latest(score.date for score in newest), how="notFound")
    return Fact(
        value=Bounds(min(score.value for score in newest), max(score.value for score in newest)),
        reason=f"EDSS {shown}{_marks(newest, rules, as_of)}.{left_aside}",
        resources=refs,
        date=latest(score.date for score in newest),
        how="coded" if all(score.how == "coded" for score in newest) else "text",
    )


def _marks(newest: Iterable[EdssScore], rules: DisabilityRules, as_of: date) -> str:
    """What a reader must know of the value: its age, a relapse just before, that it was read from text."""
    newest = tuple(newest)
    old = any(inside(score.date, rules.current.marked_after_months, as_of) is False for score in newest)
    marks = [
        f"older than {rules.current.marked_after_months} months" if old else "",
        f"within {rules.near_relapse.days_after_relapse} days after an attack" if any(score.near_relapse for score in newest) else "",
        "read from text" if any(score.how == "text" for score in newest) else "",
    ]
    said = ", ".join(mark for mark in marks if mark)
    return f" ({said})" if said else ""


def _left_aside(records: Iterable[EdssRecord]) -> str:
    said = ", ".join(f"{record.why_not} ({record.date})" for record in records)
    return f" Left aside: {said}." if said else ""


def _worsened(
    months: int,
    points: Sequence[Point],
    worsenings: Sequence[Worsening],
    history: RelapseHistory,
    episodes: Sequence[Episode],
    rules: DisabilityRules,
    as_of: date,
) -> Fact:
    """Whether a worsening was confirmed in the window."""
    name, window = rules.worsening.name, f"in the last {months} months"
    recent = [(one, inside(one.confirmed_on, months, as_of)) for one in worsenings]
    sure = [one for one, truth in recent if truth is True]
    if sure:
        return _about(True, f"Confirmed worsening {window} (rule {name}): {_listed(sure)}.", sure)
    open_ = [one for one, truth in recent if truth is None]
    if open_:
        return _about(None, f"Worsening that may be confirmed {window} ({name}): {_listed(open_)}.", open_)
    if not points:
        return Fact(value=None, reason=f"EDSS not found, so worsening ({name}) is not known.", how="notFound")
    missing = _missing(months, points, history, episodes, rules, as_of)
    shown = "; ".join(f"{_value(point)} ({point.date})" for point in points[-_SHOWN:]) + (
        " and earlier ones" if len(points) > _SHOWN else ""
    )
    refs, day = unique(ref for point in points for ref in point.resources), points[-1].date
    if missing:
        reason = f"No confirmed worsening {window} is recorded ({name}; EDSS {shown}), but: {missing}."
        return Fact(value=None, reason=reason, resources=refs, date=day, how="derived")
    return Fact(value=False, reason=f"No worsening {window} by {name}: EDSS {shown}.", resources=refs, date=day, how="derived")


def _missing(
    months: int,
    points: Sequence[Point],
    history: RelapseHistory,
    episodes: Sequence[Episode],
    rules: DisabilityRules,
    as_of: date,
) -> str:
    """Why silence does not mean that there was no worsening; empty if it does."""
    start = add_months(as_of, -months)
    if unclear := [one for one in history.edss_left_aside if one.unclear and inside(one.date, months, as_of) is not False]:
        return f"an EDSS is not clear ({', '.join(f'{one.why_not}, {one.date}' for one in unclear)})"
    if not history.complete:
        return history.why_open[0].lower() + history.why_open[1:].rstrip(".") if history.why_open else "the chart was not read in full"
    before = [point for point in points if point.near is False and point.date.last <= start]
    if not before:
        return f"no EDSS of {start} or before to compare with"
    recent = rules.assessment.latest_score_months
    if not any(inside(point.date, recent, as_of) is True and point.date.first > before[0].date.last for point in points):
        return f"no EDSS of the last {recent} months"
    return why_open(points, history, episodes, rules)


def _value(point: Point) -> str:
    return f"{point.low:.1f}" if point.low == point.high else f"{point.low:.1f} or {point.high:.1f}"


def _listed(worsenings: Iterable[Worsening]) -> str:
    return "; ".join(f"{one}{_COURSE[one.course] if one.confirmed else ''}" for one in worsenings)


_COURSE = {
    "raw": ", within 90 days after a relapse",
    "pira": ", independent of relapse",
    "neither": ", neither clearly with nor clearly without a relapse",
}


def _about(value: bool | None, reason: str, worsenings: Sequence[Worsening]) -> Fact:
    day: DateRange | None = latest(one.confirmed_on or one.onset for one in worsenings)
    return Fact(value=value, reason=reason, resources=unique(ref for one in worsenings for ref in one.resources), date=day, how="derived")


def _course(worsenings: Sequence[Worsening], rules: DisabilityRules) -> Fact:
    """RAW, PIRA or neither, of the latest confirmed worsening."""
    confirmed = [one for one in worsenings if one.confirmed_on is not None]
    if not confirmed:
        said = f" ({_listed(worsenings)})" if worsenings else ""
        return Fact(value=None, reason=f"No confirmed worsening is recorded by {rules.worsening.name}{said}.", how="notFound")
    last = confirmed[-1]
    return Fact(
        value=last.course,
        reason=f"{last}{_COURSE[last.course]} ({rules.worsening.name}).",
        resources=last.resources,
        date=last.onset,
        how="derived",
    )

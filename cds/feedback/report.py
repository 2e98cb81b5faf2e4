"""What became of the cards: counts by time, topic, summary, content version and reason. Pure: rows in, a report out."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Literal, NamedTuple

from msgspec import Struct

from cds.feedback.records import Call, Feedback, Shown

Period = Literal["day", "week", "month"]


class Answer(NamedTuple):
    """One stored report, with the card it is about; `None` if no such card is known to have been shown by that service."""

    report: Feedback
    card: Shown | None


class Reason(Struct, frozen=True):
    """A reason to override, and how often it was the last word on a card."""

    code: str
    system: str | None
    display: str | None
    count: int


class CardLine(Struct, frozen=True):
    """Cards shown in one period, and the last word on each: a card that was first overridden and then accepted counts as accepted.

    A card on which nobody reported is only in `shown`. `reasons`: of the overridden, the most frequent first.
    """

    period: str
    topic: str
    summary: str
    content_version: str
    shown: int
    accepted: int
    overridden: int
    reasons: tuple[Reason, ...]


class UnmatchedLine(Struct, frozen=True):
    """Reports on cards that are not known to have been shown, by the time they were received."""

    period: str
    service: str
    accepted: int
    overridden: int


class CallLine(Struct, frozen=True):
    """Service calls with one outcome; times in milliseconds."""

    period: str
    service: str
    outcome: str
    calls: int
    median_ms: float
    p95_ms: float


class Report(Struct, frozen=True):
    """Lines in the order of period, then name."""

    cards: tuple[CardLine, ...]
    unmatched: tuple[UnmatchedLine, ...]
    calls: tuple[CallLine, ...]


def summarise(shown: Iterable[Shown], answers: Iterable[Answer], calls: Iterable[Call], per: Period = "month") -> Report:
    """The report on these rows. Each is read once, so that they can be streamed; of the cards shown only counts are kept."""
    sent = Counter(_group(card, per) for card in shown)
    known: defaultdict[_Group, list[Feedback]] = defaultdict(list)
    unknown: defaultdict[tuple[str, str], list[Feedback]] = defaultdict(list)
    for report, card in _last_words(answers):
        if card is None:
            unknown[period_of(report.received_at, per), report.service].append(report)
        else:
            known[_group(card, per)].append(report)
    times: defaultdict[tuple[str, str, str], array[float]] = defaultdict(lambda: array("d"))
    for call in calls:
        times[period_of(call.at, per), call.service, call.outcome].append(call.duration_ms)
    return Report(
        tuple(CardLine(*group, sent[group], *_outcomes(known[group]), _reasons(known[group])) for group in sorted(sent.keys() | known)),
        tuple(UnmatchedLine(*place, *_outcomes(unknown[place])) for place in sorted(unknown)),
        tuple(CallLine(*place, len(times[place]), *_median_and_p95(times[place])) for place in sorted(times)),
    )


def period_of(moment: datetime, per: Period) -> str:
    """The day (2026-11-20), ISO week (2026-W47) or month (2026-11) of a time."""
    match per:
        case "day":
            return moment.strftime("%Y-%m-%d")
        case "week":
            return moment.strftime("%G-W%V")
        case "month":
            return moment.strftime("%Y-%m")


_Group = tuple[str, str, str, str]


def _group(card: Shown, per: Period) -> _Group:
    return period_of(card.at, per), card.topic, card.summary, card.content_version


def _last_words(answers: Iterable[Answer]) -> Iterable[Answer]:
    """The latest report on each card; of two at the same moment, the acceptance."""
    last: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        place = answer.report.service, answer.report.card
        if place not in last or _moment(answer.report) > _moment(last[place].report):
            last[place] = answer
    return last.values()


def _moment(report: Feedback) -> tuple[datetime, bool]:
    return report.outcome_at, report.outcome == "accepted"


def _outcomes(reports: list[Feedback]) -> tuple[int, int]:
    counts = Counter(report.outcome for report in reports)
    return counts["accepted"], counts["overridden"]


def _reasons(reports: list[Feedback]) -> tuple[Reason, ...]:
    given = [report for report in reports if report.outcome == "overridden" and report.reason_code is not None]
    displays = {(report.reason_code, report.reason_system): report.reason_display for report in given if report.reason_display}
    counts = Counter((report.reason_code or "", report.reason_system) for report in given)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or ""))
    return tuple(Reason(code, system, displays.get((code, system)), count) for (code, system), count in ordered)


def _median_and_p95(times: array[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return round(median(ordered), 1), round(ordered[math.ceil(0.95 * len(ordered)) - 1], 1)

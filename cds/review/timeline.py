"""The course of a patient's MS as a drawing: treatments as bars, attacks, scans, EDSS as a line, pregnancy.

Pure: a context in, the places of every mark out; `templates/timeline.svg` draws them. Units are those of the drawing.
A date known to the month or year is drawn as wide as it is vague.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cds.fhir.dates import DateRange
from cds.patient.context import Episode, PatientContext, Scan
from cds.three_valued import Bounds

WIDTH, LEFT, RIGHT = 960, 112, 36
BAR, GAP = 16, 7
EDSS_HEIGHT, EDSS_TOP = 92, 10.0
MARK_ROW = 34
LEAST_YEARS, MOST_YEARS = 2, 12
"""The drawing shows at least so much; what lies further back than the most is named beside it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A course of time. `vague_start` and `vague_end` are the widths at either end within which the date lies; `open` runs on."""

    label: str
    kind: str
    x: float
    width: float
    vague_start: float
    vague_end: float
    open: bool
    y: float
    title: str
    doses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A point in time, drawn at the middle of its date; `half` is half the width of the days it could be."""

    kind: str
    x: float
    half: float
    y: float
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything the template draws. `earlier` names what lies before the first day drawn."""

    width: int
    height: float
    left: int
    plot_end: float
    first: date
    last: date
    years: tuple[tuple[int, float], ...]
    bars: tuple[Bar, ...]
    relapses: tuple[Mark, ...]
    relapses_y: float
    scans: tuple[Mark, ...]
    scans_y: float
    edss: tuple[Mark, ...]
    edss_path: str
    edss_grid: tuple[tuple[int, float], ...]
    edss_y: float
    description: str
    earlier: tuple[str, ...]


def timeline(context: PatientContext) -> Timeline | None:
    """The drawing for one context; `None` if the chart holds nothing with a date."""
    dates = _dates(context)
    if not dates:
        return None
    last = context.as_of
    newest_first = max(min(day.first for day in dates), _years_before(last, MOST_YEARS))
    first = min(newest_first, _years_before(last, LEAST_YEARS)).replace(month=1, day=1)
    scale = _Scale(first, last)
    top = 26.0
    bars = list(_treatment_bars(context, scale, top))
    pregnancy = _pregnancy_bar(context, scale, top + len(bars) * (BAR + GAP))
    bars += [pregnancy] if pregnancy else []
    relapses_y = top + max(1, len(bars)) * (BAR + GAP) + 20
    scans_y = relapses_y + MARK_ROW
    edss_y = scans_y + MARK_ROW + 2
    scores = sorted(context.edss_scores, key=lambda score: score.date.first)
    shown = [score for score in scores if score.date.last >= first]
    edss = tuple(
        scale.mark(
            "near" if score.near_relapse else "score",
            score.date,
            _edss_place(score.value, edss_y),
            f"EDSS {score.value}, {score.date}" + (", within 90 days of an attack" if score.near_relapse else ""),
            str(score.value),
        )
        for score in shown
    )
    return Timeline(
        width=WIDTH,
        height=edss_y + EDSS_HEIGHT + 26,
        left=LEFT,
        plot_end=WIDTH - RIGHT,
        first=first,
        last=last,
        years=tuple((year, scale.x(date(year, 1, 1))) for year in range(first.year, last.year + 1)),
        bars=tuple(bars),
        relapses=tuple(
            scale.mark(r.status, r.onset, relapses_y, f"{_ATTACK[r.status]}, {r.onset}") for r in context.relapses if r.onset.last >= first
        ),
        relapses_y=relapses_y,
        scans=tuple(
            scale.mark(_scan_kind(s), s.date, scans_y, f"MRI {s.date}: {scan_words(s)}", _lesions(s))
            for s in context.scans
            if s.date.last >= first
        ),
        scans_y=scans_y,
        edss=edss,
        edss_path=" ".join(f"{'ML'[index > 0]}{mark.x:.1f} {mark.y:.1f}" for index, mark in enumerate(edss)),
        edss_grid=tuple((value, _edss_place(value, edss_y)) for value in (0, 3, 6, 10)),
        edss_y=edss_y,
        description=_description(context),
        earlier=tuple(_earlier(context, first)),
    )


_ATTACK = {"relapse": "Relapse", "uncertain": "Uncertain attack", "possible": "Possible attack (steroids alone)"}


@dataclass(frozen=True, slots=True)
class _Scale:
    first: date
    last: date

    def x(self, day: date) -> float:
        share = (day - self.first).days / max(1, (self.last - self.first).days)
        return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)

    def mark(self, kind: str, when: DateRange, y: float, title: str, text: str = "") -> Mark:
        start, end = self.x(when.first), self.x(min(when.last, self.last))
        return Mark(kind, (start + end) / 2, (end - start) / 2, y, title, text)


def _treatment_bars(context: PatientContext, scale: _Scale, top: float) -> Iterator[Bar]:
    """One row an episode, oldest on top; those that ended before the first day drawn are left out."""
    ordered = sorted(context.treatments, key=lambda episode: (episode.start.first if episode.start else date.min, episode.name))
    shown = [episode for episode in ordered if episode.end is None or episode.end.last >= scale.first]
    for index, episode in enumerate(shown):
        start, end = _range_x(episode.start, scale), _range_x(episode.end, scale)
        low = start[0] if start else LEFT
        high = end[1] if end else scale.x(scale.last)
        yield Bar(
            label=episode.name,
            kind="failed" if episode.outcome == "failed" else episode.tier,
            x=low,
            width=max(3.0, high - low),
            vague_start=start[1] - start[0] if start else 0.0,
            vague_end=end[1] - end[0] if end else 0.0,
            open=episode.end is None,
            y=top + index * (BAR + GAP),
            title=episode_words(episode),
            doses=tuple(
                (scale.x(dose.first) + scale.x(min(dose.last, scale.last))) / 2 for dose in episode.doses if dose.last >= scale.first
            ),
        )


def _range_x(when: DateRange | None, scale: _Scale) -> tuple[float, float] | None:
    return (scale.x(when.first), scale.x(min(when.last, scale.last))) if when else None


def _pregnancy_bar(context: PatientContext, scale: _Scale, y: float) -> Bar | None:
    """The present pregnancy, from its completed weeks where they are known, else from the day it was recorded."""
    fact, weeks = context.facts["pregnancy"], context.facts["caution.gestationWeeks"].value
    if fact.value != "present":
        return None
    began = scale.last - timedelta(weeks=weeks.low) if isinstance(weeks, Bounds) else fact.date.first if fact.date else scale.last
    start = scale.x(began)
    return Bar("pregnancy", "pregnancy", start, max(6.0, scale.x(scale.last) - start), 0.0, 0.0, True, y, fact.reason)


def _edss_place(value: float, top: float) -> float:
    return top + EDSS_HEIGHT * (1 - value / EDSS_TOP)


def _scan_kind(scan: Scan) -> str:
    if not scan.counts:
        return "not-counted"
    return {True: "active", False: "inactive", None: "unclear"}[scan.active]


def _lesions(scan: Scan) -> str:
    parts = [
        f"{count}{name}"
        for count, name in ((scan.new_t2_lesions, "T2"), (scan.gd_lesions, "Gd"))
        if count is not None and (count >= 1) is True
    ]
    return " ".join(part.replace("at least ", "≥") for part in parts)


def scan_words(scan: Scan) -> str:
    """What a scan shows, in words."""
    told = [
        f"{count} {name}" if count is not None else f"{name} not stated"
        for count, name in ((scan.new_t2_lesions, "new or enlarging T2"), (scan.gd_lesions, "Gd"))
    ]
    state = {"active": "active", "inactive": "no activity", "unclear": "activity not clear", "not-counted": "not counted, PML suspected"}
    return f"{', '.join(told)}; {state[_scan_kind(scan)]}"


def episode_words(episode: Episode) -> str:
    """One treatment in words: when, and how it ended."""
    ends = "ongoing" if episode.ongoing else f"to {episode.end}" if episode.end else "end not recorded"
    return f"{episode.name}, from {episode.start or 'a day not recorded'}, {ends}; {_OUTCOME[episode.outcome]}"


_OUTCOME = {
    "failed": "failed",
    "stoppedOther": "stopped for another reason",
    "completed": "completed",
    "ongoing": "going on",
    "unknown": "outcome not known",
}


def _dates(context: PatientContext) -> Sequence[DateRange]:
    records: list[Iterable[DateRange | None]] = [
        (episode.start for episode in context.treatments),
        (episode.end for episode in context.treatments),
        (relapse.onset for relapse in context.relapses),
        (scan.date for scan in context.scans),
        (score.date for score in context.edss_scores),
    ]
    return [day for kind in records for day in kind if day is not None]


def _earlier(context: PatientContext, first: date) -> Iterator[str]:
    """What lies before the first day drawn, in words."""
    yield from (episode_words(e) for e in context.treatments if e.end is not None and e.end.last < first)
    for count, one in (
        (sum(relapse.onset.last < first for relapse in context.relapses), "attack"),
        (sum(scan.date.last < first for scan in context.scans), "scan"),
        (sum(score.date.last < first for score in context.edss_scores), "EDSS score"),
    ):
        if count:
            yield f"{count} {one}{'s' if count > 1 else ''}"


def _description(context: PatientContext) -> str:
    """The drawing in one sentence, for those who do not see it; the table beside it says all."""
    counts = (
        (len(context.treatments), "treatment"),
        (len(context.relapses), "attack"),
        (len(context.scans), "MRI scan"),
        (len(context.edss_scores), "EDSS score"),
    )
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts) + ". The same is in the table below."


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years, day=min(day.day, 28))

"""The course of a patient's MS as a drawing: treatments as bars, attacks, scans, EDSS as a line, pregnancies.

Pure: a context in, the places of every mark out; `templates/timeline.svg` draws them. Units are those of the drawing.
A date known to the month or year is drawn as wide as it is vague. There are two shapes, one for a desk and one for a phone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.dates import DateRange
from cds.patient.context import Episode, PatientContext, Scan
from cds.patient.person.pregnancy_history import Pregnancy
from cds.three_valued import Bounds

BAR, GAP = 16, 7
EDSS_HEIGHT, EDSS_TOP = 92, 10.0
MARK_ROW = 34
LEAST_YEARS, MOST_YEARS = 2, 12
"""The drawing shows at least so much; what lies further back than the most is named beside it."""
FULL_TERM = timedelta(weeks=40)
"""As long a pregnancy is drawn, pale, of which only one end is recorded."""
LETTER = 6.2
"""About how wide a letter is."""


class Shape(Struct, frozen=True):
    """How wide a drawing is, where its plot begins and ends, and whether names stand above their bars rather than left of them."""

    name: str
    width: int
    left: int
    right: int
    names_above: bool

    @property
    def row(self) -> int:
        """Height of a bar with what belongs to it."""
        return BAR + GAP + (13 if self.names_above else 0)


WIDE = Shape("wide", 960, 112, 36, names_above=False)
NARROW = Shape("narrow", 350, 52, 14, names_above=True)


class Bar(Struct, frozen=True):
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
    outcome: str = ""


class Mark(Struct, frozen=True):
    """A point in time, drawn at the middle of its date; `half` is half the width of the days it could be."""

    kind: str
    x: float
    half: float
    y: float
    title: str
    text: str = ""


class Timeline(Struct, frozen=True):
    """Everything the template draws. `earlier` names what lies before the first day drawn."""

    shape: Shape
    height: float
    plot_end: float
    first: date
    last: date
    years: tuple[tuple[str, float], ...]
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


def timeline(context: PatientContext, pregnancies: Sequence[Pregnancy] = (), shape: Shape = WIDE) -> Timeline | None:
    """The drawing for one context; `None` if the chart holds nothing with a date."""
    dates = _dates(context, pregnancies)
    if not dates:
        return None
    last = context.as_of
    newest_first = max(min(day.first for day in dates), _years_before(last, MOST_YEARS))
    first = min(newest_first, _years_before(last, LEAST_YEARS)).replace(month=1, day=1)
    scale = _Scale(shape, first, last)
    top = 26.0 + (shape.row - BAR - GAP)
    bars = list(_treatment_bars(context, scale, top))
    pregnant = list(_pregnancy_bars(context, pregnancies, scale, top + len(bars) * shape.row))
    relapses_y = top + max(1, len(bars) + bool(pregnant)) * shape.row + 20
    bars += pregnant
    scans_y = relapses_y + MARK_ROW
    edss_y = scans_y + MARK_ROW + 2
    scores = sorted(context.edss_scores, key=lambda score: score.date.first)
    shown = [score for score in scores if score.date.last >= first]
    edss = _spaced(
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
        shape=shape,
        height=edss_y + EDSS_HEIGHT + 26,
        plot_end=shape.width - shape.right,
        first=first,
        last=last,
        years=tuple(scale.years()),
        bars=tuple(bars),
        relapses=tuple(
            scale.mark(r.status, r.onset, relapses_y, f"{_ATTACK[r.status]}, {r.onset}") for r in context.relapses if r.onset.last >= first
        ),
        relapses_y=relapses_y,
        scans=_spaced(
            scale.mark(_scan_kind(s), s.date, scans_y, f"MRI {s.date}: {scan_words(s)}", _lesions(s))
            for s in sorted(context.scans, key=lambda scan: scan.date.first)
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


class _Scale(Struct, frozen=True):
    shape: Shape
    first: date
    last: date

    def x(self, day: date) -> float:
        share = (day - self.first).days / max(1, (self.last - self.first).days)
        return self.shape.left + min(1.0, max(0.0, share)) * (self.shape.width - self.shape.left - self.shape.right)

    def years(self) -> Iterator[tuple[str, float]]:
        """Every year with its place; where there is no room, only every second or third bears its number."""
        places = [(year, self.x(date(year, 1, 1))) for year in range(self.first.year, self.last.year + 1)]
        every = 1 + int(5.5 * LETTER // max(1.0, (places[-1][1] - places[0][1]) / max(1, len(places) - 1)))
        for year, x in places:
            fits = (self.last.year - year) % every == 0 and x + 4.5 * LETTER <= self.shape.width
            yield str(year) if fits else "", x

    def mark(self, kind: str, when: DateRange, y: float, title: str, text: str = "") -> Mark:
        start, end = self.x(when.first), self.x(min(when.last, self.last))
        return Mark(kind, (start + end) / 2, (end - start) / 2, y, title, text)


def _treatment_bars(context: PatientContext, scale: _Scale, top: float) -> Iterator[Bar]:
    """One row an episode, oldest on top; those that ended before the first day drawn are left out."""
    ordered = sorted(context.treatments, key=lambda episode: (episode.start.first if episode.start else date.min, episode.name))
    shown = [episode for episode in ordered if episode.end is None or episode.end.last >= scale.first]
    for index, episode in enumerate(shown):
        start, end = _range_x(episode.start, scale), _range_x(episode.end, scale)
        low = start[0] if start else scale.shape.left
        high = end[1] if end else scale.x(scale.last)
        yield Bar(
            label=episode.name,
            kind="failed" if episode.outcome == "failed" else episode.tier,
            x=low,
            width=max(3.0, high - low),
            vague_start=start[1] - start[0] if start else 0.0,
            vague_end=end[1] - end[0] if end else _unsure_end(episode, scale),
            open=episode.end is None and episode.ongoing is True,
            y=top + index * scale.shape.row,
            title=episode_words(episode),
            doses=tuple(
                (scale.x(dose.first) + scale.x(min(dose.last, scale.last))) / 2 for dose in episode.doses if dose.last >= scale.first
            ),
            outcome="failed" if episode.outcome == "failed" else "",
        )


def _unsure_end(episode: Episode, scale: _Scale) -> float:
    """Width of the time in which a course that is not known to go on may have ended."""
    if episode.ongoing is True:
        return 0.0
    known = [day.last for day in (episode.start, *episode.doses) if day is not None]
    return scale.x(scale.last) - scale.x(min(max(known, default=scale.first), scale.last))


def _range_x(when: DateRange | None, scale: _Scale) -> tuple[float, float] | None:
    return (scale.x(when.first), scale.x(min(when.last, scale.last))) if when else None


def _pregnancy_bars(context: PatientContext, pregnancies: Sequence[Pregnancy], scale: _Scale, y: float) -> Iterator[Bar]:
    """One row for all pregnancies: past ones from the records, the present one from its fact and completed weeks."""
    fact, weeks = context.facts["pregnancy"], context.facts["caution.gestationWeeks"].value
    present = fact.value == "present"
    label = "pregnancy"
    for one in pregnancies:
        end = one.end or (_shifted(one.start, FULL_TERM) if one.start else None)
        is_present = present and bool(set(one.resources) & set(fact.resources))
        if end is None or end.last < scale.first or is_present:
            continue
        start = one.start or _shifted(end, -FULL_TERM)
        low, high = scale.x(start.first), scale.x(min(end.last, scale.last))
        vague_start = high - low if one.start is None else scale.x(min(start.last, scale.last)) - low
        vague_end = high - scale.x(min(end.first, scale.last)) if one.end else high - low - vague_start
        title = f"Pregnancy, {one.start or 'start not recorded'} to {one.end or 'an end not recorded'}"
        yield Bar(label, "pregnancy", low, max(6.0, high - low), max(0.0, vague_start), max(0.0, vague_end), False, y, title)
        label = ""
    if present:
        began = scale.last - timedelta(weeks=weeks.low) if isinstance(weeks, Bounds) else fact.date.first if fact.date else scale.last
        low = min(scale.x(began), scale.x(scale.last) - 6.0)
        yield Bar(label, "pregnancy", low, scale.x(scale.last) - low, 0.0, 0.0, True, y, fact.reason)


def _shifted(when: DateRange, by: timedelta) -> DateRange:
    return DateRange(when.first + by, when.last + by)


def _spaced(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """The marks in their order; a text that would touch that of a later one is left to the title."""
    found: list[Mark] = []
    free = float("inf")
    for mark in reversed(list(marks)):
        half = len(mark.text) * LETTER / 2 + 2
        if mark.text and mark.x + half > free:
            mark = replace(mark, text="")
        free = mark.x - half if mark.text else free
        found.append(mark)
    return tuple(reversed(found))


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


def _dates(context: PatientContext, pregnancies: Sequence[Pregnancy]) -> Sequence[DateRange]:
    records: list[Iterable[DateRange | None]] = [
        (one.start or one.end for one in pregnancies),
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

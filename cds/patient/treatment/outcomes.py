"""How a course of treatment turned out: failed, stopped for another reason, completed, ongoing or unknown (clinical-rules F13).

There is no agreed definition of failure (clm-062); what counts here is F12, F12e, a recorded lack of efficacy, and confirmed worsening.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct

from cds.fhir.dates import DateRange
from cds.patient.context import Episode, FailureKind, Outcome, Relapse, Scan
from cds.patient.disability.worsening import Worsening, by_rule
from cds.patient.reading import earliest, latest, unique
from cds.patient.treatment.breakthrough import DrugEvent, EarlyActivity, breakthrough_events, early_activity
from cds.patient.treatment.exposure import Exposure, Place, Stop
from cds.patient.treatment.rules import BEGINNING, FOREVER, StopKind, TreatmentRules
from cds.patient.treatment.stop_reasons import NOT_UNDERSTOOD
from cds.patient.treatment.words import by, on, sentence
from cds.three_valued import Truth, all_of, any_of

_A_MONTH = 31


class Verdict(Struct, frozen=True, kw_only=True):
    """One course with its outcome.

    `inflammatory` is failure by breakthrough or recorded lack of efficacy, `established` the same without early activity (F12e), `failed`
    any kind of failure; all three-valued. `breakthroughs` are the events that count, or may; `uncounted` those that do not, in words;
    `worsenings` those that began while the drug acted, or may have.
    """

    exposure: Exposure
    outcome: Outcome
    kind: FailureKind | None
    inflammatory: Truth
    established: Truth
    failed: Truth
    early: bool
    early_activity: Truth
    early_on: DateRange | None
    failed_on: DateRange | None
    breakthroughs: tuple[DrugEvent, ...]
    worsenings: tuple[tuple[Worsening, Truth], ...]
    shown_by: str
    reason: str
    resources: tuple[str, ...]
    uncounted: tuple[str, ...]
    notes: tuple[str, ...]


def judge(
    exposures: Iterable[Exposure],
    relapses: Sequence[Relapse],
    scans: Sequence[Scan],
    worsenings: Sequence[Worsening],
    rules: TreatmentRules,
    unread: str = "",
) -> tuple[Verdict, ...]:
    """The outcome of every course (F12, F12e, F13). `worsenings` are confirmed, some of them perhaps.

    `unread` says which records of activity were not read: silence is then no outcome.
    """
    return tuple(_verdict(exposure, relapses, scans, worsenings, rules, unread) for exposure in exposures)


def _verdict(
    exposure: Exposure,
    relapses: Sequence[Relapse],
    scans: Sequence[Scan],
    worsenings: Sequence[Worsening],
    rules: TreatmentRules,
    unread: str,
) -> Verdict:
    events = breakthrough_events(exposure, relapses, scans, rules)
    early = early_activity(exposure, relapses, scans, rules)
    worse = tuple((one, all_of((one.certain or None, exposure.place_of_event(one.onset).at(Place.ACTING)))) for one in worsenings)
    broke = any_of(event.counts for event in events)
    if exposure.induction_incomplete and early.truth is True:
        broke = False
    recorded: Truth = True if _stopped_for(exposure, "efficacy") else None if _kinds(exposure.overtaken_stops, "efficacy") else False
    established = any_of((broke, recorded))
    inflammatory = any_of((established, early.truth))
    worsened = any_of(truth for _, truth in worse)
    blocked = _why_open(exposure, established, early.truth, worsened)
    if blocked:
        established, inflammatory, worsened = (_unless(truth) for truth in (established, inflammatory, worsened))
    if inflammatory is False and (silence := _reason_missing(exposure) or unread):
        blocked, established, inflammatory = blocked or silence, None, None
    failed = any_of((inflammatory, worsened))
    outcome = _outcome(exposure, failed, blocked)
    kind: FailureKind | None = None
    if outcome == "failed":
        kind = "worseningOnly" if inflammatory is not True else "inflammatory" if broke is True or recorded is not True else "recorded"
    counted = tuple(event for event in events if event.counts is not False) if broke is not False else ()
    if broke is None and early.truth is True:
        counted = early.events
    shown = counted or (early.events if early.truth is not False else ())
    return Verdict(
        exposure=exposure,
        outcome=outcome,
        kind=kind,
        inflammatory=inflammatory,
        established=established,
        failed=failed,
        early=outcome == "failed" and kind != "worseningOnly" and established is not True,
        early_activity=early.truth,
        early_on=latest(event.date for event in early.events if event.counts is True or early.truth is None),
        failed_on=_failed_on(exposure, kind, shown, worse),
        breakthroughs=shown,
        worsenings=tuple((worsening, _unless(truth) if blocked else truth) for worsening, truth in worse if truth is not False),
        shown_by=_shown_by(exposure, kind, events, early, worse),
        reason=_reason(exposure, outcome, kind, events, early, worse, blocked),
        resources=unique((*exposure.resources, *_behind(events, early, worse))),
        uncounted=_uncounted(events, early),
        notes=_notes(exposure, events, early),
    )


def _unless(truth: Truth) -> Truth:
    """A failure that something else leaves open is unknown; where nothing happened there is none."""
    return None if truth is not False else False


def _kinds(stops: Iterable[Stop], kind: StopKind | None) -> tuple[Stop, ...]:
    return tuple(stop for stop in stops if stop.kind == kind)


def _stopped_for(exposure: Exposure, kind: StopKind) -> bool:
    return bool(_kinds(exposure.stops, kind))


def _why_open(exposure: Exposure, established: Truth, early: Truth, worsened: Truth) -> str:
    """Why nothing can be said of failure although something happened; empty if nothing stands in the way."""
    if exposure.doubt:
        return exposure.doubt
    if any_of((established, early, worsened)) is False:
        return ""
    if _kinds((*exposure.stops, *exposure.overtaken_stops), "adherence"):
        return "non-adherence is recorded"
    if exposure.broken_off and len(exposure.doses) == 1:
        return "its only dose on record was broken off"
    return ""


def _reason_missing(exposure: Exposure) -> str:
    """Why a stop leaves failure open: not certain itself, no reason on record, or one not understood or perhaps of lack of efficacy."""
    if exposure.ongoing is True or exposure.continued_as or _completed(exposure):
        return ""
    stops = exposure.stops or (exposure.broken_off if exposure.ongoing is None else ())
    if exposure.ongoing is None and not stops:
        return "whether it was stopped, and why, is not known"
    unclear = [stop for stop in stops if stop.kind is None]
    if unclear:
        what = "was not understood" if unclear[0].says == NOT_UNDERSTOOD else f"is {unclear[0].says}"
        return f'the reason for stopping {what}: "{unclear[0].written}"'
    return "" if stops else "why it was stopped is not recorded"


def _completed(exposure: Exposure) -> bool:
    return exposure.induction_complete


def _outcome(exposure: Exposure, failed: Truth, blocked: str) -> Outcome:
    if exposure.doubt:
        return "unknown"
    if failed is True:
        return "failed"
    if failed is None or blocked:
        return "unknown"
    if _completed(exposure) and not exposure.stops:
        return "completed"
    if exposure.ongoing is False:
        return "completed" if _completed(exposure) and not _stopped_early(exposure) else "stoppedOther"
    return "ongoing" if exposure.ongoing is True else "unknown"


def _stopped_early(exposure: Exposure) -> bool:
    return any(stop.kind not in ("other", None) for stop in exposure.stops)


def _failed_on(
    exposure: Exposure, kind: FailureKind | None, events: Sequence[DrugEvent], worse: Sequence[tuple[Worsening, Truth]]
) -> DateRange | None:
    match kind:
        case None:
            return None
        case "inflammatory":
            return earliest(event.date for event in events if event.counts is True) or earliest(event.date for event in events)
        case "recorded":
            return exposure.end
    return earliest(worsening.onset for worsening, truth in worse if truth is True)


def _behind(events: Iterable[DrugEvent], early: EarlyActivity, worse: Iterable[tuple[Worsening, Truth]]) -> list[str]:
    found = [resource for event in (*events, *early.events) for resource in event.resources]
    return found + [resource for worsening, truth in worse if truth is not False for resource in worsening.resources]


def _reason(
    exposure: Exposure,
    outcome: Outcome,
    kind: FailureKind | None,
    events: Sequence[DrugEvent],
    early: EarlyActivity,
    worse: Sequence[tuple[Worsening, Truth]],
    blocked: str,
) -> str:
    """The outcome in words that a neurologist would sign: what happened, when, and by which rule."""
    parts: list[str] = []
    certain = [event for event in events if event.counts is True]
    if kind == "inflammatory" and certain:
        washed = f" after wash-in (ended {by(exposure.wash_in)})" if exposure.wash_in is not None else ""
        parts.append(f"Breakthrough{washed}, while {exposure.name} acted: " + "; ".join(str(event) for event in certain))
    elif kind == "inflammatory":
        induction = ", induction incomplete" if exposure.induction_incomplete else ""
        parts.append(f"Marked early activity{induction} (early): " + _together(early.events))
    elif outcome == "unknown":
        undecided = [event for event in events if event.counts is not False] + (list(early.events) if early.truth is not False else [])
        rises = by_rule(worsening for worsening, truth in worse if truth is None)
        said = dict.fromkeys([blocked, *(str(event) for event in undecided), rises])
        parts += [text for text in said if text] or ["whether it is still taken is not known"]
    if kind == "worseningOnly":
        rises = by_rule(worsening for worsening, truth in worse if truth is True)
        parts.append(f"Confirmed worsening without inflammatory breakthrough: {rises}")
    if exposure.stops:
        parts.append("Stopped: " + ", ".join(f'{stop.says} ("{stop.written}")' if stop.written else stop.says for stop in exposure.stops))
    elif exposure.continued_as:
        parts.append(f"Continued as {exposure.continued_as}")
    elif outcome == "completed":
        parts.append(f"All {exposure.courses_needed} courses given; no breakthrough recorded")
    elif outcome == "ongoing":
        parts.append("No breakthrough recorded")
    text = ". ".join(sentence(part) for part in parts)
    return f"{text}." if text else ""


def _shown_by(
    exposure: Exposure,
    kind: FailureKind | None,
    events: Sequence[DrugEvent],
    early: EarlyActivity,
    worse: Sequence[tuple[Worsening, Truth]],
) -> str:
    """What showed a failure, in a few words; empty where there is none."""
    certain = [event.what for event in events if event.counts is True]
    match kind:
        case None:
            return ""
        case "inflammatory":
            return "; ".join(certain or [event.what for event in early.events])
        case "recorded":
            return "stop reason " + ", ".join(f'"{words}"' for words in dict.fromkeys(stop.written or stop.says for stop in exposure.stops))
    return by_rule(worsening for worsening, truth in worse if truth is True)


def _together(events: Sequence[DrugEvent]) -> str:
    """Events with what is said of all of them, once."""
    return "; ".join(event.what for event in events) + (f" ({events[0].why})" if events and events[0].why else "")


def _uncounted(events: Sequence[DrugEvent], early: EarlyActivity) -> tuple[str, ...]:
    """Events that did not count, with the reason."""
    in_early = {event.what for event in early.events} if early.truth is not False else set()
    return tuple(sentence(f"{event}.") for event in events if event.counts is False and event.what not in in_early)


def _notes(exposure: Exposure, events: Sequence[DrugEvent], early: EarlyActivity) -> tuple[str, ...]:
    """What a reader may want to check: assumptions, records left aside, events that did not count."""
    notes = list(exposure.notes)
    if exposure.assumed:
        notes.append(sentence(f"{exposure.assumed}."))
    if exposure.start is None and exposure.shown is not None:
        notes.append(f"When it was begun is not recorded; it was taken by {exposure.clock.last}.")
    notes += [_overtaken(exposure, stop) for stop in exposure.overtaken_stops]
    return tuple(dict.fromkeys((*notes, *_uncounted(events, early))))


def _overtaken(exposure: Exposure, stop: Stop) -> str:
    """What a recorded reason means that ends nothing."""
    if stop.kind == "adherence":
        return "Non-adherence is recorded."
    if exposure.ongoing is not True:
        return f"A reason for stopping is recorded ({stop.says}), but whether and when it was stopped is not certain."
    return f"A stop is recorded ({stop.says}), but the drug went on."


def episode(exposure: Exposure, as_of: date, verdict: Verdict | None = None) -> Episode:
    """The course as a record of the patient context; without a verdict its outcome is left open.

    Boundaries known to the month are given by their last day, those known more roughly by the last day that is certain.
    """
    rough = (exposure.acts.last - exposure.acts.first).days > _A_MONTH
    acts_until = exposure.acts.first if rough else exposure.acts.last
    ends = exposure.window.first if rough else exposure.window.last
    known = acts_until != BEGINNING
    washes = exposure.wash_in if exposure.wash_in is not None and exposure.wash_in.last != FOREVER else None
    reason = verdict.reason if verdict is not None else ""
    return Episode(
        drug=exposure.drug,
        name=exposure.name,
        tier=exposure.tier,
        tier_reason=exposure.tier_reason,
        start=exposure.start,
        end=exposure.end,
        ongoing=exposure.ongoing,
        doses=exposure.doses,
        phase=exposure.phase(as_of),
        acts_until=acts_until if known else None,
        wash_in_ends=washes.last if washes is not None and exposure.begun_by(as_of) is not None else None,
        window_ends=ends if known and ends != FOREVER and exposure.aftermath in ("rebound", "residual") else None,
        induction_incomplete=exposure.induction_incomplete,
        outcome=verdict.outcome if verdict is not None else "unknown",
        failure_kind=verdict.kind if verdict is not None else None,
        failed_on=verdict.failed_on if verdict is not None else None,
        early=verdict.early if verdict is not None else False,
        early_activity=verdict.early_activity if verdict is not None else False,
        early_on=verdict.early_on if verdict is not None else None,
        stop_reason="; ".join(dict.fromkeys(stop.written or stop.says for stop in exposure.stops)) or None,
        harmed=any(stop.kind == "harm" for stop in exposure.stops),
        shown_by=verdict.shown_by if verdict is not None else "",
        reason=reason or sentence(f"{exposure.name} since {on(exposure.start)}."),
        resources=verdict.resources if verdict is not None else exposure.resources,
        how=exposure.how,
        notes=verdict.notes if verdict is not None else exposure.notes,
    )

"""The latest attack: what it is, how long ago, whether it was treated, whether an infection lies near it (clinical-rules F4, R1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds.fhir.dates import DateRange
from cds.patient.activity.infections import near
from cds.patient.activity.relapse_counts import inside
from cds.patient.activity.relapse_history import RelapseHistory
from cds.patient.activity.relapses import explained
from cds.patient.activity.rules import ActivityRules
from cds.patient.context import Fact, Relapse
from cds.patient.reading import latest, unique
from cds.three_valued import Bounds, Truth, any_of


def latest_attack_facts(history: RelapseHistory, rules: ActivityRules, as_of: date) -> dict[str, Fact]:
    """The `relapse.*` facts."""
    attacks = _may_be_latest(history.relapses)
    treatable = _may_be_latest([relapse for relapse in history.relapses if relapse.status != "possible"])
    return {
        "relapse.latest": _latest(history, attacks, rules, as_of),
        "relapse.latestDaysAgo": _days_ago(history, treatable, as_of),
        "relapse.steroidSinceOnset": _steroid(history, treatable),
        "relapse.infectionNear": _infection(history, treatable, rules),
    }


def _may_be_latest(relapses: Sequence[Relapse]) -> list[Relapse]:
    """The attacks that are not certainly before another one."""
    last = max((relapse.onset.first for relapse in relapses), default=date.min)
    return [relapse for relapse in relapses if relapse.onset.last >= last]


def _onset(attacks: Sequence[Relapse]) -> DateRange:
    """When the latest attack began."""
    return DateRange(max(relapse.onset.first for relapse in attacks), max(relapse.onset.last for relapse in attacks))


def _undated_later(history: RelapseHistory, attacks: Sequence[Relapse]) -> bool:
    """Whether a relapse without an onset may be later than the attacks."""
    last = max((relapse.onset.first for relapse in attacks), default=date.min)
    return any(record.known_by is None or record.known_by.last >= last for record in history.undated)


def _latest(history: RelapseHistory, attacks: Sequence[Relapse], rules: ActivityRules, as_of: date) -> Fact:
    months = rules.latest.months
    within = [inside(relapse.onset, months, as_of) for relapse in attacks]
    refs = unique(ref for relapse in attacks for ref in relapse.resources)
    if any_of(within) is not False:
        words = {relapse.status for relapse in attacks} | ({"relapse"} if _undated_later(history, attacks) else set())
        others = [relapse for relapse in history.relapses if relapse.status != "possible"]
        alone = all(explained(relapse.onset, others, rules) is False for relapse in attacks if relapse.status == "possible")
        certain = any_of(within) is True and len(words) == 1 and alone
        return Fact(
            value=next(iter(words)) if certain else None,
            reason=" ".join(_attack_words(relapse) for relapse in attacks)
            + ("" if certain else " Which attack is the latest, or whether it lies in the last two years, cannot be said."),
            resources=refs,
            date=latest(relapse.onset for relapse in attacks),
            how="text" if all(relapse.how == "text" for relapse in attacks) else "coded",
        )
    if any(record.known_by is None or inside(record.known_by, months, as_of) is not False for record in history.undated):
        return Fact(value=None, reason="A relapse is recorded without an onset.", resources=_undated_refs(history), how="coded")
    looked = any(inside(one.date, months, as_of) is True for one in history.assessments)
    if history.complete and looked:
        return Fact(value="none", reason=f"No attack is recorded in the last {months} months.", how="notFound")
    why = history.why_open or f"no neurological assessment of the last {months} months was found."
    return Fact(value=None, reason=f"No attack is recorded in the last {months} months, but: {why[0].lower()}{why[1:]}", how="notFound")


def _attack_words(relapse: Relapse) -> str:
    word = {"relapse": "Relapse", "uncertain": "Uncertain attack", "possible": "Possible relapse"}[relapse.status]
    return f"{word} {relapse.onset}.{f' {relapse.note}' if relapse.note else ''}"


def _undated_refs(history: RelapseHistory) -> tuple[str, ...]:
    return unique(ref for record in history.undated for ref in record.resources)


def _days_ago(history: RelapseHistory, attacks: Sequence[Relapse], as_of: date) -> Fact:
    if not attacks:
        reason = "No attack with an onset is recorded."
        return Fact(value=None, reason=reason, resources=_undated_refs(history), how="notFound")
    onset = _onset(attacks)
    if _undated_later(history, attacks):
        last = max(as_of if record.known_by is None else record.known_by.last for record in history.undated)
        onset = DateRange(onset.first, max(onset.last, last))
    days = Bounds(max(0, (as_of - onset.last).days), (as_of - onset.first).days)
    return Fact(
        value=days,
        reason=f"Onset of the latest attack {onset}, {days} days ago.",
        resources=unique((*(ref for relapse in attacks for ref in relapse.resources), *_undated_refs(history))),
        date=onset,
        how="derived",
    )


def _unplaced(history: RelapseHistory, attacks: Sequence[Relapse], *, matters: bool) -> Fact | None:
    """Why the latest attack cannot be placed in time; `None` if it can, or if it does not matter because nothing is dated by it."""
    if not attacks:
        return Fact(value=None, reason="No attack with an onset is recorded.", resources=_undated_refs(history), how="notFound")
    if matters and _undated_later(history, attacks):
        reason = "A relapse recorded without an onset may be the latest attack."
        return Fact(value=None, reason=reason, resources=_undated_refs(history), how="derived")
    return None


def _steroid(history: RelapseHistory, attacks: Sequence[Relapse]) -> Fact:
    if (unplaced := _unplaced(history, attacks, matters=bool(history.steroid_courses))) is not None:
        return unplaced
    onset = _onset(attacks)
    courses = [
        (course, _since(course.date, onset) if course.certain or course.date.last < onset.first else None)
        for course in history.steroid_courses
    ]
    truth = any_of(truth for _, truth in courses)
    shown = [course for course, since in courses if since is truth] if truth is not False else []
    refs = unique(ref for course in shown for ref in course.resources)
    if truth is True:
        given = ", ".join(f"{course.name} {course.date}" for course in shown)
        return Fact(
            value=True, reason=f"Since the onset ({onset}): {given}.", resources=refs, date=latest(c.date for c in shown), how="coded"
        )
    if truth is None:
        open_ = ", ".join(f"{course.name} {course.date}" for course in shown)
        reason = f"Dose or date leave open whether a high-dose course followed the onset ({onset}): {open_}."
        return Fact(value=None, reason=reason, resources=refs, how="coded")
    if not history.steroids_readable:
        return Fact(value=None, reason="Medications could not be read in full, so steroid treatment is not known.", how="notFound")
    return Fact(value=False, reason=f"No high-dose corticosteroid is recorded since the onset ({onset}).", how="notFound")


def _since(day: DateRange, onset: DateRange) -> Truth:
    """Whether a course began on or after the onset."""
    if day.first >= onset.last:
        return True
    return False if day.last < onset.first else None


def _infection(history: RelapseHistory, attacks: Sequence[Relapse], rules: ActivityRules) -> Fact:
    if (unplaced := _unplaced(history, attacks, matters=bool(history.infections))) is not None:
        return unplaced
    found = [(infection, any_of(near(relapse.onset, infection, rules) for relapse in attacks)) for infection in history.infections]
    truth = any_of(truth for _, truth in found)
    if len(attacks) > 1 and truth is True:
        truth = None
    if truth is False and not history.infections_complete:
        return Fact(
            value=None, reason="Diagnoses could not be read in full, so an infection near the onset is not excluded.", how="notFound"
        )
    window = rules.pseudo_relapse
    span = f"from {window.infection_days_before} days before to {window.infection_days_after} days after the onset"
    shown = [infection for infection, close in found if close is not False]
    if truth is False:
        return Fact(value=False, reason=f"No infection or fever is recorded {span}.", how="notFound")
    names = ", ".join(f"{infection.name} ({infection.when})" for infection in shown)
    return Fact(
        value=truth,
        reason=f"{'Infection or fever' if truth else 'It cannot be said whether an infection lies'} {span}: {names}.",
        resources=unique(ref for infection in shown for ref in infection.resources),
        date=latest(infection.date for infection in shown),
        how="derived",
    )

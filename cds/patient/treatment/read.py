"""MS treatment out of the chart (clinical-rules F11–F15): courses, their outcomes, and the facts that criteria test.

In this order: `read_exposures`, then relapses, scans and worsening by their own readers, then `judge_outcomes`, then `treatment_facts`
and `judged_episodes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.fhir.medications import CARRIERS
from cds.patient.context import Conflict, Episode, Fact, Relapse, Scan
from cds.patient.disability.worsening import Worsening
from cds.patient.reading import unique
from cds.patient.records.conditions import read_conditions
from cds.patient.records.mentions import Text
from cds.patient.rules import found
from cds.patient.treatment.episodes import build_exposures
from cds.patient.treatment.exposure import Exposure
from cds.patient.treatment.facts import facts_of
from cds.patient.treatment.history import History
from cds.patient.treatment.indications import NotForMs
from cds.patient.treatment.medication_records import Planned, read_medication_records
from cds.patient.treatment.mentioned_drugs import mentioned_drugs
from cds.patient.treatment.outcomes import Verdict, episode, judge
from cds.patient.treatment.readable import readable_history
from cds.patient.treatment.rules import TreatmentRules
from cds.three_valued import Truth, any_of

__all__ = ["Exposures", "judge_outcomes", "judged_episodes", "read_exposures", "treatment_facts", "with_mentions"]


class Exposures(Struct, frozen=True, kw_only=True):
    """The treatment history before any outcome is judged: `episodes` for other readers, the rest for the readers of treatment."""

    episodes: tuple[Episode, ...]
    history: History
    conflicts: tuple[Conflict, ...]

    @property
    def dmt_running(self) -> Truth:
        """Whether an MS drug acts on the day of the advice."""
        return any_of((*(exposure.acting(self.history.as_of) for exposure in self.history.exposures), self.history.absent))

    @property
    def dmt_records(self) -> tuple[str, ...]:
        """The records of the MS drugs that act on that day."""
        return unique(ref for one in self.history.exposures if one.acting(self.history.as_of) for ref in one.resources)

    @property
    def not_for_ms(self) -> tuple[NotForMs, ...]:
        """MS drugs that were taken for another disease."""
        return self.history.not_for_ms


def read_exposures(
    chart: Chart, terminology: Terminology, rules: TreatmentRules, as_of: date, transplants: Sequence[DateRange] = ()
) -> Exposures:
    """Every course of every MS drug on record, with its boundaries in time.

    `transplants` are the days of stem-cell transplants, which end what came before.
    """
    read = read_medication_records(chart, terminology, rules, as_of, transplants)
    exposures = build_exposures(read.records, rules, as_of, transplants)
    known = any(not exposure.doubt for exposure in exposures)
    readable, reason = readable_history(chart, terminology, rules, known=known, elsewhere=bool(read.not_for_ms))
    gaps = [item for item in chart.not_read if item.type in CARRIERS and item.resource is None]
    history = History(
        exposures=exposures,
        as_of=as_of,
        readable=readable,
        readable_reason=reason,
        whole=readable is True and not gaps and not chart.partial & frozenset(CARRIERS),
        gaps="; ".join(dict.fromkeys(f"{item.what}: {item.reason}" for item in gaps)),
        planned=_still_planned(read.planned, exposures, rules, as_of),
        not_for_ms=read.not_for_ms,
        immunosuppressants=read.immunosuppressants,
        immunosuppressed=_recorded_immunosuppression(chart, terminology, rules),
        conditions_read=chart.complete("Condition"),
    )
    episodes = tuple(episode(exposure, as_of) for exposure in exposures)
    return Exposures(episodes=episodes, history=history, conflicts=(*read.conflicts, *_two_at_once(exposures, as_of)))


def with_mentions(exposures: Exposures, chart: Chart, texts: Iterable[Text], terminology: Terminology, rules: TreatmentRules) -> Exposures:
    """The courses and, where none of them is certain, those of drugs that only diagnoses, allergies and texts name, in doubt (F14)."""
    history = exposures.history
    if history.certain:
        return exposures
    more = build_exposures(mentioned_drugs(chart, texts, terminology, rules, history.as_of), rules, history.as_of)
    if not more:
        return exposures
    courses = tuple(sorted((*history.exposures, *more), key=lambda one: (one.clock.first, one.clock.last, one.drug)))
    episodes = tuple(episode(course, history.as_of) for course in courses)
    return replace(exposures, history=replace(history, exposures=courses), episodes=episodes)


def judge_outcomes(
    exposures: Exposures,
    relapses: Sequence[Relapse],
    scans: Sequence[Scan],
    worsenings: Sequence[Worsening],
    rules: TreatmentRules,
    unread: str = "",
) -> tuple[Verdict, ...]:
    """The outcomes of the courses (F12, F12e, F13). `unread`: which records of activity were not read."""
    return judge(exposures.history.exposures, relapses, scans, worsenings, rules, unread)


def judged_episodes(verdicts: Iterable[Verdict], as_of: date) -> tuple[Episode, ...]:
    """The same courses with their outcomes."""
    return tuple(episode(verdict.exposure, as_of, verdict) for verdict in verdicts)


def treatment_facts(exposures: Exposures, verdicts: Sequence[Verdict], facts: Mapping[str, Fact], rules: TreatmentRules) -> dict[str, Fact]:
    """Every treatment fact of the catalogue.

    `facts` are those read before: `activity` and `worsening.last12Months` say whether silence was assessed, `disease.yearsSinceDiagnosis`
    decides what never having been treated means.
    """
    return facts_of(exposures.history, verdicts, facts, rules)


def _still_planned(planned: Iterable[Planned], exposures: Sequence[Exposure], rules: TreatmentRules, as_of: date) -> tuple[Planned, ...]:
    """Plans and drafts that are neither outdated nor carried out."""

    def stands(plan: Planned) -> bool:
        if plan.date is not None and rules.records.plan_valid.after(plan.date.last) < as_of:
            return False
        family = [exposure for exposure in exposures if exposure.family == rules.family(plan.drug)]
        begun = [exposure.start for exposure in family if exposure.start is not None]
        if plan.date is not None and any(start.first >= plan.date.first for start in begun):
            return False
        return not any(exposure.acting(as_of) is True for exposure in family)

    return tuple(plan for plan in planned if stands(plan))


def _recorded_immunosuppression(
    chart: Chart, terminology: Terminology, rules: TreatmentRules
) -> tuple[tuple[str, DateRange | None, str], ...]:
    rule = rules.immunosuppression
    records = read_conditions(chart, terminology, rule.condition_value_set, worded=rule.condition_text)
    return tuple(
        (record.text, record.date, record.ref)
        for record in records
        if record.asserted and (any(hit.code in rule.condition_codes for hit in record.hits) or found(rule.condition_text, record.text))
    )


def _two_at_once(exposures: Sequence[Exposure], as_of: date) -> tuple[Conflict, ...]:
    """Two MS drugs that the chart shows as being taken at the same time."""
    running = [exposure for exposure in exposures if exposure.ongoing is True and exposure.acting(as_of) is True and not exposure.adjunct]
    families = {exposure.family: exposure for exposure in running}
    if len(families) < 2:
        return ()
    names = " and ".join(sorted(exposure.name for exposure in families.values()))
    resources = tuple(sorted({resource for exposure in families.values() for resource in exposure.resources}))
    return (Conflict(id="two-dmts", text=f"{names} are both recorded as being taken.", resources=resources),)

"""The treatment facts that criteria test (clinical-rules F13–F15, F19), each with a reason a clinician can check.

Nothing found means no only where the medication data were read whole; otherwise it stays unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.disability.worsening import by_rule
from cds.patient.reading import count_words, months_since, unique
from cds.patient.treatment.drug_facts import anti_cd20_facts, natalizumab_facts, prior_immunosuppression
from cds.patient.treatment.exposure import Exposure
from cds.patient.treatment.failures import failure_facts
from cds.patient.treatment.history import History
from cds.patient.treatment.outcomes import Verdict
from cds.patient.treatment.rules import TreatmentRules
from cds.patient.treatment.words import listed, on, open_words, phase_words, resources_of, sentence, span_words
from cds.three_valued import Bounds, Truth, all_of, any_of


def facts_of(history: History, verdicts: Sequence[Verdict], facts: Mapping[str, Fact], rules: TreatmentRules) -> dict[str, Fact]:
    """Every treatment fact of the catalogue."""
    none_recorded = _none_recorded(history)
    return {
        "treatment.readable": Fact(value=history.readable, reason=_with(history.readable_reason, history.gaps), how="derived"),
        "dmt.noneRecorded": none_recorded,
        "dmt.untreated": _untreated(history),
        "dmt.naive": _naive(none_recorded, facts, rules),
        "dmt.everCount": _ever_count(history, rules),
        **_acting_facts(history),
        "dmt.plannedOrDrafted": _planned(history),
        "breakthrough.actingLast12Months": _breakthrough(history, verdicts, facts.get("activity"), rules),
        "worsening.actingLast12Months": _worsening(history, verdicts, facts.get("worsening.last12Months"), rules),
        **failure_facts(history.absent, history.caveat, verdicts),
        "rebound.window": _rebound(history),
        **natalizumab_facts(history, verdicts),
        **anti_cd20_facts(history, verdicts, rules),
        "immunosuppression.prior": prior_immunosuppression(history, rules),
    }


def _with(reason: str, gaps: str) -> str:
    return f"{reason} Not read: {gaps}." if gaps else reason


def _other_uses(history: History) -> str:
    names = dict.fromkeys(f"{other.name} ({other.why})" for other in history.not_for_ms)
    return f" Not counted as MS treatment: {', '.join(names)}." if names else ""


def _none_recorded(history: History) -> Fact:
    if history.certain:
        reason = f"Recorded: {listed(history.certain)}."
        return Fact(value=False, reason=reason, resources=resources_of(history.certain))
    if history.exposures:
        reason = "Not certain: " + "; ".join(f"{exposure.name} ({exposure.doubt})" for exposure in history.exposures) + "."
        return Fact(value=None, reason=reason, resources=resources_of(history.exposures))
    reason = f"No DMT is recorded.{_other_uses(history)}" if history.whole else f"{history.caveat} No DMT found in what was read."
    return Fact(value=True if history.whole else None, reason=reason, how="notFound")


def _untreated(history: History) -> Fact:
    phases = [(exposure, exposure.phase(history.as_of)) for exposure in history.exposures]
    here = [exposure for exposure, phase in phases if phase in ("washIn", "acting", "residual")]
    if here:
        words = "; ".join(f"{exposure.name} {span_words(exposure)}, {phase_words(exposure, history.as_of)}" for exposure in here)
        return Fact(value=False, reason=f"Treated: {words}.", resources=resources_of(here))
    open_ = [exposure for exposure, phase in phases if phase == "unknown"]
    if open_:
        reason = f"Whether it still acts is not known: {'; '.join(open_words(exposure) for exposure in open_)}."
        return Fact(value=None, reason=reason, resources=resources_of(open_))
    if not history.whole:
        return Fact(value=None, reason=f"{history.caveat} No DMT acts in what was read.", how="notFound")
    last = f" Last: {listed(history.exposures[-1:])}." if history.exposures else ""
    reason = f"No DMT acts or has a residual effect.{last}{_other_uses(history)}"
    return Fact(value=True, reason=reason, resources=resources_of(history.exposures[-1:]))


def _naive(none_recorded: Fact, facts: Mapping[str, Fact], rules: TreatmentRules) -> Fact:
    """F14; where the diagnosis has no date, it is no older than the first symptom. Whoever was transplanted for MS was treated."""
    diagnosed, ill = facts.get("disease.yearsSinceDiagnosis"), facts.get("disease.durationYears")
    transplant = facts.get("priorHsct.forMs")
    if transplant is not None and transplant.value is True:
        return Fact(value=False, reason=f"Not naive: {transplant.reason}", resources=transplant.resources, how=transplant.how)
    if none_recorded.value is not True:
        return Fact(value=none_recorded.value, reason=none_recorded.reason, resources=none_recorded.resources, how=none_recorded.how)
    within = rules.history.naive_within
    dated = diagnosed is not None and diagnosed.value is not None
    since, what = (diagnosed, "diagnosis") if dated else (ill, "first symptom")
    years = since.value if since is not None else None
    recent = years <= within.months / 12 if isinstance(years, Bounds) else None
    resources = since.resources if since is not None else ()
    if recent is True:
        return Fact(value=True, reason=f"No DMT is recorded, and the {what} is at most {within} old.", resources=resources)
    recent = recent if dated else None
    known = f"the diagnosis is older than {within}" if recent is False else f"whether the diagnosis is at most {within} old is not known"
    return Fact(value=None, reason=f"No DMT is recorded, but {known}; earlier treatment may lie elsewhere.", resources=resources)


def _ever_count(history: History, rules: TreatmentRules) -> Fact:
    """Distinct drugs, a family counting once; a drug not named further may be one of those that are."""
    certain = {exposure.family for exposure in history.certain}
    same = [exposure for exposure in history.certain if set(rules.drugs.drugs[exposure.drug].may_be) & certain]
    least = len(certain - {exposure.family for exposure in same})
    possible = {exposure.family for exposure in history.exposures}
    value = Bounds(least, len(possible) if history.whole else math.inf)
    text = f"DMTs recorded: {value} ({listed(history.exposures)})." if history.exposures else "No DMT is recorded."
    return Fact(value=value, reason=f"{text} {history.caveat}".strip(), resources=resources_of(history.exposures))


def _acting_facts(history: History) -> dict[str, Fact]:
    acting = [exposure for exposure in history.exposures if exposure.acting(history.as_of) is True]
    if acting:
        current = max(acting, key=lambda one: (not one.adjunct, one.start.first if one.start else date.min, one.drug))
        others = [exposure for exposure in acting if exposure is not current]
        also = f" Also acting: {listed(others)}." if others else ""
        assumed = "" if not current.assumed else f" {sentence(current.assumed)}."
        words = "" if assumed else f", {phase_words(current, history.as_of)}"
        reason = f"{current.name} {span_words(current)}{words}.{assumed}{also}"
        begun = current.clock if current.start else DateRange.on(current.clock.last)
        months = months_since(begun, history.as_of)
        months = months if current.start else Bounds.at_least(months.low)
        tier = f"{current.name} is {_tier_words(current)}."
        return {
            "dmt.acting": _of(current, current.drug, reason),
            "dmt.actingTier": _of(current, current.tier, tier),
            "dmt.actingMonths": _of(current, months, f"{current.name} for {count_words(months, 'months')}, {span_words(current)}."),
        }
    open_ = [exposure for exposure in history.exposures if exposure.acting(history.as_of) is None]
    if open_ or not history.whole:
        words = "; ".join(open_words(exposure) for exposure in open_)
        reason = f"Whether it still acts is not known: {words}." if open_ else f"{history.caveat} No DMT acts in what was read."
        unknown = Fact(value=None, reason=reason, resources=resources_of(open_), how="derived" if open_ else "notFound")
        return dict.fromkeys(("dmt.acting", "dmt.actingTier", "dmt.actingMonths"), unknown)
    none = "No DMT is acting."
    return {
        "dmt.acting": Fact(value="none", reason=none),
        "dmt.actingTier": Fact(value="none", reason=none),
        "dmt.actingMonths": Fact(value=Bounds.exactly(0), reason=none),
    }


def _of(exposure: Exposure, value: str | bool | Bounds | None, reason: str) -> Fact:
    return Fact(value=value, reason=reason, resources=exposure.resources, date=exposure.start, how=exposure.how)


def _tier_words(exposure: Exposure) -> str:
    words = {
        "high": "a high-efficacy drug",
        "moderate": "a moderate-efficacy drug",
        "differs": "a drug whose class differs between lists",
        "notClassified": "not classified",
    }
    return f"{words[exposure.tier]} ({exposure.tier_reason})"


def _planned(history: History) -> Fact:
    if history.planned:
        words = ", ".join(dict.fromkeys(f"{plan.name} ({plan.date or 'undated'})" for plan in history.planned))
        return Fact(value=True, reason=f"Planned or drafted: {words}.", resources=unique(p.resource for p in history.planned), how="coded")
    reason = "No DMT is planned or drafted." if history.whole else f"{history.caveat} No plan found in what was read."
    return Fact(value=history.absent, reason=reason, how="notFound")


def _acting_verdicts(history: History, verdicts: Sequence[Verdict]) -> tuple[list[Verdict], bool]:
    """Verdicts on the drugs that act, and whether another one may act that is not known to."""
    acting = [verdict for verdict in verdicts if verdict.exposure.acting(history.as_of) is True]
    perhaps = any(verdict.exposure.acting(history.as_of) is None for verdict in verdicts)
    return acting, perhaps or not history.whole


def _breakthrough(history: History, verdicts: Sequence[Verdict], activity: Fact | None, rules: TreatmentRules) -> Fact:
    acting, perhaps = _acting_verdicts(history, verdicts)
    from_day = rules.failure.recent.before(history.as_of)
    found: list[tuple[Verdict, Truth, str]] = []
    for verdict in acting:
        recent = [event for event in verdict.breakthroughs if event.date.on_or_after(from_day) is not False]
        truth = any_of(all_of((event.counts, event.date.on_or_after(from_day), verdict.inflammatory)) for event in recent)
        found.append((verdict, truth, "; ".join(str(event) for event in recent)))
    truth = any_of(truth for _, truth, _ in found)
    deciding = [(verdict, words) for verdict, one, words in found if one is truth]
    resources = unique(resource for verdict, _ in deciding for resource in verdict.resources)
    if truth is not False:
        words = " ".join(f"On {verdict.exposure.name}{' (early)' if verdict.early else ''}: {words}." for verdict, words in deciding)
        return Fact(value=truth, reason=words, resources=resources)
    if not acting:
        reason = "No DMT is acting." if not perhaps else "Whether a DMT acts is not known."
        return Fact(value=None if perhaps else False, reason=reason, resources=resources_of(history.exposures) if perhaps else ())
    names = ", ".join(verdict.exposure.name for verdict in acting)
    notes = " ".join(note for verdict in acting for note in verdict.uncounted)
    if perhaps:
        reason = f"No breakthrough on {names} is recorded, but whether another DMT acts is not known. {history.caveat}".strip()
        return Fact(value=None, reason=reason, resources=resources)
    if activity is not None and activity.value is not None:
        reason = f"No breakthrough on {names} in the last {rules.failure.recent}. {notes}".strip()
        return Fact(value=False, reason=reason, resources=resources)
    reason = f"No breakthrough on {names} is recorded, but the last {rules.failure.recent} were not assessed in full. {notes}".strip()
    return Fact(value=None, reason=reason, resources=resources)


def _worsening(history: History, verdicts: Sequence[Verdict], recent: Fact | None, rules: TreatmentRules) -> Fact:
    acting, perhaps = _acting_verdicts(history, verdicts)
    if not acting:
        reason = "No DMT is acting." if not perhaps else "Whether a DMT acts is not known."
        return Fact(value=None if perhaps else False, reason=reason)
    from_day = rules.failure.recent.before(history.as_of)
    seen = [
        (verdict, one, all_of((truth, (one.confirmed_on or one.onset).on_or_after(from_day))))
        for verdict in acting
        for one, truth in verdict.worsenings
    ]
    truth = any_of(truth for _, _, truth in seen)
    names = ", ".join(verdict.exposure.name for verdict in acting)
    resources = unique(resource for verdict in acting for resource in verdict.resources)
    if truth is not False:
        rises = by_rule(worsening for _, worsening, one in seen if one is truth)
        doubt = "" if truth else ", not certain to be while it acted"
        return Fact(value=truth, reason=f"Confirmed worsening on {names}{doubt}: {rises}.", resources=resources)
    if recent is None or recent.value is None:
        return Fact(value=None, reason=recent.reason if recent else "Repeated EDSS scores were not read.", resources=resources)
    if perhaps:
        reason = f"No confirmed worsening on {names}, but whether another DMT acts is not known. {history.caveat}".strip()
        return Fact(value=None, reason=reason, resources=resources)
    reason = f"No confirmed worsening on {names} in the last {rules.failure.recent}. {recent.reason}"
    return Fact(value=False, reason=reason, resources=resources)


def _rebound(history: History) -> Fact:
    phases = [(exposure, exposure.phase(history.as_of)) for exposure in history.exposures if exposure.aftermath == "rebound"]
    here = [exposure for exposure, phase in phases if phase == "rebound"]
    if here:
        words = "; ".join(f"{one.name} last taken {on(one.last_taken)}, {phase_words(one, history.as_of)}" for one in here)
        return Fact(value=True, reason=f"{sentence(words)}.", resources=resources_of(here))
    open_ = [exposure for exposure, phase in phases if phase == "unknown"]
    if open_ or not history.whole:
        words = "; ".join(open_words(exposure) for exposure in open_)
        reason = f"Whether it was stopped is not known: {words}." if open_ else history.caveat
        return Fact(value=None, reason=reason, resources=resources_of(open_))
    return Fact(value=False, reason="In no rebound window of a stopped drug.")

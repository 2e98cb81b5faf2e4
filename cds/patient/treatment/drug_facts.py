"""Facts of single drugs that gate options: natalizumab, anti-CD20, immunosuppressants of the PML strata (clinical-rules F13, F19)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date

from cds.fhir.dates import DateRange
from cds.patient.context import Fact, How
from cds.patient.reading import count_words, months_since, unique
from cds.patient.records.mentions import Text, mention_in
from cds.patient.treatment.exposure import Exposure
from cds.patient.treatment.history import History
from cds.patient.treatment.outcomes import Verdict
from cds.patient.treatment.rules import BEGINNING, TreatmentRules
from cds.patient.treatment.words import listed, on, resources_of
from cds.three_valued import Bounds, Truth, any_of

NEVER = Bounds(math.inf, math.inf)
"""Months since something that has not happened."""


def natalizumab_facts(history: History, verdicts: Sequence[Verdict]) -> dict[str, Fact]:
    """Whether and why natalizumab was stopped, and how long it was taken."""
    courses = [verdict for verdict in verdicts if verdict.exposure.drug == "natalizumab"]
    certain = [verdict for verdict in courses if not verdict.exposure.doubt]
    resources = resources_of(verdict.exposure for verdict in courses)
    if not certain:
        elsewhere = [other for other in history.not_for_ms if other.drug == "natalizumab"]
        unknown = bool(courses or elsewhere) or not history.whole
        reason = history.caveat or "Natalizumab was never taken."
        if courses:
            reason = f"Natalizumab: {courses[0].exposure.doubt}."
        elif elsewhere:
            reason = f"Natalizumab was taken for another disease ({elsewhere[0].why}); how long is not read."
            resources = unique(other.resource for other in elsewhere)
        return {
            "natalizumab.stoppedMonthsAgo": Fact(value=None if unknown else NEVER, reason=reason, resources=resources, how="notFound"),
            "natalizumab.stoppedForFailure": Fact(value=None if unknown else False, reason=reason, resources=resources, how="notFound"),
            "natalizumab.exposureMonths": Fact(
                value=Bounds.at_least(0) if unknown else Bounds.exactly(0), reason=reason, resources=resources, how="notFound"
            ),
        }
    last = certain[-1]
    exposure = last.exposure
    months = months_since(exposure.last_taken, history.as_of) if exposure.ongoing is False else NEVER
    if exposure.ongoing is None:
        months = Bounds(0, math.inf)
    said = {True: "is still taken", False: f"was last given {on(exposure.last_taken)}", None: "may still be taken"}[exposure.ongoing]
    why = {True: "it failed", False: "it did not fail", None: "whether it failed is not known"}
    failed: Truth = last.inflammatory if exposure.ongoing is False else False if exposure.ongoing else None
    return {
        "natalizumab.stoppedMonthsAgo": Fact(value=months, reason=f"Natalizumab {said}.", resources=resources, date=exposure.last_taken),
        "natalizumab.stoppedForFailure": Fact(
            value=failed, reason=f"Natalizumab {said}; {why[last.inflammatory]}. {last.reason}".strip(), resources=last.resources
        ),
        "natalizumab.exposureMonths": _exposure_months(history, certain, bool(len(certain) < len(courses))),
    }


def _exposure_months(history: History, courses: Sequence[Verdict], more: bool) -> Fact:
    spans = [_months_taken(verdict.exposure, history.as_of) for verdict in courses]
    high = math.inf if more or not history.whole else sum(span.high for span in spans)
    value = Bounds(sum(span.low for span in spans), high)
    exposures = [verdict.exposure for verdict in courses]
    reason = f"Natalizumab for {count_words(value, 'months')} in all: {listed(exposures)}. {history.caveat}".strip()
    return Fact(value=value, reason=reason, resources=resources_of(exposures))


def _months_taken(exposure: Exposure, as_of: date) -> Bounds:
    """Months from the first to the last infusion, or to the day of the advice while it goes on."""
    begun = exposure.start or DateRange.on(exposure.clock.last)
    shown = exposure.shown or begun
    ends = {
        True: DateRange.on(as_of),
        False: DateRange(exposure.last_taken.first, min(exposure.last_taken.last, as_of)),
        None: DateRange(min(shown.first, as_of), as_of),
    }
    end = ends[exposure.ongoing]
    least = max(0.0, begun.months_until(end.first).low) if end.first != BEGINNING else 0.0
    return Bounds(least, max(0.0, begun.months_until(end.last).high)) if exposure.start is not None else Bounds.at_least(least)


def anti_cd20_facts(history: History, verdicts: Sequence[Verdict], rules: TreatmentRules) -> dict[str, Fact]:
    """Whether an anti-CD20 drug was ever taken for MS, and failed."""
    taken = [verdict for verdict in verdicts if verdict.exposure.drug in rules.drugs.anti_cd20]
    certain = [verdict for verdict in taken if not verdict.exposure.doubt]
    resources = resources_of(verdict.exposure for verdict in taken)
    names = listed(verdict.exposure for verdict in taken)
    if certain:
        ever = Fact(value=True, reason=f"Anti-CD20: {names}.", resources=resources)
    elif taken:
        doubts = "; ".join(verdict.exposure.doubt for verdict in taken)
        ever = Fact(value=None, reason=f"Not certain: {names} ({doubts}).", resources=resources)
    else:
        others = [other for other in history.not_for_ms if other.drug in rules.drugs.anti_cd20]
        also = "".join(f" {other.name} was taken for another disease ({other.why})." for other in others)
        reason = f"No anti-CD20 drug is recorded as MS treatment.{also}" if history.whole else f"{history.caveat} No anti-CD20 drug found."
        ever = Fact(value=history.absent, reason=reason, resources=unique(other.resource for other in others), how="notFound")
    failed = any_of((*(verdict.failed for verdict in taken), history.absent))
    shown = [verdict for verdict in taken if verdict.failed is failed]
    words = " ".join(f"{verdict.exposure.name}: {verdict.reason}" for verdict in shown)
    reason = words or (history.caveat or "No breakthrough or confirmed worsening on an anti-CD20 drug is recorded.")
    return {
        "antiCd20.ever": ever,
        "antiCd20.failed": Fact(value=failed, reason=reason, resources=unique(r for verdict in shown for r in verdict.resources)),
    }


def prior_immunosuppression(history: History, rules: TreatmentRules) -> Fact:
    """Whether an immunosuppressant of the PML strata was ever taken, for whatever disease (F19). Other MS drugs are listed, not counted."""
    strata = rules.immunosuppression.drugs
    others = [exposure for exposure in history.certain if exposure.drug not in (*strata, "natalizumab")]
    beside = f" Other MS drugs, not counted: {listed(others)}." if others else ""
    found = [(rules.name(drug), day, ref) for drug, day, ref in history.immunosuppressants] + list(history.immunosuppressed)
    if found:
        words = "; ".join(dict.fromkeys(f"{name} ({day or 'undated'})" for name, day, _ in found))
        reason = f"Immunosuppressant of the PML strata on record: {words}.{beside}"
        return Fact(value=True, reason=reason, resources=unique(r for _, _, r in found))
    doubtful = [exposure for exposure in history.exposures if exposure.drug in strata]
    if doubtful:
        reason = f"Not certain: {listed(doubtful)} ({doubtful[0].doubt}).{beside}"
        return Fact(value=None, reason=reason, resources=resources_of(doubtful))
    if not history.whole or not history.conditions_read:
        return Fact(value=None, reason=history.caveat or "The problem list was not read.", how="notFound")
    names = ", ".join(rules.name(drug) for drug in strata)
    how: How = "derived" if others else "notFound"
    return Fact(value=False, reason=f"None of these is recorded: {names}.{beside}", resources=resources_of(others), how=how)


def mentioned_immunosuppressants(prior: Fact, texts: Iterable[Text], rules: TreatmentRules) -> Fact:
    """The same, unless nothing is recorded and a report or note speaks of such a drug as taken: then it is open, with its words shown."""
    if prior.value is not False:
        return prior
    mentions = (mention_in(text, rules.immunosuppression.mentions) for text in texts)
    said = [mention for mention in mentions if mention is not None and mention.says == "affirmed"]
    if not said:
        return prior
    reason = f'{prior.reason} Yet a report or note speaks of one ({said[0].text.written or "undated"}: "{said[0].quote}").'
    return Fact(value=None, reason=reason, resources=unique(one.text.ref for one in said), date=said[0].text.written, how="text")

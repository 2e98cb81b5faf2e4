"""Progressive multifocal leukoencephalopathy: confirmed, suspected or none, and from when on it was suspected (clinical-rules F19, F5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.reading import earliest, unique
from cds.patient.records.conditions import Diagnosed, absent, dated, doubted, how_known, read_conditions, refs, standing, why_open
from cds.patient.records.results import Result, ResultRules, Unread, newest, read_observations, results_of, unread_results
from cds.patient.rules import Pattern, Rules


class PmlRules(Rules):
    """Value sets of PML, words of suspicion, and the CSF tests that raise one (definition `caution-pml`)."""

    sets: tuple[str, ...]
    suspected_text: tuple[Pattern, ...]
    csf_sets: tuple[str, ...]
    csf_codes: tuple[str, ...]


def pml_fact(
    chart: Chart,
    terminology: Terminology,
    rules: PmlRules,
    conditions: Iterable[Diagnosed],
    results: Iterable[Result],
    unread: Unread,
    as_of: date,
) -> Fact:
    """PML as recorded. A differential diagnosis or JC virus DNA in the CSF is a suspicion; talk of PML risk is none.

    A resolved PML stays `confirmed`: it happened (judgement).
    """
    records = tuple(doubted(record, rules.suspected_text) for record in conditions if record.of(*rules.sets))
    word, _ = standing(records)
    if word == "present":
        first = next(record for record in records if record.asserted)
        return Fact(
            value="confirmed", reason=f"PML is recorded ({first.words()}).", resources=refs(records), date=_since(records), how="coded"
        )
    if word == "suspected":
        reason = f"PML is recorded as suspected ({records[0].words()})."
        return Fact(value="suspected", reason=reason, resources=refs(records), date=_since(records), how=how_known(records))
    positive = _csf(rules, results, as_of)
    if positive:
        day = earliest(result.date for result in positive)
        reason = f"JC virus DNA was found in the CSF ({day or 'undated'})."
        return Fact(value="suspected", reason=reason, resources=unique(r.ref for r in positive), date=day, how="coded")
    if absent(chart, terminology, *rules.sets) is None:
        return Fact(value=None, reason=f"{why_open(chart)} Whether PML is recorded cannot be said.", how="notFound")
    if unread.of(rules.csf_sets):
        return Fact(value=None, reason="A test for JC virus DNA could not be read.", how="notFound")
    reason = f"PML was refuted ({dated(records[-1])})." if records else "No PML is recorded."
    return Fact(value="none", reason=reason, resources=refs(records), how="coded" if records else "notFound")


def pml_from(chart: Chart, terminology: Terminology, rules: PmlRules, result_rules: ResultRules, as_of: date) -> date | None:
    """The first day on which PML may have been suspected; `None` if it never was. An undated record counts from the beginning of time.

    Lesions from that day on are not MS activity (F5).
    """
    conditions = read_conditions(chart, terminology, *rules.sets)
    results = results_of(read_observations(chart, terminology, result_rules, as_of, *rules.csf_sets), result_rules)
    unread = unread_results(chart, terminology, *rules.csf_sets)
    fact = pml_fact(chart, terminology, rules, conditions, results, unread, as_of)
    if fact.value not in ("confirmed", "suspected"):
        return None
    return fact.date.first if fact.date is not None else date.min


def _since(records: tuple[Diagnosed, ...]) -> DateRange | None:
    """The first suspicion or diagnosis; `None` if one of them has no date."""
    kept = [record for record in records if record.verification != "refuted"]
    return earliest(record.date for record in kept) if all(record.date is not None for record in kept) else None


def _csf(rules: PmlRules, results: Iterable[Result], as_of: date) -> tuple[Result, ...]:
    tests = [result for result in results if result.of(rules.csf_sets, rules.csf_codes)]
    return tuple(
        result
        for result in newest(tests, as_of)
        if result.word == "positive" or (result.word is None and result.number is not None and result.number.low > 0)
    )

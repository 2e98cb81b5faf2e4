"""Progressive multifocal leukoencephalopathy: confirmed, suspected or none, and from when on it was suspected (clinical-rules F19, F5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import ClassVar

from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.reading import earliest, in_months_before, later, unique
from cds.patient.records.conditions import Diagnosed, absent, dated, doubted, how_known, read_conditions, refs, standing, why_open
from cds.patient.records.mentions import Mention, MentionRules, Text, mention_in
from cds.patient.records.results import Result, ResultRules, Unread, newest, read_observations, results_of, unread_results
from cds.patient.rules import Pattern, Rules, found


class Imaging(Rules):
    """Which reports are of an MRI of the brain: by their names, or by value sets."""

    of_texts: ClassVar[bool] = True

    names: tuple[Pattern, ...]
    sets: tuple[str, ...]


class PmlRules(Rules):
    """Value sets of PML, words of suspicion, and the CSF tests that raise one (definition `caution-pml`).

    `mentions`: how reports and notes speak of it. Reports of `imaging` make it suspected for `mention_months`; an older one, and any
    other text, leaves it open.
    """

    sets: tuple[str, ...]
    suspected_text: tuple[Pattern, ...]
    csf_sets: tuple[str, ...]
    csf_codes: tuple[str, ...]
    imaging: Imaging
    mentions: MentionRules
    mention_months: float


def pml_fact(
    chart: Chart,
    terminology: Terminology,
    rules: PmlRules,
    conditions: Iterable[Diagnosed],
    results: Sequence[Result],
    unread: Unread,
    texts: Sequence[Text],
    as_of: date,
) -> Fact:
    """PML as recorded. A differential diagnosis, JC virus DNA in the CSF or an MRI report that names it is a suspicion; talk of its risk
    is none.

    A resolved PML stays `confirmed`: it happened (judgement).
    """
    records = tuple(doubted(record, rules.suspected_text) for record in conditions if record.of(*rules.sets))
    written, taken_back = _mentions(texts, terminology, rules, records)
    by_imaging = [mention for mention in written if _is_imaging(mention.text, terminology, rules)]
    word, _ = standing(records)
    if word in ("present", "suspected"):
        asserted = [record for record in records if record.asserted]
        shown = asserted if word == "present" else [record for record in records if record.verification == "suspected"] or asserted
        said = "PML is recorded" if word == "present" else "PML is recorded as suspected"
        value = "confirmed" if word == "present" else "suspected"
        since = _since(records, by_imaging)
        return Fact(value=value, reason=f"{said} ({shown[0].words()}).", resources=refs(records), date=since, how=how_known(shown))
    tests = [result for result in results if _of_csf(result, rules)]
    positive = [result for result in newest(tests, as_of) if _positive(result)]
    if positive:
        day = earliest(result.date for result in positive)
        reason = f"JC virus DNA was found in the CSF ({day or 'undated'})."
        return Fact(value="suspected", reason=reason, resources=unique(r.ref for r in positive), date=day, how=positive[0].how)
    recent = [m for m in by_imaging if in_months_before(m.text.written, as_of, rules.mention_months) is not False]
    if recent:
        return _written("suspected", "A report names PML", recent)
    if written:
        return _written(None, "A report or note speaks of PML, whether it was found or ruled out is not known", written)
    if absent(chart, terminology, *rules.sets) is None:
        return Fact(value=None, reason=f"{why_open(chart)} Whether PML is recorded cannot be said.", how="notFound")
    if unread.of(rules.csf_sets):
        return Fact(value=None, reason="A test for JC virus DNA could not be read.", how="notFound")
    unclear = [result for result in newest(tests, as_of) if result.word != "negative"]
    if unclear:
        day = earliest(result.date for result in unclear)
        reason = f"A test for JC virus DNA in the CSF gave no clear result ({day or 'undated'})."
        return Fact(value=None, reason=reason, resources=unique(r.ref for r in unclear), date=day, how=unclear[0].how)
    elsewhere = [result for result in results if result.of(rules.csf_sets, roles=("context",)) and _positive(result)]
    if elsewhere:
        day = earliest(result.date for result in elsewhere)
        reason = f"JC virus DNA was found ({day or 'undated'}); in which fluid is not stated."
        return Fact(value=None, reason=reason, resources=unique(r.ref for r in elsewhere), date=day, how=elsewhere[0].how)
    if taken_back and not records:
        return replace(_written("none", "PML was named and denied later", taken_back), date=None)
    reason = f"PML was refuted ({dated(records[-1])})." if records else "No PML is recorded."
    return Fact(value="none", reason=reason, resources=refs(records), how=how_known(records))


def pml_from(
    chart: Chart, terminology: Terminology, rules: PmlRules, result_rules: ResultRules, texts: Sequence[Text], as_of: date
) -> date | None:
    """The first day on which PML may have been suspected; `None` if it never was. An undated record counts from the beginning of time.

    Lesions from that day on are not MS activity (F5).
    """
    conditions = read_conditions(chart, terminology, *rules.sets)
    results = results_of(read_observations(chart, terminology, result_rules, as_of, *rules.csf_sets), result_rules)
    unread = unread_results(chart, terminology, *rules.csf_sets)
    fact = pml_fact(chart, terminology, rules, conditions, results, unread, texts, as_of)
    if fact.value not in ("confirmed", "suspected"):
        return None
    return fact.date.first if fact.date is not None else date.min


def _mentions(
    texts: Sequence[Text], terminology: Terminology, rules: PmlRules, records: Sequence[Diagnosed]
) -> tuple[list[Mention], list[Mention]]:
    """Texts that name PML as found or possible: those that stand, and those that a later text or refutation takes back."""
    said = (mention_in(text, rules.mentions, bare=_is_imaging(text, terminology, rules)) for text in texts)
    found_in = [mention for mention in said if mention is not None]
    denied = [mention.text.written for mention in found_in if mention.says == "denied"]
    denied += [record.stated_on for record in records if record.verification == "refuted"]
    affirmed = [mention for mention in found_in if mention.says == "affirmed"]
    taken_back = [mention for mention in affirmed if any(later(day, mention.text.written) is True for day in denied)]
    return [mention for mention in affirmed if mention not in taken_back], taken_back


def _is_imaging(text: Text, terminology: Terminology, rules: PmlRules) -> bool:
    return text.report and (found(rules.imaging.names, text.title) or bool(terminology.match(text.concept, *rules.imaging.sets)))


def _written(value: str | None, said: str, mentions: Sequence[Mention]) -> Fact:
    dates = [mention.text.written for mention in mentions]
    first = min(mentions, key=lambda mention: (mention.text.written.first if mention.text.written else date.min, mention.text.ref))
    day = earliest(dates) if all(dates) else None
    reason = f'{said} ({first.text.written or "undated"}: "{first.quote}").'
    return Fact(value=value, reason=reason, resources=unique(mention.text.ref for mention in mentions), date=day, how="text")


def _since(records: Sequence[Diagnosed], mentions: Sequence[Mention]) -> DateRange | None:
    """The first suspicion or diagnosis, a suspicion on imaging included; `None` if one of them has no date."""
    dates = [record.date for record in records if record.verification != "refuted"] + [mention.text.written for mention in mentions]
    return earliest(dates) if all(dates) else None


def _of_csf(result: Result, rules: PmlRules) -> bool:
    """By its code, or by a name that says both JC virus DNA and CSF."""
    named = any(hit.how == "text" and hit.role == "include" and hit.value_set in rules.csf_sets for hit in result.hits)
    return named or result.of(rules.csf_sets, rules.csf_codes)


def _positive(result: Result) -> bool:
    return result.word == "positive" or (result.word is None and result.number is not None and result.number.low > 0)

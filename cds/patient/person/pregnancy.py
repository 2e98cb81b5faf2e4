"""Pregnancy on the day of the advice, with windows that let old records expire (clinical-rules F18)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Literal

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange, add_days
from cds.patient.context import Caution, Conflict, Fact, How
from cds.patient.reading import Reading, in_months_before, later, sentence, unique
from cds.patient.records.conditions import Diagnosed, date_range, doubted, how_known, read_conditions, words_of
from cds.patient.records.results import Observed, ResultRules, result_word, results_of
from cds.patient.rules import Pattern, Rules, found
from cds.three_valued import Bounds, Truth

Says = Literal["pregnant", "notPregnant", "unclear"]


class PregnancyRules(Rules):
    """Value sets, answers and windows (definition `person-pregnancy`)."""

    conditions: tuple[str, ...]
    ends: tuple[str, ...]
    status: tuple[str, ...]
    tests: tuple[str, ...]
    gestation_codes: tuple[str, ...]
    answers: dict[str, Says]
    not_pregnant_text: tuple[Pattern, ...]
    unclear_text: tuple[Pattern, ...]
    pregnant_text: tuple[Pattern, ...]
    due_date_names: tuple[Pattern, ...]
    gestation_names: tuple[Pattern, ...]
    pregnancy_weeks: int
    positive_test_weeks: int
    negative_months: float
    not_applicable_from_age: int


class _Sign(Struct, frozen=True):
    """One record about pregnancy. `began` is the earliest day the pregnancy can have begun, where the record dates it.

    `written`: when the record was made, where that is another day than its clinical date. `number`: a test that gives only a number.
    """

    says: Says | Literal["ended"]
    date: DateRange | None
    words: str
    ref: str
    valid: Truth
    began: DateRange | None = None
    written: DateRange | None = None
    how: How = "coded"
    number: bool = False


def pregnancy_reading(
    chart: Chart,
    terminology: Terminology,
    rules: PregnancyRules,
    results: ResultRules,
    observed: Sequence[Observed],
    age: Fact,
    sex: Fact,
    as_of: date,
) -> Reading:
    """`pregnancy` and `caution.gestationWeeks`. A recorded pregnancy is never hidden by sex or age; it is a conflict then."""
    unlikely = _not_applicable(rules, age, sex) is not None
    told = (sign for sign in _signs(chart, terminology, rules, results, observed, as_of) if not (sign.number and unlikely))
    signs = [sign for sign in told if not _ahead(sign.date, as_of)]
    fact, conflicts = _pregnancy(signs, rules, age, sex, _refused(chart, terminology, rules))
    weeks = _gestation(signs, fact, as_of)
    cautions = (
        (Caution(id="pregnancy", status=str(fact.value), text=fact.reason, resources=fact.resources, date=fact.date, how=fact.how),)
        if fact.resources and fact.value != "notApplicable"
        else ()
    )
    return Reading({"pregnancy": fact, "caution.gestationWeeks": weeks}, cautions, conflicts)


def _refused(chart: Chart, terminology: Terminology, rules: PregnancyRules) -> bool:
    """Whether a diagnosis of pregnancy may be in a problem list that was not read whole, or one, a test or a status could not be read."""
    if not chart.complete("Condition"):
        return True
    sets = {"Observation": (*rules.status, *rules.tests), "Condition": rules.conditions}
    return any(
        item.resource is not None and any(terminology.match(concept, *sets[item.type]) for concept in item.concepts)
        for item in chart.not_read
        if item.type in sets
    )


def _ahead(day: DateRange | None, as_of: date) -> bool:
    return day is not None and day.first > as_of


def _signs(
    chart: Chart, terminology: Terminology, rules: PregnancyRules, results: ResultRules, observed: Sequence[Observed], as_of: date
) -> Iterator[_Sign]:
    for record in read_conditions(chart, terminology, *rules.conditions, *rules.ends):
        yield from _from_condition(record, rules, as_of)
    for entry in chart.entries("Procedure"):
        procedure = entry.resource
        ends = any(hit.role == "include" for hit in terminology.match(entry.concept, *rules.ends))
        if procedure.status in ("completed", "in-progress") and ends:
            day = date_range(procedure.performedDateTime or (procedure.performedPeriod.start if procedure.performedPeriod else None))
            yield _Sign("ended", day, f"end of pregnancy {day or 'undated'}", entry.ref, True)
    yield from _from_status(observed, rules, results, as_of)
    yield from _from_gestation(observed, rules, as_of)
    for result in results_of(observed, results):
        if not result.of(rules.tests):
            continue
        word = result.word or result.by_limits
        if word is None and result.number is not None and result.number.low > 0:
            words = f"pregnancy test {result.amount}, without a limit, {result.date or 'undated'}"
            valid = _valid("pregnant", result.date, rules, as_of, test=True)
            yield _Sign("unclear", result.date, words, result.ref, valid, how=result.how, number=True)
        if word in ("positive", "negative"):
            says: Says = "pregnant" if word == "positive" else "notPregnant"
            words = f"pregnancy test {word} {result.date or 'undated'}"
            yield _Sign(says, result.date, words, result.ref, _valid(says, result.date, rules, as_of, test=True), how=result.how)


def _from_condition(record: Diagnosed, rules: PregnancyRules, as_of: date) -> Iterator[_Sign]:
    record = doubted(record, rules.unclear_text)
    if not record.asserted and record.verification != "suspected":
        return
    if record.of(*rules.ends):
        if record.asserted:
            yield _Sign("ended", record.date, f"end of pregnancy {record.date or 'undated'}", record.ref, True, how=how_known([record]))
        return
    if not record.of(*rules.conditions) or record.over or record.state in ("inactive", "remission"):
        return
    only_test = not record.of(*rules.conditions, roles=("include",))
    began = began_on(record, rules)
    valid = _valid("pregnant", began or record.date, rules, as_of, test=only_test)
    if valid is False and began is None and _valid("pregnant", record.recorded, rules, as_of, test=only_test) is True:
        valid = None  # it began too long ago, and yet was recorded lately
    says: Says = "pregnant" if record.asserted else "unclear"
    yield _Sign(
        says,
        record.date,
        _pregnancy_words(record),
        record.ref,
        valid,
        None if only_test else began or (None if record.encounter else record.onset),
        record.recorded,
        how_known([record]),
    )


def _pregnancy_words(record: Diagnosed) -> str:
    if record.onset is None or record.encounter:
        return f"pregnancy recorded {record.date or 'undated'}"
    return f"pregnancy since {record.onset}" + (f", recorded {record.recorded}" if record.recorded else "")


def began_on(record: Diagnosed, rules: PregnancyRules) -> DateRange | None:
    """The day a pregnancy with a code for its week began, counted back from the day of the record."""
    for code in record.codes:
        for pattern in rules.gestation_codes:
            weeks = re.fullmatch(pattern, code.upper())
            day = record.recorded or record.onset
            if weeks is not None and day is not None:
                past = 7 * int(weeks[1])
                return DateRange(add_days(day.first, -past), add_days(day.last, -past))
    return None


def _from_status(observed: Sequence[Observed], rules: PregnancyRules, results: ResultRules, as_of: date) -> Iterator[_Sign]:
    for one in observed:
        if not any(hit.value_set in rules.status and hit.role == "include" for hit in one.hits):
            continue
        says, day = _answer(one.resource, rules, results), one.date
        if says is not None:
            words = {"pregnant": "pregnant", "notPregnant": "not pregnant", "unclear": "possibly pregnant"}[says]
            valid = _valid(says, day, rules, as_of, test=False)
            yield _Sign(says, day, f"status {words} {day or 'undated'}", one.ref, valid, how=how_named(one))


def _from_gestation(observed: Sequence[Observed], rules: PregnancyRules, as_of: date) -> Iterator[_Sign]:
    """A due date ahead, or weeks of gestation that have not run out: no answer to whether she is pregnant, but not to be passed over."""
    for one in observed:
        name, due = one.name, date_range(one.resource.valueDateTime)
        if due is not None and found(rules.due_date_names, name):
            if due.last >= as_of and due.first <= add_days(as_of, 7 * rules.pregnancy_weeks):
                yield _Sign("unclear", one.date, f"due date {due} given {one.date or 'undated'}", one.ref, True, how=how_named(one))
        elif found(rules.gestation_names, name) and _valid("pregnant", one.date, rules, as_of, test=False) is not False:
            yield _Sign("unclear", one.date, f"weeks of gestation measured {one.date or 'undated'}", one.ref, True, how=how_named(one))


def how_named(one: Observed) -> How:
    """`coded` where a code of ours recognised the Observation, else `text`."""
    return "coded" if any(hit.how == "coded" for hit in one.hits) else "text"


def _answer(observation: Any, rules: PregnancyRules, results: ResultRules) -> Says | None:
    value = observation.valueCodeableConcept
    concept = Concept.of(value)
    for coding in concept.codings:
        if coding.code in rules.answers:
            return rules.answers[coding.code]
    text = words_of(concept) or observation.valueString or ""
    kinds: tuple[tuple[Says, tuple[str, ...]], ...] = (
        ("notPregnant", rules.not_pregnant_text),
        ("unclear", rules.unclear_text),
        ("pregnant", rules.pregnant_text),
    )
    for says, patterns in kinds:
        if text and found(patterns, text):
            return says
    match result_word(observation, results):
        case "positive":
            return "pregnant"
        case "negative":
            return "notPregnant"
        case "indeterminate":
            return "unclear"
    return None


def _valid(says: str, day: DateRange | None, rules: PregnancyRules, as_of: date, test: bool) -> Truth:
    """Whether the record still speaks for today; unknown if it has no date or could lie on either side of its window."""
    if day is None:
        return None
    if says == "notPregnant":
        return in_months_before(day, as_of, rules.negative_months)
    return day.on_or_after(add_days(as_of, -7 * (rules.positive_test_weeks if test else rules.pregnancy_weeks)))


def _pregnancy(signs: Sequence[_Sign], rules: PregnancyRules, age: Fact, sex: Fact, unread: bool) -> tuple[Fact, tuple[Conflict, ...]]:
    closing = [sign for sign in signs if sign.says in ("ended", "notPregnant")]
    positive = [sign for sign in signs if sign.says in ("pregnant", "unclear") and sign.valid is not False]
    standing = [sign for sign in positive if not any(_closes(other, sign) is True for other in closing)]
    sure = [
        sign for sign in standing if sign.says == "pregnant" and sign.valid is True and not any(_closes(o, sign) is None for o in closing)
    ]
    unlikely = _not_applicable(rules, age, sex)
    conflicts: list[Conflict] = []
    if standing and unlikely is not None:
        text = f"{sentence(standing[0].words)}, yet: {unlikely}"
        conflicts.append(Conflict(id="pregnancy-not-applicable", text=text, resources=(standing[0].ref, *sex.resources)))
    if sure:
        last = max(sure, key=lambda sign: (sign.date.last if sign.date else date.min, sign.ref))
        words = "; ".join(dict.fromkeys(sign.words for sign in sure))
        fact = Fact(value="present", reason=f"Pregnant: {words}.", resources=unique(s.ref for s in sure), date=last.date, how=last.how)
        return fact, tuple(conflicts)
    if standing:
        words = "; ".join(dict.fromkeys(sign.words for sign in [*standing, *closing]))
        fact = Fact(
            value=None,
            reason=f"Pregnancy is not certain: {words}.",
            resources=unique(s.ref for s in [*standing, *closing]),
            date=standing[0].date,
            how=standing[0].how,
        )
        return fact, tuple(conflicts)
    if unlikely is not None:
        return Fact(value="notApplicable", reason=unlikely, resources=(*sex.resources, *age.resources)[:1], how="derived"), ()
    negative = [sign for sign in closing if sign.says == "notPregnant" and sign.valid is True]
    if negative and not unread:
        last = max(negative, key=lambda sign: (sign.date.last if sign.date else date.min, sign.ref))
        return Fact(value="absent", reason=f"{sentence(last.words)}.", resources=(last.ref,), date=last.date, how=last.how), ()
    last_known = max((s for s in signs if s.date), key=lambda sign: (sign.date.last if sign.date else date.min, sign.ref), default=None)
    older = f" Last: {last_known.words}." if last_known else ""
    if unread:
        return Fact(value=None, reason=f"A pregnancy test, status or diagnosis could not be read.{older}", how="notFound"), ()
    window = f"(negative ones count for {rules.negative_months:g} months)"
    return Fact(value=None, reason=f"No valid pregnancy test or status {window}.{older}", how="notFound"), ()


def _closes(closing: _Sign, positive: _Sign) -> Truth:
    """Whether a birth, loss or "not pregnant" ends what the other says: only if it came later. A negative test alone leaves it open.

    A pregnancy recorded after a "not pregnant" was simply not known then; after a birth or loss it may be that one or the next.
    """
    after = later(closing.date, positive.began or positive.date)
    if after is True and later(positive.written, closing.date) is True:
        return False if closing.says == "notPregnant" else None
    if after is True and closing.words.startswith("pregnancy test"):
        return None
    return after


def _not_applicable(rules: PregnancyRules, age: Fact, sex: Fact) -> str | None:
    if sex.value == "male":
        return "Recorded sex is male."
    if isinstance(age.value, Bounds) and (age.value >= rules.not_applicable_from_age) is True:
        return f"Aged {rules.not_applicable_from_age} or over."
    return None


def _gestation(signs: Sequence[_Sign], pregnancy: Fact, as_of: date) -> Fact:
    """Weeks of gestation on the day of the advice, where a record dates the pregnancy."""
    if pregnancy.value != "present":
        return Fact(value=None, reason=f"Weeks of gestation are not known. {pregnancy.reason}", how="notFound")
    own = [sign for sign in signs if sign.says == "pregnant" and sign.valid is True and sign.ref in pregnancy.resources]
    dated_by = [(sign.began, sign) for sign in own if sign.began is not None]
    if not dated_by:
        return Fact(value=None, reason="Weeks of gestation are not recorded.", resources=pregnancy.resources, how="notFound")
    began, sign = dated_by[-1]
    days = began.days_until(as_of)
    weeks = Bounds(max(0.0, float(int(days.low) // 7)), max(0.0, float(int(days.high) // 7)))
    return Fact(value=weeks, reason=f"{weeks} weeks of gestation.", resources=(sign.ref,), date=sign.date, how="derived")

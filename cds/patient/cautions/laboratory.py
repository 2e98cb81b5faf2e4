"""Measured values that bear on safety: counts, liver enzymes, heart, kidney, immunoglobulins (clinical-rules section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import ClassVar, NamedTuple

from msgspec.structs import replace

from cds.fhir.dates import DateRange
from cds.patient.context import Caution, Fact
from cds.patient.reading import count_words, in_months_before, later, latest, months_since, sentence, unique
from cds.patient.records.mentions import Text
from cds.patient.records.results import Result, Unread, converted, newest, written_number
from cds.patient.rules import Pattern, Rules, found
from cds.three_valued import Bounds, Truth, any_of

_SHOW = 4
"""Significant figures in a sentence."""


class InReports(Rules):
    """A value in the words of a report: what such a report is called, and the pattern of the value with its groups.

    `aside` is taken out first, such as an earlier value. `gap` may say that the value lies `below` or `above` the number.
    """

    of_texts: ClassVar[bool] = True

    names: tuple[Pattern, ...]
    aside: tuple[Pattern, ...]
    value: Pattern
    below: tuple[Pattern, ...]
    above: tuple[Pattern, ...]

    def numbers(self, text: Text) -> tuple[Bounds, ...]:
        """Every number that the text gives for the value, in the unit of the pattern."""
        if not found(self.names, text.title):
            return ()
        words = text.words
        for pattern in self.aside:
            words = re.sub(pattern, " ", words, flags=re.IGNORECASE)
        return tuple(filter(None, (self._number(hit) for hit in re.finditer(self.value, words, re.IGNORECASE))))

    def _number(self, hit: re.Match[str]) -> Bounds | None:
        sign = hit["sign"] or ("<" if found(self.below, hit["gap"]) else ">" if found(self.above, hit["gap"]) else "")
        return written_number(f"{sign}{hit['number']}")[0]


class Measure(Rules):
    """One measured value: the value sets it is found in, its unit, and which further facts it gives.

    `units` maps every accepted unit, as `results.unit_key` spells it, to its factor. `codes` narrow the value sets. `by_unit`: an
    ambiguous name, such as lymphocytes, counts where its unit is one of these. `of_limit`: the value is divided by the laboratory's upper
    limit. `below_normal` and `months_ago` name further facts; `months_low` names the fact that counts how long the value has been below
    `low`. `worded` finds the number in the words of a result of `worded_sets`. `reports`: how reports give the value in words.
    """

    name: str
    sets: tuple[str, ...]
    codes: tuple[str, ...] = ()
    unit: str
    units: dict[str, float]
    plausible: tuple[float, float]
    by_unit: bool = False
    of_limit: bool = False
    stale_after_months: float
    months_ago: str | None = None
    below_normal: str | None = None
    months_low: str | None = None
    low: float | None = None
    worded: Pattern | None = None
    worded_sets: tuple[str, ...] = ()
    reports: InReports | None = None

    def about(self, result: Result) -> bool:
        """Whether the result is of this value."""
        if self.by_unit and result.number is not None and result.of(self.sets, self.codes, ("context",)):
            return converted(result.number, result.unit, self.units) is not None
        return result.of(self.sets, self.codes) or (self.worded is not None and result.of(self.worded_sets) and bool(self.in_words(result)))

    def in_words(self, result: Result) -> float | None:
        """The number in a result such as "positive, index 2.9"."""
        said = re.search(self.worded, result.text, re.IGNORECASE) if self.worded is not None else None
        return float(said[1].replace(",", ".")) if said else None


class LaboratoryRules(Rules):
    """Every measured value by the fact it gives (definition `caution-laboratory`)."""

    values: dict[str, Measure]


class _Reading(NamedTuple):
    """One result in the unit of the rule; `value` is `None` if it could not be read."""

    result: Result
    value: Bounds | None
    why: str


def measured_facts(
    rules: LaboratoryRules, results: Sequence[Result], texts: Sequence[Text], unread: Unread, as_of: date
) -> tuple[dict[str, Fact], tuple[Caution, ...]]:
    """All facts of measured values, and a caution for each value found. What was not measured is unknown."""
    facts: dict[str, Fact] = {}
    cautions: list[Caution] = []
    for name, rule in rules.values.items():
        readings = [_read(rule, result) for result in results if rule.about(result)]
        measured = tuple(readings)
        readings += [reading for reading in _reported(rule, texts) if _newer(reading, measured)]
        read = dict(_facts(name, rule, readings, as_of))
        if unread.of((*rule.sets, *rule.worded_sets)):
            read = {key: _not_all_read(rule, fact) for key, fact in read.items()}
        elif not unread.whole and not readings:
            read = {key: replace(fact, reason=f"{unread.why} {fact.reason}") for key, fact in read.items()}
        facts |= read
        cautions += _caution(name, rule, facts[name], as_of)
    return facts, tuple(cautions)


def _reported(rule: Measure, texts: Sequence[Text]) -> list[_Reading]:
    """The value in the words of reports; where one gives several numbers, the span of them."""
    readings: list[_Reading] = []
    for text in texts if rule.reports is not None else ():
        numbers = rule.reports.numbers(text) if rule.reports is not None else ()
        if numbers:
            value = Bounds(min(number.low for number in numbers), max(number.high for number in numbers))
            result = Result(
                ref=text.ref, name=text.title, hits=(), date=text.written, number=value, unit=rule.unit, word=None, text="", low=None,
                high=None, flags=frozenset(),
            )  # fmt: skip
            readings.append(_read(rule, result))
    return readings


def _newer(reported: _Reading, measured: Sequence[_Reading]) -> bool:
    """Whether words are surely newer than every value as such: they never stand against one of the same day."""
    return all(later(reported.result.date, one.result.date) is True for one in measured)


def _not_all_read(rule: Measure, fact: Fact) -> Fact:
    """A result that could not be read may be the latest, so the value is not known."""
    readable = f" The last readable: {fact.reason}" if fact.resources else ""
    return replace(fact, value=None, reason=f"A {rule.name} could not be read.{readable}")


def _read(rule: Measure, result: Result) -> _Reading:
    said = rule.in_words(result)
    if said is not None:
        return _Reading(result, Bounds.exactly(said), "")
    if result.number is None:
        return _Reading(result, None, "without a number")
    if rule.of_limit:
        return _multiple_of_limit(rule, result, result.number)
    value = converted(result.number, result.unit, rule.units)
    if value is None:
        return _Reading(result, None, f"in the unit {result.unit!r}" if result.unit else "without a unit")
    if (value >= rule.plausible[0]) is False or (value <= rule.plausible[1]) is False:
        return _Reading(result, None, f"as {_number(value)}{_unit(rule)}, which is not plausible")
    return _Reading(result, value, "")


def _multiple_of_limit(rule: Measure, result: Result, number: Bounds) -> _Reading:
    """How many times the upper limit of normal; needs the laboratory's own limit unless the unit already is the multiple."""
    multiple = converted(number, result.unit, rule.units)
    if multiple is None and result.high is not None and result.high.low > 0:
        multiple = Bounds(number.low / result.high.high, number.high / result.high.low)
    if multiple is None:
        return _Reading(result, None, "without an upper limit of normal")
    if (multiple <= rule.plausible[1]) is False:
        return _Reading(result, None, "with a value that is not plausible")
    return _Reading(result, multiple, "")


def _facts(name: str, rule: Measure, readings: Sequence[_Reading], as_of: date) -> Iterator[tuple[str, Fact]]:
    last = [reading for reading in readings if reading.result in newest([r.result for r in readings], as_of)]
    day = latest(reading.result.date for reading in last)
    resources = unique(reading.result.ref for reading in last)
    yield name, _value(rule, last, readings, day, resources, as_of)
    if rule.months_ago is not None:
        ago = None if day is None else months_since(day, as_of)
        reason = f"Last {rule.name} on {day}, {count_words(ago, 'months')} ago." if ago is not None else f"No dated {rule.name} found."
        yield rule.months_ago, Fact(value=ago, reason=reason, resources=resources, date=day, how=last[0].result.how if last else "notFound")
    if rule.below_normal is not None:
        yield rule.below_normal, _below_normal(rule, last, day, resources)
    if rule.months_low is not None and rule.low is not None:
        yield rule.months_low, _months_low(rule, rule.low, readings, as_of)


def _value(
    rule: Measure, last: Sequence[_Reading], readings: Sequence[_Reading], day: DateRange | None, resources: tuple[str, ...], as_of: date
) -> Fact:
    name = sentence(rule.name)
    if not last:
        return Fact(value=None, reason=f"{name} not found.", how="notFound")
    unread = next((reading for reading in last if reading.value is None), None)
    if unread is not None:
        older = next((reading for reading in reversed(readings) if reading.value is not None), None)
        before = f" The last readable one is {_number(older.value)}{_unit(rule)} on {older.result.date}." if older and older.value else ""
        return Fact(
            value=None, reason=f"{name} of {day or 'unknown date'} is reported {unread.why}.{before}", resources=resources, date=day
        )
    values = [reading.value for reading in last if reading.value is not None]
    value = Bounds(min(v.low for v in values), max(v.high for v in values))
    age = f", {count_words(months_since(day, as_of), 'months')} old" if day is not None and _stale(rule, day, as_of) else ""
    when = f"on {day}" if day is not None else "undated"
    words = ", in the words of a report" if any(not reading.result.hits for reading in last) else ""
    reason = f"{name} {_number(value)}{_unit(rule)} {when}{age}{words}."
    return Fact(value=value, reason=reason, resources=resources, date=day, how=last[0].result.how)


def _below_normal(rule: Measure, last: Sequence[_Reading], day: DateRange | None, resources: tuple[str, ...]) -> Fact:
    """Whether the value is below the laboratory's own lower limit, by that limit or by the laboratory's flag."""
    verdicts = {_low(reading.result) for reading in last}
    verdict: Truth = verdicts.pop() if len(verdicts) == 1 else None
    name = sentence(rule.name)
    words = {True: "below", False: "not below", None: "not known to be above"}[verdict]
    reason = f"{name} {words} the laboratory's lower limit ({day})." if last else f"{name} not found."
    return Fact(value=verdict, reason=reason, resources=resources, date=day, how="coded" if last else "notFound")


def _low(result: Result) -> Truth:
    if result.flags & {"L", "LL", "LU"}:
        return True
    if result.number is not None and result.low is not None:
        return any_of((result.number < result.low.low, None if result.number.low < result.low.high else False))
    return False if result.flags & {"N", "H", "HH", "HU"} else None


def _months_low(rule: Measure, threshold: float, readings: Sequence[_Reading], as_of: date) -> Fact:
    """How long the value has been below the threshold.

    At least between the first and the last of the latest run of low values, at most since the value before that run.
    """
    name = sentence(rule.name)
    dated = [(day, reading.value, reading.result.ref) for reading in readings if (day := reading.result.date) is not None]
    dated.sort(key=lambda item: (item[0].last, item[0].first, item[2]))
    if not dated or len(dated) < len(readings):
        reason = f"{name} not found." if not readings else f"{name}: a result has no date."
        return Fact(value=None, reason=reason, resources=unique(r.result.ref for r in readings), how="notFound")
    run: list[tuple[DateRange, str]] = []
    before: DateRange | None = None
    for day, value, ref in reversed(dated):
        below = None if value is None else value < threshold
        if below is None:
            reason = f"{name} of {day} cannot be set against {threshold:g}{_unit(rule)}."
            return Fact(value=None, reason=reason, resources=(ref,), date=day)
        if not below:
            before = day
            break
        run.append((day, ref))
    low_days = [day for day, value, _ in dated if value is not None and (value < threshold) is True]
    if before is not None and any(day.last >= before.first and day.first <= before.last for day in low_days):
        reason = f"{name} of {before} may have come before or after the low ones."
        return Fact(value=None, reason=reason, resources=unique(ref for _, _, ref in dated), date=before)
    if not run:
        return Fact(
            value=Bounds.exactly(0),
            reason=f"Latest {rule.name} is not below {threshold:g} {rule.unit}.",
            resources=(dated[-1][2],),
            date=dated[-1][0],
        )
    last, first = run[0][0], run[-1][0]
    at_least = max(0.0, first.months_until(last.first).low)
    longest = Bounds.at_least(0).high if before is None else before.months_until(as_of).high
    span = Bounds(at_least, max(at_least, longest))
    when = f"from {first} to {last}" if len(run) > 1 else f"on {last}"
    text = f"{name} below {threshold:g}{_unit(rule)} {when} ({count_words(span, 'months')})."
    return Fact(value=span, reason=text, resources=unique(ref for _, ref in run), date=DateRange(first.first, last.last))


def _unit(rule: Measure) -> str:
    return f" {rule.unit}" if rule.unit else ""


def _number(value: Bounds) -> str:
    if value.high == float("inf"):
        return f"above {value.low:.{_SHOW}g}"
    if value.low == value.high:
        return f"{value.low:.{_SHOW}g}"
    return f"below {value.high:.{_SHOW}g}" if value.low == 0 else f"{value.low:.{_SHOW}g} to {value.high:.{_SHOW}g}"


def _stale(rule: Measure, day: DateRange | None, as_of: date) -> bool:
    return in_months_before(day, as_of, rule.stale_after_months) is not True


def _caution(name: str, rule: Measure, fact: Fact, as_of: date) -> Iterator[Caution]:
    if fact.resources:
        status = f"{_number(fact.value)}{_unit(rule)}" if isinstance(fact.value, Bounds) else "unknown"
        yield Caution(
            id=name,
            status=status,
            text=fact.reason,
            resources=fact.resources,
            date=fact.date,
            how=fact.how,
            stale=_stale(rule, fact.date, as_of),
        )

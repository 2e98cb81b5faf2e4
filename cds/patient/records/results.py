"""Test results as words and numbers: quantities, value strings such as "<0.2", coded answers, interpretations, components."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept, Hit, Terminology
from cds.fhir.dates import DateRange
from cds.fhir.resources import element
from cds.patient.context import How
from cds.patient.records.conditions import codes_in, date_range, matcher, why_open, words_of
from cds.patient.rules import Pattern, Rules, found
from cds.three_valued import Bounds

ResultWord = Literal["positive", "negative", "indeterminate"]

_DIGITS = r"\d+(?:[.,]\d+)?(?![\d.,])"
_UNIT = r"(?:\s*(?P<unit>[^\d\s].*|(?<=\s)10\S.*))?\s*"
_NUMBER = re.compile(rf"\s*(?P<comparator>[<>]=?|≤|≥)?\s*(?P<value>{_DIGITS}){_UNIT}", re.DOTALL)
_RANGE = re.compile(rf"\s*(?P<low>{_DIGITS})\s*%?\s*(?:-|–|to)\s*(?P<high>{_DIGITS}){_UNIT}", re.DOTALL)
_FLAG = re.compile(r"(?:^|\s+)[(\[]?(?:H{1,2}|L{1,2}|A|high|low|abn(?:ormal)?)[)\]]?\s*$", re.IGNORECASE)
"""A laboratory's flag behind the unit, as in "1.62 (H)"."""
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_LOWERED = str.maketrans(_RAISED, "0123456789")


class ResultRules(Rules):
    """How results are written (definition `caution-results`)."""

    statuses: tuple[str, ...]
    codes: dict[str, ResultWord]
    interpretations: dict[str, ResultWord]
    negative_text: tuple[Pattern, ...]
    indeterminate_text: tuple[Pattern, ...]
    positive_text: tuple[Pattern, ...]


class Result(Struct, frozen=True, kw_only=True):
    """One measured or reported value. `low` and `high` are the laboratory's own limits, in the unit of the value."""

    ref: str
    name: str
    hits: tuple[Hit, ...]
    date: DateRange | None
    number: Bounds | None
    unit: str
    word: ResultWord | None
    text: str
    low: Bounds | None
    high: Bounds | None
    flags: frozenset[str]

    @property
    def written(self) -> str:
        """The value as a person would copy it from the chart, shortened."""
        return self.text[:40] if self.text else self.amount

    @property
    def amount(self) -> str:
        """The number with its unit, in words; empty where there is none."""
        if self.number is None:
            return ""
        low, high = (f"{end:.0f}" if 1000 <= end < 1e9 else f"{end:.4g}" for end in (self.number.low, self.number.high))
        value = low if low == high else f"above {low}" if high == "inf" else f"below {high}" if low == "0" else f"{low} to {high}"
        return f"{value} {self.unit}".strip()

    @property
    def by_limits(self) -> ResultWord | None:
        """For a test in which more is positive: what the laboratory's own limits make of the number, or its flag where it gives none.

        Below all limits negative, above all positive; a single lower limit is itself positive. Between limits it is indeterminate.
        """
        if self.number is None:
            return None
        limits = [limit for limit in (self.low, self.high) if limit is not None and limit.high > 0]
        if not limits:
            flagged: dict[str, ResultWord] = {"H": "positive", "HH": "positive", "HU": "positive", "L": "negative", "LL": "negative"}
            words = {flagged[flag] for flag in self.flags if flag in flagged}
            return words.pop() if len(words) == 1 else None
        top, bottom = max(limit.high for limit in limits), min(limit.low for limit in limits)
        reached = self.number >= top if self.high not in limits else self.number > top
        return "positive" if reached is True else "negative" if (self.number < bottom) is True else "indeterminate"

    @property
    def how(self) -> How:
        """Whether its name was recognised by code or by words."""
        return "coded" if any(hit.how == "coded" for hit in self.hits) else "text"

    def of(self, value_sets: Iterable[str], codes: Iterable[str] = (), roles: Iterable[str] = ("include",)) -> bool:
        """Whether it is of one of the value sets; where codes are given, of those with a code only these count."""
        wanted, allowed, only = frozenset(value_sets), frozenset(roles), frozenset(codes)
        return any(h.value_set in wanted and h.role in allowed and (not only or h.how == "text" or h.code in only) for h in self.hits)


class Part(NamedTuple):
    """An Observation or one component of it: what it is called, where its code falls, and what holds its value."""

    name: str
    hits: tuple[Hit, ...]
    value: Any


class Observed(Struct, frozen=True):
    """One usable Observation, matched once for all readers. The first part is the Observation itself."""

    ref: str
    resource: Any
    date: DateRange | None
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """What it is called, in words."""
        return self.parts[0].name

    @property
    def hits(self) -> tuple[Hit, ...]:
        """Where its own code falls."""
        return self.parts[0].hits


def read_observations(chart: Chart, terminology: Terminology, rules: ResultRules, as_of: date, *value_sets: str) -> tuple[Observed, ...]:
    """Every Observation up to `as_of`, matched against the value sets; errors, cancelled and registered tests left out."""
    observed = []
    match = matcher(terminology, *value_sets)
    for entry in chart.entries("Observation"):
        resource = entry.resource
        day = observed_on(resource)
        if resource.status not in rules.statuses or (day is not None and day.first > as_of):
            continue
        parts = [Part(words_of(concept), match(concept), part) for part, concept in parts_of(entry)]
        observed.append(Observed(entry.ref, resource, day, tuple(parts)))
    return tuple(observed)


class Unread(Struct, frozen=True):
    """What silence about tests means: why the list of results is incomplete, if it is, and which tests were refused."""

    why: str
    refused: frozenset[str]

    @property
    def whole(self) -> bool:
        """Whether all results were sent."""
        return not self.why

    def of(self, value_sets: Iterable[str]) -> bool:
        """Whether a result of one of the value sets was sent and could not be read."""
        return not self.refused.isdisjoint(value_sets)


def unread_results(chart: Chart, terminology: Terminology, *value_sets: str) -> Unread:
    """What is missing among the results. A refused one whose code could not be salvaged may be any test."""
    refused: set[str] = set()
    for item in chart.not_read:
        if item.type == "Observation" and item.resource is not None:
            hits = [hit for concept in item.concepts for hit in terminology.match(concept, *value_sets)]
            refused |= {hit.value_set for hit in hits} if item.concepts else set(value_sets)
    return Unread("" if chart.complete("Observation") else why_open(chart, "Observation"), frozenset(refused))


def parts_of(entry: Entry) -> Iterator[tuple[Any, Concept]]:
    """An Observation and its components, each with what its code says."""
    yield entry.resource, entry.concept
    for part in entry.resource.component or ():
        yield part, Concept.of(part.code)


def results_of(observed: Iterable[Observed], rules: ResultRules) -> tuple[Result, ...]:
    """Every recognised result among the Observations, components included, in a stable order. What has no value is none."""
    results = [
        result
        for one in observed
        for part in one.parts
        if part.hits and (result := _result(one.ref, one.date, part.value, part.name, part.hits, rules)) is not None
    ]
    return tuple(sorted(results, key=lambda r: (r.date.first if r.date else date.min, r.ref, r.name, r.text)))


def observed_on(observation: Any) -> DateRange | None:
    """The clinical date of an Observation or a DiagnosticReport: when it was taken, else when it was issued."""
    if observation.effectivePeriod is not None:
        return date_range(observation.effectivePeriod.end or observation.effectivePeriod.start)
    instant = element(observation, "effectiveInstant")  # a DiagnosticReport has none
    return date_range(observation.effectiveDateTime or instant or observation.issued)


def _result(ref: str, day: DateRange | None, part: Any, name: str, hits: tuple[Hit, ...], rules: ResultRules) -> Result | None:
    number, unit = _number(part)
    word, text = result_word(part, rules), _value_text(part)
    if number is None and word is None and not text:
        return None
    low, high = _limits(part)
    return Result(
        ref=ref,
        name=name,
        hits=hits,
        date=day,
        number=number,
        unit=unit,
        word=word,
        text=text,
        low=low,
        high=high,
        flags=frozenset(code.upper() for concept in part.interpretation or () for code in codes_in(concept)),
    )


def result_word(part: Any, rules: ResultRules) -> ResultWord | None:
    """Positive, negative or indeterminate, from the coded answer, its words, a boolean, else the interpretation."""
    concept = part.valueCodeableConcept
    if concept is not None:
        for coding in concept.coding or ():
            if coding.code in rules.codes:
                return rules.codes[coding.code]
    if part.valueBoolean is not None:
        return "positive" if part.valueBoolean else "negative"
    word = _word(_value_text(part), rules)
    if word is not None:
        return word
    for interpretation in part.interpretation or ():
        for code in codes_in(interpretation):
            if code.upper() in rules.interpretations:
                return rules.interpretations[code.upper()]
    return None


def _word(text: str, rules: ResultRules) -> ResultWord | None:
    """Negations first: "not detected" contains "detected"."""
    if not text:
        return None
    kinds: tuple[tuple[ResultWord, tuple[str, ...]], ...] = (
        ("negative", rules.negative_text),
        ("indeterminate", rules.indeterminate_text),
        ("positive", rules.positive_text),
    )
    return next((word for word, patterns in kinds if found(patterns, text)), None)


def _value_text(part: Any) -> str:
    if part.valueString:
        return str(part.valueString).strip()
    return words_of(Concept.of(part.valueCodeableConcept)) if part.valueCodeableConcept is not None else ""


def _number(part: Any) -> tuple[Bounds | None, str]:
    quantity = part.valueQuantity
    if quantity is not None and quantity.value is not None:
        return bounded(float(quantity.value), quantity.comparator), quantity.code or quantity.unit or ""
    if part.valueInteger is not None:
        return Bounds.exactly(float(part.valueInteger)), ""
    span = part.valueRange
    if span is not None and span.low is not None and span.high is not None and None not in (span.low.value, span.high.value):
        return _between(float(span.low.value), float(span.high.value)), span.low.code or span.low.unit or ""
    return written_number(part.valueString or "")


def written_number(text: str) -> tuple[Bounds | None, str]:
    """A number in words with its unit: `2,9`, `<0.2`, `55-60 %`, `1.62 (H)`; nothing where there is more than that."""
    if written := _NUMBER.fullmatch(text):
        number, unit = bounded(_float(written["value"]), written["comparator"]), written["unit"]
        if not _RANGE.fullmatch(text):
            return number, _FLAG.sub("", unit or "").strip()
    if written := _RANGE.fullmatch(text):
        return _between(_float(written["low"]), _float(written["high"])), _FLAG.sub("", written["unit"] or "").strip()
    return None, ""


def _float(digits: str) -> float:
    return float(digits.replace(",", "."))


def _between(low: float, high: float) -> Bounds | None:
    return Bounds(low, high) if low <= high else None


def bounded(value: float, comparator: str | None) -> Bounds:
    """A value with its comparator: `<0.2` is anything from 0 up to but not including 0.2."""
    match comparator:
        case "<":
            return Bounds(0.0, math.nextafter(value, -math.inf))
        case "<=" | "≤":
            return Bounds(0.0, value)
        case ">":
            return Bounds(math.nextafter(value, math.inf), math.inf)
        case ">=" | "≥":
            return Bounds.at_least(value)
    return Bounds.exactly(value)


def _limits(part: Any) -> tuple[Bounds | None, Bounds | None]:
    """The laboratory's lower and upper limits; where it gives several ranges, the span of them.

    A limit in another unit than the value is none. Where the ranges are only words, such as "<5" or "0-40", those are read.
    """
    quantity = part.valueQuantity
    ranges: Sequence[Any] = part.referenceRange or ()
    unit = unit_key(quantity.unit or quantity.code or "") if quantity is not None else ""

    def limits(side: str) -> list[float]:
        said = [limit for one in ranges if (limit := getattr(one, side)) is not None and limit.value is not None]
        return [float(limit.value) for limit in said if not unit or not limit.unit or unit_key(limit.unit) == unit]

    lows, highs = limits("low"), limits("high")
    if not lows and not highs and len(ranges) == 1:
        return _written_limits(ranges[0].text or "")
    return _span(lows), _span(highs)


def _written_limits(text: str) -> tuple[Bounds | None, Bounds | None]:
    """The limits in one simple range; a text with several of them is not read."""
    number, _ = written_number(text)
    if number is None or re.search(r"[,;]\s|[<>≤≥].*[<>≤≥]", text):
        return None, None
    limit = _NUMBER.fullmatch(text)
    if limit is None or not limit["comparator"]:
        return (Bounds.exactly(number.low), Bounds.exactly(number.high)) if _RANGE.fullmatch(text) else (None, None)
    value = Bounds.exactly(_float(limit["value"]))
    if limit["comparator"] in (">", ">=", "≥"):
        return value, None
    return None, value


def _span(values: list[float]) -> Bounds | None:
    return Bounds(min(values), max(values)) if values else None


def newest(results: Iterable[Result], as_of: date) -> tuple[Result, ...]:
    """The results that may be the latest: those not surely older than another. An undated one may lie anywhere up to `as_of`."""
    dated = [(result, result.date or DateRange(date.min, as_of)) for result in results]
    last = max((day.first for _, day in dated), default=date.min)
    return tuple(result for result, day in dated if day.last >= last)


def unit_key(unit: str) -> str:
    """A unit in one spelling: no case, no spaces, no annotations, one sign for micro and for powers of ten."""
    text = re.sub(r"\{[^}]*\}", "", unit.lower().replace("µ", "u").replace("μ", "u").replace("^", "*"))
    text = re.sub(rf"(?<=10)(?:\((\d)\)|([{_RAISED}]))", lambda power: "*" + (power[1] or power[2]), text).translate(_LOWERED)
    text = re.sub(r"^x\s*(?=10)|\s", "", text)
    return re.sub(r"10e(?=\d)", "10*", text)


def converted(number: Bounds, unit: str, factors: Mapping[str, float]) -> Bounds | None:
    """The number in the unit the factors lead to; `None` if the unit is not one of them."""
    factor = factors.get(unit_key(unit))
    return None if factor is None else Bounds(number.low * factor, number.high * factor)

"""What serology says: hepatitis B from its pattern, hepatitis C, HIV, tuberculosis, varicella, JC virus (clinical-rules F19)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cached_property

from msgspec import Struct

from cds.fhir.dates import DateRange
from cds.patient.cautions.recorded import Evidence
from cds.patient.context import Caution, Conflict, Fact, How
from cds.patient.reading import count_words, latest, months_since, sentence, unique
from cds.patient.records.results import Result, ResultWord, Unread, newest
from cds.patient.rules import Rules


class Bands(Rules):
    """How a measured index becomes a word: below and above; between, the laboratory's own word, else indeterminate."""

    negative_below: float
    positive_above: float


class Assay(Rules):
    """One test. `codes` narrow the value sets; `lifelong`: once positive, positive; `load`: a measured amount is positive.

    `own_limits`: more is positive, so the laboratory's own limits decide what a number means. `may_turn`: a negative after a positive
    leaves it open, since the test may turn negative while the infection stays. `beside`: nobody misses it where it was not done.
    """

    name: str
    sets: tuple[str, ...]
    codes: tuple[str, ...] = ()
    lifelong: bool = False
    load: bool = False
    own_limits: bool = False
    may_turn: bool = False
    beside: bool = False
    bands: Bands | None = None
    bands_of: tuple[str, ...] = ()


class PatternRow(Rules):
    """One row of a pattern table: what each test must say, and what that means."""

    when: dict[str, tuple[str, ...]]
    then: str


class SerologyRules(Rules):
    """Tests, pattern tables and when a result is old (definition `caution-serology`)."""

    tests: dict[str, Assay]
    tables: dict[str, tuple[PatternRow, ...]]
    stale_after_months: float

    @cached_property
    def tests_of(self) -> Mapping[str, frozenset[str]]:
        """The tests that each pattern table asks for; what is diagnosed is none."""
        return {name: frozenset(test for row in rows for test in row.when) - {"diagnosis"} for name, rows in self.tables.items()}


class Finding(Struct, frozen=True):
    """What one test says: its word (`None` if never done, contradictory or not readable), and the results behind it.

    `unread`: a result of it may exist that could not be read. `turned`: when it was last positive, if it was negative since. `written`: a
    result that is no word, as it stands in the chart.
    """

    assay: Assay
    word: ResultWord | None
    date: DateRange | None
    resources: tuple[str, ...]
    how: How
    contradictory: bool = False
    unread: bool = False
    turned: DateRange | None = None
    written: str = ""


def said(found: Finding, as_of: date, stale_after_months: float) -> str:
    """For a sentence: `HBsAg negative on 2024-05-02 (30.6 months old)`; the age only where it is old."""
    if not found.resources:
        return f"{found.assay.name} could not be read" if found.unread else f"{found.assay.name} not found"
    if found.turned is not None:
        return f"{found.assay.name} negative on {found.date or 'an unknown date'}, but positive on {found.turned}"
    word = "contradictory" if found.contradictory else found.word or _as_written(found)
    if found.unread:
        return f"{found.assay.name}: a result could not be read; the last readable one is {word} ({found.date or 'undated'})"
    if found.date is None:
        return f"{found.assay.name} {word}, undated"
    age = f" ({count_words(months_since(found.date, as_of), 'months')} old)" if stale(found, as_of, stale_after_months) else ""
    return f"{found.assay.name} {word} on {found.date}{age}"


def _as_written(found: Finding) -> str:
    return f'"{found.written}", not readable as positive or negative,' if found.written else "not readable"


def stale(found: Finding, as_of: date, months: float) -> bool:
    """Whether the test was done, and is, or may be, older than so many months."""
    return bool(found.resources) and (found.date is None or (months_since(found.date, as_of) > months) is not False)


def finding(assay: Assay, results: Sequence[Result], unread: Unread, as_of: date) -> Finding:
    """The latest word of one test. Contradictory results of the same day are no word at all, nor is a negative beside an unread one."""
    words = [(result, _word(assay, result)) for result in results if result.of(assay.sets, assay.codes) or result.of(assay.bands_of)]
    read = [result for result, word in words if word is not None]
    word_of = {id(result): word for result, word in words}
    positive = [result for result in read if word_of[id(result)] == "positive"]
    last = positive if assay.lifelong and positive else newest([result for result, _ in words], as_of)
    turned = assay.may_turn and bool(positive) and all(word_of[id(result)] == "negative" for result in last)
    clear = {word_of[id(result)] for result in last} - {"indeterminate", None}
    refused = unread.of((*assay.sets, *assay.bands_of))
    if not last:
        return Finding(assay, None, None, (), "notFound", unread=refused or not unread.whole)
    word = next(iter(clear)) if len(clear) == 1 else "indeterminate" if not clear and any(word_of[id(r)] for r in last) else None
    if turned or (refused and word != "positive"):
        word = None
    last = (*last, *positive) if turned else last
    return Finding(
        assay, word, latest(r.date for r in last), unique(r.ref for r in last), last[0].how, contradictory=len(clear) > 1, unread=refused,
        turned=latest(r.date for r in positive) if turned else None,
        written=next((result.written for result in last if word_of[id(result)] is None), ""),
    )  # fmt: skip


def _word(assay: Assay, result: Result) -> ResultWord | None:
    if assay.bands is not None and result.of(assay.bands_of) and result.number is not None:
        if (result.number > assay.bands.positive_above) is True:
            return "positive"
        return "negative" if (result.number < assay.bands.negative_below) is True else result.word or "indeterminate"
    if result.word is None and assay.load and result.number is not None:
        return "positive" if result.number.low > 0 else "indeterminate"
    return result.word or (result.by_limits if assay.own_limits else None)


def pattern(rows: Sequence[PatternRow], words: Mapping[str, str]) -> str | None:
    """The first row of the table that fits; `None` if none does."""
    for row in rows:
        if all(words[test] in wanted for test, wanted in row.when.items()):
            return None if row.then == "unknown" else row.then
    return None


def infection_fact(
    name: str, rules: SerologyRules, table: str, tests: Mapping[str, Finding], diagnosed: str, evidence: Sequence[Evidence], as_of: date
) -> Fact:
    """An infection from its tests and diagnoses by the pattern table; what no row covers is unknown, with the tests named."""
    words = {key: found.word or ("unread" if found.unread else "unknown") for key, found in tests.items()} | {"diagnosis": diagnosed}
    value = pattern(rules.tables[table], words)
    records = [record for one in evidence for record in one.records]
    named = [found for found in tests.values() if found.resources or found.unread or not found.assay.beside]
    parts = [said(found, as_of, rules.stale_after_months) for found in named]
    if records:
        parts.insert(0, f"diagnosis recorded ({records[0].words()})")
    day = latest([*(found.date for found in tests.values()), *(record.date for record in records)])
    word = value if value is not None else "not known"
    return Fact(
        value=value,
        reason=f"{name} {word}: {'; '.join(parts)}.",
        resources=unique([*(ref for found in tests.values() for ref in found.resources), *(record.ref for record in records)]),
        date=day,
        how="derived",
    )


def test_fact(found: Finding, as_of: date, stale_after_months: float) -> Fact:
    """A single test as a fact: positive, negative, or unknown."""
    value = found.word if found.word in ("positive", "negative") else None
    reason = f"{said(found, as_of, stale_after_months)}."
    return Fact(value=value, reason=sentence(reason), resources=found.resources, date=found.date, how=found.how)


def serology_cautions(facts: Mapping[str, Fact], old: Collection[str]) -> tuple[Caution, ...]:
    """A caution for every fact that rests on a result or record; `old` are the facts that rest on an old result."""
    return tuple(
        Caution(
            id=name,
            status=str(fact.value) if fact.value is not None else "unknown",
            text=fact.reason,
            resources=fact.resources,
            date=fact.date,
            how=fact.how,
            stale=name in old,
        )
        for name, fact in facts.items()
        if fact.resources and not name.endswith(".monthsAgo")
    )


def contradictions(tests: Mapping[str, Finding]) -> tuple[Conflict, ...]:
    """Tests whose latest results say both positive and negative."""
    return tuple(
        Conflict(
            id=f"test-{key}",
            text=f"{found.assay.name} is reported positive and negative on the same date ({found.date or 'undated'}).",
            resources=found.resources,
        )
        for key, found in tests.items()
        if found.contradictory
    )

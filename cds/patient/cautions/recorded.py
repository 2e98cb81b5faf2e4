"""Facts that hold when a diagnosis is recorded: seizures, a stroke, an infarction within six months (clinical-rules F19, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.reading import in_months_before, latest
from cds.patient.records.conditions import Diagnosed, absent, how_known, refs, standing, why_open
from cds.patient.rules import Pattern, Rules, found
from cds.three_valued import Truth, all_of, any_of

Role = Literal["include", "context", "exclude"]


class Recorded(Rules):
    """Which Conditions make a fact true.

    `roles` make it true, `doubt_roles` leave it open; `codes` narrow the value sets, `except_codes` take codes out (`K74*` is a prefix).
    `words` recognise a record that has no code of the sets; `text` says what words do. `ended`: whether a resolved, inactive or remitted
    problem still counts. `within_months`: how recent it must be; `older`: what an active problem from before means. `severity` must be
    recorded with it.
    """

    name: str
    sets: tuple[str, ...]
    roles: tuple[Role, ...] = ("include",)
    doubt_roles: tuple[Role, ...] = ()
    codes: tuple[str, ...] = ()
    except_codes: tuple[str, ...] = ()
    words: tuple[Pattern, ...] = ()
    text: Literal["counts", "doubt", "ignored"] = "counts"
    ended: Literal["counts", "ignored"] = "counts"
    within_months: float | None = None
    older: Literal["ignored", "doubt"] = "ignored"
    severity: tuple[str, ...] = ()


class Evidence(Struct, frozen=True):
    """What the records say of one rule: true, unknown, or nothing (`False`), with the records behind it."""

    truth: Truth
    records: tuple[Diagnosed, ...]


_NOTHING = Evidence(False, ())


def weigh(rule: Recorded, records: Sequence[Diagnosed], as_of: date) -> Evidence:
    """Weigh one rule over the records; what is not there at all is `False` here, whether or not the list was complete."""
    matching = [record for record in records if _matches(rule, record)]
    open_ = [record for record in matching if not _ended(rule, record)]
    if not open_:
        return _NOTHING
    word, _ = standing(open_)
    if word == "suspected":
        return Evidence(None, tuple(open_))
    if word != "present":
        return _NOTHING
    verdicts = [(record, _counts(rule, record, as_of)) for record in open_ if record.asserted]
    truth = any_of(verdict for _, verdict in verdicts)
    return Evidence(truth, tuple(record for record, verdict in verdicts if verdict is truth and truth is not False))


def _matches(rule: Recorded, record: Diagnosed) -> bool:
    """By a hit in the value sets, narrowed by its codes; by its words where no code of theirs is known."""
    if not _coded(rule, record) and rule.text != "ignored" and found(rule.words, record.text):
        return True
    hits = [hit for hit in record.of(*rule.sets, roles=(*rule.roles, *rule.doubt_roles)) if hit.how == "coded" or rule.text != "ignored"]
    return bool(hits) and (not rule.codes or record.coded(rule.codes)) and not record.coded(rule.except_codes)


def _coded(rule: Recorded, record: Diagnosed) -> bool:
    """Whether a code of the rule's own value sets is known: then that says what the record is."""
    return any(hit.how == "coded" and hit.value_set in rule.sets for hit in record.hits)


def _ended(rule: Recorded, record: Diagnosed) -> bool:
    return rule.ended == "ignored" and not record.encounter and record.state != "active"


def _counts(rule: Recorded, record: Diagnosed, as_of: date) -> Truth:
    return all_of((_recognised(rule, record), _severe(rule, record), _recent(rule, record, as_of)))


def _recognised(rule: Recorded, record: Diagnosed) -> Truth:
    hits = record.of(*rule.sets, roles=rule.roles)
    if any(hit.how == "coded" for hit in hits):
        return True
    worded = not _coded(rule, record) and found(rule.words, record.text)
    return True if rule.text == "counts" and (hits or worded) else None


def _severe(rule: Recorded, record: Diagnosed) -> Truth:
    """Whether the wanted severity is recorded; one that is not stated is unknown."""
    if not rule.severity:
        return True
    said = f"{record.severity} {record.text}".lower()
    if any(word in said for word in rule.severity):
        return True
    return False if record.severity else None


def _recent(rule: Recorded, record: Diagnosed, as_of: date) -> Truth:
    if rule.within_months is None:
        return True
    recent = in_months_before(record.date, as_of, rule.within_months)
    if recent is False and rule.older == "doubt" and not record.encounter and record.state == "active":
        return None
    return recent


def recorded_fact(
    chart: Chart, terminology: Terminology, rules: Sequence[Recorded], records: Sequence[Diagnosed], as_of: date, unless: Fact | None = None
) -> Fact:
    """A flag that holds when any of the rules does. `unless` is a fact that takes it back, such as a pacemaker.

    Nothing recorded in a complete problem list is false; in one that was not read whole it is unknown.
    """
    weighed = [(rule, weigh(rule, records, as_of)) for rule in rules]
    truth = any_of([evidence.truth for _, evidence in weighed])
    if truth is False:
        names = " or ".join(dict.fromkeys([rule.name for rule in rules]))
        sets = tuple(name for rule in rules for name in rule.sets)
        if absent(chart, terminology, *sets) is None:
            return Fact(value=None, reason=f"{why_open(chart)} Not known: {names}.", how="notFound")
        return Fact(value=False, reason=f"Not recorded: {names}.", how="notFound")
    deciding = [(rule, evidence) for rule, evidence in weighed if evidence.truth is truth]
    shown = [record for _, evidence in deciding for record in evidence.records]
    said = "; ".join(f"{rule.name} ({_words(evidence)})" for rule, evidence in deciding)
    reason = f"Recorded: {said}." if truth else f"Recorded, but not certain to count: {said}."
    day: DateRange | None = latest(record.date for record in shown)
    if unless is not None and unless.value is not False:
        taken_back: Truth = False if unless.value is True else None
        return Fact(
            value=taken_back, reason=f"{reason} {unless.reason}", resources=(*refs(shown), *unless.resources), date=day, how="coded"
        )
    how = how_known(shown)
    return Fact(value=truth, reason=reason, resources=refs(shown), date=day, how=how)


def _words(evidence: Evidence) -> str:
    return "; ".join(dict.fromkeys(record.words() for record in evidence.records))

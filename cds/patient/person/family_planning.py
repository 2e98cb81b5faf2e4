"""Wish to conceive, contraception and breastfeeding, each only as recorded (clinical-rules F18)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.reading import in_months_before, latest, unique
from cds.patient.records.conditions import Diagnosed, read_conditions, words_of
from cds.patient.records.results import Observed, ResultRules, result_word
from cds.patient.rules import Pattern, Rules, found
from cds.three_valued import Truth


class Topic(Rules):
    """One of the three: where it is found, what yes and no look like, and how long the record speaks.

    `other_names` are those of something near it, such as counselling.
    """

    name: str
    observations: tuple[str, ...]
    observation_codes: tuple[str, ...] = ()
    observation_text: tuple[Pattern, ...] = ()
    other_names: tuple[Pattern, ...] = ()
    conditions: tuple[str, ...] = ()
    yes_codes: tuple[str, ...] = ()
    no_codes: tuple[str, ...] = ()
    no_text: tuple[Pattern, ...]
    yes_text: tuple[Pattern, ...]
    valid_months: float


class FamilyPlanningRules(Rules):
    """The three topics (definition `person-family-planning`)."""

    intention: Topic
    breastfeeding: Topic
    contraception: Topic


def family_planning_facts(
    chart: Chart,
    terminology: Terminology,
    rules: FamilyPlanningRules,
    results: ResultRules,
    observed: Sequence[Observed],
    sex: Fact,
    as_of: date,
) -> dict[str, Fact]:
    """`pregnancy.intention`, `breastfeeding` and `contraception`; what is not recorded, or no longer recent, is unknown."""
    topics = (rules.intention, rules.breastfeeding, rules.contraception)
    conditions = read_conditions(chart, terminology, *dict.fromkeys(name for topic in topics for name in topic.conditions))
    intention, breastfeeding, contraception = (_topic(topic, results, observed, conditions, as_of) for topic in topics)
    if sex.value == "male" and breastfeeding.value is None:
        breastfeeding = Fact(value=False, reason="Recorded sex is male.", resources=sex.resources)
    used = None if contraception.value is None else "used" if contraception.value else "notUsed"
    return {
        "pregnancy.intention": intention,
        "breastfeeding": breastfeeding,
        "contraception": Fact(
            value=used, reason=contraception.reason, resources=contraception.resources, date=contraception.date, how=contraception.how
        ),
    }


def _topic(topic: Topic, results: ResultRules, observed: Iterable[Observed], conditions: Iterable[Diagnosed], as_of: date) -> Fact:
    said: list[tuple[DateRange | None, Truth, str]] = [
        (one.date, _yes(one.resource, topic, results), one.ref) for one in observed if _about(topic, one)
    ]
    said += [
        (record.date, True, record.ref) for record in conditions if record.of(*topic.conditions) and record.asserted and not record.over
    ]
    return _latest_word(topic, [(day, yes, ref) for day, yes, ref in said if yes is not None and not _ahead(day, as_of)], as_of)


def _ahead(day: DateRange | None, as_of: date) -> bool:
    return day is not None and day.first > as_of


def _about(topic: Topic, one: Observed) -> bool:
    hits = [hit for hit in one.hits if hit.value_set in topic.observations and hit.role in ("include", "context")]
    coded = any(not topic.observation_codes or hit.code in topic.observation_codes for hit in hits)
    return coded or (found(topic.observation_text, one.name) and not found(topic.other_names, one.name))


def _yes(observation: Any, topic: Topic, results: ResultRules) -> Truth:
    concept = Concept.of(observation.valueCodeableConcept)
    codes = {coding.code for coding in concept.codings}
    if codes & set(topic.no_codes):
        return False
    if codes & set(topic.yes_codes):
        return True
    text = words_of(concept) or observation.valueString or ""
    if text and found(topic.no_text, text):
        return False
    if text and found(topic.yes_text, text):
        return True
    return {"positive": True, "negative": False}.get(result_word(observation, results) or "")


def _latest_word(topic: Topic, said: Sequence[tuple[DateRange | None, Truth, str]], as_of: date) -> Fact:
    if not said:
        return Fact(value=None, reason=f"{topic.name} is not recorded.", how="notFound")
    last = latest(day for day, _, _ in said)
    newest = [(day, yes, ref) for day, yes, ref in said if day is None or last is None or day.last >= last.first]
    words = {bool(yes) for _, yes, _ in newest}
    recent = in_months_before(last, as_of, topic.valid_months)
    value = next(iter(words)) if len(words) == 1 and recent is True else None
    verb = {True: "recorded", False: "recorded as no"}.get(next(iter(words)), "") if len(words) == 1 else "recorded both as yes and as no"
    age = "" if recent is True else f"; not within {topic.valid_months:g} months" if recent is False else "; when is not certain"
    reason = f"{topic.name} is {verb} ({last or 'undated'}{age})."
    return Fact(value=value, reason=reason, resources=unique(ref for _, _, ref in newest), date=last, how="coded")

"""Who this is: age, sex as recorded, deceased, and what bears on pregnancy (clinical-rules F16, F18)."""

from __future__ import annotations

import math
from datetime import date
from typing import NamedTuple

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange
from cds.patient.context import Fact
from cds.patient.person.family_planning import FamilyPlanningRules, family_planning_facts
from cds.patient.person.pregnancy import PregnancyRules, pregnancy_reading
from cds.patient.reading import Reading, sentence
from cds.patient.records.conditions import date_range
from cds.patient.records.results import ResultRules, read_observations
from cds.patient.rules import Definitions, Rules, parse_rules
from cds.three_valued import Bounds


class AgeRules(Rules):
    """What age is plausible (definition `person-age`)."""

    oldest: int


class PersonRules(NamedTuple):
    """All rules of the person."""

    age: AgeRules
    pregnancy: PregnancyRules
    family: FamilyPlanningRules
    results: ResultRules

    @classmethod
    def of(cls, definitions: Definitions) -> PersonRules:
        """Parse them. Raises `RulesError` naming the definition and the field that does not fit."""
        return cls(
            parse_rules(AgeRules, definitions, "person-age"),
            parse_rules(PregnancyRules, definitions, "person-pregnancy"),
            parse_rules(FamilyPlanningRules, definitions, "person-family-planning"),
            parse_rules(ResultRules, definitions, "caution-results"),
        )

    @property
    def observation_sets(self) -> tuple[str, ...]:
        """All value sets of Observations."""
        topics = (self.family.intention, self.family.breastfeeding, self.family.contraception)
        own = (*self.pregnancy.status, *self.pregnancy.tests, *(name for topic in topics for name in topic.observations))
        return tuple(dict.fromkeys(own))


def person_facts(chart: Chart, terminology: Terminology, rules: PersonRules, as_of: date) -> Reading:
    """The facts of section Person, with the cautions and conflicts of pregnancy."""
    age, sex = _age(chart, rules.age, as_of), _sex(chart)
    observed = read_observations(chart, terminology, rules.results, as_of, *rules.observation_sets)
    pregnancy = pregnancy_reading(chart, terminology, rules.pregnancy, rules.results, observed, age, sex, as_of)
    facts = {"person.age": age, "person.sex": sex, "person.deceased": _deceased(chart)}
    facts |= pregnancy.facts
    facts |= family_planning_facts(chart, terminology, rules.family, rules.results, observed, sex, as_of)
    return Reading(facts, pregnancy.cautions, pregnancy.conflicts)


def _age(chart: Chart, rules: AgeRules, as_of: date) -> Fact:
    """Age in completed years; a partial birth date gives bounds."""
    if chart.patient is None:
        return Fact(value=None, reason="The patient record was not read; age is not known.", how="notFound")
    born = date_range(chart.patient.resource.birthDate)
    ref = (chart.patient.ref,)
    if born is None:
        return Fact(value=None, reason="No birth date is recorded.", resources=ref, how="notFound")
    years = _completed(born, as_of)
    if years.high < 0 or years.low > rules.oldest:
        return Fact(value=None, reason="The birth date is not plausible.", resources=ref, how="coded")
    return Fact(value=years, reason=sentence(f"{years} years old."), resources=ref, how="coded")


def _completed(born: DateRange, as_of: date) -> Bounds:
    years = born.years_until(as_of)
    low, high = math.floor(years.low + 1e-9), math.floor(years.high + 1e-9)
    return Bounds(max(0, low) if high >= 0 else low, high)


def _sex(chart: Chart) -> Fact:
    if chart.patient is None:
        return Fact(value=None, reason="The patient record was not read; sex is not known.", how="notFound")
    gender = chart.patient.resource.gender
    ref = (chart.patient.ref,)
    if gender in ("female", "male", "other"):
        return Fact(value=gender, reason=f"Recorded sex: {gender}.", resources=ref, how="coded")
    return Fact(value=None, reason="Sex is not recorded.", resources=ref, how="notFound")


def _deceased(chart: Chart) -> Fact:
    if chart.patient is None:
        return Fact(value=None, reason="The patient record was not read; whether deceased is not known.", how="notFound")
    patient, ref = chart.patient.resource, (chart.patient.ref,)
    day = date_range(patient.deceasedDateTime)
    if day is not None or patient.deceasedBoolean:
        return Fact(value=True, reason=f"Recorded as deceased ({day or 'no date'}).", resources=ref, date=day, how="coded")
    return Fact(
        value=False, reason="Not recorded as deceased.", resources=ref, how="coded" if patient.deceasedBoolean is False else "notFound"
    )

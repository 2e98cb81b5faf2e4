"""Infections and fever with their dates: what can make an attack a pseudo-relapse (clinical-rules F4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept, Terminology
from cds.fhir.dates import DateRange
from cds.patient.activity.attacks import days_between
from cds.patient.activity.rules import ActivityRules
from cds.patient.context import How
from cds.patient.records.conditions import absent, read_conditions, words_of
from cds.patient.records.results import observed_on
from cds.patient.rules import found
from cds.three_valued import Truth

_FAHRENHEIT = ("[degf]", "degf", "°f", "f", "fahrenheit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Infection:
    """One infection or fever."""

    date: DateRange
    name: str
    resources: tuple[str, ...]
    how: How


def read_infections(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date) -> tuple[Infection, ...]:
    """Acute infections and fever up to `as_of`, by code, words and body temperature; refuted and chronic ones are left out."""
    infections = [*_diagnosed(chart, terminology, rules, as_of), *_measured(chart, rules, as_of)]
    return tuple(sorted(infections, key=lambda one: (one.date.first, one.date.last, one.resources)))


def infections_complete(chart: Chart, terminology: Terminology, rules: ActivityRules) -> bool:
    """Whether silence about infections means that none is recorded."""
    return absent(chart, terminology, *rules.records.infection_value_sets) is True


def _diagnosed(chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date) -> Iterator[Infection]:
    records = rules.records
    for record in read_conditions(chart, terminology, *records.infection_value_sets, worded=records.infection_name):
        coded = any(hit.how == "coded" for hit in record.of(*records.infection_value_sets))
        day = record.date
        if record.verification == "refuted" or day is None or day.first > as_of:
            continue
        if coded or not found(records.infection_name_not, record.text):
            yield Infection(date=day, name=record.text.split(" | ")[0], resources=(record.ref,), how="coded" if coded else "text")


def _measured(chart: Chart, rules: ActivityRules, as_of: date) -> Iterator[Infection]:
    for entry in chart.entries("Observation"):
        observation, day = entry.resource, observed_on(entry.resource)
        quantity = observation.valueQuantity
        if day is None or day.first > as_of or quantity is None or quantity.value is None or observation.status not in rules.records.final:
            continue
        if not found((rules.records.temperature_name,), words_of(Concept.of(observation.code))):
            continue
        unit = str(quantity.code or quantity.unit or "").lower()
        celsius = (float(quantity.value) - 32) / 1.8 if unit in _FAHRENHEIT else float(quantity.value)
        if rules.pseudo_relapse.fever_celsius <= celsius < 45:
            yield Infection(date=day, name=f"temperature {celsius:.1f} °C", resources=(entry.ref,), how="text")


def near(onset: DateRange, infection: Infection, rules: ActivityRules) -> Truth:
    """Whether the infection lies in the pseudo-relapse window of the onset."""
    window = rules.pseudo_relapse
    return days_between(onset, infection.date, -window.infection_days_before, window.infection_days_after)

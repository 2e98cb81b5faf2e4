"""Infections and fever with their dates: what can make an attack a pseudo-relapse (clinical-rules F4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.fhir.dates import DateRange, add_days
from cds.patient.activity.rules import ActivityRules
from cds.patient.activity.visits import Visit
from cds.patient.context import How
from cds.patient.records.conditions import absent, first_name, read_conditions, words_of
from cds.patient.records.results import observed_on
from cds.patient.rules import found
from cds.three_valued import Truth


class Infection(Struct, frozen=True, kw_only=True):
    """One infection or fever; `ended` where its end is stated."""

    date: DateRange
    name: str
    resources: tuple[str, ...]
    how: How
    ended: DateRange | None = None

    @property
    def when(self) -> str:
        """Its days in words."""
        return str(self.date) if self.ended is None else f"{self.date} to {self.ended}"


def read_infections(
    chart: Chart, terminology: Terminology, rules: ActivityRules, as_of: date, visits: Iterable[Visit] = ()
) -> tuple[Infection, ...]:
    """Acute infections and fever up to `as_of`: diagnoses, reasons for visits, body temperature; refuted and chronic ones are left out."""
    infections = [
        *_diagnosed(chart, terminology, rules, as_of),
        *_visited(visits, terminology, rules, as_of),
        *_measured(chart, rules, as_of),
    ]
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
            yield Infection(
                date=day,
                name=first_name(record.text),
                resources=(record.ref,),
                how="coded" if coded else "text",
                ended=record.ended if record.onset is not None else None,
            )


def _visited(visits: Iterable[Visit], terminology: Terminology, rules: ActivityRules, as_of: date) -> Iterator[Infection]:
    records = rules.records
    for visit in visits:
        for reason in visit.reasons:
            words = words_of(reason)
            coded = any(hit.how == "coded" and hit.role == "include" for hit in terminology.match(reason, *records.infection_value_sets))
            worded = found(records.infection_name, words) and not found(records.infection_name_not, words)
            if (coded or worded) and visit.date.first <= as_of:
                yield Infection(
                    date=visit.date, name=f"visit for {first_name(words)}", resources=(visit.ref,), how="coded" if coded else "text"
                )


def _measured(chart: Chart, rules: ActivityRules, as_of: date) -> Iterator[Infection]:
    for entry in chart.entries("Observation"):
        observation, concept = entry.resource, entry.concept
        quantity = observation.valueQuantity
        if quantity is None or quantity.value is None or observation.status not in rules.records.final:
            continue
        day = observed_on(observation)
        if day is None or day.first > as_of:
            continue
        coded = any(coding.code in rules.records.temperature_codes for coding in concept.codings)
        if not coded and not found((rules.records.temperature_name,), words_of(concept)):
            continue
        value = float(quantity.value)
        fever = rules.pseudo_relapse
        celsius = (value - 32) / 1.8 if value >= fever.fahrenheit_from else value
        if fever.fever_celsius <= celsius < fever.fahrenheit_from:
            yield Infection(date=day, name=f"temperature {celsius:.1f} °C", resources=(entry.ref,), how="coded" if coded else "text")


def near(onset: DateRange, infection: Infection, rules: ActivityRules) -> Truth:
    """Whether the infection lies in the pseudo-relapse window of the onset, or reaches into it."""
    window = rules.pseudo_relapse
    ended = infection.ended if infection.ended is not None and infection.ended.last >= infection.date.first else infection.date
    begun = infection.date.on_or_before(add_days(onset.last, window.infection_days_after))
    begun_surely = infection.date.last <= add_days(onset.first, window.infection_days_after)
    there = ended.on_or_after(add_days(onset.first, -window.infection_days_before))
    there_surely = ended.first >= add_days(onset.last, -window.infection_days_before)
    if begun is False or there is False:
        return False
    return True if begun_surely and there_surely else None

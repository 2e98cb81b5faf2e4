"""The cumulative dose of mitoxantrone, capped at 140 mg/m² (clm-086)."""

from __future__ import annotations

from datetime import date

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.context import Fact
from cds.patient.reading import latest, unique
from cds.patient.records.conditions import date_range
from cds.patient.records.results import unit_key
from cds.patient.rules import Rules
from cds.three_valued import Bounds


class MitoxantroneRules(Rules):
    """Value sets of the drug and the unit its doses are summed in, in every spelling (definition `caution-mitoxantrone`)."""

    sets: tuple[str, ...]
    units: tuple[str, ...]
    never: tuple[str, ...]


def cumulative_dose(chart: Chart, terminology: Terminology, rules: MitoxantroneRules, as_of: date) -> Fact:
    """The sum of the administered doses in mg/m². It is a lower bound: doses given elsewhere are not in the chart.

    A dose that is not given per square metre is left out of the sum, since the body surface is not known.
    """
    doses, refs, days = 0.0, [], []
    unread = False
    for entry in chart.entries("MedicationAdministration"):
        record = entry.resource
        if record.status in rules.never or not terminology.match(chart.medication(entry), *rules.sets):
            continue
        day = date_range(record.effectiveDateTime or (record.effectivePeriod.start if record.effectivePeriod else None))
        if day is not None and day.first > as_of:
            continue
        refs.append(entry.ref)
        days.append(day)
        dose = record.dosage.dose if record.dosage is not None else None
        if dose is None or dose.value is None or unit_key(dose.code or dose.unit or "") not in rules.units:
            unread = True
        else:
            doses += float(dose.value)
    if not refs:
        return Fact(value=None, reason="No dose of mitoxantrone is recorded.", how="notFound")
    if unread and not doses:
        reason = f"Mitoxantrone in {len(refs)} recorded infusions, none with a dose per square metre."
    elif unread:
        reason = f"At least {doses:g} mg/m² of mitoxantrone; some doses are not given per square metre."
    else:
        reason = f"At least {doses:g} mg/m² of mitoxantrone in {len(refs)} recorded infusions."
    return Fact(value=Bounds.at_least(doses), reason=reason, resources=unique(refs), date=latest(days), how="derived")

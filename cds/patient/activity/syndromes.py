"""Optic neuritis and myelitis that nobody calls a relapse (clinical-rules F2, F4): shown, counted nowhere, and never silence."""

from __future__ import annotations

from collections.abc import Iterator

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.activity.attacks import Attack
from cds.patient.activity.rules import ActivityRules, RecordReading
from cds.patient.activity.visits import Visit, before_visit
from cds.patient.records.conditions import coded_as, first_name, read_conditions, words_of
from cds.patient.rules import found


def read_syndromes(chart: Chart, terminology: Terminology, rules: ActivityRules, visits: tuple[Visit, ...]) -> Iterator[Attack]:
    """Every such syndrome with an onset, or with a visit for it. An entry of the problem list without an onset is history."""
    records = rules.records
    for record in read_conditions(chart, terminology, records.syndrome_value_set, worded=(records.syndrome_name,)):
        day, note = record.onset, ""
        if day is None and record.encounter and record.recorded is not None:
            day, note = before_visit(record.recorded, rules), f"Onset not recorded; taken from the visit of {record.recorded}. "
        if record.verification != "refuted" and day is not None and _is_syndrome(record.codes, record.text, records):
            coded = coded_as(record.codes, records.syndrome_codes)
            yield Attack(
                onset=day,
                stated=record.onset is not None,
                provisional=True,
                syndrome=True,
                resources=(record.ref,),
                how="coded" if coded else "text",
                note=note + _note(record.text),
            )
    for visit in visits:
        for reason in visit.reasons:
            codes = tuple(coding.code for coding in reason.codings if coding.code)
            if _is_syndrome(codes, words_of(reason), records):
                yield Attack(
                    onset=before_visit(visit.date, rules),
                    stated=False,
                    provisional=True,
                    syndrome=True,
                    resources=(visit.ref,),
                    how="coded" if coded_as(codes, records.syndrome_codes) else "text",
                    note=f"Onset not recorded; taken from the visit of {visit.date}. {_note(words_of(reason))}",
                )


def _is_syndrome(codes: tuple[str, ...], words: str, records: RecordReading) -> bool:
    known = coded_as(codes, records.syndrome_codes) or found((records.syndrome_name,), words)
    return known and not found((records.syndrome_name_not,), words)


def _note(words: str) -> str:
    return f"Recorded as {first_name(words) or 'optic neuritis or myelitis'}; whether it was a relapse is not said."

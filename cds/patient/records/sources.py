"""A record as it stands in the chart, for whoever wants to look up what a fact rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from cds.fhir.chart import Chart, Entry
from cds.fhir.codes import Concept
from cds.fhir.dates import DateRange
from cds.patient.records.conditions import date_range, notes_of, words_of

DATES = (
    "onsetDateTime", "performedDateTime", "effectiveDateTime", "effectiveInstant", "occurrenceDateTime", "whenHandedOver", "whenPrepared",
    "onsetPeriod", "performedPeriod", "effectivePeriod", "occurrencePeriod", "period", "authoredOn", "recordedDate", "dateAsserted",
    "issued",
)  # fmt: skip
"""Elements that say when, the clinical date before the day of writing."""
CODES = ("code", "vaccineCode", "reasonCode")
STATUSES = ("verificationStatus", "clinicalStatus", "status", "intent")
LONGEST = 240
"""Characters of free text that are shown."""


class Source(Struct, frozen=True, kw_only=True):
    """One resource of the chart: its clinical date, its status, and what it says in its own words and codes."""

    ref: str
    date: DateRange | None
    status: str
    says: str


def sources_of(chart: Chart, refs: Iterable[str]) -> dict[str, Source]:
    """The resources of these refs, by type and date; a ref that is not in the chart (a draft order, a contained drug) is left out."""
    wanted = set(refs)
    types = {ref.partition("/")[0] for ref in wanted}
    entries = [entry for type_ in types for entry in chart.entries(type_) if entry.ref in wanted]
    found = [_source(chart, entry) for entry in entries]
    if chart.patient is not None and chart.patient.ref in wanted:
        found.append(_patient(chart.patient))
    return {one.ref: one for one in sorted(found, key=_place)}


def _place(source: Source) -> tuple[str, str, str]:
    return source.ref.partition("/")[0], source.date.first.isoformat() if source.date else "", source.ref


def _patient(entry: Entry) -> Source:
    said = [f"born {entry.resource.birthDate}" if entry.resource.birthDate else "", entry.resource.gender or ""]
    return Source(ref=entry.ref, date=None, status="", says=", ".join(filter(None, said)))


def _source(chart: Chart, entry: Entry) -> Source:
    resource = entry.resource
    states = (getattr(resource, name, None) for name in STATUSES)
    return Source(
        ref=entry.ref,
        date=_date(resource),
        status=", ".join(filter(None, (_status(state) for state in states))),
        says=_cut("; ".join(dict.fromkeys(filter(None, _said(chart, entry))))),
    )


def _date(resource: Any) -> DateRange | None:
    for name in DATES:
        value = getattr(resource, name, None)
        if value is None:
            continue
        if not hasattr(value, "start"):
            return date_range(value)
        start, end = date_range(value.start), date_range(value.end)
        if start and end and start.first <= end.last:
            return DateRange(start.first, end.last)
        if start or end:
            return start or end
    return None


def _status(state: Any) -> str:
    return state if isinstance(state, str) else _concept(state)


def _said(chart: Chart, entry: Entry) -> Iterator[str]:
    resource = entry.resource
    yield _named(chart.medication(entry))
    for name in CODES:
        value = getattr(resource, name, None)
        for concept in value if isinstance(value, list) else [value]:
            yield _concept(concept)
    yield _value(resource)
    for part in getattr(resource, "component", None) or ():
        yield ": ".join(filter(None, (_concept(part.code), _value(part))))
    yield getattr(resource, "conclusion", None) or ""
    yield _concept(getattr(resource, "statusReason", None))
    yield notes_of(resource) if hasattr(resource, "note") else ""


def _value(holder: Any) -> str:
    quantity = getattr(holder, "valueQuantity", None)
    if quantity is not None and quantity.value is not None:
        return f"{quantity.comparator or ''}{quantity.value} {quantity.unit or quantity.code or ''}".strip()
    for name in ("valueString", "valueInteger", "valueBoolean", "valueDateTime"):
        value = getattr(holder, name, None)
        if value is not None:
            return str(value)
    return _concept(getattr(holder, "valueCodeableConcept", None))


def _concept(concept: Any) -> str:
    if isinstance(concept, list):
        return ", ".join(filter(None, map(_concept, concept)))
    return _named(Concept.of(concept)) if concept is not None else ""


def _named(concept: Concept) -> str:
    """Its words, with the codes that a clinician could search for."""
    codes = ", ".join(dict.fromkeys(coding.code for coding in concept.codings if coding.code))
    words = words_of(concept)
    return f"{words} [{codes}]" if words and codes else words or codes


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"

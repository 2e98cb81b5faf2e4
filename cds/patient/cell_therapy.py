"""Earlier cell therapy: what kind of stem-cell transplantation, and which other cells, each told apart (clinical-rules F17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

from msgspec.structs import replace

from cds.fhir.chart import Chart
from cds.fhir.codes import Terminology
from cds.patient.cell_events import AllCellTherapyRules, Cells, CellTherapyRules, Event, cell_events
from cds.patient.context import Caution, Fact
from cds.patient.reading import Reading, count_words, latest, months_since, unique
from cds.patient.records.conditions import absent, read_conditions, why_open
from cds.patient.records.mentions import Mention, Text, mention_in
from cds.patient.records.unread import nameless
from cds.patient.rules import found
from cds.three_valued import Truth

__all__ = ["AllCellTherapyRules", "cell_therapy_facts", "with_mentions"]

Kind = Literal[
    "autologousForMs",
    "autologousIndicationUnknown",
    "autologousOther",
    "allogeneic",
    "uncertain",
    "conditioning",
    "clinicStemCells",
    "harvestOnly",
    "planned",
    "cancelled",
]

_WORDS: Mapping[Kind, str] = {
    "autologousForMs": "Autologous stem-cell transplantation for MS",
    "autologousIndicationUnknown": "Stem-cell transplantation, indication not stated",
    "autologousOther": "Autologous stem-cell transplantation for another disease",
    "allogeneic": "Allogeneic stem-cell transplantation",
    "uncertain": "Stem cells, of what kind or whether given not known",
    "conditioning": "Treatment as given before a transplantation, and no transplantation recorded",
    "clinicStemCells": "Stem cells given at a clinic, not a transplantation",
    "harvestOnly": "Stem cells or white cells collected, no transplantation",
    "planned": "Stem-cell transplantation planned or considered",
    "cancelled": "Stem-cell transplantation cancelled or not done",
}
_ORDER: tuple[Kind, ...] = tuple(_WORDS)
_OPEN: tuple[Kind, ...] = ("uncertain", "conditioning")
"""Kinds that leave open whether there was a transplantation."""
_TRANSPLANTED: tuple[Kind, ...] = ("autologousForMs", "autologousOther", "autologousIndicationUnknown", "allogeneic")


def cell_therapy_facts(chart: Chart, terminology: Terminology, rules: AllCellTherapyRules, as_of: date) -> Reading:
    """The facts of section Cell therapy, and every record of one as a caution."""
    events = tuple(sorted(cell_events(chart, terminology, rules, as_of), key=lambda e: (e.date.first if e.date else date.min, e.ref)))
    cells = rules.cells
    sorted_out = [(kind, event) for event in events if (kind := _kind(event, cells)) is not None]
    kinds = _explained(sorted_out)
    open_because = _unread(chart, terminology, cells)
    prior, for_ms = _prior(chart, terminology, cells, kinds, open_because)
    facts = {"priorHsct": prior, "priorHsct.forMs": for_ms, "priorHsct.monthsAgo": _months_ago(kinds, for_ms, open_because, as_of)}
    for key, one in cells.cells.items():
        facts[f"{key}.recorded"] = _recorded(one, events, open_because)
    facts["msc.paidClinic"] = _paid_clinic(cells, events, open_because)
    cautions = tuple(
        Caution(id="priorHsct", status=kind, text=f"{_words(kind, event)}.", resources=event.refs, date=event.date, how=event.how)
        for kind, event in kinds
    )
    return Reading(facts, cautions)


def _kind(event: Event, rules: CellTherapyRules) -> Kind | None:
    """Which kind of stem-cell event it is; `None` if it is none."""
    if event.conditioning:
        return "conditioning"
    allogeneic = event.of(rules.allogeneic, "include", "context", "exclude")
    autologous = event.of(rules.autologous)
    clinic = event.of(rules.clinic, "include") and not autologous
    harvest = event.of(rules.harvest) and not autologous
    unclear = event.of(rules.clinic, "context") and not event.of([name for cells in rules.cells.values() for name in cells.sets])
    if not (allogeneic or autologous or clinic or harvest or unclear):
        return None
    match event.stage:
        case "notDone":
            return "cancelled"
        case "toCome":
            return "planned"
        case "uncertain":
            return "uncertain"
    if allogeneic:
        return "allogeneic"
    if harvest:
        return "harvestOnly"
    if clinic:
        return "clinicStemCells"
    if not autologous:
        return "uncertain"
    if event.for_ms is None:
        return "autologousIndicationUnknown"
    return "autologousForMs" if event.for_ms else "autologousOther"


def _explained(events: Sequence[tuple[Kind, Event]]) -> list[tuple[Kind, Event]]:
    """A status code such as Z94.84 beside the transplantation it stands for is no further one; what was done before one is part of it.

    Beside graft-versus-host disease it stands for the transplantation from a donor.
    """
    transplanted = any(kind in _TRANSPLANTED for kind, event in events)
    done = any(kind in _TRANSPLANTED and not event.status_only for kind, event in events)
    donor = any(kind == "allogeneic" for kind, _ in events)

    def explained(kind: Kind, event: Event) -> bool:
        unstated = kind == "autologousIndicationUnknown" and not any(hit.role == "include" for hit in event.hits)
        part = kind in ("harvestOnly", "conditioning") and (done or (transplanted and kind == "conditioning"))
        return part or (done and event.status_only) or (donor and event.status_only and unstated)

    return [(kind, event) for kind, event in events if not explained(kind, event)]


def _prior(
    chart: Chart, terminology: Terminology, rules: CellTherapyRules, events: Sequence[tuple[Kind, Event]], open_because: str
) -> tuple[Fact, Fact]:
    """The kind that weighs most, and whether autologous transplantation for MS took place."""
    shown = [(kind, event) for kind, event in events if kind != "cancelled"]
    cancelled = [event for kind, event in events if kind == "cancelled"]
    if not shown:
        if open_because:
            unknown = Fact(value=None, reason=f"{open_because} Earlier stem-cell transplantation is not known.", how="notFound")
            return unknown, unknown
        none = Fact(value="none", reason="No stem-cell transplantation is recorded.", how="notFound")
        if cancelled:
            reason, refs = f"{_words('cancelled', cancelled[0])}.", unique(event.ref for event in cancelled)
            none = Fact(value="none", reason=reason, resources=refs, date=cancelled[0].date, how=cancelled[0].how)
        return none, replace(none, value=False)
    kind = min((kind for kind, _ in shown), key=_ORDER.index)
    own = [event for k, event in shown if k == kind]
    reason = "; ".join(dict.fromkeys(_words(k, event) for k, event in shown)) + "."
    refs, day = unique(ref for _, event in shown for ref in event.refs), latest(event.date for event in own)
    prior = Fact(value=None if kind in _OPEN else kind, reason=reason, resources=refs, date=day, how=own[0].how)
    undecided = any(other in _OPEN for other, _ in shown)
    return prior, _for_ms(chart, terminology, rules, kind, prior, open_because, undecided=undecided)


def _for_ms(
    chart: Chart, terminology: Terminology, rules: CellTherapyRules, kind: Kind, prior: Fact, open_because: str, *, undecided: bool
) -> Fact:
    value: Truth
    reason = prior.reason
    if kind == "autologousForMs":
        value = True
    elif kind in _OPEN:
        value = None
    elif kind == "autologousIndicationUnknown":
        cancer, why = _blood_cancer(chart, terminology, rules)
        value = True if cancer is False else None
        reason = f"{reason} {why}"
    else:
        value = None if open_because or undecided else False
        reason = f"{reason} {open_because}".strip()
    return Fact(value=value, reason=reason, resources=prior.resources, date=prior.date, how=prior.how)


def _blood_cancer(chart: Chart, terminology: Terminology, rules: CellTherapyRules) -> tuple[Truth, str]:
    """Whether a blood cancer or another disease that is a common reason for a transplantation is recorded."""
    records = [
        record
        for record in read_conditions(chart, terminology, *rules.blood_cancer_sets, worded=rules.blood_cancer_text)
        if record.verification != "refuted" and (record.coded(rules.blood_cancer_codes) or found(rules.blood_cancer_text, record.text))
    ]
    if records:
        named = records[0].text or "coded"
        return True, f"Another disease that is treated so is recorded ({named}: {records[0].words()}), so the reason is not known."
    if absent(chart, terminology, *rules.blood_cancer_sets) is None:
        return None, f"{why_open(chart)} Another reason for it cannot be ruled out."
    return False, "No blood cancer is recorded; it is counted as for MS."


def _months_ago(events: Sequence[tuple[Kind, Event]], for_ms: Fact, open_because: str, as_of: date) -> Fact:
    counted = [event for kind, event in events if kind in ("autologousForMs", "autologousIndicationUnknown")]
    if for_ms.value is not True:
        return Fact(value=None, reason=for_ms.reason, resources=for_ms.resources, how="notFound")
    if open_because and all(event.status_only for event in counted):
        reason = f"{open_because} The date of the transplantation is not known."
        return Fact(value=None, reason=reason, resources=for_ms.resources, how="notFound")
    day = latest(event.date for event in counted) if all(event.date is not None for event in counted) else None
    if day is None:
        return Fact(value=None, reason="The date of the transplantation is not recorded.", resources=for_ms.resources, how="notFound")
    months = months_since(day, as_of)
    return Fact(
        value=months,
        reason=f"Transplanted {count_words(months, 'months')} ago ({day}).",
        resources=unique(event.ref for event in counted),
        date=day,
        how="derived",
    )


def _recorded(cells: Cells, events: Sequence[Event], open_because: str) -> Fact:
    own = [event for event in events if event.of(cells.sets)]
    done = [event for event in own if event.stage == "done"]
    doubtful = [event for event in own if event.stage == "uncertain"]
    if done or doubtful:
        shown = done or doubtful
        words = ", ".join(dict.fromkeys(str(event.date or "undated") for event in shown))
        reason = f"{cells.name} recorded ({words})." if done else f"{cells.name} recorded, whether given is not known ({words})."
        last = latest(event.date for event in shown)
        return Fact(value=True if done else None, reason=reason, resources=unique(e.ref for e in shown), date=last, how=shown[0].how)
    if open_because:
        return Fact(value=None, reason=f"{open_because} {cells.name}: not known.", how="notFound")
    return Fact(value=False, reason=f"{cells.name}: none recorded as given.", resources=unique(e.ref for e in own), how="notFound")


def _paid_clinic(rules: CellTherapyRules, events: Sequence[Event], open_because: str) -> Fact:
    own = [
        event
        for event in events
        if event.stage == "done"
        and (
            event.of(rules.clinic, "include")
            or (event.of([s for c in rules.cells.values() for s in c.sets]) and found(rules.clinic_text, event.text))
        )
    ]
    if own:
        last = latest(event.date for event in own)
        return Fact(
            value=True,
            reason=f"Stem cells at a paying clinic are recorded ({last or 'undated'}).",
            resources=unique(event.ref for event in own),
            date=last,
            how="text",
        )
    if open_because:
        return Fact(value=None, reason=f"{open_because} Treatment at a paying clinic: not known.", how="notFound")
    return Fact(value=False, reason="No stem cells at a paying clinic are recorded.", how="notFound")


def _unread(chart: Chart, terminology: Terminology, rules: CellTherapyRules) -> str:
    """Why silence about procedures proves nothing; empty if it does."""
    for among in ("Procedure", "Condition"):
        if absent(chart, terminology, *rules.value_sets, among=among) is None:
            return why_open(chart, among)
    return nameless(chart, terminology, "Procedure")


def _words(kind: Kind, event: Event) -> str:
    what = f"{event.conditioning}, " if event.conditioning else ""
    return f"{_WORDS[kind]} ({what}{event.date or 'undated'})"


def with_mentions(reading: Reading, texts: Iterable[Text], rules: CellTherapyRules) -> Reading:
    """The same where a transplantation is recorded; elsewhere a report or note that speaks of one as done leaves it open, and is shown."""
    prior = reading.facts["priorHsct"]
    if prior.value in _TRANSPLANTED:
        return reading
    said = [mention for text in texts if (mention := mention_in(text, rules.mentions)) is not None and mention.says == "affirmed"]
    if not said:
        return reading
    words = f"A report or note speaks of a stem-cell transplantation ({_quoted(said[0])})."
    recorded = f" {prior.reason}" if prior.resources else ""
    refs = unique([*prior.resources, *(mention.text.ref for mention in said)])
    day = prior.date or latest(mention.text.written for mention in said)
    opened = Fact(value=None, reason=words + recorded, resources=refs, date=day, how="text")
    facts = {**reading.facts, "priorHsct": opened, "priorHsct.forMs": opened, "priorHsct.monthsAgo": opened}
    return Reading(facts, (*reading.cautions, *map(_mentioned, said)), reading.conflicts)


def _mentioned(mention: Mention) -> Caution:
    text = f"Stem-cell transplantation in words ({_quoted(mention)})."
    return Caution(id="priorHsct", status="mentioned", text=text, resources=(mention.text.ref,), date=mention.text.written, how="text")


def _quoted(mention: Mention) -> str:
    return f'{mention.text.written or "undated"}: "{mention.quote}"'

"""`/review/patients/{id}`: one chart as a clinician sees it, its cards as an EHR shows them, and why each is there or not."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
from msgspec import Struct

from cds.content import Content
from cds.evidence.criteria import Finding
from cds.explain.as_json import safety_json
from cds.patient.context import Fact, PatientContext
from cds.patient.facts import CATALOGUE
from cds.patient.person.pregnancy_history import pregnancies
from cds.review.card_view import card_view
from cds.review.reading import Reading, State, entries, state_of, topic_state, why
from cds.review.timeline import NARROW, WIDE, episode_words, scan_words, timeline

GROUPS = {
    "Person": ("person", "pregnancy", "breastfeeding", "contraception"),
    "Diagnosis": ("ms", "subtype", "course", "mimic", "disease"),
    "Activity": ("activity", "relapses", "relapse", "mri"),
    "Disability": ("edss", "worsening"),
    "Treatment": ("treatment", "dmt", "breakthrough", "failures", "rebound", "natalizumab", "antiCd20", "immunosuppression"),
    "Cell therapy": (
        "priorHsct",
        "msc",
        "nsc",
        "esc",
        "ipsc",
        "vesicles",
        "carT",
        "treg",
        "tolerogenicDc",
        "tCellVaccination",
        "ebvTCells",
    ),
    "The order": ("order",),
}
"""Group of facts → first words of their names; all others bear on safety."""
SAFETY = "Safety"


class FactRow(Struct, frozen=True):
    """One fact as a reader sees it."""

    name: str
    meaning: str
    value: str
    fact: Fact


class SummaryRow(Struct, frozen=True):
    """One summary against the chart, with the kind of each criterion."""

    id: str
    rule: str
    title: str
    stance: str
    state: State
    because: str
    findings: tuple[tuple[str, Finding], ...]


def patient_page(content: Content, reading: Reading) -> dict[str, Any]:
    """Everything the page shows."""
    context = reading.advice.context
    read = entries(reading.chart)
    past = pregnancies(reading.chart, content.terminology, content.rules.person.pregnancy, context.as_of)
    return {
        "reading": reading,
        "context": context,
        "timelines": [drawn for shape in (WIDE, NARROW) if (drawn := timeline(context, past, shape))],
        "pregnancies": past,
        "episodes": [(episode, episode_words(episode)) for episode in context.treatments],
        "scans": [(scan, scan_words(scan)) for scan in context.scans],
        "cards": [card_view(card, context, content.evidence) for card in reading.advice.cards],
        "known": fact_groups(context, lambda fact: fact.value not in (None, False)),
        "absent": fact_groups(context, lambda fact: fact.value is False),
        "unknown": fact_groups(context, lambda fact: fact.value is None),
        "topics": topics(content, reading),
        "safety": [row for row in safety_json(reading.advice, content) if row["verdict"] != "noEvidenceRead"],
        "resources": {ref: orjson.dumps(entry.raw, option=orjson.OPT_INDENT_2).decode() for ref, entry in read.items()},
        "by_type": {type_: [ref for ref in read if ref.startswith(f"{type_}/")] for type_ in dict.fromkeys(map(_type_of, read))},
    }


def _type_of(ref: str) -> str:
    return ref.partition("/")[0]


def fact_groups(context: PatientContext, wanted: Any) -> dict[str, list[FactRow]]:
    """The facts that are wanted, group by group, in the order of the catalogue."""
    group_of = {word: group for group, words in GROUPS.items() for word in words}
    found: defaultdict[str, list[FactRow]] = defaultdict(list)
    for name, kind in CATALOGUE.items():
        fact = context.facts[name]
        if wanted(fact):
            found[group_of.get(name.split(".")[0], SAFETY)].append(FactRow(name, kind.meaning, value_words(name, fact), fact))
    return {group: found[group] for group in (*GROUPS, SAFETY) if group in found}


def value_words(name: str, fact: Fact) -> str:
    """A fact's value as a reader says it."""
    if fact.value is None:
        return "unknown"
    if isinstance(fact.value, bool):
        return "yes" if fact.value else "no"
    unit = CATALOGUE[name].unit
    return f"{fact.value} {unit}" if unit and unit not in ("index", "EDSS points") else str(fact.value)


def topics(content: Content, reading: Reading) -> dict[str, tuple[State, list[SummaryRow]]]:
    """Every topic with its state and its summaries, those that speak first."""
    order: tuple[State, ...] = ("fired", "held", "unknown", "silent")
    found: defaultdict[str, list[SummaryRow]] = defaultdict(list)
    for match in reading.advice.matches:
        kinds = (("gate", match.gates), ("limit", match.limits), ("favourable", match.favourable))
        findings = tuple((kind, finding) for kind, of in kinds for finding in of)
        summary, state = match.summary, state_of(reading.advice, match)
        found[summary.topic].append(
            SummaryRow(summary.id, summary.rule, summary.title, match.stance, state, why(reading.advice, match), findings)
        )
    return {
        topic: (topic_state(reading.advice, topic), sorted(found[topic], key=lambda row: (order.index(row.state), row.rule)))
        for topic in content.deck.wording.topics
    }

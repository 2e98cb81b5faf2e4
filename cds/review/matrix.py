"""`/review`: every synthetic patient against every topic, with filters in the address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from cds.content import Content
from cds.review.reading import Reading, State, topic_state
from cds.vignette.patients import SyntheticPatient

STATES: dict[State, tuple[str, str]] = {
    "fired": ("●", "fired"),
    "held": ("◐", "held back"),
    "unknown": ("?", "unknown"),
    "silent": ("·", "silent"),
}
"""Each state's sign and name, loudest first."""


class Row(Struct, frozen=True):
    """One patient and the state of each topic."""

    patient: SyntheticPatient
    cells: dict[str, State]
    cards: int


def matrix(
    content: Content, patients: Mapping[str, SyntheticPatient], readings: Mapping[str, Reading], query: Mapping[str, str]
) -> dict[str, Any]:
    """The rows and columns that the filters `topic`, `state`, `tag` and `text` leave, and what may be filtered for."""
    topics = content.deck.wording.topics
    topic, state, tag, text = (query.get(name, "") for name in ("topic", "state", "tag", "text"))
    columns = [topic] if topic in topics else list(topics)
    rows = [_row(patients[id], readings[id], columns) for id in patients]
    shown = [row for row in rows if _fits(row, state, tag, text)]
    return {
        "columns": columns,
        "rows": shown,
        "all": len(rows),
        "counts": {column: Counter(row.cells[column] for row in shown) for column in columns},
        "states": STATES,
        "tags": sorted({tag for patient in patients.values() for tag in patient.tags}),
        "query": {"topic": topic, "state": state, "tag": tag, "text": text},
    }


def _row(patient: SyntheticPatient, reading: Reading, columns: Sequence[str]) -> Row:
    return Row(patient, {topic: topic_state(reading.advice, topic) for topic in columns}, len(reading.advice.cards))


def _fits(row: Row, state: str, tag: str, text: str) -> bool:
    words = f"{row.patient.id} {row.patient.title} {row.patient.story}".casefold()
    return (not state or state in row.cells.values()) and (not tag or tag in row.patient.tags) and text.casefold() in words

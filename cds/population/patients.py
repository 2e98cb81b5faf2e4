"""Second half of a run: one share of the patients, each asked about as one call of patient-view would be."""

from __future__ import annotations

import csv
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import orjson

from cds.advice import Advice, Policy, advise
from cds.calls import read_call
from cds.content import Content, load_content
from cds.fhir.probe import selective
from cds.fhir.resources import BEARS_ON_FACTS
from cds.patient.relevance import relevance
from cds.population.partition import MEDICATIONS
from cds.protocol.discovery import KEY_OF_TYPE, PREFETCH

_MEDICATION = re.compile(rb'"reference"\s*:\s*"(?:[^"]*/)?Medication/([A-Za-z0-9._-]+)"')


@dataclass(frozen=True, slots=True)
class Row:
    """One patient: what the cards would be, and what would have to be recorded to know more. Lists are joined by `; `."""

    patient: str
    ms: str
    topics: str
    summaries: str
    warnings: int
    missing: str
    not_read: int


COLUMNS = tuple(field.name for field in fields(Row))


@dataclass(frozen=True, slots=True)
class Task:
    """Everything a worker process needs to know. `types` are the resource types that the export holds."""

    folder: Path
    types: tuple[str, ...]
    as_of: date
    content: Path | None
    local_codes: Path | None
    max_cards: int


class _Type(msgspec.Struct):
    resourceType: str  # noqa: N815 (name of FHIR)


_type_of = msgspec.json.Decoder(_Type).decode
_worker: tuple[Task, Content, Any] | None = None


def prepare(task: Task) -> None:
    """Load the content, once in each worker process."""
    global _worker
    content = load_content(task.content, task.local_codes)
    _worker = task, content, selective(relevance(content))


def result_of(folder: Path, share: int) -> Path:
    """Where the rows of a share are, once all of them are there."""
    return folder / f"rows-{share:03}.csv"


def do_share(share: int) -> int:
    """Write the rows of one share, all or none; the number of resources whose patient is not in the export."""
    if _worker is None:
        raise RuntimeError("the worker process was not prepared")
    task, content, loads = _worker
    strangers = 0
    target = result_of(task.folder, share)
    unfinished = target.with_suffix(".part")
    with unfinished.open("w", newline="", encoding="utf-8") as file, closing(sqlite3.connect(task.folder / MEDICATIONS)) as medications:
        writer = csv.DictWriter(file, COLUMNS)
        for patient, lines in _patients(task.folder / f"share-{share:03}.ndjson"):
            if "Patient" not in lines:
                strangers += sum(map(len, lines.values()))
                continue
            body = request_of(patient, lines, task.types, medications)
            writer.writerow(asdict(row_of(patient, _advice(content, loads(body), task))))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
    return strangers


def _patients(path: Path) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
    """Each patient of a share with the lines about them, by resource type."""
    found: dict[str, dict[str, list[bytes]]] = {}
    with path.open("rb") as file:
        for line in file:
            owner, _, resource = line.rstrip(b"\n").partition(b"\t")
            type_ = _type_of(resource).resourceType
            if type_ in BEARS_ON_FACTS:
                found.setdefault(owner.decode(), {}).setdefault(type_, []).append(resource)
    for patient in sorted(found):
        yield patient, found.pop(patient)


def request_of(patient: str, lines: dict[str, list[bytes]], types: Sequence[str], medications: sqlite3.Connection) -> bytes:
    """The call of patient-view that a client with this data would send. A key is answered if the export holds its type."""
    wanted = {id.decode() for of_type in lines.values() for line in of_type for id in _MEDICATION.findall(line)}
    lines = lines | {"Medication": [row[0] for id in sorted(wanted) for row in medications.execute(_BY_ID, (id,))]}
    asked = {entry.resource_type: entry.key for entry in PREFETCH if entry.resource_type in types and not entry.is_read}
    parts = [b'"patient":' + lines["Patient"][-1]]
    for type_ in dict.fromkeys((*asked, *lines)):
        if type_ != "Patient" and (type_ in asked or lines[type_]):
            entries = b",".join(b'{"resource":' + line + b"}" for line in lines.get(type_, ()))
            key = KEY_OF_TYPE.get(type_, type_)
            parts.append(orjson.dumps(key) + b':{"resourceType":"Bundle","type":"searchset","entry":[' + entries + b"]}")
    return b'{"hook":"patient-view","context":{"patientId":' + orjson.dumps(patient) + b'},"prefetch":{' + b",".join(parts) + b"}}"


_BY_ID = "SELECT line FROM medication WHERE id = ?"


def _advice(content: Content, request: Any, task: Task) -> Advice:
    chart, trigger = read_call("patient-view", request["context"]["patientId"], request["prefetch"], content)
    return advise(content, chart, trigger, task.as_of, Policy(cap=task.max_cards))


def row_of(patient: str, advice: Advice) -> Row:
    """The row of a patient."""
    unknown = [
        finding.criterion.item for match in advice.matches if match.fires for finding in match.limits if finding.verdict == "unknown"
    ]
    missing = dict.fromkeys([*(item.item for item in advice.missing), *unknown]) if advice.cards else {}
    return Row(
        patient=patient,
        ms=str(advice.context.facts["ms"].value or "unknown"),
        topics="; ".join(card.topic for card in advice.cards),
        summaries="; ".join(card.name for card in advice.cards),
        warnings=sum(card.indicator == "warning" for card in advice.cards),
        missing="; ".join(missing),
        not_read=len(advice.context.not_read),
    )

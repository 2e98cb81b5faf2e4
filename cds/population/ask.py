"""Third pass: one share of the patients, each asked about as one call of patient-view would be."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson

from cds.advice import Advice, decide
from cds.calls import read_call
from cds.fhir.probe import selective
from cds.patient.relevance import relevance
from cds.population.gather import FAILURE, OF_STRANGERS, UNREAD, lines_in, note_of, run_of, written
from cds.population.job import Job, Site, content_of
from cds.protocol.discovery import KEY_OF_TYPE, PREFETCH

MEDICATIONS = "medications.sqlite3"
_MEDICATION = re.compile(rb'"reference"\s*:\s*"(?:(?:[^"]*/)?Medication/|urn:uuid:)([A-Za-z0-9._-]+)')
_BY_ID = "SELECT line FROM medication WHERE id = ?"

Lines = dict[str, list[bytes]]
"""The lines about a patient by resource type; of the type "" those whose type cannot be told."""


class Row(msgspec.Struct, frozen=True):
    """One patient: what the cards would be, and what would have to be recorded to know more.

    `not_read` says how many things could not be read; None where the patient is nobody to speak of and the rest was not looked at.
    """

    patient: str
    ms: str
    topics: tuple[str, ...] = ()
    summaries: tuple[str, ...] = ()
    warnings: int = 0
    missing: tuple[str, ...] = ()
    not_read: int | None = None


class Answered(NamedTuple):
    """The rows of a share, and lines left out by reason."""

    rows: list[Row]
    left_out: dict[str, int]


_ENCODE = msgspec.json.Encoder().encode
_ROWS = msgspec.json.Decoder(Answered)


def rows_of(folder: Path, share: int) -> Path:
    """Where the rows of a share are, once all of them are there."""
    return folder / f"rows-{share:05}.json"


def read_rows(folder: Path, share: int) -> Answered:
    """The rows of a share that is done."""
    return _ROWS.decode(rows_of(folder, share).read_bytes())


def collect_medications(folder: Path, shares: int, runs: Iterable[Path]) -> None:
    """Put all Medications into a table by id; of two with one id the later counts."""
    path = folder / MEDICATIONS
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as database:
        database.execute("CREATE TABLE medication (id TEXT PRIMARY KEY, line BLOB) WITHOUT ROWID")
        found = ((id.decode(), line) for run in runs for id, _, line in lines_in(run, shares))
        database.executemany("INSERT OR REPLACE INTO medication VALUES (?, ?)", found)
        database.commit()
    unfinished.replace(path)


def all_runs(folder: Path, pieces: int) -> Iterator[Path]:
    """The runs of all pieces, in the order of the export."""
    for piece in range(pieces):
        note = orjson.loads(note_of(folder, piece).read_bytes())
        yield from (run_of(folder, piece, number) for number in range(note["runs"]))


def ask(job: Job, share: int) -> None:
    """Write the rows of one share, all or none."""
    patients: dict[bytes, Lines] = {}
    for run in job.runs:
        for owner, type_, line in lines_in(run, share):
            patients.setdefault(owner, {}).setdefault(type_.decode(), []).append(line)
    left_out = Counter[str]()
    rows = []
    with closing(sqlite3.connect(f"{(job.folder / MEDICATIONS).resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as medications:
        for owner in sorted(patients):
            lines = patients.pop(owner)
            if lines.pop("", None) == [b""] and not lines:
                rows.append(Row(owner.decode(), "absent"))
            elif "Patient" in lines:
                rows.append(_answer(job, owner.decode(), lines, medications, left_out))
            else:
                left_out[OF_STRANGERS] += sum(map(len, lines.values()))
    written(rows_of(job.folder, share), _ENCODE(Answered(rows, dict(left_out))))


def _answer(job: Job, patient: str, lines: Lines, medications: sqlite3.Connection, left_out: Counter[str]) -> Row:
    """Ask about a patient. Lines that are no JSON are left out and make what was asked for incomplete."""
    loads = _loads(job.site)
    try:
        request = loads(request_of(patient, lines, job.types, medications))
    except orjson.JSONDecodeError:
        lines = {type_: [line if _is_json(line) else FAILURE for line in found] for type_, found in lines.items()}
        left_out[UNREAD] += sum(line is FAILURE for found in lines.values() for line in found)
        request = loads(request_of(patient, lines, job.types, medications))
    content = content_of(job.site)
    chart, trigger = read_call("patient-view", request["context"]["patientId"], request["prefetch"], content)
    return row_of(patient, decide(content, chart, trigger, job.as_of, job.policy))


def request_of(patient: str, lines: Lines, types: Sequence[str], medications: sqlite3.Connection) -> bytes:
    """The call of patient-view that a client with this data would send. A key is answered if the export was asked for its type."""
    wanted = {id.decode() for found in lines.values() for line in found for id in _MEDICATION.findall(line)}
    lines = lines | {"Medication": [row[0] for id in sorted(wanted) for row in medications.execute(_BY_ID, (id,))]}
    asked = [entry.resource_type for entry in PREFETCH if entry.resource_type in types and not entry.is_read]
    of_any_type = lines.pop("", [])
    parts = [b'"patient":' + (lines["Patient"][0] if len(lines["Patient"]) == 1 else _bundle(lines["Patient"]))]
    for type_ in dict.fromkeys((*asked, *lines)):
        if type_ != "Patient" and (type_ in asked or lines[type_]):
            entries = lines.get(type_, []) + (of_any_type if type_ in asked else [])
            parts.append(orjson.dumps(KEY_OF_TYPE.get(type_, type_)) + b":" + _bundle(entries))
    return b'{"hook":"patient-view","context":{"patientId":' + orjson.dumps(patient) + b'},"prefetch":{' + b",".join(parts) + b"}}"


def row_of(patient: str, advice: Advice) -> Row:
    """The row of a patient. `missing`: what no card could be decided without, of whatever else does not rule it out."""
    ms = str(advice.context.facts["ms"].value or "unknown")
    if not advice.chosen:
        return Row(patient, ms, not_read=None if ms == "absent" else len(advice.context.not_read))
    open_ = [match for match in advice.matches if (match.fires or match.summary.stance == "option") and not _refused(match)]
    unknown = [finding.criterion.item for match in open_ for finding in match.gates + match.limits if finding.verdict == "unknown"]
    return Row(
        patient=patient,
        ms=ms,
        topics=tuple(card.topic for card in advice.chosen),
        summaries=tuple(card.name for card in advice.chosen),
        warnings=sum(card.indicator == "warning" for card in advice.chosen),
        missing=tuple(dict.fromkeys([*(item.item for item in advice.missing), *unknown])),
        not_read=len(advice.context.not_read),
    )


def _refused(match: Any) -> bool:
    return any(finding.verdict == "notMet" for finding in match.gates + match.limits)


def _bundle(lines: Iterable[bytes]) -> bytes:
    return b'{"resourceType":"Bundle","type":"searchset","entry":[' + b",".join(b'{"resource":' + line + b"}" for line in lines) + b"]}"


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


@lru_cache(1)
def _loads(site: Site) -> Callable[[bytes], Any]:
    return selective(relevance(content_of(site)))

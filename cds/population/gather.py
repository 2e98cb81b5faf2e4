"""Second pass: the lines of the suspects, dealt into shares that hold whole patients; of everybody else only that they are there.

A piece leaves *runs*: files that begin with a table of where each share's lines are. Memory is bounded by `HELD_BYTES`; what is left
behind is the same however often a piece is done, and counts only when its note is there.
"""

from __future__ import annotations

import os
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from cds.fhir.resources import BEARS_ON_FACTS
from cds.population.export import Piece
from cds.population.job import Job
from cds.population.lines import head_of, is_error, is_id, lines_of, owner_of, salvaged
from cds.population.suspects import ERROR, IS_PATIENT, IS_SUSPECT, marks_in, place_of

HELD_BYTES = 32 * 1024 * 1024
"""Lines that a worker holds before it writes a run, in bytes."""
MARKS = "marks"
UNREAD = "lines that are no FHIR resource"
UNOWNED = "broken lines of which it cannot be told whose they are"
NAMELESS = "Patients without an id"
OF_NOBODY = "resources that name no patient"
OF_STRANGERS = "resources of patients who are not in the export"
FAILURE = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"incomplete"}]}'
"""Stands for a line that could not be read: what was asked for was not answered in full."""

_SHARED = "Medication"
_TABLE = "Q"


class Note(msgspec.Struct):
    """What became of a piece: its runs, the types in it, lines left out; `unsearched`: it held Conditions that `find` did not see."""

    runs: int
    types: list[str]
    left_out: dict[str, int]
    unsearched: bool


def note_of(folder: Path, piece: int) -> Path:
    """Where the note of a piece is, once it is done."""
    return folder / f"piece-{piece:05}.json"


def run_of(folder: Path, piece: int, number: int) -> Path:
    """Where a run of a piece is."""
    return folder / f"piece-{piece:05}-{number:03}.run"


def written(path: Path, *parts: bytes) -> None:
    """Write a file whole or not at all. The same file may be written twice at once."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def gather(job: Job, work: tuple[Piece, bool]) -> None:
    """Deal the lines of a piece; the second part of `work` says whether `find` has searched it. The last share takes Medications."""
    piece, searched = work
    left_out = Counter[str]()
    types: set[str] = set()
    held: dict[int, list[bytes]] = {}
    size = runs = 0
    unsearched = False

    def keep(share: int, *parts: bytes) -> None:
        nonlocal size, runs
        line = b"\t".join(parts) + b"\n"
        held.setdefault(share, []).append(line)
        size += len(line)
        if size > HELD_BYTES:
            _write_run(run_of(job.folder, piece.number, runs), held, job.shares)
            runs, size = runs + 1, 0

    with ExitStack() as stack:
        marks = stack.enter_context(marks_in(job.folder / MARKS))
        for line in lines_of(piece):
            head = head_of(line)
            if head is None:
                type_, named = salvaged(line, piece)
                left_out[UNREAD] += 1
                left_out[UNOWNED] += not named
                unsearched |= type_ in ("Condition", "") and not searched
                for owner in named:
                    if not job.narrow or marks[place_of(owner)] & IS_SUSPECT:
                        keep(share_of(owner, job.shares), owner.encode(), type_.encode(), FAILURE)
                continue
            type_ = head.resourceType
            types.add(type_)
            if type_ not in BEARS_ON_FACTS:
                left_out[ERROR] += type_ == "OperationOutcome" and is_error(line)
                continue
            if type_ == _SHARED:
                if is_id(head.id):
                    keep(job.shares, head.id.encode(), type_.encode(), line)
                continue
            owner = owner_of(head)
            if not owner:
                left_out[NAMELESS if type_ == "Patient" else OF_NOBODY] += 1
                continue
            mark = marks[place_of(owner)] if job.narrow else IS_SUSPECT
            if mark & IS_SUSPECT:
                keep(share_of(owner, job.shares), owner.encode(), type_.encode(), line)
            elif type_ == "Patient":
                keep(share_of(owner, job.shares), owner.encode(), b"", b"")
            elif not mark & IS_PATIENT:
                left_out[OF_STRANGERS] += 1
            unsearched |= type_ in ("Condition", "Patient") and not searched
    if held:
        _write_run(run_of(job.folder, piece.number, runs), held, job.shares)
        runs += 1
    note = Note(runs, sorted(types), dict(+left_out), unsearched)
    written(note_of(job.folder, piece.number), msgspec.json.encode(note))


def share_of(owner: str, shares: int) -> int:
    """The share of a patient."""
    return zlib.crc32(owner.encode()) % shares


def lines_in(run: Path, share: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Owner, type and line of everything that a run holds of a share."""
    table = array(_TABLE)
    with run.open("rb") as file:
        file.seek(share * table.itemsize)
        table.frombytes(file.read(2 * table.itemsize))
        file.seek(table[0])
        for line in file.read(table[1] - table[0]).split(b"\n")[:-1]:
            owner, type_, resource = line.split(b"\t", 2)
            yield owner, type_, resource


def _write_run(path: Path, held: dict[int, list[bytes]], shares: int) -> None:
    """Write what is held, and hold nothing."""
    table = array(_TABLE)
    place = (shares + 2) * table.itemsize
    for share in range(shares + 1):
        table.append(place)
        place += sum(map(len, held.get(share, ())))
    table.append(place)
    written(path, table.tobytes(), *(line for share in sorted(held) for line in held[share]))
    held.clear()

"""A whole run: find the suspects, gather their charts, ask about everybody, put the rows together. One that was stopped goes on.

What is half done lies in `<out>.work`. Whatever stands there under its own name is whole; a step is done again if it is not there.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson
from msgspec import Struct
from msgspec.structs import replace

from cds.population.ask import MEDICATIONS, Row, all_runs, ask, collect_medications, read_rows, rows_of
from cds.population.engines import Each, Engine, on_cores
from cds.population.export import Export, ExportError, Piece, export_of, pieces_of, unpacked_bytes
from cds.population.gather import MARKS, Note, gather, note_of, written
from cds.population.job import Job, content_of
from cds.population.suspects import ERROR, IS_PATIENT, IS_SUSPECT, find, marked, settles
from cds.population.tables import table_for

SHARE_BYTES = 32 * 1024 * 1024
"""Size of a share, more or less: what a worker holds in memory at a time."""
SHARE_SUSPECTS = 100
"""Suspects in a share, more or less: what is lost at the most when a worker dies."""
MOST_SHARES = 4_096

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many parts of it are done, and of how many."""


def _tell_nobody(_what: str, _done: int, _whole: int) -> None: ...


class Summary(Struct, frozen=True):
    """What a run found, in numbers of patients. `left_out`: lines of the export that no answer rests on, by reason."""

    patients: int
    with_cards: int
    ms: Counter[str]
    topics: Counter[str]
    missing: Counter[str]
    left_out: Counter[str]


class _Plan(msgspec.Struct):
    """What a run is about, and how it is divided. `narrow`: whether charts are gathered of suspects only; `searched`: pieces searched."""

    about: dict[str, Any]
    types: list[str]
    shares: int
    narrow: bool
    searched: list[int]


def run(
    paths: Iterable[Path],
    out: Path,
    job: Job,
    engine: Engine | None = None,
    progress: Progress = _tell_nobody,
    *,
    as_complete: bool = False,
) -> Summary:
    """Ask about everybody in the export and write `out` (.csv, .csv.gz or .parquet).

    A run goes on where it was stopped if the export, the content, the policy and the day are the same. `as_complete`: go on even if the
    export says of itself that it is not whole, and take what it does not hold as absent. Raises `ExportError` if the export or `out`
    cannot be used, or the machine gives out.
    """
    write = table_for(out)
    export = export_of(paths)
    if export.partly and not as_complete:
        raise ExportError(f"the export is not whole: {export.partly}; --as-complete takes what it does not hold as absent")
    folder = out.with_name(f"{out.name}.work")
    job = replace(job, folder=folder.resolve())
    try:
        with _alone_in(folder), (engine or on_cores())() as each:
            summary = _run(export, out, job, each, progress, write, as_complete)
            shutil.rmtree(folder)
    except OSError as error:
        raise ExportError(
            f"{error.filename or folder}: {error.strerror or type(error).__name__}; run it again, it goes on where it was"
        ) from error
    return summary


def _run(export: Export, out: Path, job: Job, each: Each, progress: Progress, write: Any, as_complete: bool) -> Summary:
    pieces = pieces_of(export.files)
    about = _about(export, job, as_complete)
    plan = _kept(job.folder, about) or _planned(export, job, about, pieces, each, progress, as_complete)
    job = replace(job, types=tuple(plan.types), shares=plan.shares, narrow=plan.narrow)
    notes = _gathered(job, plan, pieces, each, progress)
    if any(note.unsearched for note in notes):  # Conditions in a file with another name: nothing may be set aside before they are searched
        _clear(job.folder)
        plan = _planned(export, job, about, pieces, each, progress, as_complete, everywhere=True)
        job = replace(job, types=tuple(plan.types), shares=plan.shares, narrow=plan.narrow)
        notes = _gathered(job, plan, pieces, each, progress)
    left_out = sum((Counter(note.left_out) for note in notes), Counter[str]())
    _refuse_errors(left_out, as_complete)
    types = export.types | {type_ for note in notes for type_ in note.types}
    if "Patient" not in types:
        raise ExportError("the export holds no Patient; the files of all types are needed together")
    job = replace(job, types=tuple(sorted(types)), runs=tuple(all_runs(job.folder, len(pieces))))
    if not (job.folder / MEDICATIONS).exists():
        collect_medications(job.folder, job.shares, job.runs)
    todo = [share for share in range(job.shares) if not rows_of(job.folder, share).exists()]
    progress("asking", job.shares - len(todo), job.shares)
    for number, _ in enumerate(each(ask, job, todo), job.shares - len(todo) + 1):
        progress("asking", number, job.shares)
    return _put_together(job, out, write, left_out)


def _about(export: Export, job: Job, as_complete: bool) -> dict[str, Any]:
    """What must be the same for a run to go on."""
    files = [[str(path.resolve()), (stat := path.stat()).st_size, stat.st_mtime_ns] for path in export.files]
    policy = repr(replace(job.policy, signed=None)), sorted(job.policy.signed or ()), job.policy.signed is None
    about = {
        "files": files,
        "types": sorted(export.types),
        "asOf": job.as_of,
        "content": content_of(job.site).edition.hash,
        "localCodes": None if job.site.local_codes is None else job.site.local_codes.read_text(encoding="utf-8"),
        "efficacyList": job.site.efficacy_list,
        "policy": policy,
        "asComplete": as_complete,
    }
    return dict(orjson.loads(orjson.dumps(about)))


def _kept(folder: Path, about: dict[str, Any]) -> _Plan | None:
    """The plan of an earlier run about the same; what another one left is cleared away."""
    path = folder / "plan.json"
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=_Plan)
    except (FileNotFoundError, msgspec.MsgspecError):
        plan = None
    if plan is None or plan.about != about:
        _clear(folder)
        return None
    return plan


def _planned(
    export: Export,
    job: Job,
    about: dict[str, Any],
    pieces: list[Piece],
    each: Each,
    progress: Progress,
    as_complete: bool,
    *,
    everywhere: bool = False,
) -> _Plan:
    """Find the patients and the suspects, and divide them."""
    searched = [piece for piece in pieces if everywhere or piece.type in ("Condition", "Patient", "")]
    found = []
    progress("finding", 0, len(searched))
    for number, (_, result) in enumerate(each(find, job, searched), 1):
        found.append(result)
        progress("finding", number, len(searched))
    _refuse_errors(sum((result.left_out for result in found), Counter()), as_complete)
    marks = marked(found)
    patients = max(1, marks.count(IS_PATIENT) + marks.count(IS_PATIENT | IS_SUSPECT))
    asked = "Condition" in export.types or any(result.conditions for result in found)
    narrow = asked and settles(content_of(job.site))
    suspects = marks.count(IS_SUSPECT) + marks.count(IS_PATIENT | IS_SUSPECT) if narrow else patients
    size = unpacked_bytes(export.files) * min(1.0, suspects / patients)
    shares = int(min(MOST_SHARES, max(size // SHARE_BYTES, suspects // SHARE_SUSPECTS) + 1))
    written(job.folder / MARKS, bytes(marks))
    plan = _Plan(about, sorted(export.types), shares, narrow, [piece.number for piece in searched])
    written(job.folder / "plan.json", msgspec.json.encode(plan))
    return plan


def _gathered(job: Job, plan: _Plan, pieces: list[Piece], each: Each, progress: Progress) -> list[Note]:
    """The notes of all pieces; those that are there are not done again."""
    searched = set(plan.searched)
    todo = [(piece, piece.number in searched) for piece in pieces if not note_of(job.folder, piece.number).exists()]
    progress("gathering", len(pieces) - len(todo), len(pieces))
    for number, _ in enumerate(each(gather, job, todo), len(pieces) - len(todo) + 1):
        progress("gathering", number, len(pieces))
    return [msgspec.json.decode(note_of(job.folder, piece.number).read_bytes(), type=Note) for piece in pieces]


def _refuse_errors(left_out: Counter[str], as_complete: bool) -> None:
    if left_out[ERROR] and not as_complete:
        raise ExportError(
            f"the export is not whole: the server reported {left_out[ERROR]} errors in it (OperationOutcome); "
            "--as-complete takes what it does not hold as absent"
        )


def _put_together(job: Job, out: Path, write: Any, left_out: Counter[str]) -> Summary:
    ms, topics, missing = Counter[str](), Counter[str](), Counter[str]()
    patients = with_cards = 0

    def counted() -> Iterator[list[Row]]:
        nonlocal patients, with_cards
        for share in range(job.shares):
            answered = read_rows(job.folder, share)
            left_out.update(answered.left_out)
            patients += len(answered.rows)
            for row in answered.rows:
                ms[row.ms] += 1
                if row.topics:
                    with_cards += 1
                    topics.update(set(row.topics))
                    missing.update(row.missing)
            yield answered.rows

    unfinished = job.folder / f"unfinished-{out.name}"
    write(unfinished, counted())
    unfinished.replace(out)
    return Summary(patients, with_cards, ms, topics, missing, +left_out)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out; the lock goes with the process, however it ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "lock.sqlite3", timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise ExportError(f"{folder}: another run is writing there") from None
        yield


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if not path.name.startswith("lock."):
            path.unlink()

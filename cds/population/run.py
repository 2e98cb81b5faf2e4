"""A whole run: sort, ask about every share on all cores, put the rows together. A run that was stopped goes on where it was."""

from __future__ import annotations

import csv
import gzip
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from cds.content import load_content
from cds.population.partition import ExportError, Sorted, files_of, sort_by_patient
from cds.population.patients import COLUMNS, Task, do_share, prepare, result_of

_PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found, in numbers of patients. `ownerless` and `unread_lines` are lines of the export that belong to no patient in it."""

    patients: int
    with_cards: int
    ms: Counter[str]
    topics: Counter[str]
    missing: Counter[str]
    ownerless: int
    unread_lines: int


Progress = Callable[[int, int], None]
"""Told how many shares are done, of how many."""


def run(paths: Iterable[Path], out: Path, task: Task, processes: int | None = None, progress: Progress | None = None) -> Summary:
    """Ask about everybody in the export and write `out` (.csv or .csv.gz).

    What is half done lies in `<out>.work` and is used again if the export, the content and the day are the same; it is removed at the
    end. Raises `ExportError` if the export or `out` cannot be used.
    """
    if not out.name.endswith((".csv", ".csv.gz")):
        raise ExportError(f"{out}: the name must end with .csv or .csv.gz")
    files = files_of(paths)
    folder = out.with_name(f"{out.name}.work")
    sorted_, strangers = _planned(files, folder, task)
    task = replace(task, folder=folder, types=sorted_.types)
    if "Patient" not in sorted_.types:
        raise ExportError("the export holds no Patient; the files of all types are needed together")
    todo = [share for share in range(sorted_.shares) if share not in strangers]
    workers = max(1, min(processes or os.cpu_count() or 1, len(todo)))
    context = multiprocessing.get_context("spawn")
    if todo:
        with ProcessPoolExecutor(workers, context, prepare, (task,)) as pool:
            running = {pool.submit(do_share, share): share for share in todo}
            try:
                for future in as_completed(running):
                    strangers[running[future]] = future.result()
                    _note(folder, strangers)
                    if progress is not None:
                        progress(len(strangers), sorted_.shares)
            finally:  # who stops a run does not want to wait for the rest of it
                pool.shutdown(cancel_futures=True)
    summary = _put_together(folder, sorted_, sum(strangers.values()), out)
    shutil.rmtree(folder)
    return summary


def _planned(files: list[Path], folder: Path, task: Task) -> tuple[Sorted, dict[int, int]]:
    """The shares, sorted now or by an earlier run of the same plan, and those that are done, with the strangers in each."""
    edition = load_content(task.content, task.local_codes).edition.hash
    plan: dict[str, Any] = {
        "files": [[str(path.resolve()), (stat := path.stat()).st_size, stat.st_mtime_ns] for path in files],
        "asOf": task.as_of.isoformat(),
        "content": edition,
        "maxCards": task.max_cards,
    }
    path = folder / _PLAN
    if path.exists() and (kept := orjson.loads(path.read_bytes()))["plan"] == plan:
        sorted_ = Sorted(**{**kept["sorted"], "types": tuple(kept["sorted"]["types"])})
        noted = {int(share): count for share, count in orjson.loads((folder / "done.json").read_bytes()).items()}
        return sorted_, {share: count for share, count in noted.items() if result_of(folder, share).exists()}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sorted_ = sort_by_patient(files, folder)
    _note(folder, {})
    _replace(path, {"plan": plan, "sorted": sorted_})
    return sorted_, {}


def _note(folder: Path, done: dict[int, int]) -> None:
    _replace(folder / "done.json", {str(share): count for share, count in done.items()})


def _replace(path: Path, value: Any) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.write_bytes(orjson.dumps(value))
    unfinished.replace(path)


def _put_together(folder: Path, sorted_: Sorted, strangers: int, out: Path) -> Summary:
    ms, topics, missing = Counter[str](), Counter[str](), Counter[str]()
    patients = with_cards = 0
    unfinished = out.with_name(f"{out.name}.part")
    with (
        gzip.open(unfinished, "wt", encoding="utf-8", newline="")
        if out.suffix == ".gz"
        else unfinished.open("w", encoding="utf-8", newline="") as file
    ):
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in _rows(folder, sorted_.shares):
            writer.writerow(row)
            patients += 1
            with_cards += bool(row["topics"])
            ms[row["ms"]] += 1
            topics.update(_listed(row["topics"]))
            missing.update(_listed(row["missing"]))
    unfinished.replace(out)
    return Summary(patients, with_cards, ms, topics, missing, sorted_.ownerless + strangers, sorted_.unread_lines)


def _listed(text: str) -> set[str]:
    return set(text.split("; ")) if text else set()


def _rows(folder: Path, shares: int) -> Iterator[dict[str, str]]:
    for share in range(shares):
        with result_of(folder, share).open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file, COLUMNS)

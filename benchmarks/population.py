"""A whole export: patients per second of CPU, with few and with only MS patients, and the most memory that a process held.

`python -m benchmarks.population` writes benchmarks/population.json and the figures in docs/population.md.
"""

from __future__ import annotations

import os
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from benchmarks.bodies import SEED, _resource
from benchmarks.report import profile_tables
from benchmarks.sampling import Shares, sampled
from cds.content import default_root
from cds.population.engines import Each, alone
from cds.population.job import Job, prepare
from cds.population.run import run
from cds.vignette.patients import load_patients

AS_OF = "2026-11-20"
NOISE = 30
"""Resources of a general practice of each patient, besides the Patient, and of one with MS besides what the synthetic patient has."""
PATTERNS = 200
"""So many different charts there are; all others repeat them with other ids."""
RUNS = ((10_000, 0.01), (100_000, 0.01), (2_000, 1.0))
"""Patients, and the share of them with MS."""
GOALS = {0.01: 8_000, 1.0: 800}
"""Patients per second on a core that are wanted, by the share with MS."""
RESULTS, PAGE = Path(__file__).with_suffix(".json"), Path(__file__).parents[1] / "docs" / "population.md"
BEGIN, END = "<!-- figures: python -m benchmarks.population -->\n", "<!-- end of figures -->\n"
HERE = "@patient@"

Chart = dict[str, bytes]
"""The lines about a patient by type, with `HERE` for the id."""


def main() -> None:
    """Measure, and write the figures and the table."""
    found = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "runs": figures(),
    }
    RESULTS.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table(found) + END + rest.partition(END)[2], encoding="utf-8")


def figures(runs: tuple[tuple[int, float], ...] = RUNS, processes: tuple[int, ...] = (1, 2)) -> list[dict[str, Any]]:
    """Each run as a user starts it, with each number of processes, and its steps in one process."""
    found: list[dict[str, Any]] = []
    for patients, share in runs:
        with tempfile.TemporaryDirectory() as folder:
            size = write_export(Path(folder) / "export", patients, share)
            about = {"patients": patients, "share_with_ms": share, "bytes": size, "steps_s": steps(Path(folder))}
            if share == 1:
                about["profile"] = profile(Path(folder))
            found.extend({**about, "processes": count, **measured(Path(folder), count)} for count in processes)
    return found


def steps(folder: Path) -> dict[str, float]:
    """CPU seconds of each step of a run in this process, content loaded."""
    times: dict[str, float] = {}

    @contextmanager
    def timed() -> Iterator[Each]:
        def each(function: Any, job: Job, items: Any) -> Iterator[Any]:
            for item in items:
                started = time.process_time()
                result = function(job, item)
                times[function.__name__] = times.get(function.__name__, 0) + time.process_time() - started
                yield item, result

        yield each

    whole = Job(date.fromisoformat(AS_OF))
    prepare(whole.site)
    started = time.process_time()
    run([folder / "export"], folder / "steps.csv", whole, timed)
    return {**times, "all": time.process_time() - started}


def profile(folder: Path) -> dict[str, Shares]:
    """Shares of the CPU of all steps in this process, by room and by function."""
    whole = Job(date.fromisoformat(AS_OF))
    prepare(whole.site)
    with sampled() as shares:
        run([folder / "export"], folder / "profile.csv", whole, alone)
    return shares


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        "| patients | with MS | MB | processes | seconds | CPU seconds | patients/s of CPU | goal | memory of a process | of all |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for run_ in found["runs"]:
        cells = (
            f"{run_['patients']:,}",
            f"{run_['share_with_ms']:.0%}",
            f"{run_['bytes'] / 1e6:,.0f}",
            str(run_["processes"]),
            f"{run_['seconds']:.0f}",
            f"{run_['cpu_s']:.0f}",
            f"{run_['patients'] / run_['steps_s']['all']:,.0f}",
            f"{GOALS[run_['share_with_ms']]:,}",
            f"{run_['peak_mb']:.0f} MB",
            f"{run_['peak_together_mb']:.0f} MB",
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "CPU of the steps in one process, start and loading of the content left out:", ""]
    lines += ["| patients | with MS | find, µs/patient | gather, µs/patient | ask, ms/patient with MS |", "|--:|--:|--:|--:|--:|"]
    for run_ in found["runs"]:
        if run_["processes"] == 1:
            step, patients = run_["steps_s"], run_["patients"]
            asked = step["ask"] / (patients * run_["share_with_ms"]) * 1e3
            cells = (
                f"{patients:,}",
                f"{run_['share_with_ms']:.0%}",
                *(f"{step[name] / patients * 1e6:.0f}" for name in ("find", "gather")),
            )
            lines.append("| " + " | ".join((*cells, f"{asked:.1f}")) + " |")
    lines += ["", "Profile of all steps, with MS only:", ""]
    lines += next((profile_tables(run_["profile"]) for run_ in found["runs"] if "profile" in run_), ())
    return "\n".join([*lines, f"Machine: {found['machine']}.", ""])


def measured(folder: Path, processes: int) -> dict[str, float]:
    """Wall and CPU seconds of one run as a user starts it, start of the processes included, and the peak of memory in MB."""
    command = [sys.executable, "-m", "cds", "population", str(folder / "export"), "--out", str(folder / "report.csv")]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    child = subprocess.Popen(  # noqa: S603
        [*command, "--as-of", AS_OF, "--processes", str(processes)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    alone = together = 0
    while child.poll() is None:
        held = [size for process in _family(child.pid) if (size := _held(process))]
        alone, together = max([alone, *held]), max(together, sum(held))
        time.sleep(0.2)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        raise RuntimeError(f"the run ended with status {child.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_s": cpu, "peak_mb": alone / 1e6, "peak_together_mb": together / 1e6}


def write_export(folder: Path, patients: int, share: float) -> int:
    """An export of so many patients, of whom this share has MS, one file for each type; its size in bytes."""
    chance = random.Random(SEED)
    others = [
        _chart(chance, [{"resourceType": "Patient", "id": HERE, "gender": "female", "birthDate": "1971-03-05"}]) for _ in range(PATTERNS)
    ]
    with_ms = [_chart(chance, resources) for resources in _synthetic()]
    folder.mkdir(parents=True)
    files = {}
    for number in range(patients):
        so_far = int(number * share)
        has_ms = int((number + 1) * share) > so_far
        chart = with_ms[so_far % len(with_ms)] if has_ms else others[number % PATTERNS]
        for type_, lines in chart.items():
            if type_ not in files:
                files[type_] = (folder / f"{type_}.000.ndjson").open("wb", 1 << 20)
            files[type_].write(lines.replace(HERE.encode(), f"p{number}".encode()))
    for file in files.values():
        file.close()
    return sum(path.stat().st_size for path in folder.iterdir())


def _chart(chance: random.Random, resources: list[dict[str, Any]]) -> Chart:
    lines: dict[str, list[bytes]] = {}
    for number in range(NOISE):
        made = _resource(chance, number, f"Patient/{HERE}")
        resources = [*resources, made | {"id": f"{HERE}-{number}"}]
    for resource_ in resources:
        lines.setdefault(resource_["resourceType"], []).append(orjson.dumps(resource_) + b"\n")
    return {type_: b"".join(found) for type_, found in lines.items()}


def _synthetic() -> Iterator[list[dict[str, Any]]]:
    """The resources of every synthetic patient whose problem list holds MS."""
    for name, patient in load_patients(default_root() / "seeds" / "patients").items():
        values = patient.expand().request("patient-view")["prefetch"].values()
        found = [each for value in values for each in ([entry["resource"] for entry in value.get("entry", ())] or [value])]
        text = orjson.dumps([each for each in found if each["resourceType"] not in ("Bundle", "OperationOutcome")])
        if b"ultiple sclerosis" in text:
            yield orjson.loads(re.sub(rb'"(Patient/)?' + re.escape(name.encode()) + rb'"', rb'"\1' + HERE.encode() + rb'"', text))


def _family(pid: int) -> list[int]:
    """The process and its children, on Linux."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _held(pid: int) -> int:
    """Memory of a process in bytes, on Linux; 0 if it has gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


if __name__ == "__main__":
    main()

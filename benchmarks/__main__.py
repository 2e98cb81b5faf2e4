"""Run the benchmarks: `python -m benchmarks` writes benchmarks/results.json and docs/performance.md; `--quick` takes a minute."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from benchmarks import calls, report, sampling, serving, stages, store
from benchmarks.bodies import SIZES

FOLDER = Path(__file__).parent
PACKAGES = ("fastapi", "starlette", "pydantic", "fhir.resources", "orjson", "msgspec", "uvicorn")


def main() -> None:
    """Measure, write the figures, and make the page from them."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small bodies, few rounds; writes nothing")
    parser.add_argument("--report", action="store_true", help="only make the page from results.json")
    options = parser.parse_args()
    results = FOLDER / "results.json"
    if options.report:
        report.write(orjson.loads(results.read_bytes()))
        return
    sizes = SIZES[:2] if options.quick else SIZES
    with tempfile.TemporaryDirectory() as state:
        os.environ["RANVIER_STATE"] = state
        found = measured(sizes, 3 if options.quick else calls.ROUNDS, quick=options.quick)
    if options.quick:
        print(report.page(found))
        return
    results.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    report.write(found)


def measured(sizes: tuple[int, ...], rounds: int, *, quick: bool) -> dict[str, Any]:
    """All figures."""
    small = tuple(size for size in sizes if size < 20_000)
    found: dict[str, Any] = {
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "versions": {name: version(name) for name in PACKAGES},
        "content_load_s": stages.load_seconds(),
        "profile": sampling.profile(2 if quick else 20),
        "stages": stages.stages(sizes, 3 if quick else 7),
        "calls": asyncio.run(calls.whole_calls(sizes, rounds)),
        "store": asyncio.run(store.events_per_second(2_000 if quick else 30_000)),
    }
    if not quick:
        found["memory_mb"] = {name: calls.extra_memory(name, max(sizes)) for name in ("bare", "naive", "ranvier")}
        found["start_up_s"] = serving.start_up()
        found["compared"] = serving.compared(sizes)
        found["serving"] = serving.loads(small)
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()

"""docs/soak.md, made from what came of the soaks."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.soak.load import CLIENTS, percentiles
from tests.soak.run import Result
from tests.soak.world import TEMPERS

HEAD = """# Soak

Made by `make soak` (`python -m tests.soak`). Nothing here is edited by hand. A short version runs with every `make test`.

The service runs as it does for a site: signed calls, its own content, PostgreSQL. More callers than it can serve call without a pause, so
that it is overloaded all the time; each of them begins its next call as soon as it is answered, after a 503 a little later. Clients,
service, FHIR servers and database share the machine. Meanwhile

- some clients leave in the middle of a call, before or after its last byte, with and without a good-bye;
- FHIR servers are {tempers};
- the keys of one client cannot be read for the first third (500, then no JSON, then no answer in time), those of another never;
- PostgreSQL is stopped at four tenths and started again a tenth later;
- tokens are expired, misaddressed or none at all, bodies are cut off, nested 100,000 deep or of another media type.

Allowed is: the right answer, 412 where data cannot be had, the 4xx that a fault deserves, and 503 with `Retry-After`. Afterwards a worker
must hold no task and no file descriptor more than before (idle connections to FHIR servers apart, which the pool keeps), every report that
was acknowledged must be in the database, and neither log nor database may hold a patient's name, number or id, a token, or a comment.
"""


def page(results: Sequence[Result]) -> str:
    """The whole page."""
    tempers = ", ".join(TEMPERS)
    parts = [
        HEAD.format(tempers=tempers),
        f"Machine: {_cpu()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}.\n",
    ]
    for result in results:
        parts.append(f"## {result.workers} worker{'s' if result.workers > 1 else ''}, {result.seconds:.0f} seconds\n")
        parts.append(_answers(result))
        parts.append(_held(result))
        parts.append(_verdict(result))
    return "\n".join(parts)


def _answers(result: Result) -> str:
    told = result.told
    statuses = sorted({status for answers in told.answers.values() for status in answers})
    rows = [
        (kind, CLIENTS[kind], *(told.answers[kind][status] or "" for status in statuses), *percentiles(told.seconds[kind]))
        for kind in CLIENTS
        if kind in told.answers
    ]
    return _table(("callers", "number", *statuses, "p50, ms", "p95, ms", "p99, ms"), rows)


def _held(result: Result) -> str:
    rows = [
        (when, worker, sum(one["tasks"].values()), sum(one["files"].values()) - one["outgoing"], one["outgoing"], one["rss_mb"])
        for worker, pair in enumerate(zip(result.before, result.after, strict=True), 1)
        for when, one in zip(("before", "after"), pair, strict=True)
    ]
    return _table(("", "worker", "tasks", "file descriptors", "idle connections to FHIR servers", "memory, MB"), rows)


def _verdict(result: Result) -> str:
    told = result.told
    rows = ", ".join(f"{number:,} in `{name}`" for name, number in result.rows.items() if number)
    lines = [
        f"{told.left:,} calls were left by their clients. {len(told.acknowledged):,} reports were acknowledged; the database holds {rows}. "
        f"The log has {result.log_lines:,} lines.\n",
        *(f"- **wrong**: {fault}" for fault in result.faults),
    ]
    return "\n".join(lines if result.faults else [lines[0], "Nothing was wrong.\n"])


def _table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(map(str, heads)) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    lines += ["| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())

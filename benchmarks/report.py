"""The page docs/performance.md, its tables and plots, from the measured figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import log10
from pathlib import Path
from typing import Any

from benchmarks.stages import STAGES

DOCS = Path(__file__).parents[1] / "docs"
COLOURS = ("#1b4965", "#5fa8d3", "#ca6702", "#6a994e", "#9b2226", "#bb9457", "#6c757d")

GOALS = (
    ("lone Patient", 1, "floor", 3.0),
    ("42 resources", 42, "floor", 4.5),
    ("420 resources", 420, "floor", 1.6),
    ("1,000 resources", 1_000, "floor", 1.6),
    ("20,000 resources", 20_000, "floor", 0.5),
    ("42 resources", 42, "naive", 10.0),
    ("420 resources", 420, "naive", 25.0),
    ("20,000 resources", 20_000, "naive", 60.0),
)
"""Body, its size, what it is compared with, and the ratio that is wanted: at most to the floor, at least to the naive way."""

HEAD = """# Performance

Made by `make bench` (`python -m benchmarks`) from `benchmarks/results.json`. Nothing here is edited by hand.

Every figure of Ranvier is of the whole hook call, from the bytes of the request to the bytes of the answer: envelope, selection,
validation by fhir.resources, every fact, every summary, safety, rendered cards, the audit row. Tokens are not checked. The others
do less: *bare* is an ASGI function that runs `orjson.loads` over the same body and answers without cards; *fastapi* is FastAPI with a
Pydantic model; *naive* also makes each prefetched Bundle a fhir.resources object. None of the three gives advice.

Variants take turns within one run and CPU time is compared, so ratios hold on a busy machine; milliseconds do not carry over to
another one. Bodies: one synthetic patient with MS (10 resources; 56 in the largest body) among observations, conditions,
medication orders and procedures of a general practice that Ranvier has no use for.
"""

READING = """
## How a call stays cheap

`cds/fhir/probe.py` looks at the head of each prefetched entry (type, id, subject, code) and leaves out what no reader could use
before it is made into objects; in doubt an entry stays. What stays is read by the plain path, so everything a fact rests on is a
validated fhir.resources object. `RANVIER_READING=plain` turns the selection off; `tests/properties/test_probe_properties.py` shows that
facts, records and cards are the same. A useless resource that is also broken is not named among what could not be read.

The rest is Python reading and weighing some 90 facts, 30 summaries and 160 hazards for each chart, whatever its size: this is the
constant part of a call, and the reason why small bodies cost more than the floor, which does none of it.
"""


def write(results: dict[str, Any]) -> None:
    """Write the page and its plots."""
    (DOCS / "performance.md").write_text(page(results), encoding="utf-8")
    for name, drawing in plots(results).items():
        (DOCS / "images" / name).write_text(drawing, encoding="utf-8")


def page(results: dict[str, Any]) -> str:
    """The page as Markdown."""
    machine, calls = results["machine"], results["calls"]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    parts = [HEAD, f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; {versions}.\n"]
    parts.append("## CPU of one call, in process\n")
    names = ("bare", "fastapi", "naive", "ranvier")
    parts.append(
        _table(
            ("resources", "kB", *(f"{name}, ms" for name in names), "Ranvier / bare", "naive / Ranvier"),
            [
                (
                    f"{row['resources']:,}",
                    f"{row['bytes'] / 1000:,.0f}",
                    *(f"{row[name]['ms']:.2f} ({row[name]['quartiles'][0]:.2f}–{row[name]['quartiles'][1]:.2f})" for name in names),
                    f"{row['ratio_to_floor']:.2f}",
                    f"{row['naive_to_ranvier']:.1f}",
                )
                for row in calls
            ],
        )
    )
    parts.append("Median, quartiles in brackets.\n\n![CPU of one call by size of the body](images/performance-calls.svg)\n")
    parts.append(_linear(calls))
    parts += ["## Goals\n", _table(("body", "compared with", "goal", "measured", ""), list(_goals(calls)))]
    parts.append("## Where the time goes\n")
    parts.append(
        _table(
            ("resources", *(f"{stage}, ms" for stage in STAGES)),
            [(f"{row['resources']:,}", *(f"{row[stage]:.2f}" for stage in STAGES)) for row in results["stages"]],
        )
    )
    parts.append("`decode` includes the selection; `chart` is identity, versions and ownership.\n")
    parts.append("![Stages of one call](images/performance-stages.svg)\n")
    parts.append("## The rest\n")
    store = results["store"]
    rows = [("content load, CPU", f"{results['content_load_s']:.2f} s")]
    if "start_up_s" in results:
        rows.append(("start of the process to the first answer with cards", f"{results['start_up_s']:.2f} s"))
        rows += [(f"extra peak memory of the largest body, {name}", f"{mb:.0f} MB") for name, mb in results["memory_mb"].items()]
    rows.append(("audit rows made durable (SQLite)", f"{store['rows_per_second']:,.0f} per second"))
    rows.append(("time in the handler per audit row", f"{store['handler_us']:.1f} µs"))
    parts.append(_table(("", ""), rows))
    if "serving" in results:
        parts += ["## Over HTTP\n", _serving(results["serving"])]
        parts.append(
            "uvicorn with uvloop and httptools; the client runs on the same cores. *paced*: calls arrive at 80 % of the rate that "
            "8 connections reached, and latency counts from when a call was due.\n"
        )
    parts.append(READING.lstrip())
    return "\n".join(parts)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] + ["--:"] * (len(heading) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _goals(calls: list[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    by_size = {row["resources"]: row for row in calls}
    for name, size, against, goal in GOALS:
        if size in by_size:
            value = by_size[size]["ratio_to_floor" if against == "floor" else "naive_to_ranvier"]
            met = value <= goal if against == "floor" else value >= goal
            sign = "≤" if against == "floor" else "≥"
            yield name, "bare" if against == "floor" else "naive", f"{sign} {goal:g}×", f"{value:.2f}×", "met" if met else "not met"


def _linear(calls: list[dict[str, Any]]) -> str:
    """Least squares of the cost over the number of resources, bodies with MS only."""
    points = [(row["resources"], row["ranvier"]["ms"]) for row in calls if row["resources"] > 1]
    if len(points) < 3:
        return ""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    residual = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points) / sum((y - mean_y) ** 2 for _, y in points)
    constant = mean_y - slope * mean_x
    return f"Fit: {constant:.1f} ms + {slope * 1000:.1f} µs for each resource (R² = {1 - residual:.3f}).\n"


def _serving(rows: list[dict[str, Any]]) -> str:
    return _table(
        ("workers", "resources", "connections", "calls/s", "CPU ms/call", "p50 ms", "p95 ms", "p99 ms"),
        [
            (
                str(row["workers"]),
                f"{row['resources']:,}",
                f"{row['connections']}, paced" if "load" in row else str(row["connections"]),
                f"{row['per_second']:.0f}" if "per_second" in row else "",
                f"{row['cpu_ms']:.1f}" if "cpu_ms" in row else "",
                *(f"{row[f'p{part}_ms']:.0f}" for part in (50, 95, 99)),
            )
            for row in rows
        ],
    )


def plots(results: dict[str, Any]) -> dict[str, str]:
    """SVG drawings by file name."""
    names = ("bare", "fastapi", "naive", "ranvier")
    calls = [(f"{row['resources']:,}", [(name, row[name]["ms"]) for name in names]) for row in results["calls"]]
    shares = [(f"{row['resources']:,}", [(stage, row[stage]) for stage in STAGES]) for row in results["stages"]]
    return {"performance-calls.svg": _bars(calls), "performance-stages.svg": _stacked(shares)}


def _bars(groups: list[tuple[str, list[tuple[str, float]]]]) -> str:
    """Grouped bars over a logarithmic scale from 0.01 ms to 10 s."""
    parts, top, width = [], 30, 640
    for group, values in groups:
        parts.append(f'<text x="90" y="{top + 26}" text-anchor="end">{escape(group)}</text>')
        for number, (_, value) in enumerate(values):
            length = max(1.0, _log(value) * (width - 200))
            y = top + number * 12
            parts.append(f'<rect x="100" y="{y}" width="{length:.0f}" height="10" fill="{COLOURS[number]}"/>')
            parts.append(f'<text x="{104 + length:.0f}" y="{y + 9}" font-size="9">{value:.3g} ms</text>')
        top += 12 * len(values) + 14
    return _svg(width, top, [*_legend([name for name, _ in groups[0][1]]), *parts], "CPU of one call by number of resources")


def _log(value: float) -> float:
    return (log10(max(value, 0.01)) + 2) / 6


def _stacked(groups: list[tuple[str, list[tuple[str, float]]]]) -> str:
    """Shares of the whole, one bar for each body."""
    parts, top, width = [], 30, 640
    for group, values in groups:
        whole, x = sum(value for _, value in values), 100.0
        parts.append(f'<text x="90" y="{top + 14}" text-anchor="end">{escape(group)}</text>')
        for number, (_, value) in enumerate(values):
            length = value / whole * (width - 200)
            parts.append(f'<rect x="{x:.1f}" y="{top}" width="{length:.1f}" height="20" fill="{COLOURS[number]}"/>')
            x += length
        parts.append(f'<text x="{x + 4:.0f}" y="{top + 14}" font-size="10">{whole:.1f} ms</text>')
        top += 30
    return _svg(width, top, [*_legend([name for name, _ in groups[0][1]]), *parts], "Share of each stage by number of resources")


def _legend(names: Sequence[str]) -> list[str]:
    marks = []
    for number, name in enumerate(names):
        x = 100 + number * 75
        marks.append(f'<rect x="{x}" y="6" width="10" height="10" fill="{COLOURS[number]}"/>')
        marks.append(f'<text x="{x + 14}" y="15" font-size="11">{escape(name)}</text>')
    return marks


def _svg(width: int, height: int, parts: Sequence[str], title: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img">'
    return "\n".join(
        [head, f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""]
    )

"""The page docs/performance.md, its tables and plots, from the measured figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import log10
from pathlib import Path
from typing import Any

from benchmarks.stages import STAGES

DOCS = Path(__file__).parents[1] / "docs"
COLOURS = ("#1b4965", "#5fa8d3", "#ca6702", "#6a994e", "#9b2226", "#bb9457", "#6c757d", "#7b2cbf")

GOALS = (
    (1, "floor", 3.0),
    (42, "floor", 4.5),
    (420, "floor", 1.6),
    (1_000, "floor", 1.6),
    (20_000, "floor", 0.5),
    (42, "naive", 10.0),
    (420, "naive", 25.0),
    (20_000, "naive", 60.0),
)
"""Resources, what Ranvier is compared with, and the ratio that is wanted: at most to the floor, at least to the naive way."""
MEMORY_MB, START_SECONDS, P99_TO_P50 = 15.0, 1.5, 3.0
"""Goals for the peak of memory at the largest body, for the first answer, and for latency at 80 % load."""
NAMES = ("bare", "fastapi", "naive", "ranvier")

HEAD = """# Performance

Made by `make bench` (`python -m benchmarks`) from `benchmarks/results.json`. Nothing here is edited by hand.

Every figure of Ranvier is of the whole hook call, from the bytes of the request to the bytes of the answer: envelope, selection,
validation by fhir.resources, every fact, every summary, safety, rendered cards, the audit row. Tokens are not checked. The others
do less: *bare* is an ASGI function that runs `orjson.loads` over the same body and answers without cards; *fastapi* is FastAPI with a
Pydantic model; *naive* also makes each prefetched Bundle a fhir.resources object. None of the three gives advice.

Variants take turns within one run and CPU time is compared, so ratios hold on a busy machine; milliseconds do not carry over to
another one. Bodies: observations, conditions, medication orders and procedures of a general practice that Ranvier has no use for, of a
patient without MS (most calls in a hospital), or of a synthetic patient with MS of whom 10 resources matter (56 in the largest body).
The naive way costs the same for both and is measured with MS only.
"""

READING = """
## How a call stays cheap

`cds/fhir/probe.py` looks at the head of each prefetched entry (type, id, subject, code) and leaves out what no reader could use
before it is made into objects; in doubt an entry stays. `tests/properties/test_probe_properties.py` shows that facts, records and cards
are the same. `notRead` names what might have said something and could not be read; a resource whose code no reader uses is not read at
all, and so is not named there even if it is broken.

`cds/fhir/compiled.py` makes what stays into objects of fhir.resources, so everything a fact rests on is a validated resource. It
describes the library's classes to pydantic once more, without the Python code that the library runs for each element, and takes a
quarter of the time. It can only say yes: what it does not accept goes to the library, which decides. `make fuzz` compares both on
150,000 broken resources, of which more than 100,000 are still of a type that is read. `RANVIER_READING=plain` reads everything, by
the library alone.

`cds/first_look.py` then reads the diagnosis alone. Where it silences every summary there is no card, and nothing else is read;
`tests/properties/test_first_look.py` shows that reading everything gives the same silence. For a chart without any record that could
matter, the outcome is remembered by which questions were answered. What a concept falls under is remembered, too, up to a bound, but never
long words, which could be free text. No resource, fact or card outlives its call.

## What the goals that are not met would take

With MS, a call does what the floor and the naive way do not: some 90 facts, 30 summaries and 160 hazards, and cards in which each
statement is cited. This is the constant in the fit above, whatever the size of the chart; the stages and the profile show its parts.
None stands out: the dearest function takes a few hundredths of the call. So the goals with MS are out of reach of Python that is read
as easily as it is now: at 42 resources the goal leaves little more than validation and the encoding of the answer take. What was
tried, and what would reach further:

- The same code compiled gains little. `fhir`, `patient`, `evidence`, `deck` and `advice` built with Cython as they stand took 5 % less
  for an export with MS only: the time goes into making and looking up objects, not into reading instructions. mypyc does not take classes
  of Pydantic and msgspec.
- Readers and criteria written anew in a compiled language, with records of fixed layout instead of objects of fhir.resources, would gain
  a factor. They would be a second house beside this one, and reviewers could no longer read how a fact is found.
- Remembering the advice for a chart that is sent again unchanged would cost a hash instead of a reading, and would meet the goals. It
  would keep patient data in memory between calls, which Ranvier does not do.

A lone Patient costs the floor so little that the envelope, its checks, the audit row and the safety headers weigh more than `orjson.loads`.
A call looks around twice before it computes, so that callers who have arrived are counted or told to come back; the floor does not.
At 20,000 resources nine tenths of a call without MS go into looking at the head of each entry, in C; a quicker look would need an index
of the body, such as simdjson keeps, and a second reader of JSON beside it.
Start-up is imports (FastAPI, Pydantic, the classes of fhir.resources: about a half) and content (patterns, YAML, templates: two fifths).
SQLAlchemy is loaded in the background, when the first callers have been answered. Start-up is measured with modules that are compiled
already, as an installer leaves them; compiling those of Ranvier at every start takes 0.2 s more.
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
    parts.append(_calls(calls, NAMES))
    parts.append("Median, quartiles in brackets.\n\n![CPU of one call by size of the body](images/performance-calls.svg)\n")
    parts += [_linear(calls, ms) for ms in (False, True)]
    if "compared" in results:
        parts.append("## CPU of the server for one call over HTTP\n")
        parts.append(_calls(results["compared"], ("bare", "naive", "ranvier")))
        parts.append(
            "The same server, one worker and one connection for each; garbage collection is tuned alike. The audit row is included.\n"
        )
    parts += ["## Goals\n", _table(("", "goal", "measured", ""), list(_goals(results)))]
    parts.append("## Where the time goes\n")
    parts.append(
        _table(
            ("resources", "MS", *(f"{stage}, ms" for stage in STAGES)),
            [(*_case(row), *(f"{row[stage]:.2f}" for stage in STAGES)) for row in results["stages"]],
        )
    )
    parts.append("`decode` includes the selection; `chart` is identity, versions and ownership; `diagnosis` is the first look.\n")
    parts.append("![Stages of one call](images/performance-stages.svg)\n")
    parts += ["## Profile of a call of 42 resources with MS\n", *profile_tables(results["profile"])]
    parts.append("## The rest\n")
    store = results["store"]
    rows = [("content load, CPU", f"{results['content_load_s']:.2f} s")]
    if "start_up_s" in results:
        rows.append(("start of the process to the first answer with cards", f"{results['start_up_s']:.2f} s"))
        rows += [(f"extra peak memory of the largest body, {name}", f"{mb:.0f} MB") for name, mb in results["memory_mb"].items()]
    rows.append(("audit rows made durable (SQLite)", f"{store['rows_per_second']:,.0f} per second"))
    rows.append(("time in the handler per audit row", f"{store['handler_us']:.1f} µs"))
    if "feedback_per_second" in store:
        each = f"{store['feedback_per_second']:,.0f} per second, {store['feedback_per_cpu_second']:,.0f} per second of CPU"
        rows.append(("feedback reports answered, each when it is durable (SQLite)", each))
        rows.append(("wait of a lone sender of feedback", f"{store['feedback_alone_ms']:.1f} ms"))
    parts.append(_table(("", ""), rows))
    if "serving" in results:
        parts += ["## Over HTTP\n", _serving(results["serving"])]
        parts.append(
            "uvicorn with uvloop and httptools; the client runs on the same cores. *paced*: calls arrive at 80 % of the rate that "
            "8 connections reached, and latency counts from when a call was due. Of connections that are opened at one moment while all "
            "is quiet, most may land on one of two workers, as the paced rows show; a worker that is busy takes none.\n"
        )
    parts.append(READING.lstrip())
    return "\n".join(parts)


def profile_tables(found: dict[str, list[tuple[str, float]]]) -> Iterable[str]:
    """A profile as two tables: rooms and functions."""
    for kind, title in (("rooms", "room of `cds/`"), ("functions", "function, with the libraries that it asks")):
        yield _table((title, "share"), [(f"`{name}`", f"{share:.1%}") for name, share in found[kind]])


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] + ["--:"] * (len(heading) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _case(row: dict[str, Any]) -> tuple[str, str]:
    """A body in two columns."""
    return f"{row['resources']:,}", "yes" if row["ms"] else "no"


def _calls(rows: list[dict[str, Any]], names: Sequence[str]) -> str:
    """Milliseconds of every app that was measured on a body, and the ratios."""

    def spent(row: dict[str, Any], name: str) -> str:
        if name not in row:
            return ""
        return f"{row[name]['ms']:.2f} ({row[name]['quartiles'][0]:.2f}–{row[name]['quartiles'][1]:.2f})"

    return _table(
        ("resources", "MS", *(f"{name}, ms" for name in names), "Ranvier / bare", "naive / Ranvier"),
        [
            (
                *_case(row),
                *(spent(row, name) for name in names),
                f"{row['ratio_to_floor']:.2f}",
                f"{row['naive_to_ranvier']:.1f}" if row["naive_to_ranvier"] else "",
            )
            for row in rows
        ],
    )


def _goals(results: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    """Ratios over HTTP where they were measured, else in process. The naive way of a body is the same with and without MS."""
    rows = {(row["resources"], row["ms"]): row for row in results.get("compared", results["calls"])}
    for size, against, goal in GOALS:
        for ms in (False, True):
            row = rows.get((size, ms))
            if row is None:
                continue
            name = f"{size:,} resources, {'with' if ms else 'without'} MS" if size > 1 else "lone Patient without MS"
            if against == "floor":
                yield _goal(f"{name}: CPU to *bare*", row["ratio_to_floor"], goal, "×")
            elif "naive" in (naive := rows.get((size, True), {})):
                yield _goal(f"{name}: CPU of *naive* to it", naive["naive"]["ms"] / row["ranvier"]["ms"], goal, "×", at_least=True)
    if "memory_mb" in results:
        yield _goal("largest body: extra peak of memory", results["memory_mb"]["ranvier"], MEMORY_MB, " MB")
        yield _goal("start of the process to the first answer with cards", results["start_up_s"], START_SECONDS, " s")
    for row in results.get("serving", ()):
        if "load" in row and row["workers"] == 1:
            name = f"{row['resources']:,} resources with MS, 8 connections at 80 % load: p99 to p50"
            yield _goal(name, row["p99_ms"] / row["p50_ms"], P99_TO_P50, "×")


def _goal(name: str, value: float, goal: float, unit: str, *, at_least: bool = False) -> tuple[str, str, str, str]:
    met = value >= goal if at_least else value <= goal
    return name, f"{'≥' if at_least else '≤'} {goal:g}{unit}", f"{value:.2f}{unit}", "met" if met else "not met"


def _linear(calls: list[dict[str, Any]], ms: bool) -> str:
    """Least squares of the cost over the number of resources."""
    points = [(row["resources"], row["ranvier"]["ms"]) for row in calls if row["resources"] > 1 and row["ms"] is ms]
    if len(points) < 3:
        return ""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    residual = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points) / sum((y - mean_y) ** 2 for _, y in points)
    constant = mean_y - slope * mean_x
    kind = "with" if ms else "without"
    return f"Fit {kind} MS: {constant:.1f} ms + {slope * 1000:.1f} µs for each resource (R² = {1 - residual:.3f}).\n"


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
                *(f"{row[f'p{part}_ms']:.1f}" for part in (50, 95, 99)),
            )
            for row in rows
        ],
    )


def plots(results: dict[str, Any]) -> dict[str, str]:
    """SVG drawings by file name."""
    calls = [(_label(row), [(name, row[name]["ms"]) for name in NAMES if name in row]) for row in results["calls"]]
    shares = [(_label(row), [(stage, row[stage]) for stage in STAGES]) for row in results["stages"]]
    return {"performance-calls.svg": _bars(calls), "performance-stages.svg": _stacked(shares)}


def _label(row: dict[str, Any]) -> str:
    return f"{row['resources']:,}{' MS' if row['ms'] else ''}"


def _bars(groups: list[tuple[str, list[tuple[str, float]]]]) -> str:
    """Grouped bars over a logarithmic scale from 0.01 ms to 10 s."""
    parts, top, width = [], 30, 640
    for group, values in groups:
        parts.append(f'<text x="90" y="{top + 26}" text-anchor="end">{escape(group)}</text>')
        for number, (name, value) in enumerate(values):
            length = max(1.0, _log(value) * (width - 200))
            y = top + number * 12
            colour = COLOURS[NAMES.index(name)]
            parts.append(f'<rect x="100" y="{y}" width="{length:.0f}" height="10" fill="{colour}"/>')
            parts.append(f'<text x="{104 + length:.0f}" y="{y + 9}" font-size="9">{value:.3g} ms</text>')
        top += 12 * len(values) + 14
    return _svg(width, top, [*_legend(NAMES), *parts], "CPU of one call by number of resources")


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
        x = 100 + number * 66
        marks.append(f'<rect x="{x}" y="6" width="10" height="10" fill="{COLOURS[number]}"/>')
        marks.append(f'<text x="{x + 14}" y="15" font-size="11">{escape(name)}</text>')
    return marks


def _svg(width: int, height: int, parts: Sequence[str], title: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img">'
    return "\n".join(
        [head, f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""]
    )

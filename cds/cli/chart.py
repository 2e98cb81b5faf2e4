"""Commands that read charts: `explain` for one patient, `population` for an export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from cds.cli.common import content_of, day, err, out, today
from cds.settings import Settings


def explain(
    file: Annotated[str, typer.Argument(help="A CDS Hooks request, a prefetch object or a Bundle; - reads standard input.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Day of the advice, YYYY-MM-DD.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Print how the advice for a patient comes about: facts, criteria, cards, and what stayed silent and why."""
    from cds.advice import advise
    from cds.explain.as_json import explain_json
    from cds.explain.as_text import explain_text
    from cds.explain_input import read_input

    settings = Settings()
    content = content_of(settings)
    chart, trigger = read_input(_read(file), content)
    advice = advise(content, chart, trigger, day(as_of) if as_of else today(settings))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(explain_json(advice, content, chart), option=orjson.OPT_INDENT_2) + b"\n")
        return
    for line in explain_text(advice, content, chart):
        print(line)


def _read(file: str) -> bytes:
    from cds.explain_input import InputError

    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error


def population(
    exports: Annotated[list[Path], typer.Argument(help="NDJSON files of a FHIR Bulk Data export, .gz too, or a folder of them.")],
    to: Annotated[Path, typer.Option("--out", help="Where the rows go: a .csv, .csv.gz or .parquet file; the plot goes beside it.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Day of the advice, YYYY-MM-DD.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes; all cores unless given.")] = None,
    engine: Annotated[Literal["cores", "ray"], typer.Option(help="On the cores of this machine, or on a Ray cluster.")] = "cores",
    as_complete: Annotated[
        bool, typer.Option("--as-complete", help="Take what an export does not hold as absent, whatever it says.")
    ] = False,
) -> None:
    """The same advice for everybody in an export: one row for each patient, and a summary (docs/population.md)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from cds.api.advice import policy_of
    from cds.population.engines import on_cores, on_ray
    from cds.population.job import Job, Site
    from cds.population.run import run
    from cds.population.show import as_drawing, as_tables
    from cds.review.signoff import signed_cards

    settings = Settings()
    policy = policy_of(settings, signed_cards(content_of(settings), settings))
    site = Site(settings.content, settings.local_codes, settings.efficacy_list)
    job = Job(day(as_of) if as_of else today(settings), site, policy)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err) as bar:
        lines = {what: bar.add_task(what, total=None) for what in ("finding", "gathering", "asking")}
        work = (on_ray if engine == "ray" else on_cores)(processes)
        update = lambda what, done, whole: bar.update(lines[what], completed=done, total=whole)  # noqa: E731
        summary = run(exports, to, job, work, update, as_complete=as_complete)
    drawing = to.with_name(to.name.removesuffix(".gz")).with_suffix(".svg")
    drawing.write_bytes(as_drawing(summary))
    for table in as_tables(summary):
        out.print(table)
    for what, count in sorted(summary.left_out.items()):
        err.print(f"left out: {count:,} {what}", soft_wrap=True)
    err.print(f"{to} and {drawing} are written", markup=False, soft_wrap=True)

"""Commands on the content: `ranvier content ...`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from cds.cli.common import content_of, err, out, today
from cds.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The evidence, the cards and the founding documents.")


@app.command()
def check() -> None:
    """Check figures, sources, wording, templates and founding statements; status 1 if anything is wrong."""
    from cds.authoring.check import check as check_content
    from cds.authoring.check import citable_sources, coverage

    settings = Settings()
    content = content_of(settings)
    problems = check_content(content, today(settings))
    table = Table(title=f"Content {content.edition.version} ({content.edition.hash[:12]})")
    for heading in ("", "encoded", "in dossier", "added", "left out", "unexplained"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in coverage(content):
        table.add_row(row.kind, *(str(n) for n in (row.encoded, row.dossier, row.added, row.left_out, row.unexplained)))
    out.print(table)
    evidence = content.evidence
    out.print(
        f"{len(content.deck.cards)} cards, {len(evidence.summaries)} summaries, {len(evidence.criteria)} criteria; "
        f"{citable_sources(evidence.sources.values())} of {len(evidence.sources)} sources citable"
    )
    for problem in problems:
        err.print(f"{problem.level}: {problem.where}: {problem.what}", markup=False, soft_wrap=True)
    errors = sum(problem.level == "error" for problem in problems)
    out.print(f"{errors} errors, {len(problems) - errors} warnings")
    raise typer.Exit(1 if errors else 0)


@app.command()
def book(
    folder: Annotated[Path, typer.Argument(help="Folder for card-book.md and card-book.html.")] = Path("docs"),
) -> None:
    """Write every card of every synthetic patient as one book, for a reviewer to read."""
    from cds.explain.card_book import as_html, card_book
    from cds.vignette.patients import load_patients

    content = content_of(Settings())
    text = card_book(content, load_patients(content.root / "seeds" / "patients").values())
    (folder / "card-book.md").write_text(text, encoding="utf-8")
    (folder / "card-book.html").write_text(as_html(text), encoding="utf-8")
    out.print(f"Wrote {folder / 'card-book.md'} and {folder / 'card-book.html'}.", soft_wrap=True)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="Folder with cards/ and seeds/ as they were.")],
    new: Annotated[Path, typer.Argument(help="Folder with cards/ and seeds/ as they are.")],
) -> None:
    """What changed for a reader between two copies of the content: claims, figures, summaries, cards."""
    from cds.authoring.diff import content_diff
    from cds.content import load_content

    changes = content_diff(load_content(old), load_content(new))
    for change in changes:
        out.print(f"{change.what:<8} {change.kind} {change.id}", markup=False, soft_wrap=True)
        for line in change.details:
            out.print(f"         {line}", markup=False, soft_wrap=True)
    out.print(f"{len(changes)} changes")


@app.command()
def export(
    fhir: Annotated[str | None, typer.Option("--fhir", help="FHIR version of the evidence resources: r5.")] = None,
    as_bibtex: Annotated[bool, typer.Option("--bibtex", help="The sources as BibTeX.")] = False,
    as_csl: Annotated[bool, typer.Option("--csl", help="The sources as CSL-JSON.")] = False,
) -> None:
    """Print the evidence base as FHIR R5, or its sources as BibTeX or CSL-JSON."""
    from cds.export.bibliography import bibtex, csl_json
    from cds.export.fhir_r5 import export_bundle

    content = content_of(Settings())
    sources = content.evidence.sources.values()
    if (fhir == "r5") + as_bibtex + as_csl != 1:
        raise typer.BadParameter("choose one of --fhir r5, --bibtex, --csl")
    if as_bibtex:
        print(bibtex(sources), end="")
        return
    data = csl_json(sources) if as_csl else export_bundle(content)
    sys.stdout.buffer.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="What to write: source.")],
    doi: Annotated[str, typer.Option("--doi", help="DOI of the publication, such as 10.1001/jama.2018.18743.")],
    area: Annotated[str, typer.Option("--area", help="ahsct, cell-therapy or dmt.")],
    id: Annotated[str, typer.Option("--id", help="Id of the new source, such as burt-2019-mist.")],
) -> None:
    """Write a skeleton for a new source, with every field explained, to be filled in by hand."""
    from cds.authoring.new_source import new_source

    if kind != "source":
        raise typer.BadParameter("only `source` can be written so far")
    settings = Settings()
    path = new_source(content_of(settings), doi, area, id)
    out.print(f"Wrote {path}. Fill in what you have read, then run: ranvier content check", soft_wrap=True)


@app.command()
def schemas() -> None:
    """Write JSON Schemas of all content records to seeds/schemas, for editors with completion."""
    from cds.authoring.schemas import write_schemas

    folder = content_of(Settings()).root / "seeds" / "schemas"
    for path in write_schemas(folder):
        out.print(str(path), soft_wrap=True)

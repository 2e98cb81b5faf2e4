"""The command line `ranvier`: serve, demo, explain, content check. Errors a user can mend are one line, without a traceback."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from cds.advice import advise
from cds.api.clients import ConfigurationError
from cds.authoring.check import check, citable_sources, coverage
from cds.authoring.diff import content_diff
from cds.authoring.new_source import new_source
from cds.authoring.schemas import write_schemas
from cds.call import CallError
from cds.content import Content, default_root, load_content
from cds.demo import DemoError, run_demo
from cds.evidence.load import ContentError
from cds.explain.as_json import explain_json
from cds.explain.as_text import explain_text
from cds.explain.card_book import as_html, card_book
from cds.explain_input import InputError, read_input
from cds.export.bibliography import bibtex, csl_json
from cds.export.fhir_r5 import export_bundle
from cds.feedback.comments import CommentKeyError, read_key
from cds.feedback.records import RecordError
from cds.feedback.report import Period
from cds.feedback.report_output import as_csv, as_json, as_tables
from cds.population.export import ExportError
from cds.probe.command import ProbeError
from cds.probe.token import KeyFileError
from cds.sandbox.run import SandboxError
from cds.serve import serve as serve_forever
from cds.settings import Settings
from cds.vignette.patients import SyntheticPatient, load_patients

app = typer.Typer(name="ranvier", no_args_is_help=True, add_completion=False, help=__doc__)
patients_app = typer.Typer(no_args_is_help=True, help="The synthetic patients.")
app.add_typer(patients_app, name="patients")
content_app = typer.Typer(no_args_is_help=True, help="The evidence, the cards and the founding documents.")
app.add_typer(content_app, name="content")
feedback_app = typer.Typer(no_args_is_help=True, help="What became of the cards.")
app.add_typer(feedback_app, name="feedback")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def main() -> None:
    """Run the command; an error the user can mend ends with status 2 and one line."""
    try:
        app()
    except (
        CommentKeyError,
        ConfigurationError,
        ContentError,
        ExportError,
        InputError,
        DemoError,
        RecordError,
        ProbeError,
        KeyFileError,
        CallError,
        SandboxError,
    ) as error:
        err.print(f"ranvier: {error}", markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            err.print(f"ranvier: RANVIER_{name}: {problem['msg']}", markup=False, soft_wrap=True)
        raise SystemExit(2) from None


def _content(settings: Settings) -> Content:
    return load_content(settings.content, settings.local_codes, settings.efficacy_list)


def _root(settings: Settings) -> Path:
    return settings.content or default_root()


def _today(settings: Settings) -> date:
    return settings.as_of or datetime.now(UTC).date()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a date is written YYYY-MM-DD") from None


@app.command()
def serve() -> None:
    """Serve the CDS Hooks; every setting is an environment variable (docs/settings.md)."""
    serve_forever(Settings())


@app.command()
def demo(
    patient: Annotated[str, typer.Argument(help="Id of a synthetic patient in seeds/patients.")] = "ocrelizumab-failure",
    hook: Annotated[str, typer.Option(help="The hook to call.")] = "patient-view",
    keep_serving: Annotated[bool, typer.Option("--keep-serving", help="Go on serving and print the addresses to try.")] = False,
) -> None:
    """Start the service, call it over HTTP for a synthetic patient, and print the cards."""
    run_demo(Settings(), patient, hook, keep_serving, out)


@app.command()
def explain(
    file: Annotated[str, typer.Argument(help="A CDS Hooks request, a prefetch object or a Bundle; - reads standard input.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Day of the advice, YYYY-MM-DD.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Print how the advice for a patient comes about: facts, criteria, cards, and what stayed silent and why."""
    settings = Settings()
    content = _content(settings)
    chart, trigger = read_input(_read(file), content)
    advice = advise(content, chart, trigger, _day(as_of) if as_of else _today(settings))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(explain_json(advice, content, chart), option=orjson.OPT_INDENT_2) + b"\n")
        return
    for line in explain_text(advice, content, chart):
        print(line)


@app.command()
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
    policy = policy_of(settings, signed_cards(_content(settings), settings))
    site = Site(settings.content, settings.local_codes, settings.efficacy_list)
    job = Job(_day(as_of) if as_of else _today(settings), site, policy)
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


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error


@content_app.command("check")
def content_check() -> None:
    """Check figures, sources, wording, templates and founding statements; status 1 if anything is wrong."""
    settings = Settings()
    content = _content(settings)
    problems = check(content, _today(settings))
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


@content_app.command("book")
def content_book(
    folder: Annotated[Path, typer.Argument(help="Folder for card-book.md and card-book.html.")] = Path("docs"),
) -> None:
    """Write every card of every synthetic patient as one book, for a reviewer to read."""
    content = _content(Settings())
    book = card_book(content, load_patients(content.root / "seeds" / "patients").values())
    (folder / "card-book.md").write_text(book, encoding="utf-8")
    (folder / "card-book.html").write_text(as_html(book), encoding="utf-8")
    out.print(f"Wrote {folder / 'card-book.md'} and {folder / 'card-book.html'}.", soft_wrap=True)


@content_app.command("diff")
def content_diff_command(
    old: Annotated[Path, typer.Argument(help="Folder with cards/ and seeds/ as they were.")],
    new: Annotated[Path, typer.Argument(help="Folder with cards/ and seeds/ as they are.")],
) -> None:
    """What changed for a reader between two copies of the content: claims, figures, summaries, cards."""
    changes = content_diff(load_content(old), load_content(new))
    for change in changes:
        out.print(f"{change.what:<8} {change.kind} {change.id}", markup=False, soft_wrap=True)
        for line in change.details:
            out.print(f"         {line}", markup=False, soft_wrap=True)
    out.print(f"{len(changes)} changes")


@content_app.command("export")
def content_export(
    fhir: Annotated[str | None, typer.Option("--fhir", help="FHIR version of the evidence resources: r5.")] = None,
    as_bibtex: Annotated[bool, typer.Option("--bibtex", help="The sources as BibTeX.")] = False,
    as_csl: Annotated[bool, typer.Option("--csl", help="The sources as CSL-JSON.")] = False,
) -> None:
    """Print the evidence base as FHIR R5, or its sources as BibTeX or CSL-JSON."""
    content = _content(Settings())
    sources = content.evidence.sources.values()
    if (fhir == "r5") + as_bibtex + as_csl != 1:
        raise typer.BadParameter("choose one of --fhir r5, --bibtex, --csl")
    if as_bibtex:
        print(bibtex(sources), end="")
        return
    data = csl_json(sources) if as_csl else export_bundle(content)
    sys.stdout.buffer.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")


@content_app.command("new")
def content_new(
    kind: Annotated[str, typer.Argument(help="What to write: source.")],
    doi: Annotated[str, typer.Option("--doi", help="DOI of the publication, such as 10.1001/jama.2018.18743.")],
    area: Annotated[str, typer.Option("--area", help="ahsct, cell-therapy or dmt.")],
    id: Annotated[str, typer.Option("--id", help="Id of the new source, such as burt-2019-mist.")],
) -> None:
    """Write a skeleton for a new source, with every field explained, to be filled in by hand."""
    if kind != "source":
        raise typer.BadParameter("only `source` can be written so far")
    settings = Settings()
    path = new_source(_content(settings), doi, area, id)
    out.print(f"Wrote {path}. Fill in what you have read, then run: ranvier content check", soft_wrap=True)


@feedback_app.command("report")
def feedback_report(
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How it is printed.")] = "table",
    since: Annotated[str | None, typer.Option("--since", help="First day, YYYY-MM-DD, in UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last day, YYYY-MM-DD, in UTC.")] = None,
    per: Annotated[Period, typer.Option("--per", help="Length of the periods.")] = "month",
) -> None:
    """Cards shown, accepted and overridden by topic, content version and reason; calls by outcome (docs/feedback.md)."""
    from cds.feedback.reading import read_report  # here, because SQLAlchemy takes long to load

    report = read_report(Settings().database, _day(since) if since else None, _day(until) if until else None, per)
    if form == "table":
        for table in as_tables(report):
            out.print(table)
    else:
        print(as_csv(report) if form == "csv" else as_json(report).decode(), end="" if form == "csv" else "\n")


@feedback_app.command("comments")
def feedback_comments(
    since: Annotated[str | None, typer.Option("--since", help="First day, YYYY-MM-DD, in UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last day, YYYY-MM-DD, in UTC.")] = None,
) -> None:
    """Comments of users, decrypted with RANVIER_COMMENT_KEY, one JSON object a line. They may hold patient data (docs/feedback.md)."""
    from cds.feedback.reading import read_comments  # here, because SQLAlchemy takes long to load

    settings = Settings()
    if settings.comment_key is None:
        raise RecordError("RANVIER_COMMENT_KEY is not set, so no comment was kept, or none can be read")
    for report, comment in read_comments(
        settings.database, read_key(settings.comment_key), _day(since) if since else None, _day(until) if until else None
    ):
        line = {"card": report.card, "service": report.service, "outcome": report.outcome, "at": report.outcome_at, "comment": comment}
        sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


@patients_app.command("list")
def patients_list() -> None:
    """Ids and titles of the synthetic patients."""
    for patient in load_patients(_root(Settings()) / "seeds" / "patients").values():
        out.print(f"{patient.id:<36} {patient.title}", markup=False, soft_wrap=True)


@patients_app.command("request")
def patients_request(
    patient: Annotated[str, typer.Argument(help="Id of a synthetic patient.")],
    hook: Annotated[str, typer.Option(help="The hook to call.")] = "patient-view",
) -> None:
    """Print the CDS Hooks request an EHR would send for a synthetic patient."""
    sys.stdout.buffer.write(orjson.dumps(_patient(patient).expand().request(hook), option=orjson.OPT_INDENT_2) + b"\n")


def _patient(id: str) -> SyntheticPatient:
    patients = load_patients(_root(Settings()) / "seeds" / "patients")
    if id not in patients:
        raise typer.BadParameter(f"there is no patient {id!r}; see `ranvier patients list`")
    return patients[id]


@app.command()
def probe(
    url: Annotated[str, typer.Argument(help="Address below which the service has /cds-services. No other host is called.")],
    profile: Annotated[Literal["strict", "2.0", "1.0", "epic"], typer.Option(help="What is demanded, see docs/probe.md.")] = "2.0",
    request: Annotated[list[Path] | None, typer.Option(help="A request of synthetic data that leads to cards; may be repeated.")] = None,
    jwt_key: Annotated[Path | None, typer.Option("--jwt-key", help="Private key of a client that the service knows: JWK or PEM.")] = None,
    jwt_issuer: Annotated[str, typer.Option("--jwt-issuer", help="`iss` of the tokens.")] = "https://probe.example",
    jwt_jku: Annotated[str | None, typer.Option("--jwt-jku", help="`jku` of the tokens.")] = None,
    format: Annotated[Literal["terminal", "json", "junit", "html"], typer.Option(help="Form of the report.")] = "terminal",
    report_file: Annotated[Path | None, typer.Option("--out", help="Write the report to this file.")] = None,
    feedback: Annotated[bool, typer.Option(help="Whether feedback about cards that do not exist is sent.")] = True,
    max_requests: Annotated[int, typer.Option(help="Most requests that are sent.", min=1)] = 400,
    pause: Annotated[int, typer.Option(help="Milliseconds between two requests.", min=0)] = 10,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.1)] = 10.0,
    body_limit: Annotated[
        int | None,
        typer.Option("--body-limit", help="Largest body in MiB that the service reads; a larger one is sent once.", min=1, max=64),
    ] = None,
    fhir_server: Annotated[
        str | None, typer.Option("--fhir-server", help="Listen here as a FHIR server that the service may ask: http://127.0.0.1:9090.")
    ] = None,
) -> None:
    """Check any CDS Hooks service from outside; status 1 if it fails. Requests are sent one by one."""
    from cds.probe.command import Manners, read_requests, write
    from cds.probe.command import probe as run_probe
    from cds.probe.token import read_signer

    signer = read_signer(jwt_key, jwt_issuer, jwt_jku) if jwt_key else None
    manners = Manners(feedback, max_requests, pause, timeout)
    report = run_probe(url, profile, signer, read_requests(request or []), manners, body_limit, fhir_server)
    write(report, format, report_file, out)
    raise typer.Exit(1 if report.count("fail") else 0)


@app.command()
def call(
    service: Annotated[str, typer.Argument(help="Id of the service, such as ms-patient-view.")],
    patient: Annotated[str | None, typer.Option(help="Id of a synthetic patient.")] = None,
    file: Annotated[Path | None, typer.Option(help="A CDS Hooks request in a file.")] = None,
    url: Annotated[str, typer.Option(help="Address below which the service has /cds-services.")] = "http://127.0.0.1:8000",
    fhir_server: Annotated[str | None, typer.Option("--fhir-server", help="Send no prefetch, but this FHIR server to read from.")] = None,
    fhir_token: Annotated[str | None, typer.Option("--fhir-token", help="Access token for the FHIR server.")] = None,
    jwt_key: Annotated[Path | None, typer.Option("--jwt-key", help="Private key of the client: JWK or PEM.")] = None,
    jwt_issuer: Annotated[str, typer.Option("--jwt-issuer", help="`iss` of the token.")] = "https://probe.example",
    jwt_jku: Annotated[str | None, typer.Option("--jwt-jku", help="`jku` of the token.")] = None,
    feedback: Annotated[Literal["accepted", "overridden"] | None, typer.Option(help="Report this outcome for every card.")] = None,
    as_curl: Annotated[bool, typer.Option("--curl", help="Print the call for curl instead of sending it.")] = False,
    save: Annotated[Path | None, typer.Option(help="Write request.json and response.json to this folder.")] = None,
) -> None:
    """Call one service as an EHR would, and show the answer; status 1 if it is refused."""
    from cds import call as calling
    from cds.probe.token import read_signer

    target = calling.endpoint(url, service, read_signer(jwt_key, jwt_issuer, jwt_jku) if jwt_key else None)
    if (patient is None) == (file is None):
        raise typer.BadParameter("one of --patient and --file is needed")
    body = calling.request_of_file(file) if file else calling.request_of_patient(_patient(patient or ""), calling.hook_of(target))
    if fhir_server:
        body = calling.with_server(body, fhir_server, fhir_token)
    if as_curl:
        print(calling.curl(target, body))
        return
    answer = calling.call(target, body)
    calling.show(out, target, answer)
    if save:
        calling.save(save, body, answer)
    if answer.status != 200:
        raise typer.Exit(1)
    if feedback:
        reported = calling.send_feedback(target, answer.cards, feedback)
        out.print(f"feedback {feedback}: status {reported.status}")
        raise typer.Exit(0 if reported.status == 200 else 1)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port of the page and the FHIR server; Ranvier takes the next.", min=1, max=65534)] = 8800,
    secured: Annotated[bool, typer.Option("--secured", help="Signed calls, and a FHIR server that needs a bearer token.")] = False,
) -> None:
    """Run Ranvier, a FHIR server with the synthetic patients, and a page that plays the EHR, on this machine only."""
    from cds.sandbox.run import run_sandbox

    run_sandbox(Settings(), port, secured, out)


@patients_app.command("export")
def patients_export(
    format: Annotated[Literal["bundle", "transaction", "ndjson"], typer.Option(help="How the resources are written.")] = "bundle",
    file: Annotated[Path | None, typer.Option("--out", help="Write to this file.")] = None,
) -> None:
    """Print all synthetic patients as FHIR R4, to be loaded into any FHIR server."""
    from cds.sandbox.store import build, export

    text = export(build(load_patients(_root(Settings()) / "seeds" / "patients").values()), format)
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8")


@content_app.command("schemas")
def content_schemas() -> None:
    """Write JSON Schemas of all content records to seeds/schemas, for editors with completion."""
    folder = _content(Settings()).root / "seeds" / "schemas"
    for path in write_schemas(folder):
        out.print(str(path), soft_wrap=True)

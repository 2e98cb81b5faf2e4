"""Commands on what became of the cards: `ranvier feedback ...`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import orjson
import typer

from cds.cli.common import day, out
from cds.feedback.report import Period
from cds.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What became of the cards.")


@app.command()
def report(
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How it is printed.")] = "table",
    since: Annotated[str | None, typer.Option("--since", help="First day, YYYY-MM-DD, in UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last day, YYYY-MM-DD, in UTC.")] = None,
    per: Annotated[Period, typer.Option("--per", help="Length of the periods.")] = "month",
) -> None:
    """Cards shown, accepted and overridden by topic, content version and reason; calls by outcome (docs/feedback.md)."""
    from cds.feedback.reading import read_report
    from cds.feedback.report_output import as_csv, as_json, as_tables

    found = read_report(Settings().database, day(since) if since else None, day(until) if until else None, per)
    if form == "table":
        for table in as_tables(found):
            out.print(table)
    else:
        print(as_csv(found) if form == "csv" else as_json(found).decode(), end="" if form == "csv" else "\n")


@app.command()
def comments(
    since: Annotated[str | None, typer.Option("--since", help="First day, YYYY-MM-DD, in UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last day, YYYY-MM-DD, in UTC.")] = None,
) -> None:
    """Comments of users, decrypted with RANVIER_COMMENT_KEY, one JSON object a line. They may hold patient data (docs/feedback.md)."""
    from cds.feedback.comments import read_key
    from cds.feedback.reading import read_comments
    from cds.feedback.records import RecordError

    settings = Settings()
    if settings.comment_key is None:
        raise RecordError("RANVIER_COMMENT_KEY is not set, so no comment was kept, or none can be read")
    for about, comment in read_comments(
        settings.database, read_key(settings.comment_key), day(since) if since else None, day(until) if until else None
    ):
        line = {"card": about.card, "service": about.service, "outcome": about.outcome, "at": about.outcome_at, "comment": comment}
        sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

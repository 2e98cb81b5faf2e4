"""The report of a run: for a terminal, as JSON, as JUnit XML for CI, as one HTML page."""

from __future__ import annotations

import io
import json
from importlib.resources import files
from typing import Literal
from xml.sax.saxutils import quoteattr

from jinja2 import Environment, StrictUndefined
from msgspec.structs import asdict
from rich.console import Console
from rich.table import Table

from cds.probe.model import Report, Result, Verdict

Format = Literal["terminal", "json", "junit", "html"]
COLOURS: dict[Verdict, str] = {"pass": "green", "fail": "red", "warn": "yellow", "notApplicable": "dim"}
WORDS: dict[Verdict, str] = {"pass": "pass", "fail": "FAIL", "warn": "warn", "notApplicable": "n/a"}


def render(report: Report, kind: Format, width: int = 120) -> str:
    """The report as text."""
    return {
        "terminal": lambda: _plain(report, width),
        "json": lambda: as_json(report),
        "junit": lambda: as_junit(report),
        "html": lambda: as_html(report),
    }[kind]()


def summary(report: Report) -> str:
    """One line."""
    counts = f"{report.count('pass')} passed, {report.count('fail')} failed, {report.count('warn')} warnings"
    return f"{counts}, {report.count('notApplicable')} not applicable; {report.requests} requests; profile {report.profile}"


def to_terminal(report: Report, out: Console) -> None:
    """A table of all checks, then what failed in full."""
    table = Table(title=f"CDS Hooks probe of {report.base}", box=None, pad_edge=False)
    for heading in ("", "row", "level", "check", "came back"):
        table.add_column(heading, overflow="fold")
    for result in report.results:
        table.add_row(
            f"[{COLOURS[result.verdict]}]{WORDS[result.verdict]}[/]",
            result.row,
            result.level,
            result.title,
            result.got if result.sent else result.why,
        )
    out.print(table)
    for result in report.results:
        if result.verdict in ("fail", "warn"):
            out.print(f"\n[{COLOURS[result.verdict]}]{WORDS[result.verdict]}[/] {result.row} {result.check} ({result.level})")
            out.print(f"  sent       {result.sent}\n  came back  {result.got}\n  why        {result.why}", markup=False)
    out.print(f"\n{summary(report)}")


def as_json(report: Report) -> str:
    """Every result, and the counts."""
    counts = {verdict: report.count(verdict) for verdict in COLOURS}
    document = {"base": report.base, "profile": report.profile, "requests": report.requests, "counts": counts}
    return json.dumps({**document, "results": [asdict(result) for result in report.results]}, indent=2) + "\n"


def as_junit(report: Report) -> str:
    """One test case for each check; warnings are noted, but do not fail."""
    name = _attribute(f"CDS Hooks probe ({report.profile})")
    counts = f'tests="{len(report.results)}" failures="{report.count("fail")}" errors="0" skipped="{report.count("notApplicable")}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuite name={name} {counts}>",
        *(_case(result) for result in report.results),
        "</testsuite>",
    ]
    return "\n".join(lines) + "\n"


def _case(result: Result) -> str:
    start = f"  <testcase classname={_attribute(result.row)} name={_attribute(result.check)}>"
    inside = {
        "pass": "",
        "fail": f"<failure message={_attribute(result.why)}>{_text(_details(result))}</failure>",
        "warn": f"<system-out>{_text(f'warning: {_details(result)}')}</system-out>",
        "notApplicable": f"<skipped message={_attribute(result.why)}/>",
    }[result.verdict]
    return f"{start}{inside}</testcase>"


def _details(result: Result) -> str:
    return f"{result.level}; sent: {result.sent}; came back: {result.got}; {result.why}"


def _printable(text: str) -> str:
    """Without characters that XML cannot hold; the names of members come from the service."""
    return "".join(
        c if c in "\t\n" or (c.isprintable() and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff") else "\ufffd" for c in text
    )


def _attribute(text: str) -> str:
    return quoteattr(_printable(text))


def _text(text: str) -> str:
    return _printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_html(report: Report) -> str:
    """One page that needs nothing else."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("cds.probe").joinpath("report.html").read_text(encoding="utf-8"))
    return template.render(report=report, summary=summary(report), words=WORDS)


def _plain(report: Report, width: int) -> str:
    buffer = io.StringIO()
    to_terminal(report, Console(file=buffer, width=width, highlight=False, no_color=True))
    return buffer.getvalue()

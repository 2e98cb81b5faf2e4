"""A report as tables for a terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from msgspec import to_builtins
from msgspec.structs import fields
from pydantic.alias_generators import to_camel
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cds.feedback.report import Report

CSV_COLUMNS = ("what", "period", "service", "topic", "summary", "contentVersion", "outcome", "reason", "count")


def as_json(report: Report) -> bytes:
    """One object: `cards`, `unmatched`, `calls`, each an array of lines."""
    return orjson.dumps(_camel(to_builtins(report)), option=orjson.OPT_INDENT_2)


def as_csv(report: Report) -> str:
    """One count a row, for a spreadsheet's pivot table; `what` is card, reason, unmatched or call."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_rows(report))
    return text.getvalue()


def _rows(report: Report) -> Iterator[tuple[str | int, ...]]:
    for line in report.cards:
        place = (line.period, "", line.topic, line.summary, line.content_version)
        for outcome, count in (("shown", line.shown), ("accepted", line.accepted), ("overridden", line.overridden)):
            yield "card", *place, outcome, "", count
        for reason in line.reasons:
            yield "reason", *place, "overridden", _plain(reason.code), reason.count
    for unmatched in report.unmatched:
        for outcome, count in (("accepted", unmatched.accepted), ("overridden", unmatched.overridden)):
            yield "unmatched", unmatched.period, unmatched.service, "", "", "", outcome, "", count
    for call in report.calls:
        yield "call", call.period, call.service, "", "", "", call.outcome, "", call.calls


def _plain(text: str) -> str:
    """A word that came from a client, so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def as_tables(report: Report) -> list[Table]:
    """Cards, reasons to override, reports on unknown cards, calls; the middle two only if there are any."""
    cards = _table("Cards", "period", "topic", "summary", "content", "shown", "accepted", "overridden")
    reasons = _table("Reasons to override", "period", "topic", "summary", "content", "reason", "count")
    for line in report.cards:
        place = (line.period, line.topic, line.summary, line.content_version)
        _add(cards, *place, line.shown, line.accepted, line.overridden)
        for reason in line.reasons:
            _add(reasons, *place, reason.display or reason.code, reason.count)
    unmatched = _table("Feedback on cards not known to have been shown", "period", "service", "accepted", "overridden")
    for report_line in report.unmatched:
        _add(unmatched, *(getattr(report_line, field.name) for field in fields(report_line)))
    calls = _table("Calls", "period", "service", "outcome", "calls", "median ms", "95 % within ms")
    for call in report.calls:
        _add(calls, *(getattr(call, field.name) for field in fields(call)))
    return [table for table in (cards, reasons, unmatched, calls) if table.row_count or table in (cards, calls)]


_NUMBERS = frozenset({"shown", "accepted", "overridden", "count", "calls", "median ms", "95 % within ms"})


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", overflow="fold")
    return table


def _add(table: Table, *cells: Any) -> None:
    table.add_row(*(Text(str(cell)) for cell in cells))


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _camel(member) for name, member in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_camel(member) for member in value]
    return value

"""The summary of a run as tables for the terminal."""

from __future__ import annotations

from collections import Counter

from rich.table import Table

from cds.population.run import Summary


def as_tables(summary: Summary) -> list[Table]:
    """How many patients, by what is known of MS; by topic of a card; and what would have to be recorded to know more."""
    ms = _table("Multiple sclerosis", "", summary.ms, summary.patients)
    ms.add_row("all patients", f"{summary.patients:,}", "")
    ms.add_row("with a card", f"{summary.with_cards:,}", _share(summary.with_cards, summary.patients))
    return [
        ms,
        _table("Patients by topic of a card", "topic", summary.topics, summary.patients),
        _table("What would we need to record to know?", "not known", summary.missing, summary.patients),
    ]


def _table(title: str, heading: str, counts: Counter[str], whole: int) -> Table:
    table = Table(title=title)
    for name in (heading, "patients", "of all"):
        table.add_column(name, justify="left" if name == heading else "right")
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, f"{count:,}", _share(count, whole))
    return table


def _share(count: int, whole: int) -> str:
    return f"{count / whole:.1%}" if whole else ""

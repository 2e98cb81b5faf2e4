"""The summary of a run: tables for the terminal, and a drawing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.table import Table

from cds.population.run import Summary

MOST_BARS = 20
_COLOURS = {"topics": "#1b4965", "missing": "#ca6702"}


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


def as_drawing(summary: Summary) -> bytes:
    """Two groups of bars as SVG: patients by topic of a card, and patients by what is not known of them."""
    import pygal  # type: ignore[import-untyped]  # loaded where it is drawn: it takes a while
    from pygal.style import Style  # type: ignore[import-untyped]

    topics, missing = (_largest(counts) for counts in (summary.topics, summary.missing))
    bars = [*((name, count, "topics") for name, count in topics), *((name, count, "missing") for name, count in missing)]
    bars.reverse()  # the first bar stands below
    chart = pygal.HorizontalStackedBar(
        js=(),
        width=900,
        height=140 + 26 * len(bars),
        title=f"{summary.with_cards:,} of {summary.patients:,} patients with a card",
        style=Style(
            background="white",
            plot_background="white",
            font_family="sans-serif",
            colors=tuple(_COLOURS.values()),
            label_font_size=12,
            value_font_size=11,
            value_colors=("white", "white"),
        ),
        print_values=True,
        value_formatter=lambda value: f"{value:,.0f}",
        print_zeroes=False,
        legend_at_bottom=True,
        truncate_label=60,
        truncate_legend=-1,
        no_data_text="no cards",
    )
    chart.add_xml_filter(_without_scripts)
    chart.x_labels = [name for name, _, _ in bars]
    for kind, title in (("topics", "patients by topic of a card"), ("missing", "patients of whom this is not known")):
        chart.add(title, [count if of == kind else None for _, count, of in bars])
    return bytes(chart.render())


def _without_scripts(root: Any) -> Any:
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag == "script"]:
            parent.remove(child)
    return root


def _largest(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_BARS]


def _table(title: str, heading: str, counts: Counter[str], whole: int) -> Table:
    table = Table(title=title)
    for name in (heading, "patients", "of all"):
        table.add_column(name, justify="left" if name == heading else "right")
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(name, f"{count:,}", _share(count, whole))
    return table


def _share(count: int, whole: int) -> str:
    return f"{count / whole:.1%}" if whole else ""

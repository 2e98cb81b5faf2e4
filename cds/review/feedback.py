"""`/review/feedback`: what became of the cards, by topic, reason, content version and time; drawn, and as tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, get_args

from markupsafe import Markup
from msgspec import Struct

from cds.content import Content
from cds.feedback.records import RecordError
from cds.feedback.report import CardLine, Period, Report

MOST_BARS = 24
"""Groups drawn; the table holds all."""


class Group(Struct, frozen=True):
    """Cards that have something in common, with what became of them; nobody answered for the rest of those shown."""

    name: str
    shown: int
    accepted: int
    overridden: int

    @property
    def answered(self) -> int:
        """Cards with a last word on them."""
        return self.accepted + self.overridden


class Part(Struct, frozen=True):
    """One way to look at the cards: a drawing and its table."""

    title: str
    column: str
    groups: tuple[Group, ...]
    plot: Markup


def feedback_page(content: Content, read: Callable[[date | None, date | None, Period], Report], query: Mapping[str, str]) -> dict[str, Any]:
    """The page for the days and period of the address. What is not understood of them is said; a record that is not there, too."""
    per: Period = next((word for word in get_args(Period) if word == query.get("per")), "month")
    page: dict[str, Any] = {"per": per, "query": query, "error": "", "parts": (), "reasons": (), "total": None}
    try:
        since, until = _day(query.get("since", "")), _day(query.get("until", ""))
        report = read(since, until, per)
    except (RecordError, ValueError) as error:
        return page | {"error": str(error)}
    titles = content.deck.wording.topics
    looks: Sequence[tuple[str, str, Callable[[CardLine], str]]] = (
        ("By topic", "Topic", lambda line: titles.get(line.topic, line.topic)),
        ("By content version", "Content version", lambda line: line.content_version),
        (f"By {per}", per.capitalize(), lambda line: line.period),
    )
    parts = [_part(title, column, report.cards, key) for title, column, key in looks]
    reasons = _reasons(report.cards)
    return page | {
        "parts": parts,
        "reasons": reasons,
        "reason_plot": plot(
            "Reasons to override", {"overridden": [count for _, count in reasons[:MOST_BARS]]}, [name for name, _ in reasons[:MOST_BARS]]
        ),
        "total": Group("", *(sum(getattr(line, name) for line in report.cards) for name in ("shown", "accepted", "overridden"))),
        "unmatched": report.unmatched,
    }


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("A day is written YYYY-MM-DD.") from None


def _part(title: str, column: str, lines: Iterable[CardLine], key: Callable[[CardLine], str]) -> Part:
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        sums[key(line)].update(shown=line.shown, accepted=line.accepted, overridden=line.overridden)
    groups = tuple(Group(name, found["shown"], found["accepted"], found["overridden"]) for name, found in sorted(sums.items()))
    drawn = groups[-MOST_BARS:]
    values = {"accepted": [g.accepted for g in drawn], "overridden": [g.overridden for g in drawn]}
    return Part(title, column, groups, plot(title, values, [group.name for group in drawn]))


def _reasons(lines: Iterable[CardLine]) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for line in lines:
        for reason in line.reasons:
            counts[reason.display or reason.code] += reason.count
        counts["no reason given"] += line.overridden - sum(reason.count for reason in line.reasons)
    return [(name, count) for name, count in counts.most_common() if count > 0]


def plot(title: str, values: Mapping[str, Sequence[int]], labels: Sequence[str]) -> Markup:
    """Stacked bars as SVG to stand inside the page; its look comes from the stylesheet. Empty where there is nothing to draw."""
    if not labels:
        return Markup("")
    import pygal  # type: ignore[import-untyped]  # loaded for this page alone: it takes a while

    chart = pygal.HorizontalStackedBar(
        js=(),
        css=(),
        width=620,
        height=96 + 30 * len(labels),
        margin=4,
        print_values=True,
        print_zeroes=False,
        disable_xml_declaration=True,
        legend_at_bottom=True,
        show_legend=True,
        truncate_label=34,
        x_labels_major_count=4,
        formatter=lambda value: f"{value:.0f}",
    )
    chart.x_labels = list(reversed(labels))
    for name, counts in values.items():
        chart.add(name, list(reversed(counts)))
    chart.add_xml_filter(lambda root: _bare(root, title, list(values)))
    return Markup(chart.render(is_unicode=True))  # noqa: S704 the library escapes all text


def _bare(root: Any, title: str, series: Sequence[str]) -> Any:
    """The drawing without script, inline style, tooltips and ids; named for those who do not see it."""
    for parent in list(root.iter()):
        for child in list(parent):
            classes = str(child.get("class", ""))
            if child.tag in ("defs", "desc", "title", "script", "style") or "tooltip" in classes.split() or "tooltip-overlay" in classes:
                parent.remove(child)
    for element in root.iter():
        for attribute in ("id", "style"):
            element.attrib.pop(attribute, None)
    for index, name in enumerate(series):
        for element in root.iter():
            if f"color-{index}" in str(element.get("class", "")).split():
                element.set("class", f"{element.get('class')} {name}")
    root.set("role", "img")
    root.set("aria-label", f"{title}: {' and '.join(series)} cards. The same figures are in the table.")
    return root

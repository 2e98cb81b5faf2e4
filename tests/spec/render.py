"""The tables as documentation: `python -m tests.spec.render tests/spec/patient > docs/reading-the-chart.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cds.patient.facts import CATALOGUE

from .tables import FOLDER, Case, Table, load_table

TITLE = "Reading the chart"
LEAD = (
    "How a chart is read, shown on patients in a few lines. Every example is a test: the lines are expanded to FHIR, read back, and "
    "compared with what stands here, as of 20 November 2026 unless a day is given. "
    "The form of the lines is explained in [vignettes](vignettes.md)."
)


def render(tables: Iterable[Table], title: str = TITLE) -> str:
    """All tables as one Markdown page."""
    found = list(tables)
    contents = [f"- [{table.title}](#{_anchor(table.title)}) ({len(table.cases)})" for table in found]
    return "\n".join([f"# {title}", "", LEAD, "", *contents, "", *(line for table in found for line in _table(table))]).rstrip() + "\n"


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    yield ""
    yield table.intro.strip()
    if table.rules:
        yield ""
        yield f"Rules: {', '.join(table.rules)}"
    yield ""
    for case in table.cases:
        yield from _case(case)


def _case(case: Case) -> Iterator[str]:
    yield f"### {case.name}"
    yield ""
    if case.why:
        yield case.why
        yield ""
    yield from ["```text", *case.lines.splitlines(), "```", ""]
    about = [*([f"on {case.as_of}"] if str(case.as_of) != "2026-11-20" else []), *([case.hook] if case.hook != "patient-view" else [])]
    about += [f"with the list {case.efficacy_list} only"] if case.efficacy_list else []
    if about:
        yield f"Asked {', '.join(about)}."
        yield ""
    yield from _expected(case)
    yield ""


def _expected(case: Case) -> Iterator[str]:
    for name, value in case.facts.items():
        yield f"- {CATALOGUE[name].meaning.rstrip('.')}: **{_fact(value)}** (`{name}`)"
    for name, records in case.context.items():
        if isinstance(records, list):
            told = "; ".join(_record(record) for record in records) or "none"
            yield f"- {_words(name).capitalize()}: {told}"
        else:
            yield f"- {_words(name).capitalize()}: **{_value(records)}**"
    if case.cards is not None:
        yield f"- Cards: {', '.join(f'**{card}**' for card in case.cards) or '**none**'}"
    for rule, reason in case.silent.items():
        yield f"- {rule} is silent{f' ({reason})' if reason else ''}"
    for verdict, hazards in case.safety.items():
        yield f"- {verdict}: {', '.join(f'`{hazard}`' for hazard in hazards)}"
    for rule, said in case.says.items():
        yield f"- {rule} says {', '.join(f'“{words}”' for words in said)}"


def _fact(value: Any) -> str:
    if not isinstance(value, Mapping):
        return _value(value)
    said = [_value(value["is"])] if "is" in value else []
    if "because" in value:
        said.append(f"because “{value['because']}”")
    if "from" in value:
        said.append(f"from {', '.join(value['from'])}")
    return "; ".join([*said, *(f"{name} {value[name]}" for name in ("how", "date") if name in value)])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace(">=", "at least ")


def _record(record: Any) -> str:
    if not isinstance(record, Mapping):
        return f"`{record}`"
    return ", ".join(f"{_words(name)} **{_value(value)}**" for name, value in record.items())


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).replace("_", " ")


def _anchor(title: str) -> str:
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter == "-")


def main(places: Iterable[Path]) -> None:
    """Print the page of all tables at or below the given places."""
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*.yaml")))]
    sys.stdout.write(render(load_table(path) for path in files))


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]] or [FOLDER])

"""A vignette's lines: text → facts → text again.

`F34, RRMS since 2019` is read as two lines, a header and a diagnosis, and written as two.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from cds.fhir.dates import DateRange
from cds.vignette.grammar import DATE, FORM, FORMS, canonical, known_words, option_name, reader, shapes, write

_MRI_COLON = re.compile(rf"(MRI(?: {DATE})?)\s*:\s*", re.IGNORECASE)


class VignetteError(ValueError):
    """A line that the grammar does not understand. The message names the line and what was expected."""

    def __init__(self, number: int, line: str, expected: str) -> None:
        super().__init__(f"line {number}: {line!r}: {expected}")
        self.number, self.line, self.expected = number, line, expected


@dataclass(frozen=True, slots=True)
class Line:
    """One fact as jotted. Dates stay as written; `options` are name and value, in the order written."""

    kind: str
    name: str = ""
    value: str = ""
    on: str = ""
    until: str = ""
    options: tuple[tuple[str, str], ...] = ()
    number: int = field(default=0, compare=False)

    def has(self, option: str) -> bool:
        """Whether the option is there."""
        return any(name == option for name, _ in self.options)

    def get(self, option: str) -> str:
        """The option's value, empty if the option is absent or has none."""
        return next((value for name, value in self.options if name == option), "")

    def __str__(self) -> str:
        values = {"name": self.name, "value": self.value, "on": self.on, "until": self.until}
        form = FORM[self.kind]
        head = next((text for template in form.templates if (text := write(template, values)) is not None), None)
        if head is None:
            raise ValueError(f"no {self.kind} line has just {', '.join(name for name, value in values.items() if value) or 'nothing'}")
        clauses = [_option_text(form.options, name, value) for name, value in self.options]
        return (": " if self.kind == "mri" and clauses else ", ").join([head, ", ".join(clauses)] if clauses else [head])


def parse(text: str) -> tuple[Line, ...]:
    """Read a vignette. Blank lines and lines that begin with `#` are skipped.

    Raises `VignetteError` on the first line that is not understood, and if the first line is not the header (`F34`).
    """
    lines: list[Line] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        written = raw.strip()
        if not written or written.startswith("#"):
            continue
        clauses = _clauses(_MRI_COLON.sub(r"\1, ", written, count=1), number)
        if wrong := next((day for day in re.findall(DATE, _unquoted(written), re.IGNORECASE) if not _is_date(day)), None):
            raise VignetteError(number, written, f"there is no day {wrong}")
        head = _head(clauses[0])
        if head is None:
            raise VignetteError(number, written, _expected(clauses[0]))
        if (head.kind == "header") != (not lines):
            raise VignetteError(number, written, "a vignette begins with one header such as F34 or M38, born 1988-03")
        found = _with_options(replace(head, number=number), clauses[1:], written)
        if any(_ends_early(line) for line in found):
            raise VignetteError(number, written, "it ends before it begins")
        lines += found
    if not lines:
        raise VignetteError(1, "", "a vignette begins with a header such as F34 or M38")
    return tuple(lines)


def format_lines(lines: Iterable[Line]) -> str:
    """Write lines as text that `parse` reads back to the same lines."""
    return "\n".join(str(line) for line in lines)


def _with_options(line: Line, clauses: Sequence[str], written: str) -> list[Line]:
    """The line with its options; on the header line a clause may also begin a new fact (`F34, RRMS since 2019`)."""
    lines = [line]
    for clause in clauses:
        option = _option(lines[-1].kind, clause)
        if option is not None:
            lines[-1] = replace(lines[-1], options=(*lines[-1].options, option))
        elif line.kind == "header" and (head := _head(clause)) is not None and head.kind != "header":
            lines.append(replace(head, number=line.number))
        else:
            known = ", ".join(sorted({option_name(template) for template in FORM[lines[-1].kind].options}))
            raise VignetteError(line.number, written, f"{clause!r} is no option of a {lines[-1].kind} line; it takes: {known or 'none'}")
    return lines


def _clauses(text: str, number: int) -> list[str]:
    """The parts of a line: split at commas and brackets, but not inside quotes."""
    parts, quoted = [""], False
    for character in text:
        if character == '"':
            quoted = not quoted
        if not quoted and character in ",()":
            parts.append("")
        else:
            parts[-1] += character
    if quoted:
        raise VignetteError(number, text, "a closing quotation mark is missing")
    return [" ".join(part.split()) for part in parts if part.strip()] or [""]


def _head(clause: str) -> Line | None:
    for form in FORMS:
        for template in form.templates:
            found = reader(template, form.section).fullmatch(clause)
            if found is None:
                continue
            read = {key: value or "" for key, value in found.groupdict().items()}
            return Line(
                form.kind,
                name=canonical(form.section, read["name"]) if "name" in read else "",
                value=read.get("value", "").strip('"'),
                on=read.get("on", ""),
                until=read.get("until", ""),
            )
    return None


def _option(kind: str, clause: str) -> tuple[str, str] | None:
    for template in FORM[kind].options:
        found = reader(template, "").fullmatch(clause)
        if found is not None:
            return option_name(template), (found.groupdict().get("value") or "").strip('"')
    return None


def _option_text(templates: Sequence[str], name: str, value: str) -> str:
    texts = (write(template, {"value": value}) for template in templates if option_name(template) == name)
    return next(text for text in texts if text is not None)


def _is_date(text: str) -> bool:
    """Whether the text names a day, month or year that exists (`2026-13` does not)."""
    if not re.fullmatch(r"[\d-]+", text):
        return True
    try:
        DateRange.parse(text)
    except ValueError:
        return False
    return True


def _ends_early(line: Line) -> bool:
    if not (re.fullmatch(r"[\d-]+", line.on) and re.fullmatch(r"[\d-]+", line.until)):
        return False
    return DateRange.parse(line.until).before(DateRange.parse(line.on).first) is True


def _unquoted(text: str) -> str:
    return re.sub(r'"[^"]*"', "", text)


def _expected(clause: str) -> str:
    """What a line that is not understood may have meant."""
    if known := shapes(clause):
        return f"expected {' or '.join(known)}; a DATE is 2019, 2019-03, 2019-03-14, today or 8 weeks ago"
    beginnings = (" ".join(clause.split()[:2]), clause.split(" ")[0])
    near = next(filter(None, (difflib.get_close_matches(start, known_words(), n=3, cutoff=0.6) for start in beginnings)), None)
    return f"did you mean {' or '.join(near)}?" if near else "no such line; docs/vignettes.md lists the forms a line can have"

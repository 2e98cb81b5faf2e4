"""The grammar of a vignette line, as a table: each form is a template that both reads and writes it.

In a template, `{field:type}` is a value and `[...]` a part that may be missing. A form may have several templates;
the first that fits is the one used for writing. `docs/vignettes.md` explains the forms with examples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from cds.vignette.words import spellings, words

DATE = r"(?:(?:19|20)\d{2}(?:-\d{2}(?:-\d{2})?)?|today|\d{1,3} (?:day|week|month)s? ago|\d{1,2} years? ago)"
_FIELD = re.compile(r"\{(?P<field>\w+)(?::(?P<type>\w+))?\}")


class Form(Struct, frozen=True):
    """One kind of line: its templates and the options it takes."""

    kind: str
    templates: tuple[str, ...]
    options: tuple[str, ...] = ()
    section: str = ""
    """The section of the word list that `name` comes from; empty if the line has no name."""


@cache
def _names(section: str) -> str:
    known = sorted((n for part in section.split("+") for n in spellings(part)), key=len, reverse=True)
    return "|".join(re.escape(name) for name in known)


def _type(name: str, section: str) -> str:
    match name:
        case "on" | "until" | "date":
            return DATE
        case "dates":
            return rf"{DATE}(?: {DATE})*"
        case "name":
            return rf'{_names(section)}|"[^"]*"' if section in _FREE else _names(section)
        case "number":
            return r"\d+(?:\.\d+)?"
        case "person":
            return r"[FMXU](?:1[01]\d|\d{1,2})?"
        case "reason":
            return _names("stopReasons")
        case "system":
            return _names("systems")
        case "interval":
            return r"\d{1,2} (?:week|month)s?"
        case "stage":
            return "planned|cancelled|considered|declined|failed"
        case "id":
            return r"[A-Za-z0-9.-]{1,64}"
        case "code" | "word":
            return r"[A-Za-z0-9][\w.:/*-]*"
        case "quoted":
            return r'"[^"]*"'
        case "text":
            return r'"[^"]*"|[^",()]+'
        case "value":
            return r'"[^"]*"|[^\s,()"]+'
    raise LookupError(f"{name} is no type of the grammar")


_FREE = ("conditions", "drugs+procedures", "drugs")
"""Sections whose `name` may also be free text in quotes."""


@cache
def reader(template: str, section: str) -> re.Pattern[str]:
    """The regular expression that reads a clause written as `template`."""
    out = []
    for text, optional in _parts(template):
        pattern, end = "", 0
        for field in _FIELD.finditer(text):
            pattern += re.escape(text[end : field.start()]) + f"(?P<{field['field']}>{_type(field['type'] or field['field'], section)})"
            end = field.end()
        pattern += re.escape(text[end:])
        out.append(f"(?:{pattern})?" if optional else pattern)
    return re.compile("".join(out), re.IGNORECASE)


def write(template: str, values: Mapping[str, str]) -> str | None:
    """The clause as `template` writes it, or `None` if it needs a value that is missing or leaves one unsaid."""
    said: set[str] = set()
    out = []
    for text, optional in _parts(template):
        asked = fields(text)
        if all(values.get(field) for field in asked):
            out.append(_FIELD.sub(lambda field: _quote(values[field["field"]], field["type"]), text))
            said |= asked.keys()
        elif not optional:
            return None
    return "".join(out) if {field for field, value in values.items() if value} <= said else None


def fields(template: str) -> dict[str, str]:
    """The fields of a template with their types (`{value:number}` has the type `number`, `{on}` the type `on`)."""
    return {field["field"]: field["type"] or field["field"] for field in _FIELD.finditer(template)}


def _parts(template: str) -> list[tuple[str, bool]]:
    """The template in pieces, each with whether it may be missing."""
    return [(part.strip("[]"), part.startswith("[")) for part in re.split(r"(\[[^\]]*\])", template) if part]


def _quote(value: str, type_: str | None) -> str:
    needs = type_ == "quoted" or (type_ == "text" and re.search(r"[,()]", value)) or (type_ == "value" and re.search(r"[\s,()]", value))
    return f'"{value}"' if needs else value


def option_name(template: str) -> str:
    """What an option is called: its template without values (`{value:number} Gd` is `Gd`)."""
    literals = re.sub(r"\{[^}]*\}|[\[\]]", " ", template)
    return " ".join(literals.replace(":", " ").split())


ANY = ("refused", "other patient", "entered-in-error", "id {value:id}")
"""Options that every line with a resource takes."""

PROBLEM = (
    *("suspected", "provisional", "unconfirmed", "differential", "refuted", "unverified"),
    *("resolved[ {value:date}]", "inactive", "remission", "relapse status", "encounter", "health concern"),
    *("text", "snomed[ {value:code}]", "icd10cm[ {value:code}]", "icd10[ {value:code}]", "icd9 {value:code}", "display {value:quoted}"),
    *("recorded {value:date}", "symptoms since {value:date}", "note {value:quoted}", "undated"),
)
DRUG = (
    *("last {value:date}", "doses {value:dates}", "courses {value:dates}"),
    *("stopped[: {value:text}]", "code {value:reason}", "reason {value:text}", "broken off: {value:text}"),
    *("for {value:text}", "note {value:quoted}"),
    *("on hold", "draft", "planned", "proposed", "not taken", "not done", "cancelled", "completed", "do not perform", "undated"),
    *("statement", "administration", "dispense", "request"),
    *("text", "ingredient", "brand[ {value:text}]", "atc", "snomed", "rxnorm {value:code}", "display {value:quoted}"),
    *(
        "procedure",
        "contained",
        "reference",
        "absolute",
        "renewals",
        "every {value:interval}",
        "dose {value:text}",
        "refills {value:number}",
    ),
)
MRI = (
    *("clean", "stable", "[{value:number} ]new T2", "multiple new T2", "[{value:number} ]enlarging T2", "no new T2"),
    *("[{value:number} ]Gd", "multiple Gd", "no Gd", "marked increase", "PML", "text[ {value:quoted}]"),
    *("vs {value:date}", "cord", "preliminary", "counts only"),
)

FORMS: tuple[Form, ...] = (
    Form("header", ("{value:person}",), ("born {value:date}", "deceased[ {value:date}]")),
    Form("diagnosis", ("{name} since {on}", "{name} {on}", "{name}"), (*PROBLEM, *ANY), "diagnoses"),
    Form("edss", ("EDSS {value:number}[ on {on}]", "EDSS {value:number} {on}"), ("text", "local", "preliminary", *ANY)),
    Form("relapse count", ("relapse count {value:number}[ on {on}]",), ("local", "months {value:number}", *ANY)),
    Form("relapse", ("relapse[ {on}]", "relapse on {on}"), ("text", "encounter", "suspected", "refuted", "note {value:quoted}", *ANY)),
    Form("infection", ("infection {on}", "infection on {on}"), ANY),
    Form("fever", ("fever {on}", "fever on {on}"), ANY),
    Form("steroids", ("steroids {on}", "steroids on {on}"), ("low dose", "request", *ANY)),
    Form("mri", ("MRI[ {on}]",), (*MRI, *ANY)),
    Form(
        "drug",
        ("{name} since {on}", "{name} {on} to {until}", "{name} courses {value:dates}", "{name} doses {value:dates}", "{name}"),
        (*DRUG, *ANY),
        "drugs",
    ),
    Form("visit", ("visit {on}", "visit on {on}"), ANY),
    Form(
        "pregnant",
        ("pregnant {value:number} weeks", "{value:number} weeks pregnant", "pregnant {on} to {until}", "pregnant since {on}"),
        ("condition", "status", *ANY),
    ),
    Form("pregnancy test", ("pregnancy test {value:word} {on}", "pregnancy test {value:word} on {on}"), ANY),
    Form("not pregnant", ("not pregnant {on}",), ANY),
    Form("gave birth", ("gave birth {on}",), ANY),
    Form("breastfeeding", ("breastfeeding {on}",), ANY),
    Form("not breastfeeding", ("not breastfeeding {on}",), ANY),
    Form("wishes to conceive", ("wishes to conceive {on}",), ANY),
    Form("contraception", ("contraception {on}",), ANY),
    Form("no contraception", ("no contraception {on}",), ANY),
    Form(
        "lab",
        ("lab {name} {value:value} on {on}", "lab {name} {value:value}"),
        ("text", "unit {value:text}", "low {value:number}", "preliminary", *ANY),
        "labs",
    ),
    Form("condition", ("condition {name}[ {on}]", "condition {name} since {on}"), (*PROBLEM, *ANY), "conditions"),
    Form("code", ("code {value:code}[ {on}]",), ("system {value:system}", *PROBLEM, *ANY)),
    Form("family history", ("family history of {name}",), ANY, "diagnoses"),
    Form("allergy", ("allergy {name}[ {on}]",), ("anaphylaxis", "refuted", "resolved", "text", *ANY), "drugs"),
    Form("procedure", ("{name}[ {value:stage}][ {on}]",), ("for {value:text}", "text", "note {value:quoted}", *ANY), "procedures"),
    Form("vaccination", ("vaccination {value:text} {on}",), ANY),
    Form("order", ("order {name}",), ("text", "referral", "for {value:text}"), "drugs+procedures"),
    Form("note", ("note {value:quoted}[ on {on}]",), ("report", *ANY)),
    Form("missing", ("no {name} key",), (), "keys"),
    Form("refused", ("{name} refused",), (), "keys"),
    Form("unavailable", ("{name} unavailable",), (), "keys"),
    Form("partial", ("{name} partial",), (), "keys"),
    Form("null", ("{name} null",), (), "keys"),
)
FORM = {form.kind: form for form in FORMS}


def canonical(section: str, name: str) -> str:
    """The word as the word list spells it; quoted free text keeps its quotes."""
    for part in section.split("+"):
        if (word := spellings(part).get(name.casefold())) is not None:
            return word
    return name


def known_words() -> list[str]:
    """Words a line may begin with, for the suggestion in an error message."""
    literals = [_beginning(template) for form in FORMS for template in form.templates]
    return sorted({*filter(None, literals), *words()["diagnoses"], *spellings("drugs"), *words()["procedures"]})


def shapes(clause: str) -> list[str]:
    """How a line that begins like this is written, such as `EDSS NUMBER [on DATE]`."""
    found = []
    for form in FORMS:
        for template in form.templates:
            literal = _beginning(template)
            names = _names(form.section) if template.startswith("{name}") else ""
            if (literal and re.match(rf"{re.escape(literal)}\b", clause, re.IGNORECASE)) or (
                names and re.match(rf"(?:{names})\b", clause, re.IGNORECASE)
            ):
                found.append(_shape(template))
    return list(dict.fromkeys(found))


def _beginning(template: str) -> str:
    return re.split(r"[\[{]", template)[0].strip()


def _shape(template: str) -> str:
    """The template as a person would write it down."""
    asked = {"on": "DATE", "until": "DATE", "date": "DATE", "dates": "DATE DATE", "quoted": '"TEXT"', "person": "F34"}

    def word(field: re.Match[str]) -> str:
        type_ = field["type"] or field["field"]
        return asked.get(type_, type_.upper())

    return _FIELD.sub(word, template).replace("[ ", " [")

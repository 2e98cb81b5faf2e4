"""`/review/what-if/{id}`: change what a synthetic chart holds, and see which cards change.

A change is made to the lines of the vignette, so that it goes through the same reading as any chart. The address holds all of it; nothing
is stored.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Literal

from markupsafe import Markup
from msgspec import Struct
from starlette.datastructures import QueryParams

from cds.advice import Policy
from cds.content import Content
from cds.deck.render import Card
from cds.fhir.dates import DateRange, add_months
from cds.patient.facts import CATALOGUE
from cds.review.card_view import CardView, card_view, line_html
from cds.review.patient import value_words
from cds.review.reading import Reading, read_synthetic, state_of, why
from cds.vignette import Line, SyntheticPatient, VignetteError, expand, format_lines, parse

COURSES = (
    "RIS",
    "CIS",
    "MS",
    "RRMS",
    "SPMS",
    "active SPMS",
    "non-active SPMS",
    "PPMS",
    "active PPMS",
    "non-active PPMS",
    "PRMS",
    "progressive MS",
)
"""What the course may be changed to; `MS` names no subtype. Lines of these words are what is replaced."""
FAILED_DRUGS = ("interferon beta-1a", "dimethyl fumarate", "fingolimod", "cladribine", "natalizumab", "ocrelizumab", "alemtuzumab")
MISSING = ("conditions", "medications", "observations", "procedures", "allergies")
JCV = {"negative": "0.2", "low": "0.7", "high": "2.1", "notFound": ""}
CONTROLS = {
    "course": "subtype",
    "age": "person.age",
    "edss": "edss",
    "relapses": "relapses.last12Months",
    "pregnancy": "pregnancy",
    "jcv": "jcv.antibody",
}
"""Each control with the fact that it bears on; its value in the chart stands in the control."""
NOT_FOUND = "notFound"
LONGEST = 8_000
"""Characters of lines that are read from an address."""
_PREGNANCY = ("pregnant", "pregnancy test", "not pregnant")

Change = Literal["new", "gone", "changed", "same"]


class CardChange(Struct, frozen=True):
    """One topic's card before and after, with the lines that differ (`-`, `+` or a blank first)."""

    topic: str
    what: Change
    before: Card | None
    after: CardView | None
    lines: tuple[tuple[str, Markup], ...]


class Difference(Struct, frozen=True):
    """Something that reads otherwise than before: a fact or the state of a summary."""

    name: str
    label: str
    before: str
    after: str
    because: str


def what_if_page(content: Content, patient: SyntheticPatient, query: QueryParams, policy: Policy) -> dict[str, Any]:
    """The controls as they stand, the lines they make, and what changes. A line that is not understood is said, not raised."""
    told = "\n".join([patient.lines.strip(), *(f"order {order}" for order in patient.orders)])
    before = read_synthetic(content, patient, policy)
    page: dict[str, Any] = {
        "patient": patient,
        "reading": before,
        "courses": COURSES,
        "failed_drugs": FAILED_DRUGS,
        "missing": MISSING,
        "query": query,
        "own_lines": query.get("lines", "").strip() or told,
        "told": {control: _told(before, fact) for control, fact in CONTROLS.items()},
        "drugs": [str(line) for line in parse(told) if line.kind == "drug"],
        "error": "",
    }
    try:
        lines = changed_lines(parse(page["own_lines"][:LONGEST]), query, patient.as_of)
        text = format_lines(lines)
        after = read_synthetic(content, patient, policy, expand(text, patient.as_of, patient_id=patient.id, name=patient.name))
    except VignetteError as error:
        return page | {"error": str(error)}
    return page | {
        "lines": text,
        "line_changes": [line for line in difflib.ndiff(format_lines(parse(told)).splitlines(), text.splitlines()) if line[0] in "-+"],
        "after": after,
        "cards": list(card_changes(content, before, after)),
        "facts": list(fact_changes(before, after)),
        "summaries": list(summary_changes(before, after)),
    }


def _told(reading: Reading, name: str) -> str:
    """What the chart says, in a word or two."""
    fact = reading.advice.context.facts[name]
    return {"notApplicable": "not applicable"}.get(value := value_words(name, fact), value.removesuffix(" years").removesuffix(" relapses"))


def changed_lines(lines: Sequence[Line], query: QueryParams, as_of: date) -> list[Line]:
    """The lines with every control applied; a control that is empty or not understood changes nothing."""
    steps: tuple[tuple[str, Callable[[list[Line], str, date], list[Line]]], ...] = (
        ("age", _with_age),
        ("course", _with_course),
        ("edss", _with_edss),
        ("relapses", _with_relapses),
        ("pregnancy", _with_pregnancy),
        ("jcv", _with_jcv),
    )
    dropped = set(query.getlist("drop"))
    changed = [line for line in lines if not (line.kind == "drug" and str(line) in dropped)]
    for name, step in steps:
        if value := query.get(name, ""):
            changed = step(changed, value, as_of)
    changed += [_failed(drug, as_of) for drug in query.getlist("failed") if drug in FAILED_DRUGS]
    return changed + [Line("missing", name=name) for name in query.getlist("missing") if name in MISSING]


def _with_age(lines: list[Line], value: str, _as_of: date) -> list[Line]:
    """Another age; a birth date that was given goes, for it would contradict."""
    if not value.isdecimal() or int(value) > 119:
        return lines
    header = lines[0]
    options = tuple(option for option in header.options if option[0] != "born")
    return [replace(header, value=f"{header.value[:1]}{value}", options=options), *lines[1:]]


def _with_course(lines: list[Line], value: str, _as_of: date) -> list[Line]:
    """One diagnosis instead of those recorded, since the day of the first."""
    if value not in COURSES:
        return lines
    courses = [line for line in lines if line.kind == "diagnosis" and line.name in COURSES]
    new = Line("diagnosis", name=value, on=courses[0].on if courses else "")
    rest = [line for line in lines if line not in courses]
    return [rest[0], new, *rest[1:]]


def _with_edss(lines: list[Line], value: str, as_of: date) -> list[Line]:
    """Another latest score, or none at all."""
    scores = [line for line in lines if line.kind == "edss"]
    if value == NOT_FOUND:
        return [line for line in lines if line not in scores]
    if not _is_edss(value):
        return lines
    if not scores:
        return [*lines, Line("edss", value=value, on=_days_before(as_of, 14))]
    latest = max(scores, key=lambda line: _latest_day(line, as_of))
    return [replace(line, value=value) if line is latest else line for line in lines]


def _with_relapses(lines: list[Line], value: str, as_of: date) -> list[Line]:
    """So many relapses in the last 12 months, 10 weeks apart; earlier ones stay."""
    if value not in ("0", "1", "2", "3"):
        return lines
    since = add_months(as_of, -12)
    kept = [line for line in lines if line.kind != "relapse count" and not (line.kind == "relapse" and _latest_day(line, as_of) >= since)]
    return kept + [Line("relapse", on=_days_before(as_of, 45 + 70 * number)) for number in range(int(value))]


def _with_pregnancy(lines: list[Line], value: str, as_of: date) -> list[Line]:
    """Pregnant, not pregnant, or nothing recorded of it."""
    signs = {
        "pregnant": [Line("pregnant", value="10")],
        "notPregnant": [Line("not pregnant", on=_days_before(as_of, 7))],
        NOT_FOUND: [],
    }
    if value not in signs:
        return lines
    return [line for line in lines if line.kind not in _PREGNANCY] + signs[value]


def _with_jcv(lines: list[Line], value: str, as_of: date) -> list[Line]:
    """Another JC virus index, or none."""
    if value not in JCV:
        return lines
    kept = [line for line in lines if not (line.kind == "lab" and line.name in ("JCV", "JCV index"))]
    return kept + ([Line("lab", name="JCV index", value=JCV[value], on=_days_before(as_of, 60))] if JCV[value] else [])


def _failed(drug: str, as_of: date) -> Line:
    """A drug taken from four years to one year ago, stopped because it did not work."""
    start, end = (f"{add_months(as_of, -months):%Y-%m}" for months in (48, 12))
    return Line("drug", name=drug, on=start, until=end, options=(("code", "lack-of-efficacy"),))


def _is_edss(value: str) -> bool:
    try:
        return 0 <= float(value) <= 10 and float(value) * 2 % 1 == 0 and len(value) <= 4
    except ValueError:
        return False


def _days_before(day: date, days: int) -> str:
    return (day - timedelta(days=days)).isoformat()


def _latest_day(line: Line, as_of: date) -> date:
    """The last day a line can mean; a date counted back from today is today, one that is missing the first day of all."""
    try:
        return DateRange.parse(line.on).last if line.on else date.min
    except ValueError:
        return as_of


def card_changes(content: Content, before: Reading, after: Reading) -> Iterable[CardChange]:
    """Topic by topic, changes first; the order is that of the cards after, then those that went."""
    old, new = ({card.topic: card for card in reading.advice.cards} for reading in (before, after))
    changes = []
    for topic in dict.fromkeys([*new, *old]):
        first, second = old.get(topic), new.get(topic)
        lines = tuple(_line_changes(first, second))
        what: Change = (
            "new" if first is None else "gone" if second is None else "changed" if any(sign != " " for sign, _ in lines) else "same"
        )
        view = card_view(second, after.advice.context, content.evidence) if second else None
        changes.append(CardChange(topic, what, first, view, lines))
    return sorted(changes, key=lambda change: change.what == "same")


def _line_changes(before: Card | None, after: Card | None) -> Iterable[tuple[str, Markup]]:
    old, new = ([f"[{card.indicator}] {card.summary}", *filter(None, card.detail.splitlines())] if card else [] for card in (before, after))
    for line in difflib.ndiff(old, new):
        if line[0] in "-+ ":
            yield line[0], line_html(line[2:])


def fact_changes(before: Reading, after: Reading) -> Iterable[Difference]:
    """Facts whose value is another one."""
    old, new = before.advice.context.facts, after.advice.context.facts
    for name, kind in CATALOGUE.items():
        if old[name].value != new[name].value:
            yield Difference(name, kind.meaning, value_words(name, old[name]), value_words(name, new[name]), new[name].reason)


def summary_changes(before: Reading, after: Reading) -> Iterable[Difference]:
    """Summaries that became a card, gave way, or fell silent."""
    old = {match.summary.id: match for match in before.advice.matches}
    for match in after.advice.matches:
        was, now = state_of(before.advice, old[match.summary.id]), state_of(after.advice, match)
        if was != now:
            yield Difference(match.summary.id, f"{match.summary.rule} {match.summary.title}", was, now, why(after.advice, match))

"""How reports and notes speak of one thing: that it is, or may be; that it is not; or only around it, such as of its risk.

Words are never more than a suspicion: what a reader makes of them is told as read from text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, ClassVar, Literal

from msgspec import Struct

from cds.fhir.chart import Chart
from cds.fhir.codes import Concept
from cds.fhir.dates import DateRange
from cds.patient.reading import quoted
from cds.patient.records.conditions import notes_of, words_of
from cds.patient.records.results import observed_on
from cds.patient.rules import Pattern, Rules, found, searcher

_SENTENCE_END = re.compile(r"(?<!\bvs)\.(?=\s|$)|[;\n]")
_NAME = "¤"
_QUOTED = 120
"""Characters of a sentence that are shown."""


class MentionRules(Rules):
    """The words for one thing. In the patterns beside `name`, ¤ stands for the name; they are tried in this order.

    `aside` is taken out first: talk around the thing. `kept_open` beats a denial ("cannot be excluded"). `affirmed` is needed where a bare
    name says nothing.
    """

    of_texts: ClassVar[bool] = True

    name: Pattern
    aside: tuple[Pattern, ...]
    kept_open: tuple[Pattern, ...] = ()
    denied: tuple[Pattern, ...]
    affirmed: tuple[Pattern, ...]


class Text(Struct, frozen=True, kw_only=True):
    """One piece of free text. `concept` is what the report or Observation is called; `report`: a DiagnosticReport."""

    ref: str
    written: DateRange | None
    concept: Concept
    words: str
    report: bool

    @property
    def title(self) -> str:
        """What it is called, in words."""
        return words_of(self.concept)


class Mention(Struct, frozen=True, kw_only=True):
    """What one text says of the thing, with the sentence that says it."""

    says: Literal["affirmed", "denied"]
    text: Text
    quote: str


def texts_of(chart: Chart, statuses: Iterable[str], as_of: date) -> tuple[Text, ...]:
    """Every report in words, and every Observation whose value or note is text, up to `as_of`, in the order of time.

    `statuses` are those of texts that count: errors and cancelled ones do not.
    """
    written = _texts(chart, frozenset(statuses), as_of)
    return tuple(sorted(written, key=lambda text: (text.written.first if text.written else date.min, text.ref)))


def _texts(chart: Chart, wanted: frozenset[str], as_of: date) -> Iterator[Text]:
    for entry in chart.entries("DiagnosticReport"):
        report, day = entry.resource, observed_on(entry.resource)
        if report.status in wanted and (day is None or day.first <= as_of) and (words := "\n".join(report_texts(report))):
            yield Text(ref=entry.ref, written=day, concept=entry.concept, words=words, report=True)
    for entry in chart.entries("Observation"):
        observation = entry.resource
        words = "\n".join(part for part in (observation.valueString, notes_of(observation)) if part)
        if not words or observation.status not in wanted:
            continue
        day = observed_on(observation)
        if day is None or day.first <= as_of:
            yield Text(ref=entry.ref, written=day, concept=entry.concept, words=words, report=False)


def sentences(words: str) -> list[str]:
    """The sentences of a text."""
    return _SENTENCE_END.split(words)


def report_texts(report: Any) -> Iterator[str]:
    """The words of a report: its conclusion, else its attached plain text, and its coded conclusions in words."""
    if report.conclusion:
        yield report.conclusion
    else:
        yield from attached_texts(report)
    yield from (words_of(Concept.of(code)) for code in report.conclusionCode or ())


def attached_texts(report: Any) -> Iterator[str]:
    """The plain text that is attached to a report."""
    for form in report.presentedForm or ():
        if form.data and (form.contentType or "").startswith("text/plain"):
            yield form.data.decode("utf-8", errors="replace")


def mention_in(text: Text, rules: MentionRules, *, bare: bool = False) -> Mention | None:
    """What a text says of the thing: a sentence that affirms it beats one that denies it. `bare`: the name alone affirms it."""
    if searcher(rules.name)(text.words) is None:
        return None
    denied: str | None = None
    for sentence in _SENTENCE_END.split(text.words):
        rest = re.sub(rules.name, _NAME, sentence, flags=re.IGNORECASE)
        for pattern in rules.aside:
            rest = re.sub(pattern, " ", rest, flags=re.IGNORECASE)
        if _NAME not in rest:
            continue
        if found(rules.kept_open, rest):
            return Mention(says="affirmed", text=text, quote=quoted(sentence, _QUOTED))
        if found(rules.denied, rest):
            denied = denied or sentence
        elif bare or found(rules.affirmed, rest):
            return Mention(says="affirmed", text=text, quote=quoted(sentence, _QUOTED))
    return None if denied is None else Mention(says="denied", text=text, quote=quoted(denied, _QUOTED))

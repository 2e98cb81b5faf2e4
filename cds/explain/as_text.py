"""How an advice came about, as a page that a clinician can hold against the chart (`ranvier explain`).

First the records in the order of time, then every fact with its reason, date, origin and resources, then what the resources say in
their own words, then what the evidence made of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap

from cds.advice import Advice
from cds.content import Content
from cds.explain.as_json import cited_sources, dated, safety_json
from cds.fhir.chart import Chart
from cds.fhir.dates import DateRange
from cds.patient.activity.mri_facts import scan_words
from cds.patient.context import Episode, Fact, How, PatientContext
from cds.patient.facts import CATALOGUE, SUBJECTS
from cds.patient.records.sources import Source
from cds.three_valued import Bounds

WIDTH = 140
MANY = 6
"""Resources behind one line that are all named; of more, the first and the last ones are."""
ORIGIN: dict[How, str] = {
    "coded": "coded",
    "derived": "derived from other facts and records",
    "text": "read from text",
    "notFound": "not found",
}
SPANS = ("months", "years", "days", "weeks")
"""Units of what is computed from dates, which are not more exact than they are."""
NOTHING = (False, "none", Bounds.exactly(0), Bounds.exactly(math.inf))
"""Values that say that something was looked for and is not there."""
OUTCOMES = {
    "failed": "failed",
    "stoppedOther": "stopped for another reason than failure",
    "completed": "completed",
    "ongoing": "ongoing",
    "unknown": "outcome not known",
}


def explain_text(advice: Advice, content: Content, chart: Chart) -> Iterator[str]:
    """Lines for a clinician: what was read and from where, what fired, what stayed silent and why, and the cards."""
    context = advice.context
    sources = cited_sources(context, chart)
    yield f"As of {advice.as_of}, content {content.edition.version} ({content.edition.hash[:12]})"
    yield from _section("COULD NOT BE READ, SO UNKNOWN", _unread(context))
    yield from _section("CONFLICTS IN THE CHART", _conflicts(context, sources))
    yield from _section("TREATMENTS", (line for episode in context.treatments for line in _episode(episode)))
    yield from _section("RELAPSES", _relapses(context))
    yield from _section("MRI", _scans(context))
    yield from _section("EDSS", _edss(context))
    yield from _section("RESPONSE TO INTERFERON IN ITS FIRST YEAR (shown only; no card rests on it)", _response_scores(context))
    yield from _section("CAUTIONS", _cautions(context, sources))
    for subject, names in SUBJECTS.items():
        yield from _section(f"FACTS: {subject.upper()}", _facts({name: context.facts[name] for name in names}, sources))
    yield from _section("THE RECORDS BEHIND THIS, AS THEY STAND IN THE CHART", _sources(sources.values()))
    yield from _section("EVIDENCE", _evidence(advice))
    yield from _section("SAFETY", _safety(advice, content))
    for number, card in enumerate(advice.cards, start=1):
        yield from ("", f"CARD {number}: {card.topic} ({card.stance}, {card.indicator})", card.summary, "")
        yield from card.detail.splitlines()
    if not advice.cards:
        yield from ("", "No card.")


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A heading and its lines; nothing where there are none."""
    for number, line in enumerate(lines):
        if number == 0:
            yield from ("", title)
        yield f"  {line}"


def _told(text: str) -> list[str]:
    return [f"    {line}" for line in wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)]


def _origin(how: How, date: DateRange | None, resources: tuple[str, ...], *, undated: bool = False) -> Iterator[str]:
    """Where a statement comes from: how it was read, the date of the data, and the resources. `undated`: a missing date is said."""
    parts = [ORIGIN[how], str(date) if date else "undated" if undated else "", _listed(resources)]
    yield from _told("; ".join(part for part in parts if part))


def _listed(resources: tuple[str, ...]) -> str:
    if len(resources) > MANY:
        resources = (*resources[: MANY // 2], f"… {len(resources) - MANY} more …", *resources[-MANY // 2 :])
    return ", ".join(resources)


def _unread(context: PatientContext) -> Iterator[str]:
    for item in context.not_read:
        yield f"{item.what}: {item.reason}" + (f"  {item.resource}" if item.resource else "")


def _conflicts(context: PatientContext, sources: Mapping[str, Source]) -> Iterator[str]:
    for conflict in context.conflicts:
        yield conflict.id
        yield from _told(conflict.text)
        yield from _origin("derived", dated(None, conflict.resources, sources), conflict.resources)


def _episode(episode: Episode) -> Iterator[str]:
    start = str(episode.start) if episode.start else "start not recorded"
    end = "ongoing" if episode.ongoing else str(episode.end) if episode.end else "end not recorded"
    doses = f", doses or supplies on record: {len(episode.doses)}" if episode.doses else ""
    flags = [name for name, on in (("early", episode.early), ("induction incomplete", episode.induction_incomplete)) if on]
    kind = f" ({', '.join(filter(None, [episode.failure_kind, *flags]))})" if episode.failure_kind or flags else ""
    yield f"{episode.name}: {start} to {end}{doses}; {OUTCOMES[episode.outcome]}{kind}"
    yield from _told(" ".join([episode.reason, *episode.notes]))
    if episode.stop_reason:
        yield from _told(f'Reason for stopping, as recorded: "{episode.stop_reason}"')
    yield from _origin(episode.how, None, episode.resources)


def _relapses(context: PatientContext) -> Iterator[str]:
    said = {"relapse": "relapse", "uncertain": "uncertain, counts nowhere", "possible": "possible only, counts nowhere"}
    for relapse in context.relapses:
        yield f"{relapse.onset}: {said[relapse.status]}" + (f". {relapse.note}" if relapse.note else "")
        yield from _origin(relapse.how, None, relapse.resources)


def _scans(context: PatientContext) -> Iterator[str]:
    for scan in context.scans:
        yield scan_words(scan)
        yield from _told(" ".join(filter(None, (scan.note, scan.disagreement))))
        yield from _origin(scan.how, None, scan.resources)


def _edss(context: PatientContext) -> Iterator[str]:
    for score in context.edss_scores:
        yield f"{score.date}: {score.value}" + (", within 90 days after a relapse" if score.near_relapse else "")
        yield from _origin(score.how, None, score.resources)


def _response_scores(context: PatientContext) -> Iterator[str]:
    for score in context.response_scores:
        yield f"{score.name} on {score.drug}: {score.points}"
        yield from _told(score.reason)
        yield from _origin(score.how, None, score.resources)


def _cautions(context: PatientContext, sources: Mapping[str, Source]) -> Iterator[str]:
    for caution in context.cautions:
        yield f"{caution.id}: {caution.status}" + (" (old)" if caution.stale else "")
        yield from _told(caution.text)
        yield from _origin(caution.how, dated(caution.date, caution.resources, sources), caution.resources, undated=True)


def _facts(facts: Mapping[str, Fact], sources: Mapping[str, Source]) -> Iterator[str]:
    """Facts that records speak of, in full; then what is not known, and why; then, by name, what no record speaks of."""
    absent = {name for name, fact in facts.items() if not fact.resources and fact.value in NOTHING}
    unknown = {name for name, fact in facts.items() if not fact.resources and fact.value is None}
    for name, fact in facts.items():
        if name not in absent | unknown:
            yield f"{name}: {_value(name, fact)}"
            yield from _told(fact.reason)
            about = any(not ref.startswith("Patient/") for ref in fact.resources)
            yield from _origin(fact.how, dated(fact.date, fact.resources, sources), fact.resources, undated=about)
    for name in (name for name in facts if name in unknown):
        yield from wrap(f"{name}: unknown. {facts[name].reason}", WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    if absent:
        yield "Read, and nothing recorded:"
        yield from _told(", ".join(f"{name} {_value(name, facts[name])}" for name in facts if name in absent))


def _sources(sources: Iterable[Source]) -> Iterator[str]:
    for source in sources:
        undated = "" if source.ref.startswith("Patient/") else "undated"
        yield f"{source.ref}: {source.date or undated}" + (f" ({source.status})" if source.status else "")
        yield from _told(source.says)


def _evidence(advice: Advice) -> Iterator[str]:
    held = {h.candidate.name: h.because for h in advice.held_back}
    names = {card.name for card in advice.cards}
    for match in advice.matches:
        state = "shown" if match.summary.id in names else "held" if match.fires else "silent"
        yield f"{state:<7} {match.summary.rule:<4} {match.summary.title}"
        if reason := held.get(match.summary.id, match.because):
            yield from _told(reason)


def _safety(advice: Advice, content: Content) -> Iterator[str]:
    rows = safety_json(advice, content)
    for row in rows:
        if row["verdict"] != "noEvidenceRead":
            said = f"{row['verdict']:<7} {row['drug']}, {row['hazard']} ({row['column']}): {row['reason']}"
            yield from wrap(said, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
            if row["verdict"] == "met" and row["resources"]:
                yield from _told(_listed(tuple(row["resources"])))
    for drug in advice.drugs_assessed:
        if unread := [row["hazard"] for row in rows if row["drug"] == drug and row["verdict"] == "noEvidenceRead"]:
            yield from wrap(f"nothing read on {drug}: {', '.join(unread)}", WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def _value(name: str, fact: Fact) -> str:
    """A fact's value in words, a number with its unit: spans of time to one decimal, what was measured as it was."""
    value, unit = fact.value, CATALOGUE[name].unit
    if isinstance(value, Bounds):
        if math.isinf(value.low):
            return "never"
        measured = value.exact is not None and unit not in SPANS
        return f"{value.exact:.4g} {unit}" if measured else f"{value} {unit}"
    return {None: "unknown", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else value

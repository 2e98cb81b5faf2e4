"""One chart, read and advised on, as the pages show it. The pages add nothing to the advice; they show how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from msgspec import Struct

from cds.advice import Advice, Policy, advise
from cds.content import Content
from cds.evidence.match import Match
from cds.explain_input import chart_of_request, read_input
from cds.fhir.chart import Chart, Entry
from cds.fhir.resources import BEARS_ON_FACTS
from cds.patient.orders import Trigger
from cds.vignette.expand import Vignette
from cds.vignette.patients import SyntheticPatient

State = Literal["fired", "held", "unknown", "silent"]
"""What became of a topic or summary: a card; a card that gave way; silence for want of data; silence because a criterion is not met."""


class Reading(Struct, frozen=True):
    """A chart with its advice. `name` is what the chart calls the patient; it is shown and never kept."""

    id: str
    title: str
    story: str
    name: str
    hook: str
    chart: Chart
    advice: Advice


def read_synthetic(content: Content, patient: SyntheticPatient, policy: Policy, vignette: Vignette | None = None) -> Reading:
    """A synthetic patient, or what has become of them in a what-if."""
    vignette = vignette or patient.expand()
    chart, trigger = chart_of_request(vignette.request(patient.hook), content)
    return _reading(content, policy, vignette.as_of, chart, trigger, id=patient.id, title=patient.title, story=patient.story)


def read_pasted(content: Content, text: str, as_of: date, policy: Policy) -> Reading:
    """A chart from outside, in memory only. Raises `InputError` saying what was found instead; the message repeats nothing of it."""
    chart, trigger = read_input(text.encode(), content)
    return _reading(content, policy, as_of, chart, trigger, id="", title="The chart you pasted", story="")


def _reading(content: Content, policy: Policy, as_of: date, chart: Chart, trigger: Trigger, **about: str) -> Reading:
    advice = advise(content, chart, trigger, as_of, policy)
    return Reading(name=name_of(chart), hook=trigger.hook, chart=chart, advice=advice, **about)


def name_of(chart: Chart) -> str:
    """The patient's name as the chart has it."""
    names = chart.patient.resource.name if chart.patient else None
    if not names:
        return "No name in this chart"
    return names[0].text or " ".join(filter(None, [*(names[0].given or ()), names[0].family])) or "No name in this chart"


def state_of(advice: Advice, match: Match) -> State:
    """What became of one summary."""
    if any(card.name == match.summary.id for card in advice.cards):
        return "fired"
    if match.fires:
        return "held"
    return (
        "silent"
        if any(finding.verdict == "notMet" for finding in match.gates + match.limits) or not match.because.startswith("Unknown")
        else "unknown"
    )


def why(advice: Advice, match: Match) -> str:
    """Why a summary gave no card; empty if it did."""
    held = {held.candidate.name: held.because for held in advice.held_back}
    return held.get(match.summary.id, match.because)


def topic_state(advice: Advice, topic: str) -> State:
    """What became of a topic: the loudest of its summaries. For safety, unknown means that a hazard could not be checked."""
    if any(card.topic == topic for card in advice.cards):
        return "fired"
    if any(held.candidate.topic == topic for held in advice.held_back):
        return "held"
    states = {state_of(advice, match) for match in advice.matches if match.summary.topic == topic}
    unchecked = topic == "dmtSafety" and any(finding.verdict == "unknown" for finding in advice.safety)
    return "held" if "held" in states else "unknown" if "unknown" in states or unchecked else "silent"


def entries(chart: Chart) -> Mapping[str, Entry]:
    """Every resource that was read, by its reference."""
    found = [entry for type_ in sorted(BEARS_ON_FACTS) for entry in chart.entries(type_)]
    return {entry.ref: entry for entry in ([chart.patient] if chart.patient else []) + found}

"""Where the time of one call goes: the same steps as the hook route, each timed by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from statistics import median
from typing import Any

from benchmarks.apps import AS_OF
from benchmarks.bodies import cases
from cds import calls
from cds.advice import Policy, advise
from cds.api.advice import core_of
from cds.api.cards import wire_cards
from cds.api.prefetch import read_answers
from cds.content import Content, load_content
from cds.evidence.match import judging, match_all
from cds.fhir.chart import Chart
from cds.fhir.resources import BEARS_ON_FACTS, validate
from cds.first_look import FirstLook, first_look
from cds.patient.orders import Trigger
from cds.patient.read import read_patient
from cds.protocol.card import encode
from cds.protocol.request import read_call

STAGES = ("decode", "chart", "validate", "diagnosis", "context", "match", "render", "encode")


def load_seconds() -> float:
    """CPU seconds to load and prepare the content."""
    started = time.process_time()
    load_content(None, None)
    return time.process_time() - started


def stages(sizes: tuple[int, ...], rounds: int = 7) -> list[dict[str, Any]]:
    """CPU milliseconds of each stage, median of the rounds."""
    content = load_content(None, None)
    loads = core_of(content, Policy()).loads
    rows = []
    look = first_look(content)
    for case in cases(sizes):
        received = case.content
        once(content, loads, look, received)
        times = [once(content, loads, look, received) for _ in range(rounds if case.resources < 20_000 else 3)]
        rows.append({**case._asdict(), **{stage: median(found[stage] for found in times) for stage in STAGES}})
    return rows


def once(
    content: Content, loads: Callable[[bytes], Any], look: Callable[[Chart, Trigger, date], FirstLook], received: bytes
) -> dict[str, float]:
    """One call, its stages timed. `decode` includes the selection; `chart` is the rest of reading without validation.

    `diagnosis` is the first look, after which a patient without MS is done; `context` all other facts; `render` is the advice without
    reading and matching.
    """
    as_of = date.fromisoformat(AS_OF)
    call, decode = _timed(lambda: read_call(received, "patient-view", loads=loads))
    answers, envelope = _timed(lambda: read_answers(call.prefetch, call.context.patient_id, {}))
    (chart, trigger), read = _timed(lambda: calls.read_call("patient-view", call.context.patient_id, answers.values, content))
    raws = [entry.raw for type_ in BEARS_ON_FACTS for entry in chart.entries(type_)]
    raws += [chart.patient.raw] if chart.patient else []
    _, validating = _timed(lambda: [validate(raw) for raw in raws])
    seen, looking = _timed(lambda: look(chart, trigger, as_of))
    first = {"decode": decode + envelope, "chart": max(0.0, read - validating), "validate": validating, "diagnosis": looking}
    if seen.silent:
        return first | {"context": 0.0, "match": 0.0, "render": 0.0, "encode": _timed(lambda: encode(()))[1]}
    context, reading = _timed(lambda: read_patient(chart, as_of, content, trigger, seen.opening))
    evidence, facts = content.evidence, context.facts
    _, matching = _timed(lambda: match_all(evidence, facts, trigger.hook, judging(evidence, facts)))
    advice, whole = _timed(lambda: advise(content, chart, trigger, as_of, Policy(), seen.opening))
    _, encoding = _timed(lambda: encode(wire_cards(advice, content)))
    return first | {
        "context": reading,
        "match": matching,
        "render": max(0.0, whole - reading - matching),
        "encode": encoding,
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = work()
    return result, (time.process_time() - started) * 1000

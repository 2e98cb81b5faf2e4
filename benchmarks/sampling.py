"""A profile of the real work: in which room of the house the CPU was, looked at a thousand times a second."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import FrameType

from benchmarks.apps import AS_OF
from benchmarks.bodies import cases
from cds.advice import Policy
from cds.api.advice import core_of
from cds.api.prefetch import read_answers
from cds.content import load_content
from cds.protocol.card import encode
from cds.protocol.request import read_call

ROOT = Path(__file__).parents[1] / "cds"
EVERY = 0.001
"""Seconds of CPU between two looks."""

Shares = list[tuple[str, float]]


def profile(seconds: float) -> dict[str, Shares]:
    """Shares of the CPU of a call of 42 resources with MS, by room and by function, the largest first."""
    content = load_content(None, None)
    core, day = core_of(content, Policy()), date.fromisoformat(AS_OF)
    body = next(case.content for case in cases((42,)) if case.ms)

    def answer() -> None:
        call = read_call(body, "patient-view", loads=core.loads)
        answers = read_answers(call.prefetch, call.context.patient_id, {})
        encode(core.advise(call, answers.values, day).cards)

    answer()  # what is made at its first use is no part of it
    end = time.process_time() + seconds
    with sampled() as shares:
        while time.process_time() < end:
            answer()
    return shares


@contextmanager
def sampled() -> Iterator[dict[str, Shares]]:
    """Shares of the CPU spent inside, by `rooms` and the fifteen dearest `functions`; there when the work is done.

    What a library does counts for the room and the function of Ranvier that asked it.
    """
    rooms: Counter[str] = Counter()
    functions: Counter[str] = Counter()

    def look(_number: int, frame: FrameType | None) -> None:
        while frame is not None and not (path := Path(frame.f_code.co_filename)).is_relative_to(ROOT):
            frame = frame.f_back
        if frame is not None:
            inside = path.relative_to(ROOT).with_suffix("")
            rooms["/".join(inside.parts[: 2 if inside.parts[0] == "patient" else 1])] += 1
            functions[f"{inside}.{frame.f_code.co_qualname}"] += 1

    shares: dict[str, Shares] = {}
    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield shares
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    shares |= {"rooms": _shares(rooms.most_common(), rooms), "functions": _shares(functions.most_common(15), functions)}


def _shares(found: Iterable[tuple[str, int]], of: Counter[str]) -> Shares:
    return [(name, count / of.total()) for name, count in found]

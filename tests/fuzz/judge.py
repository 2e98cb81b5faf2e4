"""What must hold of every call, however it is made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

import orjson

from cds.advice import Policy, advise
from cds.api.advice import core_of
from cds.api.prefetch import read_answers
from cds.calls import read_call as chart_and_trigger
from cds.content import Content, load_content
from cds.explain.as_json import explain_json
from cds.explain.as_text import explain_text
from cds.explain_input import InputError, read_input
from cds.patient.context import Fact
from cds.patient.facts import CATALOGUE
from cds.protocol.card import encode
from cds.protocol.outcome import Refusal
from cds.protocol.request import HookCall, read_call
from cds.three_valued import Bounds
from tests.api.schema import check_response, strict_json
from tests.fuzz.bodies import Call

AS_OF = date(2026, 11, 20)
NOT_READ = re.compile(r"Could not be read, so unknown: ")


@cache
def content() -> Content:
    """The content that is shipped."""
    return load_content()


@cache
def core(reading: Any) -> Any:
    """The core as the service uses it, in one of its two ways of reading."""
    return core_of(content(), Policy(), reading)


def judge(sent: Call) -> None:
    """Raises what the service would have raised, or `AssertionError` where an answer breaks a promise."""
    selective, plain = (answer(sent, reading) for reading in ("selective", "plain"))
    assert same_advice(selective, plain), "reading a part and reading everything give different cards"
    assert answer(Call(sent.hook, _turned(sent.body)), "plain") == plain, "the order of entries changes the cards"
    explained(sent.body)


def answer(sent: Call, reading: str) -> Any:
    """What the service answers, the identifiers of cards left out: the status of a refusal, or the cards."""
    core_ = core(reading)
    try:
        call = read_call(sent.body, sent.hook, "interop", core_.loads)
        answers = read_answers(call.prefetch, call.context.patient_id, {})
    except Refusal as refusal:
        return refusal.status
    cards = encode(core_.advise(call, answers.values, AS_OF).cards)
    check_response(strict_json(cards))
    facts_are_sound(call, answers.values)
    return [(card["source"]["topic"]["code"], card["summary"], card["detail"]) for card in json.loads(cards)["cards"]]


def same_advice(selective: Any, plain: Any) -> bool:
    """Whether both say the same.

    A broken resource of which nobody asks is named only where all is read; the line that names it may take the room of another.
    """
    if isinstance(selective, int) or isinstance(plain, int) or len(selective) != len(plain):
        return bool(selective == plain)
    return all(
        one[:2] == other[:2] and (one[2] == other[2] or NOT_READ.search(other[2]) is not None)
        for one, other in zip(selective, plain, strict=True)
    )


def explained(body: bytes) -> None:
    """`ranvier explain` takes the same body, and what it prints can be written."""
    try:
        chart, trigger = read_input(body, content())
    except InputError:
        return
    advice = advise(content(), chart, trigger, AS_OF)
    orjson.dumps(explain_json(advice, content(), chart))
    "\n".join(explain_text(advice, content(), chart)).encode()


def facts_are_sound(call: HookCall, values: Mapping[str, Any]) -> None:
    """Every fact of the catalogue is there, in its vocabulary, with a reason."""
    chart, trigger = chart_and_trigger(call.hook, call.context.patient_id, values, content())
    facts = advise(content(), chart, trigger, AS_OF).context.facts
    assert facts.keys() == CATALOGUE.keys()
    for name, fact in facts.items():
        assert _fits(name, fact), f"{name} cannot be {fact.value!r}"
        assert fact.reason.strip(), f"{name} has no reason"


def _fits(name: str, fact: Fact) -> bool:
    kind, value = CATALOGUE[name], fact.value
    if value is None:
        return True
    match kind.kind:
        case "flag":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, Bounds) and value.low <= value.high
    return isinstance(value, str) and (value in kind.words or "*" in kind.words)


def _turned(body: bytes) -> bytes:
    """The same body with the entries of every Bundle in reverse; unchanged where it is not JSON."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    prefetch = document.get("prefetch") if isinstance(document, dict) else None
    for value in prefetch.values() if isinstance(prefetch, dict) else ():
        if isinstance(value, dict) and isinstance(value.get("entry"), list):
            value["entry"].reverse()
    return json.dumps(document, ensure_ascii=True).encode()

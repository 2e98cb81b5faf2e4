"""The answer and its cards (contract 2.9 to 2.13, 2.18)."""

from __future__ import annotations

import uuid

import pytest
from pydantic import ValidationError

from cds.api.core import Core, Opinion
from cds.protocol.card import Card, Link, OverrideReason, Source, encode, prune, utf16_length
from tests.api.fake import card, core
from tests.api.samples import MRN, NAME, OTHER, prefetch, request
from tests.api.schema import check_response, strict_json


def saying(*cards: Card) -> Core:
    """A core that always answers with these cards."""
    return Core("test", "0" * 64, core().hooks, lambda _call, _values, _as_of: Opinion(cards, True))


@pytest.mark.row("CH-RESP-01", "CH-RESP-02", "CH-ERR-04", "CH-GEN-02")
def test_ch_resp_02_nothing_to_say(wire):
    response = wire.call(request(prefetch=prefetch(conditions=OTHER)))
    assert (response.status_code, response.content) == (200, b'{"cards":[]}')


@pytest.mark.row(
    "CH-RESP-03", "CH-SYS-01", "CH-CARD-06", "CH-CARD-07", "CH-LINK-02", "CH-LINK-03", "CH-EXT-01", "CH-EXT-02", "CH-GEN-02", "CH-GEN-03"
)
def test_ch_ext_01_members_are_those_of_the_specification(wire):
    body = wire.call(request()).json()
    assert set(body) == {"cards"}
    for shown in body["cards"]:
        assert set(shown) <= {"uuid", "summary", "detail", "indicator", "source", "overrideReasons", "links", "extension"}


@pytest.mark.row("CH-RESP-05")
def test_ch_resp_05_same_order_each_time(wire):
    first, second = (wire.call(request()).json()["cards"] for _ in range(2))
    assert [{**shown, "uuid": ""} for shown in first] == [{**shown, "uuid": ""} for shown in second]


@pytest.mark.row("CH-RESP-06")
@pytest.mark.parametrize("body", [request(), {}])
def test_ch_resp_06_no_store(wire, body):
    assert wire.call(body).headers["cache-control"] == "no-store"


@pytest.mark.row("CH-CARD-01", "CH-GEN-06")
def test_ch_card_01_uuids_are_new_each_time(wire):
    uuids = [shown["uuid"] for _ in range(5) for shown in wire.call(request()).json()["cards"]]
    assert len(set(uuids)) == len(uuids) == 10
    assert {uuid.UUID(text).version for text in uuids} == {4}


@pytest.mark.row("CH-CARD-02")
@pytest.mark.parametrize(("summary", "units"), [("x" * 139, 139), ("𝔐" * 69, 138), ("é" * 139, 139)])
def test_ch_card_02_longest_summaries(make_wire, summary, units):
    assert utf16_length(summary) == units
    assert make_wire(saying(card(summary))).call(request()).json()["cards"][0]["summary"] == summary


@pytest.mark.row(
    "CH-CARD-02", "CH-CARD-04", "CH-CARD-08", "CH-SRC-01", "CH-SRC-02", "CH-SRC-04", "CH-LINK-01", "CH-LINK-04", "CH-LINK-06", "CH-EXT-02"
)
@pytest.mark.parametrize(
    "make",
    [
        lambda: card("x" * 140),
        lambda: card("𝔐" * 70),
        lambda: card(""),
        lambda: card(indicator="critical"),
        lambda: card(indicator="error"),
        lambda: card(topic="dmt-switch"),
        lambda: card(topic="x" * 101),
        lambda: card(uuid="D1577C69-DFBE-44AD-BA6D-3E05E953B2EA"),
        lambda: card(uuid=str(uuid.uuid1())),
        lambda: card(source=Source(label="", topic=card().source.topic)),
        lambda: card(source=Source(label="x", url="http://ranvier.example", topic=card().source.topic)),
        lambda: Link(label="x", url="http://doi.org/1"),
        lambda: Link(label="x", url="https://user@doi.org/1"),
        lambda: Link(label="x", url="https:///1"),
        lambda: Link(label="x", url="https://doi.org/a b"),
        lambda: Link(label="x", url="relative"),
        lambda: Link(label="", url="https://doi.org/1"),
        lambda: Link(label="x", url="https://doi.org/1", type="smart"),
        lambda: card(links=(Link(label="x", url="https://doi.org/1"), Link(label="x", url="https://doi.org/2"))),
        lambda: OverrideReason(code="x", system="y"),
        lambda: card(extension={"explanation": 1}),
        lambda: card(selection_behavior="any"),
    ],
)
def test_ch_card_a_card_that_breaks_a_rule_cannot_be_made(make):
    with pytest.raises(ValidationError):
        make()


@pytest.mark.row("CH-CARD-05", "CH-SRC-01", "CH-SRC-04", "CH-CARD-08", "CH-CARD-10")
def test_ch_card_05_source_topic_and_reasons(wire):
    for shown in wire.call(request()).json()["cards"]:
        assert {"code", "system"} <= set(shown["source"]["topic"])
        assert 4 <= len(shown["overrideReasons"]) <= 6
        assert set(shown["extension"]) == {"org.ranvier.explanation"}


@pytest.mark.row("CH-CARD-09", "CH-GEN-02")
def test_ch_gen_02_empty_members_are_left_out_at_any_depth():
    empty = card(
        detail=None, links=(), override_reasons=(), extension={"org.ranvier.explanation": {"notRead": [], "a": {"b": [{}, None, ""]}}}
    )
    shown = strict_json(encode([empty]))["cards"][0]
    assert set(shown) == {"uuid", "summary", "indicator", "source"}
    check_response({"cards": [shown]})


@pytest.mark.row("CH-GEN-02")
def test_ch_gen_02_zero_and_false_are_values():
    assert prune({"a": 0, "b": False, "c": 0.0, "d": [0, None]}) == {"a": 0, "b": False, "c": 0.0, "d": [0]}


@pytest.mark.row("CH-CARD-12")
def test_ch_card_12_nothing_of_the_patient_comes_back(wire):
    text = wire.call(request()).text
    assert not [canary for canary in (NAME, MRN, "1990-05-05") if canary in text]


@pytest.mark.row("CH-ERR-04", "CH-412-05")
def test_ch_err_04_a_card_that_cannot_be_encoded_is_a_500(make_wire):
    def broken(_call, _values, _as_of):
        return Opinion((card("x" * 140),), True)

    assert make_wire(Core("test", "0" * 64, core().hooks, broken)).call(request()).status_code == 500

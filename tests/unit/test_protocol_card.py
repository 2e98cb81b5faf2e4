"""Cards hold to the wire for any text (contract 2.9, 2.10)."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cds.protocol.card import Card, Source, Topic, encode, prune, utf16_length

SOURCE = Source(label="Ranvier", topic=Topic(code="msc", system="https://ranvier.example/topics"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_a_summary_is_short_enough_or_refused(text):
    units = len(text.encode("utf-16-le")) // 2
    assert utf16_length(text) == units
    try:
        card = Card(summary=text, indicator="info", source=SOURCE)
    except ValidationError:
        assert units > 139 or not text
    else:
        assert json.loads(encode([card]))["cards"][0]["summary"] == text


@given(JSON)
def test_nothing_empty_survives_pruning(value):
    def walk(found):
        assert found not in (None, "", [], {})
        for member in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
            walk(member)

    pruned = prune(value)
    if pruned not in (None, "", [], {}):
        walk(pruned)
    assert prune(pruned) == pruned

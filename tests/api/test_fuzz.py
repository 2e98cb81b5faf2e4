"""No input of any kind leads to a 5xx (CH-PD-10, CH-REQ-17, CH-HTTP-09)."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import fake
from tests.api.conftest import Wire
from tests.api.samples import PATIENT_ID, prefetch, request

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
WORDS = st.sampled_from(["Patient", "Bundle", "Condition", "OperationOutcome", "next", PATIENT_ID, "error", "", "\u0000", "😀"])
NAMES = st.sampled_from(
    ["resourceType", "entry", "resource", "link", "relation", "url", "response", "status", "id", "issue", "severity", "code", "coding"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXT, inner, max_size=5),
    max_leaves=15,
)
KEYS = st.sampled_from([*prefetch(), "Patient", "Condition", "everything"])


@cache
def wire() -> Wire:
    return Wire(fake.core())


@cache
def strict() -> Wire:
    return Wire(fake.core(), profile="strict")


def answered(body) -> None:
    for service in (wire(), strict()):
        assert service.call(body).status_code < 500


FEW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.row("CH-PD-10", "CH-REQ-17")
@FEW
@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_ch_pd_10_any_prefetch(values):
    answered(request(prefetch=prefetch(**values)))


@pytest.mark.row("CH-REQ-05", "CH-REQ-11", "CH-REQ-15")
@FEW
@given(st.sampled_from(["hook", "hookInstance", "context", "fhirServer", "fhirAuthorization", "prefetch", "extension"]), JSON)
def test_any_member(name, value):
    answered({**request(), "fhirServer": "https://fhir.example", name: value})


@FEW
@given(JSON)
def test_any_json(value):
    answered(value)


@pytest.mark.row("CH-HTTP-09")
@FEW
@given(st.binary(max_size=200), st.integers(0, 400))
def test_ch_http_09_any_bytes(noise, at):
    body = json.dumps(request()).encode()
    answered(body[:at] + noise + body[at + len(noise) :])

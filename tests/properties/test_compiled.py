"""Objects made the fast way (`cds.fhir.compiled`) are those of fhir.resources; `make fuzz` looks at 100,000 broken resources."""

from __future__ import annotations

import pytest

from cds.fhir.compiled import by_library, compiled
from cds.fhir.resources import Valid, validate
from tests.fuzz.compiled import AGREED, broken, difference, whole

ROUNDS = 4
RESOURCES_IN_A_ROUND = 500


@pytest.mark.parametrize("first", range(0, ROUNDS * RESOURCES_IN_A_ROUND, RESOURCES_IN_A_ROUND))
def test_what_is_made_of_a_broken_resource_is_what_the_library_makes(first: int) -> None:
    outcomes = {seed: difference(broken(seed)) for seed in range(first, first + RESOURCES_IN_A_ROUND)}
    assert {seed: outcome for seed, outcome in outcomes.items() if outcome not in AGREED} == {}
    assert {"same", "refused"} <= set(outcomes.values()), "the round shows something of both"


def test_whole_resources_are_made_the_fast_way() -> None:
    made = [difference(raw) for raw in whole() if isinstance(found := validate(raw), Valid) and not found.left_out]
    assert set(made) == {"same"}


def test_what_the_fast_way_does_not_take_is_left_to_the_library() -> None:
    silent = {"resourceType": "Observation", "_status": {"extension": [{"url": "http://x", "valueCode": "unknown"}]}, "code": {"text": "x"}}
    assert difference(silent) == "refused"
    assert compiled("Observation", silent) == by_library("Observation", silent)


def test_a_chart_is_the_same_whichever_way_its_objects_are_made() -> None:
    for seed in range(200):
        raw = broken(seed)
        assert validate(raw, compiled) == validate(raw, by_library)

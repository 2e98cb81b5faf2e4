"""A short run of the fuzzing (`make fuzz` is the long one): the same calls every time."""

from __future__ import annotations

import pytest

from tests.fuzz.bodies import call
from tests.fuzz.judge import judge

ROUNDS = 4
CALLS_IN_A_ROUND = 20


@pytest.mark.parametrize("first", range(0, ROUNDS * CALLS_IN_A_ROUND, CALLS_IN_A_ROUND))
def test_no_call_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + CALLS_IN_A_ROUND):
        try:
            judge(call(seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}; see it again with: python -m tests.fuzz --seed {seed} --count 1") from error


def test_a_number_gives_the_same_call_again() -> None:
    assert [call(seed) for seed in range(5)] == [call(seed) for seed in range(5)]

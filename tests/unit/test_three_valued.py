"""Kleene logic and bounded numbers: unknown survives wherever it could still go either way."""

from itertools import product

import pytest

from cds.three_valued import Bounds, all_of, any_of, negate

TRUTHS = (True, False, None)


def possible(truth):
    """The plain truths that a three-valued one could turn out to be."""
    return (True, False) if truth is None else (truth,)


def settled(results):
    """The one result of all possibilities, or unknown if they differ."""
    return results.pop() if len(results) == 1 else None


@pytest.mark.parametrize("truths", [pair for size in range(4) for pair in product(TRUTHS, repeat=size)])
def test_and_and_or_say_what_all_possibilities_agree_on(truths):
    worlds = list(product(*(possible(truth) for truth in truths)))
    assert all_of(truths) is settled({all(world) for world in worlds})
    assert any_of(truths) is settled({any(world) for world in worlds})


@pytest.mark.parametrize("truth", TRUTHS)
def test_not(truth):
    assert negate(truth) is settled({not world for world in possible(truth)})


def test_an_unknown_does_not_stop_a_later_no():
    assert all_of(iter((None, True, False))) is False
    assert any_of(iter((None, False, True))) is True


@pytest.mark.parametrize("threshold", [1, 2, 2.5, 3, 4])
@pytest.mark.parametrize("bounds", [Bounds(2, 3), Bounds.exactly(2), Bounds.at_least(3)])
def test_comparisons_of_bounds_agree_with_every_number_between(bounds, threshold):
    high = min(bounds.high, 10)
    numbers = {bounds.low, high, (bounds.low + high) / 2, *(n for n in (1, 2, 2.5, 3, 4) if bounds.low <= n <= high)}
    assert (bounds >= threshold) is settled({n >= threshold for n in numbers})
    assert (bounds > threshold) is settled({n > threshold for n in numbers})
    assert (bounds <= threshold) is settled({n <= threshold for n in numbers})
    assert (bounds < threshold) is settled({n < threshold for n in numbers})


@pytest.mark.parametrize(
    ("bounds", "exact", "words"),
    [
        (Bounds.exactly(3.5), 3.5, "3.5"),
        (Bounds.at_least(2), None, "at least 2"),
        (Bounds(2, 4), None, "2 to 4"),
    ],
)
def test_bounds_in_words(bounds, exact, words):
    assert bounds.exact == exact
    assert str(bounds) == words

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stego.correction.minimum_cut import minimum_cut


@st.composite
def graphs(draw):
    """A graph so small that all choices can be tried."""
    count = draw(st.integers(1, 7))
    possible = [(a, b) for a in range(count) for b in range(a + 1, count)]
    pairs = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    numbers = st.integers(0, 50)
    weights = draw(st.lists(numbers, min_size=len(pairs), max_size=len(pairs)))
    unary = draw(st.lists(st.integers(-50, 50), min_size=count, max_size=count))
    pinned = draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=count, max_size=count))
    return (
        np.array(unary, float),
        np.array(pairs, np.int64).reshape(-1, 2),
        np.array(weights, float),
        np.array(pinned, np.int8),
    )


def cost(chosen, unary, pairs, weights):
    first, second = pairs.T
    paid = np.where(chosen, np.maximum(-unary, 0), np.maximum(unary, 0)).sum()
    return paid + weights[chosen[first] != chosen[second]].sum()


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_no_other_choice_that_obeys_the_pins_costs_less(graph):
    unary, pairs, weights, pinned = graph
    chosen = minimum_cut(unary, pairs, weights, pinned)
    assert chosen[pinned == 1].all()
    assert not chosen[pinned == -1].any()
    free = np.where(pinned == 0, unary, 0)
    every = [np.array(each) for each in product([False, True], repeat=len(unary))]
    allowed = [each for each in every if (each[pinned != 0] == (pinned[pinned != 0] > 0)).all()]
    best = min(cost(each, free, pairs, weights) for each in allowed)
    assert cost(chosen, free, pairs, weights) == pytest.approx(best)


def test_costs_of_any_size_stay_within_the_integers_of_the_solver():
    rng = np.random.default_rng(0)
    count = 2000
    pairs = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    unary, weights = rng.normal(0, 1, count), rng.uniform(0, 1, count - 1)
    pinned = np.zeros(count, np.int8)
    pinned[[0, 999]] = 1, -1
    chosen = minimum_cut(unary, pairs, weights, pinned)
    assert 0 < chosen.sum() < count
    for factor in (1e12, 1e-12):
        scaled = minimum_cut(unary * factor, pairs, weights * factor, pinned)
        assert scaled[0]
        assert not scaled[999]
        if factor > 1:
            np.testing.assert_array_equal(scaled, chosen)

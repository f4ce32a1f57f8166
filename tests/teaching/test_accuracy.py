from __future__ import annotations

import numpy as np
import pytest

from napari_stego.teaching import estimate_accuracy


def test_nothing_is_known_before_a_random_image():
    found = estimate_accuracy([0.5, 0.7], [], 8)
    assert found.accuracy is None
    assert (found.low, found.high) == pytest.approx((0.12, 0.92))


def test_all_reviewed_is_no_estimate():
    found = estimate_accuracy([0.5, 0.7], [0.9], 0)
    assert found.accuracy == found.low == found.high == pytest.approx(0.7)


def test_the_least_certain_say_nothing_of_the_others():
    few = estimate_accuracy([0.1] * 10, [0.9] * 10, 80)
    assert few.accuracy == pytest.approx(0.1 * 0.1 + 0.9 * 0.9)
    assert few.low < few.accuracy < few.high


def test_no_images():
    assert estimate_accuracy([], [], 0).accuracy is None


def test_all_right_is_not_sure():
    found = estimate_accuracy([], [1.0] * 10, 990)
    assert found.accuracy == pytest.approx(1)
    assert found.low == pytest.approx(0.01 + 0.99 * 0.722, abs=0.002)  # Wilson's for 10 of 10


def test_the_interval_holds_the_truth():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        shares = rng.beta(4, 1, size=200)
        order = rng.permutation(200)
        drawn, rest = shares[order[:20]], order[20:]
        chosen = rest[np.argsort(shares[rest])[:40]]  # the worst, as uncertainty would find
        found = estimate_accuracy(shares[chosen].tolist(), drawn.tolist(), 140)
        inside += found.low <= shares.mean() <= found.high
    assert inside >= 370  # a random image among the worst makes it a little too low

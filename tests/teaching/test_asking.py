from __future__ import annotations

import numpy as np
import pytest

from napari_stego.teaching import Pool, most_useful


def pool(groups, images=None, typical=None):
    n = len(groups)
    return Pool(
        np.zeros((n, 2), np.float32),
        np.arange(n) if images is None else np.asarray(images),
        np.asarray(groups),
        np.ones(n, np.float32) if typical is None else np.asarray(typical, np.float32),
    )


def sure(columns, n=2):
    return np.eye(n, dtype=np.float32)[np.asarray(columns)]


def test_the_largest_uncertain_group_is_first():
    probabilities = sure([0] * 10)
    probabilities[3:9] = 0.5
    found = most_useful(pool([0, 0, 0, 1, 1, 2, 2, 2, 2, 3]), probabilities, count=2)
    assert [each.row for each in found] == [5, 3]
    assert found[0].gain == 1
    assert found[1].gain == pytest.approx(0.5)
    assert found[0].uncertainty == pytest.approx(1)
    assert found[0].share == pytest.approx(0.4)


def test_what_is_certain_is_not_asked_for_first():
    probabilities = sure([0] * 6)
    probabilities[5] = [0.6, 0.4]
    (found,) = most_useful(pool([0, 0, 0, 0, 0, 1]), probabilities)
    assert found.row == 5
    assert found.guesses == (0, 1)


def test_an_answer_makes_its_group_less_useful():
    half = np.full((5, 2), 0.5, np.float32)
    groups = pool([0, 0, 0, 1, 1])
    assert most_useful(groups, half)[0].row == 0
    found = most_useful(groups, half, asked=[1])
    assert groups.groups[found[0].row] == 1


def test_clicks_are_spread_over_images():
    half = np.full((4, 2), 0.5, np.float32)
    two = pool([0, 0, 1, 1], images=[0, 1, 0, 1], typical=[1, 0.9, 1, 0.9])
    assert [each.row for each in most_useful(two, half, count=2)] == [0, 3]
    assert most_useful(two, half, asked=[0])[0].row == 3


def test_an_answered_position_is_not_asked_again():
    half = np.full((2, 2), 0.5, np.float32)
    assert most_useful(pool([0, 0]), half, asked=[0])[0].row == 1
    assert most_useful(pool([0, 0]), half, asked=[0, 1]) == []


def test_groups_are_of_like_positions():
    rng = np.random.default_rng(0)
    centres = np.eye(4, 8, dtype=np.float32)
    kinship = np.repeat(centres, 20, axis=0) + 0.01 * rng.normal(size=(80, 8)).astype(np.float32)
    kinship /= np.linalg.norm(kinship, axis=1, keepdims=True)
    made = Pool.of(kinship, np.arange(80), kinship)
    again = Pool.of(kinship, np.arange(80), kinship)
    np.testing.assert_array_equal(made.groups, again.groups)
    assert len({(g, t) for g, t in zip(made.groups, np.repeat(range(4), 20), strict=True)}) == 4
    assert made.typical.min() > 0.9

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.clustering import unit
from napari_stego.correspondence import Prompt, Queries, heatmap, reduced

IMAGE = "a" * 64
grids = st.tuples(st.integers(1, 8), st.integers(1, 8))


def codes_of(grid, seed=0):
    return np.random.default_rng(seed).normal(size=(*grid, 6)).astype(np.float32)


def heat_of(codes, pixel, shape):
    queries = Queries.of([Prompt.point(IMAGE, *pixel)], lambda _: (codes, shape))
    return heatmap(queries.scores(unit(codes)), shape)


@given(grid=grids, data=st.data(), patch=st.sampled_from([1, 3, 15]))
def test_the_clicked_patch_centre_corresponds_fully_with_itself(grid, data, patch):
    codes = codes_of(grid)
    row, column = data.draw(st.tuples(*(st.integers(0, size - 1) for size in grid)))
    pixel = (row * patch + patch // 2, column * patch + patch // 2)
    shape = (grid[0] * patch, grid[1] * patch)
    heat = heat_of(codes, pixel, shape)
    assert heat[pixel] == pytest.approx(1.0, abs=1e-5)
    # At the centres of patches the heatmap holds the cosines themselves.
    centres = heat[patch // 2 :: patch, patch // 2 :: patch]
    np.testing.assert_allclose(centres, unit(codes) @ unit(codes)[row, column], atol=1e-5)


@given(grid=grids, shape=st.tuples(st.integers(1, 70), st.integers(1, 70)), data=st.data())
def test_every_pixel_can_be_clicked_and_gives_cosines(grid, shape, data):
    pixel = data.draw(st.tuples(*(st.integers(0, size - 1) for size in shape)))
    heat = heat_of(codes_of(grid), pixel, shape)
    assert heat.shape == shape
    assert heat.dtype == np.float32
    assert -1 <= heat.min() <= heat.max() <= 1
    np.testing.assert_allclose(heat_of(3 * codes_of(grid), pixel, shape), heat, atol=1e-5)


@given(shape=st.tuples(st.integers(1, 9000), st.integers(1, 9000)), longest=st.integers(1, 2000))
def test_a_reduced_size_fits_and_keeps_the_proportions(shape, longest):
    found = reduced(shape, longest)
    assert max(found) <= max(longest, 1)
    assert min(found) >= 1
    if max(shape) <= longest:
        assert found == shape
    for got, size in zip(found, shape, strict=True):
        assert abs(got - size * min(longest / max(shape), 1)) <= 1


def test_a_reduced_heatmap_is_near_to_the_whole_one():
    rng = np.random.default_rng(0)
    scores = rng.uniform(-1, 1, (34, 46)).astype(np.float32)
    whole, small = heatmap(scores, (1360, 1840)), heatmap(scores, (340, 460))
    blocks = whole.reshape(340, 4, 460, 4).mean(axis=(1, 3))
    assert np.abs(blocks - small).max() < 0.1

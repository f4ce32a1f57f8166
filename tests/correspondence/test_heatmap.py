from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stego.correspondence import correspondence_heatmap

grids = st.tuples(st.integers(1, 8), st.integers(1, 8))


def codes_of(grid, seed=0):
    return np.random.default_rng(seed).normal(size=(*grid, 6)).astype(np.float32)


@given(grid=grids, data=st.data(), patch=st.sampled_from([1, 3, 15]))
def test_the_clicked_patch_centre_corresponds_fully_with_itself(grid, data, patch):
    codes = codes_of(grid)
    row, column = data.draw(st.tuples(*(st.integers(0, size - 1) for size in grid)))
    pixel = (row * patch + patch // 2, column * patch + patch // 2)
    shape = (grid[0] * patch, grid[1] * patch)
    heat = correspondence_heatmap(codes, pixel, shape)
    assert heat[pixel] == pytest.approx(1.0, abs=1e-5)
    # At the centres of patches the heatmap holds the cosines themselves.
    units = codes / np.linalg.norm(codes, axis=-1, keepdims=True)
    centres = heat[patch // 2 :: patch, patch // 2 :: patch]
    np.testing.assert_allclose(centres, units @ units[row, column], atol=1e-5)


@given(grid=grids, shape=st.tuples(st.integers(1, 70), st.integers(1, 70)), data=st.data())
def test_every_pixel_can_be_clicked_and_gives_cosines(grid, shape, data):
    pixel = data.draw(st.tuples(*(st.integers(0, size - 1) for size in shape)))
    heat = correspondence_heatmap(codes_of(grid), pixel, shape)
    assert heat.shape == shape
    assert heat.dtype == np.float32
    assert -1 <= heat.min() <= heat.max() <= 1
    stretched = correspondence_heatmap(3 * codes_of(grid), pixel, shape)
    np.testing.assert_allclose(stretched, heat, atol=1e-5)


@pytest.mark.parametrize("pixel", [(-1, 0), (0, -1), (30, 0), (0, 40)])
def test_a_pixel_outside_the_image_is_an_error(pixel):
    with pytest.raises(IndexError, match="outside an image of 30 x 40"):
        correspondence_heatmap(codes_of((2, 2)), pixel, (30, 40))

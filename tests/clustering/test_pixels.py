from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stego.clustering import (
    CrfSettings,
    cluster_map,
    crf_available,
    pixels,
    refined_cluster_map,
    upsample,
)

sides = st.integers(1, 12)
pixel_sides = st.integers(1, 90)


def scores_of(height, width, clusters, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (height, width, clusters)).astype(np.float32)


def whole(values, shape):
    grid = torch.from_numpy(values).permute(2, 0, 1)[None]
    return F.interpolate(grid, size=shape, mode="bilinear", align_corners=False)[0].numpy()


@pytest.mark.parametrize("strip_values", [1, 700, 10**9])
def test_strips_of_any_height_equal_bilinear_interpolation_in_one_piece(monkeypatch, strip_values):
    monkeypatch.setattr(pixels, "_STRIP_VALUES", strip_values)

    @settings(deadline=None, max_examples=40)
    @given(sides, sides, st.integers(1, 5), st.tuples(pixel_sides, pixel_sides))
    def check(height, width, clusters, shape):
        scores = scores_of(height, width, clusters)
        expected = whole(scores, shape)
        found = upsample(scores, shape)
        assert found.shape == (clusters, *shape)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        labels = cluster_map(scores, shape)
        assert labels.dtype == np.uint16
        # Where two scores are equal but for rounding, either may win.
        won = np.take_along_axis(expected, labels[None].astype(np.int64), axis=0)[0]
        np.testing.assert_allclose(won, expected.max(axis=0), atol=1e-5)

    check()


def test_the_cluster_map_does_not_depend_on_the_strips(monkeypatch):
    scores = scores_of(9, 13, 27)
    expected = cluster_map(scores, (150, 211))
    for strip_values in (1, 10_000, 100_000):
        monkeypatch.setattr(pixels, "_STRIP_VALUES", strip_values)
        np.testing.assert_array_equal(cluster_map(scores, (150, 211)), expected)


def test_patches_become_blocks_of_pixels_with_the_border_half_way_between_them():
    scores = np.zeros((1, 2, 2), np.float32)
    scores[0, 0, 0] = scores[0, 1, 1] = 1
    labels = cluster_map(scores, (4, 10))
    np.testing.assert_array_equal(labels, np.broadcast_to([0] * 5 + [1] * 5, (4, 10)))


@pytest.mark.skipif(not crf_available(), reason="the CRF library is an extra")
def test_the_crf_moves_borders_to_the_edges_of_the_photograph():
    photo = np.full((40, 60, 3), 30, np.uint8)
    photo[:, 24:] = 220
    # Patches of 20 pixels put the border at column 30 to 40; the photograph has it at 24.
    scores = np.zeros((2, 3, 4), np.float32)
    scores[:, 0, 1] = scores[:, 1:, 3] = 1
    plain = cluster_map(scores, (40, 60))
    refined = refined_cluster_map(photo, scores, CrfSettings())
    assert set(np.unique(refined)) == {1, 3}
    expected = np.where(np.arange(60) < 24, 1, 3)
    assert (refined == expected).mean() > (plain == expected).mean()


def test_an_image_of_one_cluster_needs_no_crf():
    scores = np.zeros((3, 3, 5), np.float32)
    scores[..., 4] = 1
    labels = refined_cluster_map(np.zeros((20, 30, 3), np.uint8), scores)
    assert labels.shape == (20, 30)
    assert (labels == 4).all()

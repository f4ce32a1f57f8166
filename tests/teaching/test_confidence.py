from __future__ import annotations

import numpy as np
import pytest

from napari_stego.clustering import cluster_map, probable_map, upsample
from napari_stego.clustering import pixels as pixels_module
from napari_stego.teaching import calibration_error, probabilities


@pytest.mark.parametrize("strip", [10, 16_000_000])
def test_the_probability_of_pixels_is_that_of_interpolated_scores(monkeypatch, strip):
    monkeypatch.setattr(pixels_module, "_STRIP_VALUES", strip)
    scores = np.random.default_rng(0).normal(size=(5, 7, 4)).astype(np.float32) * 3
    best, probability = probable_map(scores, (43, 60))
    np.testing.assert_array_equal(best, cluster_map(scores, (43, 60)))
    expected = probabilities(upsample(scores, (43, 60)), 1.0, axis=0).max(axis=0)
    np.testing.assert_allclose(probability, expected, atol=1e-6)
    assert best.dtype == np.uint16
    assert probability.dtype == np.float32


def test_how_far_confidence_is_off():
    confidence = np.array([0.95, 0.95, 0.65, 0.65], np.float32)
    assert calibration_error(confidence, np.array([1, 1, 1, 0], bool)) == pytest.approx(0.1)
    assert calibration_error(confidence, np.zeros(4, bool)) == pytest.approx(0.8)
    assert calibration_error(np.ones(3, np.float32), np.ones(3, bool)) == 0

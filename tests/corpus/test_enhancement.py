"""Enhancement for the eye."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_stego.corpus.enhancement import ENHANCEMENTS, enhance

PHOTOGRAPHS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 255),
)


def water(seed=0):
    """A scene under water: little red, and a narrow range of brightness."""
    scene = np.random.default_rng(seed).integers(60, 200, (40, 60, 3))
    return (scene * [0.3, 0.8, 1.0]).astype(np.uint8)


@given(PHOTOGRAPHS, st.sampled_from(ENHANCEMENTS))
def test_a_photograph_keeps_its_shape_and_is_not_changed_itself(pixels, enhancement):
    before = pixels.copy()
    enhanced = enhance(pixels, enhancement)
    assert (enhanced.shape, enhanced.dtype) == (pixels.shape, np.uint8)
    np.testing.assert_array_equal(pixels, before)


def test_none_is_the_photograph_itself():
    pixels = water()
    assert enhance(pixels, "none") is pixels


@pytest.mark.parametrize("enhancement", ["grey-world", "red-compensated"])
def test_the_colour_of_the_water_is_taken_out(enhancement):
    means = enhance(water(), enhancement).mean(axis=(0, 1))
    assert np.ptp(means) < 6
    assert np.ptp(water().mean(axis=(0, 1))) > 80


def test_grey_stays_grey():
    grey = np.repeat(np.arange(0, 250, 5, dtype=np.uint8)[:, None, None], 3, axis=2)
    for enhancement in ("grey-world", "red-compensated"):
        np.testing.assert_array_equal(enhance(grey, enhancement), grey)


def test_noise_in_a_channel_without_light_is_not_blown_up():
    pixels = water()
    pixels[..., 0] = np.random.default_rng(1).integers(0, 3, pixels.shape[:2])
    assert enhance(pixels, "grey-world")[..., 0].max() <= 2 * 4


def test_contrast_spreads_brightness_over_the_whole_range_in_order():
    pixels = water()
    brightness = enhance(pixels, "contrast").mean(axis=2)
    assert np.ptp(brightness) > 1.3 * np.ptp(pixels.mean(axis=2))
    grey = np.repeat(np.arange(90, 120, dtype=np.uint8)[:, None, None], 3, axis=2)
    stretched = enhance(grey, "contrast")[:, 0, 0].astype(int)
    assert (np.diff(stretched) >= 0).all()
    assert stretched[0] < 5 < 250 < stretched[-1]
    flat = np.full((4, 4, 3), 7, np.uint8)
    np.testing.assert_array_equal(enhance(flat, "contrast"), flat)

"""Making underwater photographs easier to look at. For the eye alone: no result depends on it."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Enhancement = Literal["none", "grey-world", "red-compensated", "contrast"]
"""What is done for the eye."""

ENHANCEMENTS: tuple[Enhancement, ...] = get_args(Enhancement)

_MAX_GAIN = 4.0
_PERCENTILES = (0.5, 99.5)
_SAMPLE_PIXELS = 200_000


def enhance(pixels: npt.NDArray[np.uint8], enhancement: Enhancement) -> npt.NDArray[np.uint8]:
    """Enhance a photograph for the eye.

    Parameters
    ----------
    pixels : numpy.ndarray
        ``(H, W, 3) uint8`` RGB; not changed.
    enhancement : Enhancement
        ``"grey-world"`` scales the channels so that their means are equal, by
        a factor of 4 at most; ``"red-compensated"`` first gives red what water
        took, in proportion to green; ``"contrast"`` stretches brightness to
        the full range; ``"none"`` returns `pixels` itself.

    Returns
    -------
    numpy.ndarray
        ``(H, W, 3) uint8``.

    References
    ----------
    Buchsbaum, "A spatial processor model for object colour perception",
    J. Franklin Inst. 1980 (grey world). Ancuti et al., "Color balance and
    fusion for underwater image enhancement", IEEE TIP 2018, Eq. 4 (red).
    """
    if enhancement == "none":
        return pixels
    if enhancement == "contrast":
        return _stretched(pixels)
    if enhancement == "grey-world":
        # One table for each channel: no float copy of a large photograph.
        means = pixels.mean(axis=(0, 1))
        return _by_tables(pixels, _gains(means))
    values = pixels.astype(np.float32) / 255
    red, green = values[..., 0], values[..., 1]
    lost = max(float(green.mean() - red.mean()), 0.0)
    red += lost * (1 - red) * green
    balanced = values * _gains(values.mean(axis=(0, 1))).astype(np.float32)
    return np.asarray(np.clip(255 * balanced + 0.5, 0, 255), np.uint8)


def _gains(means: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Factors that bring each channel to the mean of all; a channel without light stays dark."""
    gains = np.divide(means.mean(), means, out=np.ones(3), where=means > 0)
    return np.asarray(np.clip(gains, 1 / _MAX_GAIN, _MAX_GAIN), np.float64)


def _by_tables(
    pixels: npt.NDArray[np.uint8], gains: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    tables = np.clip(np.arange(256)[:, None] * gains + 0.5, 0, 255).astype(np.uint8)
    return np.stack([tables[pixels[..., channel], channel] for channel in range(3)], axis=-1)


def _stretched(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    step = max(1, pixels.shape[0] * pixels.shape[1] // _SAMPLE_PIXELS)
    brightness = pixels.reshape(-1, 3)[::step].mean(axis=1)
    low, high = np.percentile(brightness, _PERCENTILES)
    if high <= low:  # one brightness everywhere: there is nothing to stretch
        return pixels
    table = np.clip((np.arange(256) - low) * (255 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(table[pixels], np.uint8)

"""Where in an image something is found again, for each pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import upsample


def heatmap(scores: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Interpolate the scores of patches to pixels.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(h, w) float32`` in ``[-1, 1]``, of the patches of an image.
    shape : tuple of int
        ``(H, W)`` wanted: that of the image or, which is quicker, a smaller
        one of `reduced`.

    Returns
    -------
    numpy.ndarray
        ``(H, W) float32`` in ``[-1, 1]``.
    """
    heat = upsample(scores[..., None], shape)[0]
    return np.asarray(np.clip(heat, -1, 1, out=heat), dtype=np.float32)  # rounding oversteps


def reduced(shape: tuple[int, int], longest: int) -> tuple[int, int]:
    """Give the size of a picture that is made smaller, if it has to be.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)``.
    longest : int
        The most pixels of its longer side.

    Returns
    -------
    tuple of int
        ``(H, W)`` of the same proportions, but for rounding.
    """
    scale = min(longest / max(shape), 1.0)
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)

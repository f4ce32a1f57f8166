"""The colours of correspondence: the same in the viewer, in galleries and on the scale."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.utils.colormaps import Colormap, ensure_colormap

LOWEST, HIGHEST = 0.0, 1.0
"""What is at or below the lowest is transparent."""

_ALPHA = 0.8
_MASK = (1.0, 0.82, 0.1, 0.6)
_STEP = 1e-4


def heat_colours() -> npt.NDArray[np.float32]:
    """Give the colours from the lowest score to the highest.

    Returns
    -------
    numpy.ndarray
        ``(256, 4) float32`` RGBA in ``[0, 1]``; the photograph shows where
        nothing corresponds.
    """
    colours = np.array(ensure_colormap("inferno").colors, dtype=np.float32)
    colours[:, 3] = np.linspace(0.0, _ALPHA, len(colours))
    return colours


def heat_look(threshold: float | None = None) -> dict[str, Any]:
    """Say how the layer of the heatmap is drawn.

    Parameters
    ----------
    threshold : float, optional
        Draw what is at or above in one colour, and nothing else; by default
        all scores in their own.

    Returns
    -------
    dict
        ``colormap`` and ``contrast_limits`` of an Image layer.
    """
    if threshold is None:
        colormap = Colormap(heat_colours(), name="correspondence")
        return {"colormap": colormap, "contrast_limits": (LOWEST, HIGHEST)}
    # The limits and not the colours hold the threshold: napari lists all colours it has seen.
    colormap = Colormap([(*_MASK[:3], 0.0), _MASK], name="mask")
    return {"colormap": colormap, "contrast_limits": (threshold - _STEP, threshold)}


def overlaid(pixels: npt.NDArray[np.uint8], heat: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Put the colours of a heatmap on a photograph, as the viewer does.

    Parameters
    ----------
    pixels : numpy.ndarray
        ``(h, w, 3) uint8``.
    heat : numpy.ndarray
        ``(h, w) float32`` scores.

    Returns
    -------
    numpy.ndarray
        ``(h, w, 3) uint8``.
    """
    keep, add = _blend()
    share = (heat - LOWEST) / (HIGHEST - LOWEST)
    place = np.clip(share * len(keep), 0, len(keep) - 1).astype(np.intp)
    return np.asarray((keep[place] * pixels + add[place]).astype(np.uint8))


@cache
def _blend() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Say what share of a photograph stays, and what comes on top, by score; half for rounding."""
    colours = heat_colours()
    alpha = colours[:, 3:]
    return 1 - alpha, 255 * alpha * colours[:, :3] + np.float32(0.5)

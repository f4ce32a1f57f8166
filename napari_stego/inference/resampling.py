"""Adding up grids of codes that lie differently over one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_STRIP_VALUES = 500_000


@dataclass(frozen=True)
class Axis:
    """Where the points along one side of the output lie on the grid of a pass.

    Attributes
    ----------
    before, after : numpy.ndarray
        ``(n,) int64``, neighbouring rows (or columns) of the grid.
    position : numpy.ndarray
        ``(n,) float32`` between them, 0 to 1.
    weights : numpy.ndarray
        ``(n,) float32``, how much the pass counts there, 0 to 1.
    """

    before: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]
    position: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]


def shifted_axes(n_out: int, patches: int, shifts: Sequence[float]) -> list[Axis]:
    """Lay the points of the output over grids that are shifted against one another.

    Points are at the centres of their cells, as pixels and patches are
    (`napari_stego.clustering.pixels`), and the border patch of an unshifted
    grid continues outwards. A shifted grid has one patch less and leaves out a
    part of one at either end; there its weight falls to 0 over one patch.

    Parameters
    ----------
    n_out : int
        Points along the side of the output.
    patches : int
        Patches along the side of the image, at least 2.
    shifts : sequence of float
        Of each grid in patches, 0 to below 1; the first is 0.

    Returns
    -------
    list of Axis
        One for each shift; their weights add up to 1 at each point.
    """
    centres = (np.arange(n_out) + 0.5) * (patches / n_out)
    weights = np.ones((len(shifts), n_out))
    axes = []
    for index, shift in enumerate(shifts):
        last = patches - 1 - (shift > 0)
        y = centres - shift - 0.5
        if shift > 0:
            weights[index] = np.clip(np.minimum(y + 0.5, last + 0.5 - y), 0, 1)
        y = y.clip(0, last)
        before = np.floor(y).astype(np.int64)
        axes.append((before, np.minimum(before + 1, last), (y - before).astype(np.float32)))
    weights /= weights.sum(axis=0)
    return [Axis(*axis, w.astype(np.float32)) for axis, w in zip(axes, weights, strict=True)]


def add_resampled(
    total: npt.NDArray[np.float32], grid: npt.NDArray[np.float32], rows: Axis, columns: Axis
) -> None:
    """Add a grid of codes, interpolated bilinearly and weighted, to the output.

    Works in strips, so that it takes little memory besides.

    Parameters
    ----------
    total : numpy.ndarray
        ``(H, W, D) float32``, added to.
    grid : numpy.ndarray
        ``(h, w, D) float32``.
    rows, columns : Axis
        Of H and of W points on h rows and w columns.
    """
    height, width, dim = total.shape
    step = max(1, _STRIP_VALUES // (width * dim))
    for top in range(0, height, step):
        strip = slice(top, min(top + step, height))
        position = rows.position[strip, None, None]
        lines = grid[rows.before[strip]] * (1 - position) + grid[rows.after[strip]] * position
        lines *= rows.weights[strip, None, None]
        left, right = (1 - columns.position) * columns.weights, columns.position * columns.weights
        total[strip] += lines[:, columns.before] * left[:, None]
        total[strip] += lines[:, columns.after] * right[:, None]

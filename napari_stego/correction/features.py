"""Features of superpixels from those of patches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.correction.superpixels import Superpixels

# Of distances between a superpixel and a patch: in patches, and in CIELAB.
_NEAR = 0.6
_ALIKE = 12.0
# Weight of a patch that is of quite another colour.
_LEAST = 0.02
_COMPONENTS = 64


def superpixel_features(
    superpixels: Superpixels, grid: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Interpolate features of patches to superpixels, from patches of a like colour first.

    A patch is much larger than a superpixel, and near an edge it has some of
    both sides: the colour tells which of the patches around a superpixel show
    the same thing as it does.

    Parameters
    ----------
    superpixels : Superpixels
        Those of a photograph.
    grid : numpy.ndarray
        ``(h, w, C) float32`` features of its patches.

    Returns
    -------
    numpy.ndarray
        ``(M, D) float32`` unit vectors, D at most 64: the leading principal
        components, without the photograph's mean, which all have in common.
        The dot product of two is their correspondence.

    References
    ----------
    Kopf et al., "Joint Bilateral Upsampling", SIGGRAPH 2007.
    """
    height, width = superpixels.shape
    rows, columns, channels = grid.shape
    patch_rows = np.minimum(np.arange(height) * rows // height, rows - 1)
    patch_columns = np.minimum(np.arange(width) * columns // width, columns - 1)
    patch = (patch_rows[:, None] * columns + patch_columns).ravel()
    sizes = np.maximum(np.bincount(patch, minlength=rows * columns), 1)
    lab = np.moveaxis(superpixels.lab, 2, 0)
    colours = np.stack(
        [np.bincount(patch, each.ravel(), rows * columns) / sizes for each in lab], axis=1
    )
    values = _principal(grid.reshape(-1, channels))
    down = (superpixels.centres[:, 0] + 0.5) * rows / height - 0.5
    across = (superpixels.centres[:, 1] + 0.5) * columns / width - 0.5
    found = np.zeros((superpixels.count, values.shape[1]))
    total = np.zeros((superpixels.count, 1))
    for below in (-1, 0, 1):
        for right in (-1, 0, 1):
            row = np.clip(np.rint(down).astype(np.int64) + below, 0, rows - 1)
            column = np.clip(np.rint(across).astype(np.int64) + right, 0, columns - 1)
            place = row * columns + column
            apart = ((row - down) ** 2 + (column - across) ** 2) / (2 * _NEAR**2)
            unlike = ((superpixels.colours - colours[place]) ** 2).sum(axis=1) / (2 * _ALIKE**2)
            weight = (np.exp(-apart) * (np.exp(-unlike) + _LEAST))[:, None]
            found += weight * values[place]
            total += weight
    found /= np.maximum(total, 1e-12)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, 1e-12), dtype=np.float32)


def _principal(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Project onto the leading principal components, without the mean."""
    centred = values - values.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ axes[:, ::-1][:, :_COMPONENTS])

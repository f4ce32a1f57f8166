"""Nearest neighbours of images, from their mean token."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors


def nearest_images(pooled: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Find for each image the most similar others by cosine.

    Parameters
    ----------
    pooled : numpy.ndarray
        ``(N, C) float32``, the spatial mean of each image's tokens.
    count : int
        Neighbours wanted; a corpus of N images has at most N - 1.

    Returns
    -------
    numpy.ndarray
        ``(N, min(count, N - 1)) int64`` indices, nearest first, never the
        image itself.
    """
    n_images = len(pooled)
    count = min(count, n_images - 1)
    if count < 1:
        return np.empty((n_images, 0), np.int64)
    norms = np.linalg.norm(pooled, axis=1, keepdims=True)
    unit = pooled / np.maximum(norms, 1e-10)
    # On unit vectors the order by Euclidean distance is the order by cosine, and
    # scikit-learn works through it in blocks instead of holding N x N distances.
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(unit)
    # Without an argument, an image is no neighbour of itself.
    return np.asarray(search.kneighbors(return_distance=False), dtype=np.int64)

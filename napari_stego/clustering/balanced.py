"""Clusters of more equal sizes, by optimal transport of positions to centroids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.clustering.spherical import chunks, directions, nearest
from napari_stego.progress import CancelToken

_POSITIONS = 60_000
_ENTROPY = 0.05
_SINKHORN_STEPS = 3
_MAX_ITERATIONS = 50
_SETTLED = 1e-3
_FILLED = 0.02


def balanced_kmeans(
    points: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    balance: float,
    rng: np.random.Generator,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.float32]:
    """Move centroids so that their clusters come closer to equal sizes.

    In turns, points are assigned to centroids under prescribed sizes, and
    centroids move to the mean direction of their points. The assignment is the
    optimal transport with entropy 0.05, found by Sinkhorn and Knopp's scaling,
    of which each point takes its likeliest cluster; works on at most 60,000
    points.

    The sizes hold for that assignment. Those of the closest centroid, which is
    what maps show, are less equal.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, D) float32`` unit vectors.
    centroids : numpy.ndarray
        ``(K, D) float32`` unit vectors to start from.
    balance : float
        From 0, the sizes of the clusters of the start, to 1, equal sizes; in
        between, their weighted mean.
    rng : numpy.random.Generator
        Of the sample.
    cancel : CancelToken, optional
        Obeyed between iterations.

    Returns
    -------
    numpy.ndarray
        ``(K, D) float32`` unit vectors.

    Raises
    ------
    Cancelled
        If `cancel` is set.

    References
    ----------
    Cuturi, "Sinkhorn Distances", NeurIPS 2013. Asano et al., "Self-labelling
    via simultaneous clustering and representation learning", ICLR 2020. Caron
    et al., "Unsupervised Learning of Visual Features by Contrasting Cluster
    Assignments", NeurIPS 2020.
    """
    if len(points) > _POSITIONS:
        points = points[rng.choice(len(points), _POSITIONS, replace=False)]
    clusters = len(centroids)
    labels = nearest(points, centroids)[0]
    natural = np.bincount(labels, minlength=clusters) / len(points)
    shares = (1 - balance) * natural + balance / clusters
    offsets = np.zeros(clusters, np.float32)
    for _ in range(_MAX_ITERATIONS):
        if cancel is not None:
            cancel.raise_if_cancelled()
        for _ in range(_SINKHORN_STEPS):
            found = _transported(points, centroids, offsets)
            # The dual variable of each cluster's size, in units of the cosine.
            ratio = np.maximum(shares, 1e-6) / np.maximum(found, 1e-12)
            offsets += (_ENTROPY * np.log(ratio)).astype(np.float32)
        before, labels = labels, _assigned(points, centroids, offsets)
        centroids = directions(points, labels, centroids)
        # Far clusters exchange points only once the offsets have grown: settled labels alone
        # may be those of the start.
        filled = np.abs(found - shares).max() < _FILLED / clusters
        if filled and (labels != before).mean() < _SETTLED:
            break
    return centroids


def _transported(
    points: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    offsets: npt.NDArray[np.float32],
) -> npt.NDArray[np.float64]:
    """Share of the mass that each cluster receives when every point gives all of its own."""
    received = np.zeros(len(centroids))
    for part in chunks(len(points), len(centroids)):
        plan = (points[part] @ centroids.T + offsets) / _ENTROPY
        plan -= plan.max(axis=1, keepdims=True)
        np.exp(plan, out=plan)
        plan /= plan.sum(axis=1, keepdims=True)
        received += plan.sum(axis=0, dtype=np.float64)
    return received / len(points)


def _assigned(
    points: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    offsets: npt.NDArray[np.float32],
) -> npt.NDArray[np.int64]:
    labels = np.empty(len(points), np.int64)
    for part in chunks(len(points), len(centroids)):
        labels[part] = (points[part] @ centroids.T + offsets).argmax(axis=1)
    return labels

"""k-means on the unit sphere: closeness is the cosine, centroids are directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.cluster import kmeans_plusplus

from napari_stego.progress import CancelToken

_CHUNK_VALUES = 1_000_000
_BREATHING_POSITIONS = 60_000
_SEEDING_POSITIONS = 20_000
_DEPTH = 16
_COARSE = 1e-3
_FINE = 1e-4
_GAIN = 1e-4
_MAX_ITERATIONS = 100
_NUDGE = 0.01


def unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scale vectors to length 1.

    Parameters
    ----------
    vectors : numpy.ndarray
        ``(..., D) float32``.

    Returns
    -------
    numpy.ndarray
        The same shape; zero vectors stay zero.
    """
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-10), dtype=np.float32)


def nearest(
    points: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Find the centroid of the highest cosine.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, D) float32`` unit vectors.
    centroids : numpy.ndarray
        ``(K, D) float32`` unit vectors.

    Returns
    -------
    labels : numpy.ndarray
        ``(n,) int64``, the lowest of equally close centroids.
    cosines : numpy.ndarray
        ``(n,) float32``, in ``[-1, 1]`` but for rounding.
    """
    labels = np.empty(len(points), np.int64)
    cosines = np.empty(len(points), np.float32)
    for part in chunks(len(points), len(centroids)):
        scores = points[part] @ centroids.T
        labels[part] = scores.argmax(axis=1)
        cosines[part] = np.take_along_axis(scores, labels[part, None], axis=1)[:, 0]
    return labels, cosines


def chunks(n_points: int, n_centroids: int) -> list[slice]:
    """Cut points into pieces whose scores fit the processor's cache.

    Parameters
    ----------
    n_points, n_centroids : int
        Rows and columns of the scores.

    Returns
    -------
    list of slice
        Of the points, in order.
    """
    rows = max(1, _CHUNK_VALUES // n_centroids)
    return [slice(start, min(start + rows, n_points)) for start in range(0, n_points, rows)]


def directions(
    points: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    before: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Average the points of each cluster, as a direction.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, D) float32`` unit vectors.
    labels : numpy.ndarray
        ``(n,) int64``, their clusters.
    before : numpy.ndarray
        ``(K, D) float32``, kept where a cluster has no points, or its points
        cancel out.

    Returns
    -------
    numpy.ndarray
        ``(K, D) float32`` unit vectors.
    """
    n = len(points)
    members = sparse.csc_array(
        (np.ones(n, np.float32), labels, np.arange(n + 1)), shape=(len(before), n)
    )
    sums = members @ points
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    means = sums / np.maximum(lengths, 1e-10)
    return np.asarray(np.where(lengths > 1e-6, means, before), dtype=np.float32)


def spherical_kmeans(
    points: npt.NDArray[np.float32],
    clusters: int,
    rng: np.random.Generator,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.float32]:
    """Cluster unit vectors by the cosine.

    k-means++ and Lloyd's iterations end in a local optimum that depends on
    the seed. Breathing leaves it: centroids are added where the loss is
    highest, and as many removed where they are missed least, until that gains
    no more. It works on a sample; Lloyd's iterations on all points follow.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, D) float32`` unit vectors.
    clusters : int
        Number K of clusters, at most n.
    rng : numpy.random.Generator
        Of the sample, the seeding and the added centroids. The same state
        gives the same centroids.
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
    Dhillon and Modha, "Concept Decompositions for Large Sparse Text Data Using
    Clustering", Machine Learning 42, 2001. Fritzke, "Breathing K-Means: Superior
    K-Means Solutions through Dynamic K-Values", arXiv 2006.15666, 2020.
    """
    sample = points
    if len(points) > _BREATHING_POSITIONS:
        sample = points[rng.choice(len(points), _BREATHING_POSITIONS, replace=False)]
    seeds = sample[: max(_SEEDING_POSITIONS, clusters)]
    random_state = np.random.RandomState(rng.integers(2**32))
    start = kmeans_plusplus(seeds, clusters, random_state=random_state)[0]
    fit = _breathe(sample, _lloyd(sample, start, _COARSE, cancel), rng, cancel)
    return _lloyd(points, fit.centroids, _FINE, cancel).centroids


@dataclass(frozen=True)
class _Fit:
    centroids: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]

    @property
    def loss(self) -> float:
        return 1 - float(self.cosines.mean(dtype=np.float64))


def _lloyd(
    points: npt.NDArray[np.float32],
    centroids: npt.NDArray[np.float32],
    tolerance: float,
    cancel: CancelToken | None,
) -> _Fit:
    """Iterate until the loss falls by less than the tolerance, as a share of it."""
    fit = _Fit(centroids, *nearest(points, centroids))
    for _ in range(_MAX_ITERATIONS):
        if cancel is not None:
            cancel.raise_if_cancelled()
        centroids = directions(points, fit.labels, fit.centroids)
        empty = np.flatnonzero(np.bincount(fit.labels, minlength=len(centroids)) == 0)
        if len(empty):
            # Where they serve most: at the points that are served worst.
            worst = np.argsort(fit.cosines, kind="stable")[: len(empty)]
            centroids[empty] = points[worst]
        before, fit = fit, _Fit(centroids, *nearest(points, centroids))
        if len(empty) == 0 and before.loss - fit.loss <= tolerance * before.loss:
            break
    return fit


def _breathe(
    points: npt.NDArray[np.float32],
    fit: _Fit,
    rng: np.random.Generator,
    cancel: CancelToken | None,
) -> _Fit:
    best = fit
    clusters = len(fit.centroids)
    depth = min(_DEPTH, clusters, len(points) - clusters)
    while depth > 0:
        grown = np.concatenate([fit.centroids, _added(fit, depth, rng)])
        fit = _lloyd(points, grown, _COARSE, cancel)
        shrunk = np.delete(fit.centroids, _expendable(points, fit, depth), axis=0)
        fit = _lloyd(points, shrunk, _COARSE, cancel)
        if fit.loss < best.loss * (1 - _GAIN):
            best = fit
        else:
            depth -= 1
    return best


def _added(fit: _Fit, count: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Make new centroids, close to those whose clusters lose most."""
    clusters, dim = fit.centroids.shape
    losses = np.bincount(fit.labels, weights=1 - fit.cosines, minlength=clusters)
    crowded = fit.centroids[np.argsort(-losses, kind="stable")[:count]]
    steps = rng.normal(size=(count, dim)) * (_NUDGE * np.sqrt(max(2 * fit.loss, 0.0) / dim))
    return unit((crowded + steps).astype(np.float32))


def _expendable(points: npt.NDArray[np.float32], fit: _Fit, count: int) -> npt.NDArray[np.int64]:
    """Find the centroids whose points lose least by going to the next, no two of them neighbours.

    Of two neighbours each may be expendable only because the other is there.
    """
    clusters = len(fit.centroids)
    missed = np.zeros(clusters)
    for part in chunks(len(points), clusters):
        scores = points[part] @ fit.centroids.T
        scores[np.arange(len(scores)), fit.labels[part]] = -np.inf
        missed += np.bincount(
            fit.labels[part], weights=fit.cosines[part] - scores.max(axis=1), minlength=clusters
        )
    alike = fit.centroids @ fit.centroids.T
    np.fill_diagonal(alike, -np.inf)
    neighbour = alike.argmax(axis=1)
    order = np.argsort(missed, kind="stable")
    chosen: list[int] = []
    kept: set[int] = set()
    for centroid in order.tolist():
        if len(chosen) == count:
            break
        if centroid not in kept:
            chosen.append(centroid)
            if len(kept) + count < clusters:
                kept.add(int(neighbour[centroid]))
    return np.array(chosen, dtype=np.int64)

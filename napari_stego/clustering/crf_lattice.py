"""Gaussian filtering in many dimensions on the permutohedral lattice."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import factorial

_HASH_SEED = 0
_ALL = slice(None)


class _Simplices(NamedTuple):
    """Lattice simplices around points: hashes and weights of their corners, ``(n, d + 1)``."""

    keys: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


class Lattice:
    """The permutohedral lattice of a set of points, as sparse matrices.

    A filter spreads the values of the points to the corners of their
    simplices, blurs them along each of the d + 1 axes, and gathers them again.
    It is normalised at both ends: a value counts one over the root of the
    kernel's sum at its point.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, d) float32``, in units of the standard deviation of the kernel.

    Attributes
    ----------
    roots : numpy.ndarray
        ``(n, 1) float32``, the root of the kernel's sum at each point.

    References
    ----------
    Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the
    Permutohedral Lattice", Eurographics 2010.
    """

    def __init__(self, points: npt.NDArray[np.float32]) -> None:
        n_points, self._n_axes = points.shape[0], points.shape[1] + 1
        simplices = _simplices(points)
        self._keys, first, inverse = np.unique(
            simplices.keys, return_index=True, return_inverse=True
        )
        # Vertices in the order of the points: neighbours in the image are then
        # neighbours in memory, unlike those in the order of their hashes.
        self._rows = np.empty(len(first), np.int32)
        self._rows[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
        gather = _rows_matrix(
            self._rows[inverse.reshape(simplices.keys.shape)], simplices.weights, len(first)
        )
        axes = [self._blur_matrix(axis) for axis in range(self._n_axes)]
        # Most vertices have few neighbours: two axes at once take less than one after the other.
        self._blurs = [
            axes[place + 1] @ axes[place] if place + 1 < len(axes) else axes[place]
            for place in range(0, len(axes), 2)
        ]
        self._scale = np.float32(1 / (1 + 2.0 ** -(self._n_axes - 1)))
        sums = gather @ self._blurred(gather.T @ np.ones((n_points, 1), np.float32))
        self.roots: npt.NDArray[np.float32] = np.sqrt(sums * self._scale + np.float32(1e-20))
        norm = sparse.diags_array(1 / self.roots[:, 0])
        self._spread = (gather.T @ norm).tocsr()
        self._gather = (norm * self._scale @ gather).tocsr()

    def _blur_matrix(self, axis: int) -> Any:
        size = len(self._keys)
        with np.errstate(over="ignore"):
            neighbours = self._keys + _steps(self._n_axes)[axis]
        found = _find(self._keys, neighbours)
        here = np.flatnonzero(found >= 0)
        halves = np.full(len(here), 0.5, np.float32)
        places = (self._rows[here], self._rows[found[here]])
        ahead = sparse.csr_matrix((halves, places), shape=(size, size))
        return (sparse.identity(size, np.float32, "csr") + ahead + ahead.T).tocsr()

    def blurred(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Spread values to the vertices and blur them there.

        Parameters
        ----------
        values : numpy.ndarray
            ``(n, K) float32``, of the points.

        Returns
        -------
        numpy.ndarray
            ``(m, K) float32``, of the vertices.
        """
        return self._blurred(self._spread @ values)

    def gather(
        self, vertices: npt.NDArray[np.float32], points: slice = _ALL
    ) -> npt.NDArray[np.float32]:
        """Interpolate values of the vertices at the points.

        Parameters
        ----------
        vertices : numpy.ndarray
            ``(m, K) float32`` from `blurred`.
        points : slice
            Those of the points that are wanted.

        Returns
        -------
        numpy.ndarray
            ``(n, K) float32``.
        """
        return np.asarray(self._gather[points] @ vertices, dtype=np.float32)

    def _blurred(self, vertices: Any) -> npt.NDArray[np.float32]:
        for blur in self._blurs:
            vertices = blur @ vertices
        return np.asarray(vertices, dtype=np.float32)

    def gather_at(
        self, points: npt.NDArray[np.float32], vertices: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Interpolate values of the vertices at points that made none of them.

        The values are not normalised at these points.

        Parameters
        ----------
        points : numpy.ndarray
            ``(p, d) float32``. Vertices that the lattice lacks count as zero.
        vertices : numpy.ndarray
            ``(m, K) float32`` from `blurred`.

        Returns
        -------
        values : numpy.ndarray
            ``(p, K) float32``.
        own : numpy.ndarray
            ``(p, 1) float32``, the kernel between each point and itself, which
            `values` leaves out; within 5 % where no other point is near.
        """
        simplices = _simplices(points)
        found = _find(self._keys, simplices.keys)
        weights = np.where(found >= 0, simplices.weights, np.float32(0))
        matrix = _rows_matrix(self._rows[np.maximum(found, 0)], weights, len(self._keys))
        # The corner m places further is reached by m steps of a half, or by the
        # rest of the circle of axes from the other side. Blurs follow each other
        # in one order, which fits that of the steps in one of m! cases.
        corners = np.arange(self._n_axes)
        apart = np.abs(np.subtract.outer(corners, corners))
        reached = 0.5**apart / factorial(apart)
        reached += 0.5 ** (self._n_axes - apart) / factorial(self._n_axes - apart)
        kernel = reached.astype(np.float32)
        own = ((simplices.weights @ kernel) * simplices.weights).sum(axis=1, keepdims=True)
        return np.asarray(matrix @ vertices, dtype=np.float32) * self._scale, own * self._scale


def _simplices(points: npt.NDArray[np.float32]) -> _Simplices:
    """Find the simplex of each point by rounding, as in the paper's section 4."""
    n_points, n_axes = points.shape[0], points.shape[1] + 1
    places = np.arange(n_axes)
    elevated = _elevated(points)
    nearest = np.rint(elevated / n_axes)
    order = np.argsort(nearest * n_axes - elevated, axis=1, kind="stable")
    ranks = np.empty((n_points, n_axes), np.int64)
    np.put_along_axis(ranks, order, np.broadcast_to(places, ranks.shape), axis=1)
    # Back onto the plane of coordinates that sum to zero.
    ranks += nearest.sum(axis=1, keepdims=True).astype(np.int64)
    turns = (ranks < 0).astype(np.int64) - (ranks >= n_axes)
    ranks += turns * n_axes
    nearest += turns
    ranked = np.empty_like(elevated)
    np.put_along_axis(ranked, ranks, elevated / n_axes - nearest, axis=1)
    weights = np.empty_like(elevated)
    weights[:, 1:] = (ranked[:, :-1] - ranked[:, 1:])[:, ::-1]
    weights[:, 0] = 1 + ranked[:, -1] - ranked[:, 0]
    factors = _hash_factors(n_axes)
    ranked_factors = np.empty((n_points, n_axes), np.int64)
    np.put_along_axis(ranked_factors, ranks, np.broadcast_to(factors, ranks.shape), axis=1)
    keys = np.empty((n_points, n_axes), np.int64)
    with np.errstate(over="ignore"):
        keys[:, 0] = (nearest.astype(np.int64) * factors).sum(axis=1) * n_axes
        for corner in range(1, n_axes):
            step = factors.sum() - n_axes * ranked_factors[:, n_axes - corner]
            keys[:, corner] = keys[:, corner - 1] + step
    return _Simplices(keys, weights)


def _elevated(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Embed points in the plane of d + 1 coordinates that sum to zero."""
    n_points, n_dimensions = points.shape
    axes = np.arange(1, n_dimensions + 1)
    scales = np.sqrt(2 / 3) * (n_dimensions + 1) / np.sqrt(axes * (axes + 1.0))
    scaled = points * scales.astype(np.float32)
    elevated = np.empty((n_points, n_dimensions + 1), np.float32)
    total = np.zeros(n_points, np.float32)
    for axis in range(n_dimensions, 0, -1):
        elevated[:, axis] = total - axis * scaled[:, axis - 1]
        total = total + scaled[:, axis - 1]
    elevated[:, 0] = total
    return elevated


def _hash_factors(n_axes: int) -> npt.NDArray[np.int64]:
    """Factors of a hash that is linear modulo 2**64, so that a step is one addition."""
    factors = np.random.default_rng(_HASH_SEED).integers(-(2**62), 2**62, n_axes)
    # The last coordinate follows from the others.
    factors[-1] = 0
    return factors


def _steps(n_axes: int) -> npt.NDArray[np.int64]:
    factors = _hash_factors(n_axes)
    with np.errstate(over="ignore"):
        steps: npt.NDArray[np.int64] = n_axes * factors - factors.sum()
    return steps


def _find(keys: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places in sorted keys, -1 where there is none."""
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[found] == wanted, found, -1)


def _rows_matrix(
    columns: npt.NDArray[np.int32], weights: npt.NDArray[np.float32], n_columns: int
) -> Any:
    """Sparse matrix whose rows have equally many entries."""
    n_rows, width = columns.shape
    starts = np.arange(0, n_rows * width + 1, width, dtype=np.int32)
    return sparse.csr_matrix((weights.ravel(), columns.ravel(), starts), shape=(n_rows, n_columns))

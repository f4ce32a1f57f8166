"""The merge tree: which clusters are alike, and what comes of joining them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_stego.clustering.kmeans import ClusterModel
from napari_stego.clustering.spherical import unit

_APART = 2.0


class MergeSuggestion(NamedTuple):
    """Two groups of clusters that the tree joins.

    Attributes
    ----------
    first, second : tuple of int
        The clusters of each group, ascending; `first` holds the lowest of all.
    similarity : float
        Cosine at which they join, in ``[-1, 1]``.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    similarity: float


@dataclass(frozen=True, eq=False)
class MergeTree:
    """A binary tree over K clusters, from single ones to all in one.

    Node ``i < K`` is cluster ``i``; node ``K + i`` is what merge ``i`` makes.

    Attributes
    ----------
    merges : numpy.ndarray
        ``(K - 1, 2) int64``, the two nodes that each merge joins, closest first.
    heights : numpy.ndarray
        ``(K - 1,) float64`` cosine distances of the merges, in ``[0, 2]`` and
        never falling.
    """

    merges: npt.NDArray[np.int64]
    heights: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number K of clusters."""
        return len(self.merges) + 1

    def cut_into(self, parts: int) -> npt.NDArray[np.int64]:
        """Join the closest until a number of parts is left.

        Parameters
        ----------
        parts : int
            How many, from 1 to K.

        Returns
        -------
        numpy.ndarray
            ``(K,) int64``, the part of each cluster. A part is named by the
            lowest cluster in it, so that names stay when other parts join.

        Raises
        ------
        ValueError
            If there cannot be that many.
        """
        if not 1 <= parts <= len(self):
            raise ValueError(f"{len(self)} clusters can be joined into 1 to {len(self)} parts")
        return self._after(len(self) - parts)

    def suggestions(self, limit: int | None = None) -> list[MergeSuggestion]:
        """List the merges, most alike first.

        A later one may join what earlier ones have made.

        Parameters
        ----------
        limit : int, optional
            How many at most; by default all.

        Returns
        -------
        list of MergeSuggestion
            In the order of the tree.
        """
        groups = [(cluster,) for cluster in range(len(self))]
        found = []
        for (left, right), height in zip(
            self.merges[:limit].tolist(), self.heights.tolist(), strict=False
        ):
            first, second = sorted((groups[left], groups[right]))
            groups.append(tuple(sorted(first + second)))
            found.append(MergeSuggestion(first, second, 1 - height))
        return found

    def _after(self, n_merges: int) -> npt.NDArray[np.int64]:
        """Name the part of each cluster after the first merges."""
        names = np.arange(len(self) + n_merges)
        for node, pair in enumerate(self.merges[:n_merges], len(self)):
            names[node] = names[pair].min()
        for node in range(len(names) - 1, len(self) - 1, -1):
            names[self.merges[node - len(self)]] = names[node]
        return names[: len(self)]


def merge_tree(
    model: ClusterModel,
    weights: Sequence[float] | npt.NDArray[np.number] | None = None,
    apart: npt.NDArray[np.bool_] | None = None,
) -> MergeTree:
    """Join clusters by the cosine of their centroids, the closest first.

    Parameters
    ----------
    model : ClusterModel
        K clusters.
    weights : sequence of float, optional
        ``(K,)``, such as the pixels of each cluster: the distance of two
        groups is then that of a pixel of one from a pixel of the other, on
        average, each taken to be at its centroid. By default all clusters
        count alike.
    apart : numpy.ndarray, optional
        ``(K,) bool``, clusters of which no two are to come together: groups
        with one each join only at the root, at a distance of 2.

    Returns
    -------
    MergeTree
        The same for the same centroids and weights; of equally close pairs
        that with the lowest cluster joins first.

    Raises
    ------
    ValueError
        If there are not K weights, or they are negative or not finite, or not
        K flags.

    References
    ----------
    Lance and Williams, "A General Theory of Classificatory Sorting Strategies",
    The Computer Journal 9, 1967.
    """
    n = len(model)
    masses = np.ones(n) if weights is None else np.array(weights, dtype=np.float64)
    if masses.shape != (n,) or not (np.isfinite(masses).all() and (masses >= 0).all()):
        raise ValueError(f"{n} clusters need {n} weights that are finite and not negative")
    # An empty cluster still has a place in the tree.
    masses = np.maximum(masses / max(masses.max(initial=0.0), 1e-300), 1e-9)
    vectors = unit(model.centroids).astype(np.float64)
    distances = np.clip(1 - vectors @ vectors.T, 0.0, 2.0)
    # Products of a matrix with itself need not be symmetric to the last digit.
    distances = np.maximum(distances, distances.T)
    holds = np.zeros(n, bool) if apart is None else np.array(apart, dtype=bool)
    if holds.shape != (n,):
        raise ValueError(f"{n} clusters need {n} flags")
    distances[np.ix_(holds, holds)] = _APART
    np.fill_diagonal(distances, np.inf)
    # Groups live in the row of their lowest cluster.
    nodes = np.arange(n)
    merges = np.empty((max(n - 1, 0), 2), np.int64)
    heights = np.empty(len(merges))
    for step in range(len(merges)):
        first, second = divmod(int(distances.argmin()), n)
        merges[step] = sorted((nodes[first], nodes[second]))
        heights[step] = distances[first, second]
        share = masses[first] / (masses[first] + masses[second])
        joined = share * distances[first] + (1 - share) * distances[second]
        holds[first] |= holds[second]
        if holds[first]:
            joined[holds] = _APART
        joined[[first, second]] = np.inf
        distances[first] = distances[:, first] = joined
        distances[second] = distances[:, second] = np.inf
        holds[second] = False
        masses[first] += masses[second]
        nodes[first] = n + step
    # Averages of equal distances may fall below them by rounding.
    return MergeTree(merges, np.maximum.accumulate(heights) if n > 1 else heights)

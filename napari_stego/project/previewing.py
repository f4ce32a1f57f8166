"""Clusters of a few images, quickly: while a head is trained, and to compare several."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from napari_stego.clustering import Encode, directions, nearest, unit
from napari_stego.corpus import CorpusImage
from napari_stego.features import TokenSet
from napari_stego.project.project import Project

_IMAGES = 24
_POSITIONS = 200
_FIRST_ITERATIONS = 12
_NEXT_ITERATIONS = 3


class ClusterPreview:
    """Clusters of a changing head, which keep their numbers from look to look.

    A few steps of k-means on 4,800 positions at most, from the centroids of
    the look before: a picture of what is on its way, not what `cluster` makes.

    Parameters
    ----------
    project : Project
        A project with features.
    clusters : int
        K; fewer where there are not as many positions.
    seed : int
        Of the positions.
    """

    def __init__(self, project: Project, clusters: int, seed: int = 0) -> None:
        tokens = project.tokens()
        self._store = project.store
        self._rng = np.random.default_rng(seed)
        places = np.linspace(0, len(tokens) - 1, min(_IMAGES, len(tokens))).round().astype(int)
        sample = TokenSet(project.store, [tokens.content_hashes[place] for place in places])
        self._sample = np.concatenate([self._some(grid) for grid in sample])
        self._clusters = min(clusters, len(self._sample))
        self._labels: npt.NDArray[np.int64] | None = None

    def _some(self, grid: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
        rows = grid.reshape(-1, grid.shape[-1])
        return rows[self._rng.permutation(len(rows))[:_POSITIONS]]

    def look(
        self, encode: Encode, images: tuple[CorpusImage, ...], *, afresh: bool = False
    ) -> tuple[npt.NDArray[np.int64], ...]:
        """Cluster the codes as they are now.

        Parameters
        ----------
        encode : callable
            Makes codes from tokens, ``(h, w, C) float16`` to ``(h, w, D) float32``.
        images : tuple of CorpusImage
            Images with features.
        afresh : bool
            Do not start from the clusters of the look before: for another
            head, not for the same one later.

        Returns
        -------
        tuple of numpy.ndarray
            ``(h, w) int64`` for each image, clusters ``0..K-1`` of its
            positions. A cluster has the number of that of the look before
            with which it shares most positions.
        """
        points = unit(encode(self._sample[None])[0])
        centroids = self._fit(points, None if afresh else self._labels)
        labels = nearest(points, centroids)[0]
        if self._labels is not None:
            shared = np.zeros((self._clusters, self._clusters), np.int64)
            np.add.at(shared, (self._labels, labels), 1)
            before, now = linear_sum_assignment(shared, maximize=True)
            centroids[before] = centroids[now]
            labels = nearest(points, centroids)[0]
        self._labels = labels
        return tuple(self._image(encode, image, centroids) for image in images)

    def _fit(
        self, points: npt.NDArray[np.float32], before: npt.NDArray[np.int64] | None
    ) -> npt.NDArray[np.float32]:
        if before is None:
            centroids = points[self._rng.permutation(len(points))[: self._clusters]]
            iterations = _FIRST_ITERATIONS
        else:
            # Codes have moved, and their length may have changed: start from who was together.
            centroids = directions(points, before, points[: self._clusters])
            iterations = _NEXT_ITERATIONS
        for _ in range(iterations):
            centroids = directions(points, nearest(points, centroids)[0], centroids)
        return centroids.copy()

    def _image(
        self, encode: Encode, image: CorpusImage, centroids: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.int64]:
        codes = unit(encode(self._store.tokens(image.content_hash)))
        labels = nearest(codes.reshape(-1, codes.shape[-1]), centroids)[0]
        return labels.reshape(codes.shape[:2])

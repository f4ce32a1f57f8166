"""Cosine k-means on codes, or on raw features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from napari_stego.clustering.balanced import balanced_kmeans
from napari_stego.clustering.spherical import nearest, spherical_kmeans, unit
from napari_stego.errors import StegoError
from napari_stego.features import TokenSet
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

Encode = Callable[[npt.NDArray[np.float16]], npt.NDArray[np.float32]]
"""Turns stored tokens ``(h, w, C)`` into codes, or into prepared features, ``(h, w, D)``."""

_MAX_POSITIONS = 250_000


class ClusterSettings(BaseModel):
    """How codes are clustered.

    Attributes
    ----------
    clusters : int
        Number K of clusters.
    source : "codes" or "features"
        Cluster the codes of the trained head, or the prepared backbone features.
    seed : int
        Of the sampled positions and the start of k-means.
    balance : float
        From 0, plain k-means, to 1, clusters fitted under equal sizes by
        Sinkhorn assignment (see `balanced_kmeans`). It helps where one
        cluster swallows much of the corpus, or some hold next to nothing.
        It hurts where classes differ much in cover, which is usual: what
        is rare is then joined with others to fill a cluster, and what is
        common is cut into several. More clusters, merged afterwards, keep
        rare classes better.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clusters: int = Field(default=64, ge=2, le=1000)
    source: Literal["codes", "features"] = "codes"
    seed: int = Field(default=0, ge=0)
    balance: float = Field(default=0.0, ge=0, le=1)

    @model_serializer(mode="wrap")
    def _serialised(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        # Results made before there was this setting keep their keys.
        if self.balance == 0:
            values.pop("balance", None)
        return values


@dataclass(frozen=True)
class ClusterModel:
    """Centroids of K clusters.

    Attributes
    ----------
    centroids : numpy.ndarray
        ``(K, D) float32`` unit vectors.
    sizes : numpy.ndarray, optional
        ``(K,) int64``, how many of the positions the clusters were fitted to
        are closest to each. None where it is not known.
    coherence : numpy.ndarray, optional
        ``(K,) float32``, the mean cosine of those positions with the
        centroid; 0 for a cluster without any.
    """

    centroids: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.int64] | None = None
    coherence: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.centroids)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Give the model as named arrays, to be saved.

        Returns
        -------
        dict
            For `from_tensors`; what is not known is left out.
        """
        named = {"centroids": self.centroids, "sizes": self.sizes, "coherence": self.coherence}
        return {name: array for name, array in named.items() if array is not None}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[Any]]) -> ClusterModel:
        """Take a model from named arrays.

        Parameters
        ----------
        tensors : mapping
            What `tensors` gave, or ``centroids`` alone.

        Returns
        -------
        ClusterModel
            The model.

        Raises
        ------
        KeyError
            If there are no centroids.
        ValueError
            If the arrays do not fit together.
        """
        centroids = tensors["centroids"]
        if centroids.ndim != 2 or not len(centroids):
            raise ValueError(f"centroids of shape {centroids.shape}")
        sizes, coherence = tensors.get("sizes"), tensors.get("coherence")
        for name, array in (("sizes", sizes), ("coherence", coherence)):
            if array is not None and array.shape != (len(centroids),):
                raise ValueError(f"{name} of shape {array.shape} for {len(centroids)} centroids")
        return cls(centroids, sizes, coherence)

    def scores(self, codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Cosine between codes and centroids.

        Parameters
        ----------
        codes : numpy.ndarray
            ``(h, w, D) float32``, of any length but zero.

        Returns
        -------
        numpy.ndarray
            ``(h, w, K) float32``, values in ``[-1, 1]``.
        """
        return unit(codes) @ self.centroids.T


def fit_clusters(
    tokens: TokenSet,
    encode: Encode,
    settings: ClusterSettings,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ClusterModel:
    """Cluster the codes of a corpus by k-means on the unit sphere.

    Parameters
    ----------
    tokens : TokenSet
        The corpus. Beyond 250,000 positions a uniform sample is used.
    encode : callable
        Makes codes from tokens.
    settings : ClusterSettings
        K, seed and balance.
    progress : ProgressCallback
        Called for each image.
    cancel : CancelToken, optional
        Obeyed between images, and between the iterations of k-means.

    Returns
    -------
    ClusterModel
        The centroids, with the size and coherence of their clusters.

    Raises
    ------
    StegoError
        If the corpus has fewer positions than clusters are wanted.
    Cancelled
        If `cancel` is set.
    """
    points = _sample_codes(tokens, encode, settings.seed, progress, cancel)
    if len(points) < settings.clusters:
        raise StegoError(
            f"{settings.clusters} clusters need at least as many positions, and the corpus has "
            f"{len(points)}. Ask for fewer clusters, add images or extract larger ones."
        )
    rng = np.random.default_rng([settings.seed, 1])
    centroids = spherical_kmeans(points, settings.clusters, rng, cancel)
    if settings.balance > 0:
        centroids = balanced_kmeans(points, centroids, settings.balance, rng, cancel)
    labels, cosines = nearest(points, centroids)
    sizes = np.bincount(labels, minlength=settings.clusters)
    closeness = np.bincount(labels, weights=cosines, minlength=settings.clusters)
    progress(len(tokens), len(tokens), "clustering")
    return ClusterModel(
        centroids, sizes.astype(np.int64), (closeness / np.maximum(sizes, 1)).astype(np.float32)
    )


def _sample_codes(
    tokens: TokenSet,
    encode: Encode,
    seed: int,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> npt.NDArray[np.float32]:
    """Make unit codes of a uniform sample of positions, reading each image once."""
    rng = np.random.default_rng(seed)
    grids = [tokens.grid_shape(index) for index in range(len(tokens))]
    positions = np.array([height * width for height, width in grids])
    quotas = positions
    if positions.sum() > _MAX_POSITIONS:
        # How a uniform sample without replacement falls on the images.
        quotas = rng.multivariate_hypergeometric(positions, _MAX_POSITIONS, method="marginals")
    points: npt.NDArray[np.float32] | None = None
    done = 0
    for index, (size, quota) in enumerate(zip(positions, quotas, strict=True)):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(index, len(tokens), "clustering")
        chosen = rng.choice(size, size=quota, replace=False) if quota < size else np.arange(size)
        if not quota:
            continue
        codes = unit(encode(tokens.rows(index, chosen)))
        if points is None:
            points = np.empty((quotas.sum(), codes.shape[1]), np.float32)
        points[done : done + quota] = codes
        done += quota
    assert points is not None
    return points

"""Cosine k-means on codes, or on raw features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from sklearn.cluster import MiniBatchKMeans

from napari_stego.errors import StegoError
from napari_stego.features import TokenSet
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

Encode = Callable[[npt.NDArray[np.float16]], npt.NDArray[np.float32]]
"""Turns stored tokens ``(h, w, C)`` into codes, or into prepared features, ``(h, w, D)``."""

_MAX_POSITIONS = 250_000
_BATCH_POSITIONS = 4096


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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clusters: int = Field(default=27, ge=2, le=1000)
    source: Literal["codes", "features"] = "codes"
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class ClusterModel:
    """Centroids of K clusters.

    Attributes
    ----------
    centroids : numpy.ndarray
        ``(K, D) float32`` unit vectors.
    """

    centroids: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.centroids)

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


def fit_clusters(
    tokens: TokenSet,
    encode: Encode,
    settings: ClusterSettings,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ClusterModel:
    """Cluster the codes of a corpus by mini-batch k-means on the unit sphere.

    Parameters
    ----------
    tokens : TokenSet
        The corpus. Beyond 250,000 positions a uniform sample is used.
    encode : callable
        Makes codes from tokens.
    settings : ClusterSettings
        K and seed.
    progress : ProgressCallback
        Called for each image, first while reading, then while clustering.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    ClusterModel
        The centroids.

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
    means = MiniBatchKMeans(
        n_clusters=settings.clusters,
        batch_size=_BATCH_POSITIONS,
        n_init=3,
        max_no_improvement=20,
        random_state=settings.seed,
    ).fit(points)
    if cancel is not None:
        cancel.raise_if_cancelled()
    progress(len(tokens), len(tokens), "clustering")
    return ClusterModel(unit(means.cluster_centers_.astype(np.float32)))


def _sample_codes(
    tokens: TokenSet,
    encode: Encode,
    seed: int,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    positions = []
    for index, array in enumerate(tokens):
        if cancel is not None:
            cancel.raise_if_cancelled()
        positions.append(array.shape[0] * array.shape[1])
        progress(index + 1, len(tokens), "reading features")
    quotas = np.array(positions)
    if quotas.sum() > _MAX_POSITIONS:
        # How a uniform sample without replacement falls on the images.
        quotas = rng.multivariate_hypergeometric(positions, _MAX_POSITIONS, method="marginals")
    parts = []
    for index, array in enumerate(tokens):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(index, len(tokens), "clustering")
        rows = array.reshape(-1, array.shape[-1])
        if quotas[index] < len(rows):
            rows = rows[rng.choice(len(rows), size=quotas[index], replace=False)]
        if len(rows):
            parts.append(unit(encode(rows)))
    return np.concatenate(parts)

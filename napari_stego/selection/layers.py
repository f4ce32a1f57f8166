"""Choice of the backbone's layer, without labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from napari_stego.clustering import unit
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_CLUSTERS = 27
_REPEATS = 2

_Name = TypeVar("_Name")


@dataclass(frozen=True)
class LayerScores(Generic[_Name]):
    """How much each layer's clusters tell about the tokens of all others.

    Attributes
    ----------
    scores : dict
        Score by layer, in ``[0, 1]``.
    """

    scores: dict[_Name, float]

    @property
    def best(self) -> _Name:
        """The layer of the highest score."""
        return max(self.scores, key=self.scores.__getitem__)


def choose_layer(
    tokens: Mapping[_Name, npt.NDArray[np.float32]],
    *,
    seed: int = 0,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> LayerScores[_Name]:
    """Find the layer that stands in the middle of the backbone.

    Early layers see colour and texture, the last ones what the backbone was
    trained for. Clusters for a map should hold both. So each layer is
    clustered, and its clusters are asked how much of the variance of every
    other layer's tokens they explain, relative to what that layer's own
    clusters explain. The layer of the highest mean wins.

    Parameters
    ----------
    tokens : mapping
        By layer ``(T, C) float32`` tokens, the same positions in all; all
        blocks of the backbone, for otherwise the middle moves.
    seed : int
        Of k-means.
    progress : ProgressCallback
        Called once a layer.
    cancel : CancelToken, optional
        Obeyed between layers.

    Returns
    -------
    LayerScores
        The scores.

    Raises
    ------
    Cancelled
        If `cancel` is set.
    """
    names = list(tokens)
    prepared = {name: _prepared(tokens[name]) for name in names}
    explained = np.zeros((len(names), len(names)))
    for i, name in enumerate(names):
        if cancel is not None:
            cancel.raise_if_cancelled()
        for repeat in range(_REPEATS):
            clusters = _clusters(prepared[name], seed + repeat)
            explained[i] += [_explained(clusters, prepared[other]) for other in names]
        progress(i + 1, len(names), "choosing a layer")
    relative = explained / np.maximum(np.diag(explained), 1e-12)
    np.fill_diagonal(relative, np.nan)
    means = np.nanmean(relative, axis=1) if len(names) > 1 else np.ones(1)
    return LayerScores(dict(zip(names, means.tolist(), strict=True)))


def _prepared(tokens: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rows = unit(tokens - tokens.mean(axis=0))
    return np.asarray(rows - rows.mean(axis=0), dtype=np.float32)


def _clusters(rows: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    """Cluster rows; ``(T, K)`` membership."""
    rows = unit(rows)
    count = min(_CLUSTERS, len(rows))
    means = MiniBatchKMeans(count, batch_size=4096, n_init=3, random_state=seed).fit(rows)
    centroids = unit(means.cluster_centers_.astype(np.float32))
    members: npt.NDArray[np.float32] = np.eye(count, dtype=np.float32)
    return np.asarray(members[(rows @ centroids.T).argmax(axis=1)])


def _explained(clusters: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]) -> float:
    """Share of the variance of rows that is between clusters."""
    sizes = clusters.sum(axis=0)
    sums = clusters.T @ rows
    between = (sums**2).sum(axis=1)[sizes > 0] / sizes[sizes > 0]
    total = float((rows**2).sum())
    return float(between.sum()) / total if total > 0 else 0.0

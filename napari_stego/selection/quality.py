"""How good clusters of some codes are, told without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import adjusted_mutual_info_score
from threadpoolctl import threadpool_limits

from napari_stego.clustering import unit
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.selection.plan import QualityPlan

QUALITY_CLUSTERS = (8, 24, 64)
"""Numbers of clusters that a quality is averaged over: from few classes to fine ones."""

_FIT_POSITIONS = 20_000


@dataclass(frozen=True)
class ClusterQuality:
    """Quality of clusters, measured several times on other halves of the images.

    Attributes
    ----------
    stability : numpy.ndarray
        ``(R,) float64``. Clusters are fitted on two sets of images that have
        none in common, and both are asked about a third: the adjusted mutual
        information of their answers. 1: the same clusters whatever images
        they are fitted on, 0: no better than chance.
    coherence : numpy.ndarray
        ``(R,) float64``. How much more often than by chance two positions side
        by side are in one cluster (Cohen's kappa). 1: large areas, 0: salt and
        pepper.

    Notes
    -----
    Both are means over `QUALITY_CLUSTERS`. Stability as a criterion for
    clusterings: Ben-Hur, Elisseeff and Guyon, "A stability based method for
    discovering structure in clustered data", PSB 2002. Chance: Vinh, Epps and
    Bailey, "Information theoretic measures for clusterings comparison", JMLR 2010.
    """

    stability: npt.NDArray[np.float64]
    coherence: npt.NDArray[np.float64]

    @property
    def repeats(self) -> npt.NDArray[np.float64]:
        """``(R,) float64`` geometric means of stability and coherence, in ``[0, 1]``."""
        return np.sqrt(np.clip(self.stability, 0, 1) * np.clip(self.coherence, 0, 1))

    @property
    def value(self) -> float:
        """Mean of `repeats`: what runs are ranked by, in ``[0, 1]``."""
        return float(self.repeats.mean())


def measure_quality(
    codes: npt.NDArray[np.float32],
    plan: QualityPlan,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ClusterQuality:
    """Measure how good clusters of codes, or of features, are.

    It ranks codes of one layer; it says nothing about which layer is better
    (see `choose_layer`): features of late layers give more stable clusters of
    less use.

    Parameters
    ----------
    codes : numpy.ndarray
        ``(T, D) float32``, the rows that `plan` counts.
    plan : QualityPlan
        The draws; qualities compare only on the same plan.
    progress : ProgressCallback
        Called once a fit.
    cancel : CancelToken, optional
        Obeyed between fits.

    Returns
    -------
    ClusterQuality
        One value for each pair of halves in the plan.

    Raises
    ------
    Cancelled
        If `cancel` is set.
    """
    rows = unit(codes)
    counts = [k for k in QUALITY_CLUSTERS if k <= _smallest_half(plan)] or [2]
    stability = np.empty((len(plan.halves), len(counts)))
    coherence = np.empty_like(stability)
    total = stability.size
    # On a busy machine several threads wait for one another longer than they help.
    with threadpool_limits(limits=1):
        for repeat, (first, second, held_out) in enumerate(plan.halves):
            for column, count in enumerate(counts):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                seed = plan.seed + repeat
                centroids = [_fit(rows[half], count, seed) for half in (first, second)]
                answers = [(rows[held_out] @ c.T).argmax(axis=1) for c in centroids]
                stability[repeat, column] = adjusted_mutual_info_score(*answers)
                coherence[repeat, column] = _coherence(rows, centroids[0], plan)
                progress(repeat * len(counts) + column + 1, total, "measuring quality")
    return ClusterQuality(stability.mean(axis=1), coherence.mean(axis=1))


def _smallest_half(plan: QualityPlan) -> int:
    return min(len(half) for halves in plan.halves for half in halves)


def _fit(rows: npt.NDArray[np.float32], count: int, seed: int) -> npt.NDArray[np.float32]:
    if len(rows) > _FIT_POSITIONS:
        rng = np.random.default_rng(seed)
        rows = rows[rng.choice(len(rows), _FIT_POSITIONS, replace=False)]
    means = MiniBatchKMeans(count, batch_size=4096, n_init=3, random_state=seed).fit(rows)
    return unit(means.cluster_centers_.astype(np.float32))


def _coherence(
    rows: npt.NDArray[np.float32], centroids: npt.NDArray[np.float32], plan: QualityPlan
) -> float:
    places, inverse = np.unique(plan.neighbours, return_inverse=True)
    clusters = (rows[places] @ centroids.T).argmax(axis=1)
    pairs = clusters[inverse.reshape(plan.neighbours.shape)]
    agree = float((pairs[:, 0] == pairs[:, 1]).mean())
    shares = np.bincount(clusters, minlength=len(centroids)) / len(clusters)
    chance = float((shares**2).sum())
    return (agree - chance) / (1 - chance) if chance < 1 else 0.0

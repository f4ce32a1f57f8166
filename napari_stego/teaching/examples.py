"""What a classifier learns from: positions with a class, each of some weight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ExampleSet:
    """Positions with a class.

    Attributes
    ----------
    vectors : numpy.ndarray
        ``(n, D) float32``, what the classifier sees of each.
    classes : numpy.ndarray
        ``(n,) int64`` class ids, from 1.
    weights : numpy.ndarray
        ``(n,) float32``, above 0.
    images : numpy.ndarray
        ``(n,) int64``, a number for the image that each is in. Positions of
        an image are alike, so that those of one image test those of others.
    said : numpy.ndarray
        ``(n,) bool``, whether the user said it of this very position, by a
        click or a stroke, and not only of its cluster.
    """

    vectors: Vectors
    classes: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    images: npt.NDArray[np.int64]
    said: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> ExampleSet:
        return ExampleSet(
            self.vectors[rows],
            self.classes[rows],
            self.weights[rows],
            self.images[rows],
            self.said[rows],
        )

    @classmethod
    def join(cls, parts: Iterable[ExampleSet]) -> ExampleSet:
        """Put examples together.

        Parameters
        ----------
        parts : iterable of ExampleSet
            At least one, of equal length D.

        Returns
        -------
        ExampleSet
            All of them in order.
        """
        listed = list(parts)
        return cls(
            np.concatenate([each.vectors for each in listed]),
            np.concatenate([each.classes for each in listed]),
            np.concatenate([each.weights for each in listed]),
            np.concatenate([each.images for each in listed]),
            np.concatenate([each.said for each in listed]),
        )


def said_of(
    vectors: Vectors,
    classes: npt.NDArray[np.int64],
    images: npt.NDArray[np.int64],
    regions: npt.NDArray[np.int64] | None = None,
) -> ExampleSet:
    """Make examples of what the user said of positions.

    A click weighs 1. The positions of a region are alike, so that a region of
    n weighs as much as the root of n clicks, shared by its positions.

    Parameters
    ----------
    vectors : numpy.ndarray
        ``(n, D) float32``.
    classes, images : numpy.ndarray
        ``(n,) int64``, as in `ExampleSet`.
    regions : numpy.ndarray, optional
        ``(n,) int64``, a number for the region that each position is in; each
        on its own by default.

    Returns
    -------
    ExampleSet
        The same positions.
    """
    weights = np.ones(len(classes), np.float32)
    if regions is not None:
        _, region, counts = np.unique(regions, return_inverse=True, return_counts=True)
        weights = (counts[region] ** -0.5).astype(np.float32)
    return ExampleSet(vectors, classes, weights, images, np.ones(len(classes), np.bool_))


def of_clusters(
    vectors: Vectors,
    clusters: npt.NDArray[np.int64],
    margins: npt.NDArray[np.float32],
    images: npt.NDArray[np.int64],
    class_of: npt.NDArray[np.int64],
    *,
    clicks: npt.NDArray[np.float64] | None = None,
    halved_at: float,
    weight: float,
    each: int,
    seed: int = 0,
) -> ExampleSet:
    """Make examples of the positions of named clusters.

    Of each cluster a sample is drawn from the sixth of its positions that is
    clearest: who named it has seen such, and others may be something else. A
    cluster of mean size weighs `weight`, and others by the root of their
    size: that a large cluster was named says more, but not of so many things.
    Within a cluster the clearer positions weigh more. A name stands for its
    cluster until something is said of positions in it, and then for less; all
    names weigh less, the more was said of positions anywhere.

    Parameters
    ----------
    vectors : numpy.ndarray
        ``(n, D) float32``, a sample of positions of the corpus.
    clusters : numpy.ndarray
        ``(n,) int64``, the cluster of each.
    margins : numpy.ndarray
        ``(n,) float32``, by how much its cluster suits it better than the next.
    images : numpy.ndarray
        ``(n,) int64``, the image of each.
    class_of : numpy.ndarray
        ``(K,) int64``, the class of each cluster; 0 for one without a name.
    clicks : numpy.ndarray, optional
        ``(K,) float64``, weight of what was said of positions in each
        cluster: it divides that of the name by one more.
    halved_at : float
        The sum of `clicks` at which all names weigh half.
    weight : float
        Of a cluster of mean size, in clicks.
    each : int
        The most positions of a cluster.
    seed : int
        Of the samples.

    Returns
    -------
    ExampleSet
        None of clusters without a name.
    """
    sizes = np.bincount(clusters, minlength=len(class_of))
    mean_size = max(float(sizes[sizes > 0].mean()), 1.0) if len(clusters) else 1.0
    rows: list[npt.NDArray[np.int64]] = []
    weights: list[npt.NDArray[np.float64]] = []
    for cluster in np.flatnonzero(class_of):
        members = np.flatnonzero(clusters == cluster)
        if not len(members):
            continue
        clear = members[np.argsort(-margins[members], kind="stable")]
        clear = clear[: max(each, len(clear) // 6)]
        # Seeded by the cluster: naming one does not change the examples of others.
        rng = np.random.default_rng([seed, int(cluster)])
        drawn = np.sort(rng.choice(clear, min(each, len(clear)), replace=False))
        clearness = np.maximum(margins[drawn], 0).astype(np.float64)
        shares = 0.5 + clearness / max(2 * clearness.mean(), 1e-12)
        rows.append(drawn)
        total = weight * np.sqrt(sizes[cluster] / mean_size)
        if clicks is not None:
            total /= (1 + clicks[cluster]) * (1 + clicks.sum() / halved_at)
        weights.append(total * shares / shares.sum())
    taken = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    return ExampleSet(
        vectors[taken],
        class_of[clusters[taken]],
        (np.concatenate(weights) if weights else np.zeros(0)).astype(np.float32),
        images[taken],
        np.zeros(len(taken), np.bool_),
    )

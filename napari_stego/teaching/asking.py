"""Where a click would teach the most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

_MOST_GROUPS = 256
_FEWEST_IN_GROUP = 20


@dataclass(frozen=True, eq=False)
class Pool:
    """A sample of the corpus's positions that may be asked for.

    Attributes
    ----------
    vectors : numpy.ndarray
        ``(n, D) float32``, what the classifier sees of each.
    images : numpy.ndarray
        ``(n,) int64``, a number for the image that each is in.
    groups : numpy.ndarray
        ``(n,) int64``, which positions are alike: some hundred groups, finer
        than clusters.
    typical : numpy.ndarray
        ``(n,) float32`` in ``[0, 1]``, how typical each is of its group.
    """

    vectors: npt.NDArray[np.float32]
    images: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    typical: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def of(
        cls,
        vectors: npt.NDArray[np.float32],
        images: npt.NDArray[np.int64],
        kinship: npt.NDArray[np.float32],
        seed: int = 0,
    ) -> Pool:
        """Group the positions of a sample.

        Parameters
        ----------
        vectors : numpy.ndarray
            ``(n, D) float32``.
        images : numpy.ndarray
            ``(n,) int64``.
        kinship : numpy.ndarray
            ``(n, d) float32`` unit vectors whose cosines tell what is alike,
            such as codes.
        seed : int
            Of the groups.

        Returns
        -------
        Pool
            The same positions.
        """
        wanted = int(np.clip(len(vectors) // _FEWEST_IN_GROUP, 1, _MOST_GROUPS))
        found = MiniBatchKMeans(
            wanted, random_state=seed, n_init=1, batch_size=4096, max_iter=30
        ).fit(kinship)
        centres = found.cluster_centers_[found.labels_]
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-6)
        cosines = np.maximum((centres * kinship).sum(axis=1), 0)
        return cls(vectors, images, found.labels_.astype(np.int64), cosines.astype(np.float32))


@dataclass(frozen=True)
class Asked:
    """A position worth a click.

    Attributes
    ----------
    row : int
        Which of the pool.
    gain : float
        How much is expected of it, relative to the first: 1 and less.
    uncertainty : float
        Entropy of its class in units of the largest there can be, in ``[0, 1]``.
    share : float
        Share of the pool that is like it.
    guesses : tuple of int
        Columns of the two classes that are most probable, the likelier first.
    """

    row: int
    gain: float
    uncertainty: float
    share: float
    guesses: tuple[int, int]


def most_useful(
    pool: Pool,
    probabilities: npt.NDArray[np.float32],
    asked: Sequence[int] = (),
    count: int = 1,
) -> list[Asked]:
    """Find the positions whose class would teach the most.

    A group of like positions is worth its uncertainty, summed over them, and
    less with each answer in it: uncertainty times representativeness. In the
    group it is an uncertain and typical position of an image with few answers.

    Parameters
    ----------
    pool : Pool
        The positions.
    probabilities : numpy.ndarray
        ``(n, k) float32`` of the classes so far, with k at least 2.
    asked : sequence of int
        Rows of the pool that were answered, or are most like what was.
    count : int
        How many to find, each in a group of its own.

    Returns
    -------
    list of Asked
        The most useful first; fewer than `count` if there are fewer groups.

    References
    ----------
    Settles and Craven, "An Analysis of Active Learning Strategies for
    Sequence Labeling Tasks", EMNLP 2008: information density.
    """
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)
    entropy /= np.log(probabilities.shape[1])
    n_groups = int(pool.groups.max()) + 1
    answered = np.asarray(asked, np.int64)
    sizes = np.bincount(pool.groups, minlength=n_groups)
    answers = np.bincount(pool.groups[answered], minlength=n_groups)
    gains = np.bincount(pool.groups, entropy, n_groups) / (1 + answers)
    answers_in = np.bincount(pool.images[answered], minlength=int(pool.images.max()) + 1)
    best: list[Asked] = []
    first = max(float(gains.max()), 1e-12)
    for group in np.argsort(-gains, kind="stable").tolist():
        members = np.flatnonzero(pool.groups == group)
        members = members[~np.isin(members, answered)]
        if len(best) == count or not len(members):
            continue
        worth = entropy[members] * pool.typical[members] ** 2
        row = int(members[(worth / (1 + answers_in[pool.images[members]])).argmax()])
        answers_in[pool.images[row]] += 1
        order = np.argsort(-probabilities[row], kind="stable")
        best.append(
            Asked(
                row,
                float(gains[group]) / first,
                float(entropy[row]),
                float(sizes[group]) / len(pool),
                (int(order[0]), int(order[1])),
            )
        )
    return best

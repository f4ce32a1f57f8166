"""What a quality is measured on: the same images and halves for everything compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HELD_OUT_RATIO = 1 / 2
"""Images on which a repeat compares its clusters, over those that they were fitted on.

Of three equal parts of the images two are fitted on. Images that are left over go to those two, so
that with few images the ratio is smaller.
"""

_MAX_PAIRS = 60_000
_MAX_HOLD_OUT = 10_000


@dataclass(frozen=True)
class QualityPlan:
    """Positions, halves and pairs for `measure_quality`, drawn once.

    Two sets of codes of the same images are compared on the same draws, so
    that what differs is the codes.

    Attributes
    ----------
    offsets : numpy.ndarray
        ``(N + 1,) int64``; the positions of image ``i`` are the rows
        ``offsets[i]`` to ``offsets[i + 1]``, row by row of its grid.
    halves : tuple of tuple of numpy.ndarray
        For each repeat the rows of two sets of images that have no image in
        common, and the rows of a third on which the two are compared.
    neighbours : numpy.ndarray
        ``(M, 2) int64`` rows of positions that lie side by side.
    seed : int
        Of everything drawn.
    """

    offsets: npt.NDArray[np.int64]
    halves: tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]], ...]
    neighbours: npt.NDArray[np.int64]
    seed: int

    @classmethod
    def draw(
        cls, grids: Sequence[tuple[int, int]], *, repeats: int = 6, seed: int = 0
    ) -> QualityPlan:
        """Draw a plan.

        Parameters
        ----------
        grids : sequence of tuple of int
            ``(h, w)`` of each image, at least 3.
        repeats : int
            How many times images are halved.
        seed : int
            Of the draws.

        Returns
        -------
        QualityPlan
            The plan.

        Raises
        ------
        ValueError
            If there are fewer than 3 images.
        """
        if len(grids) < 3:
            raise ValueError("halves and a rest need 3 images")
        rng = np.random.default_rng(seed)
        sizes = [height * width for height, width in grids]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

        def rows(images: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            return np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in np.sort(images)])

        halves = []
        for _ in range(repeats):
            first, second, rest = np.array_split(rng.permutation(len(grids)), 3)
            held_out = rows(rest)
            if len(held_out) > _MAX_HOLD_OUT:
                held_out = np.sort(rng.choice(held_out, _MAX_HOLD_OUT, replace=False))
            halves.append((rows(first), rows(second), held_out))
        pairs = []
        for start, (height, width) in zip(offsets[:-1], grids, strict=True):
            grid = start + np.arange(height * width).reshape(height, width)
            pairs.append(np.stack([grid[:, :-1].ravel(), grid[:, 1:].ravel()], axis=1))
            pairs.append(np.stack([grid[:-1].ravel(), grid[1:].ravel()], axis=1))
        neighbours = np.concatenate(pairs)
        if len(neighbours) > _MAX_PAIRS:
            neighbours = neighbours[rng.choice(len(neighbours), _MAX_PAIRS, replace=False)]
        return cls(offsets, tuple(halves), neighbours, seed)

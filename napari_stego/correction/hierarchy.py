"""Regions of a photograph from coarse to fine: an object, its parts, their patches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from sklearn.cluster import ward_tree

from napari_stego.correction.clicks import Click
from napari_stego.correction.superpixels import Superpixels

# A photograph's features count twice as much as its colours.
_COLOUR_SHARE = 0.5
_COMPONENTS = 24


@dataclass(frozen=True, eq=False)
class RegionTree:
    """Nested regions: each is the union of two finer ones, down to superpixels.

    Attributes
    ----------
    superpixels : Superpixels
        The finest regions.
    parents : numpy.ndarray
        ``(2M - 1,) int64``: the region that each is part of, a larger number;
        superpixels are the first M, the whole photograph is the last, with -1.
    ranks : numpy.ndarray
        ``(2M - 1,) int64``: after how many merges each region is there, 0 for
        superpixels; a region comes after those it is made of.
    heights : numpy.ndarray
        ``(2M - 1,) float64``: how unlike the merged are, 0 for superpixels;
        never less than that of a part.
    """

    superpixels: Superpixels
    parents: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]
    heights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, superpixels: Superpixels, features: npt.NDArray[np.float32]) -> RegionTree:
        """Merge superpixels that touch, those that are most alike first.

        Parameters
        ----------
        superpixels : Superpixels
            Those of a photograph.
        features : numpy.ndarray
            ``(M, C) float32`` features of the superpixels.

        Returns
        -------
        RegionTree
            Their tree.

        References
        ----------
        Ward, "Hierarchical Grouping to Optimize an Objective Function", JASA 1963.
        """
        count = superpixels.count
        parents = np.full(2 * count - 1, -1, np.int64)
        heights = np.zeros(2 * count - 1)
        ranks = np.zeros(2 * count - 1, np.int64)
        if count > 1:
            first, second = superpixels.pairs.T
            ones = np.ones(len(first))
            touching = coo_array((ones, (first, second)), shape=(count, count))
            values = _values(superpixels, features)
            merged, _, _, _, distances = ward_tree(
                values, connectivity=(touching + touching.T).tocsr(), return_distance=True
            )
            for new, (pair, distance) in enumerate(zip(merged, distances, strict=True), count):
                parents[pair] = new
                # Among neighbours only, a later merge can be the closer one.
                heights[new] = max(distance, *heights[pair])
            ranks[count + np.argsort(heights[count:], kind="stable")] = np.arange(1, count)
        return cls(superpixels, parents, ranks, heights)

    def count_at(self, level: float) -> int:
        """Say how many regions there are at a level.

        Parameters
        ----------
        level : float
            From 0, each superpixel alone, to 1, the whole photograph; in
            between, equal steps divide the number of regions by equal factors.

        Returns
        -------
        int
            From 1 to M.

        Raises
        ------
        ValueError
            If the level is not in ``[0, 1]``.
        """
        if not 0 <= level <= 1:
            raise ValueError(f"a level of {level}; levels are from 0 to 1")
        return max(1, int(np.rint(np.power(float(self.superpixels.count), 1 - level))))

    def labels_at(self, level: float) -> npt.NDArray[np.int32]:
        """Part the photograph into the regions of a level.

        Parameters
        ----------
        level : float
            In ``[0, 1]``; see `count_at`.

        Returns
        -------
        numpy.ndarray
            ``(H, W) int32``, regions ``0..N-1``.
        """
        merges = self.superpixels.count - self.count_at(level)
        parents, joined = self.parents.tolist(), (self.ranks[self.parents] <= merges).tolist()
        tops = list(range(len(parents)))
        for node in range(len(tops) - 2, -1, -1):
            if joined[node]:
                tops[node] = tops[parents[node]]
        numbers = np.unique(tops[: self.superpixels.count], return_inverse=True)[1]
        numbers = numbers.astype(np.int32)
        return np.asarray(numbers[self.superpixels.labels])

    def region_at(
        self, pixel: tuple[int, int], level: float, without: Collection[tuple[int, int]] = ()
    ) -> npt.NDArray[np.bool_]:
        """Take the region of a level that a pixel is in, or the largest part of it that is allowed.

        Parameters
        ----------
        pixel : tuple of int
            Row and column.
        level : float
            In ``[0, 1]``; the higher, the larger the region, which has all of
            those below it.
        without : collection of tuple of int
            Pixels that must not be in it, unless they share the superpixel.

        Returns
        -------
        numpy.ndarray
            ``(H, W) bool``.

        Raises
        ------
        IndexError
            If the pixel is outside the photograph.
        ValueError
            If the level is not in ``[0, 1]``.
        """
        height, width = self.superpixels.shape
        if not (0 <= pixel[0] < height and 0 <= pixel[1] < width):
            raise IndexError(f"pixel {pixel} is outside an image of {height} x {width}")
        merges = self.superpixels.count - self.count_at(level)
        forbidden = self._around(int(self.superpixels.labels[each]) for each in without)
        top = int(self.superpixels.labels[pixel])
        while self.parents[top] >= 0 and self.ranks[self.parents[top]] <= merges:
            if int(self.parents[top]) in forbidden:
                break
            top = int(self.parents[top])
        parents, inside = self.parents.tolist(), [False] * len(self.parents)
        inside[top] = True
        for node in range(top - 1, -1, -1):
            inside[node] = inside[parents[node]]
        chosen = np.array(inside[: self.superpixels.count])
        return np.asarray(chosen[self.superpixels.labels])

    def clicked(self, clicks: Sequence[Click], level: float) -> npt.NDArray[np.bool_]:
        """Take the regions of a level that were clicked.

        Each click takes its region in or out, or the largest part of it that
        holds no earlier click of the other sign: none is undone by a later one.

        Parameters
        ----------
        clicks : sequence of Click
            Oldest first.
        level : float
            In ``[0, 1]``.

        Returns
        -------
        numpy.ndarray
            ``(H, W) bool``.

        Raises
        ------
        IndexError
            If a pixel is outside the photograph.
        ValueError
            If the level is not in ``[0, 1]``.
        """
        mask = np.zeros(self.superpixels.shape, np.bool_)
        for done, click in enumerate(clicks):
            others = [p for c in clicks[:done] if c.positive != click.positive for p in c.pixels]
            for pixel in click.pixels:
                if mask[pixel] != click.positive:
                    mask[self.region_at(pixel, level, others)] = click.positive
        for click in clicks:  # two of them may share a superpixel
            mask[tuple(zip(*click.pixels, strict=True))] = click.positive
        return mask

    def _around(self, superpixels: Iterable[int]) -> set[int]:
        """Find all regions that hold any of some superpixels."""
        found: set[int] = set()
        for node in superpixels:
            while node >= 0 and node not in found:
                found.add(node)
                node = int(self.parents[node])
        return found

    def joined(self, superpixels: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Find the smallest region that each superpixel shares with any of some others.

        Parameters
        ----------
        superpixels : numpy.ndarray
            ``(N,)`` numbers of the others, at least one.

        Returns
        -------
        numpy.ndarray
            ``(M,) int64`` regions, places in `parents`; for each of the
            others it is the superpixel itself.
        """
        found = np.full(len(self.parents), -1)
        for node in superpixels.tolist():
            while node >= 0 and found[node] < 0:
                found[node] = node
                node = int(self.parents[node])
        regions, parents = found.tolist(), self.parents.tolist()
        for other in range(len(regions) - 1, -1, -1):
            if regions[other] < 0:
                regions[other] = regions[parents[other]]
        return np.array(regions[: self.superpixels.count], np.int64)


def _values(superpixels: Superpixels, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Put the principal parts of features beside colours, each scaled to a variance of its own."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    parts = centred @ axes[:, ::-1][:, :_COMPONENTS]
    colours = superpixels.colours - superpixels.colours.mean(axis=0)
    return np.hstack([_scaled(parts), _COLOUR_SHARE * _scaled(colours)])


def _scaled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    spread = np.sqrt((values**2).sum(axis=1).mean())
    return np.asarray(values / max(spread, 1e-12))

"""How near each superpixel is to a click, in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from napari_stego.correction.clicks import Click
from napari_stego.correction.hierarchy import RegionTree

Values = npt.NDArray[np.float64]

# Parts of the length of a step from a superpixel to the next, beside those of colour and features.
_STEP, _LEAST_STEP = 0.5, 0.05
# Without it, distances of colour in a photograph of one colour would be noise.
_LEAST_SPREAD = 2.0


@dataclass(frozen=True, eq=False)
class Measures:
    """How near the superpixels are to a click, or to the nearest of several.

    Attributes
    ----------
    alike : numpy.ndarray
        ``(M,)`` correspondence, in ``[-1, 1]``.
    colour : numpy.ndarray
        ``(M,)`` distance of colours, in spreads of the photograph's colours.
    way : numpy.ndarray
        ``(M,)`` length of the shortest way, longer across edges and between
        unlike features.
    height : numpy.ndarray
        ``(M,)`` how high in the tree of regions the two are joined, in ``[0, 1]``.
    area : numpy.ndarray
        ``(M,)`` logarithm of the share that the joint region has of the photograph.
    apart : numpy.ndarray
        ``(M,)`` distance in the photograph, in diagonals.
    """

    alike: Values
    colour: Values
    way: Values
    height: Values
    area: Values
    apart: Values

    @classmethod
    def nearest(cls, several: Sequence[Measures]) -> Measures:
        """Take the nearest click in each way, for each superpixel.

        Parameters
        ----------
        several : sequence of Measures
            At least one.

        Returns
        -------
        Measures
            The greatest correspondence, and the least of all others.
        """
        names = ("colour", "way", "height", "area", "apart")
        return cls(
            np.max([each.alike for each in several], axis=0),
            *(np.min([getattr(each, name) for each in several], axis=0) for name in names),
        )


class Measuring:
    """Measures clicks on a photograph; each click once.

    Parameters
    ----------
    tree : RegionTree
        Of the photograph.
    features : numpy.ndarray
        ``(M, D) float32`` unit vectors.

    Attributes
    ----------
    diagonal : float
        Of the photograph, in pixels.
    edge_alike : numpy.ndarray
        ``(M,)`` correspondence with what is at the border of the photograph.
    contrasts : numpy.ndarray
        ``(E,)`` distance of colours of each pair of superpixels, 1 in the mean.
    unlike : numpy.ndarray
        ``(E,)`` the same of features.
    """

    def __init__(self, tree: RegionTree, features: npt.NDArray[np.float32]) -> None:
        superpixels = tree.superpixels
        self._superpixels, self._tree, self._features = superpixels, tree, features
        self.diagonal = float(np.hypot(*superpixels.shape))
        first, second = superpixels.pairs.T
        self.contrasts = _relative(superpixels.contrasts)
        dots = np.einsum("ij,ij->i", features[first], features[second], dtype=np.float64)
        self.unlike = _relative(1 - dots)
        steps = np.linalg.norm(superpixels.centres[first] - superpixels.centres[second], axis=1)
        lengths = self.contrasts + self.unlike + _STEP * _relative(steps) + _LEAST_STEP
        count = superpixels.count
        self._ways = csr_array((lengths, (first, second)), shape=(count, count))
        # A superpixel's way across the photograph is about as long for any number of them.
        middle = float(np.median(lengths)) if len(lengths) else 1.0
        self._unit_way = middle * np.sqrt(count) / 3
        self._spread = float(superpixels.colours.std(axis=0).mean()) + _LEAST_SPREAD
        highest = np.log1p(tree.heights[-1])
        self._heights = np.log1p(tree.heights) / max(highest, 1e-12)
        areas = np.zeros(len(tree.parents))
        areas[:count] = superpixels.sizes
        for node, parent in enumerate(tree.parents[:-1].tolist()):
            areas[parent] += areas[node]
        self._areas = np.log(areas / superpixels.sizes.sum())
        self._known: dict[Click, Measures] = {}
        self.edge_alike = self._to_edge()

    def of(self, click: Click) -> Measures:
        """Measure a click.

        Parameters
        ----------
        click : Click
            At least one pixel, all in the photograph.

        Returns
        -------
        Measures
            For a scribble, to the nearest of its pixels.
        """
        found = self._known.get(click)
        if found is None:
            found = self._known[click] = self._measured(click)
        return found

    def _measured(self, click: Click) -> Measures:
        superpixels = self._superpixels
        places = np.array(click.pixels)
        clicked = np.unique(superpixels.labels[places[:, 0], places[:, 1]])
        colours = superpixels.colours
        joined = self._tree.joined(clicked)
        ways = dijkstra(self._ways, directed=False, indices=clicked, min_only=True)
        return Measures(
            alike=(self._features @ self._features[clicked].T).max(axis=1).astype(np.float64),
            colour=KDTree(colours[clicked]).query(colours)[0] / self._spread,
            way=ways / self._unit_way,
            height=self._heights[joined],
            area=self._areas[joined],
            apart=KDTree(places).query(superpixels.centres)[0] / self.diagonal,
        )

    def _to_edge(self) -> Values:
        """Find how much each superpixel is like the fifth of the border that is most like it."""
        labels = self._superpixels.labels
        border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        alike = np.sort(self._features @ self._features[border].T, axis=1)
        return np.asarray(alike[:, -max(len(border) // 5, 1) :].mean(axis=1), dtype=np.float64)


def _relative(values: Values) -> Values:
    return np.asarray(values / max(float(values.mean()), 1e-9) if len(values) else values)

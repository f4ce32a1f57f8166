"""A region of a photograph from a few clicks, by a minimum cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from napari_stego.correction.clicks import Click, check_clicks, signs_of
from napari_stego.correction.evidence import Belief, terms_of, unary_of
from napari_stego.correction.hierarchy import RegionTree
from napari_stego.correction.measures import Measuring, Values
from napari_stego.correction.minimum_cut import minimum_cut
from napari_stego.correction.superpixels import Superpixels
from napari_stego.correction.weights import CUT, WEIGHTS

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _State:
    """What was found with some clicks: the region, and the disc that each click is sure of."""

    clicks: tuple[Click, ...]
    mask: Mask
    discs: tuple[float, ...]


class CutProblem:
    """A photograph made ready for clicks.

    A click changes what the clicks before it have found: each is taken to be
    about the middle of what is still wrong. All that does not depend on
    clicks is computed here, once.

    Parameters
    ----------
    superpixels : Superpixels
        Of the photograph.
    features : numpy.ndarray
        ``(M, D) float32`` unit vectors, as `superpixel_features` makes them.
    tree : RegionTree
        Of the photograph.

    Attributes
    ----------
    superpixels : Superpixels
        As given.
    tree : RegionTree
        As given.

    Raises
    ------
    ValueError
        If there are not as many features as superpixels.

    References
    ----------
    Boykov and Jolly, "Interactive Graph Cuts for Optimal Boundary & Region
    Segmentation of Objects in N-D Images", ICCV 2001.
    """

    def __init__(
        self,
        superpixels: Superpixels,
        features: npt.NDArray[np.float32],
        tree: RegionTree,
    ) -> None:
        if len(features) != superpixels.count:
            raise ValueError(f"{len(features)} features for {superpixels.count} superpixels")
        self.superpixels = superpixels
        self.tree = tree
        self._measuring = Measuring(tree, features)
        # An edge of colour or of features makes it cheap to cut there.
        sameness = np.exp(-CUT.contrast * self._measuring.contrasts)
        alike = np.exp(-CUT.contrast * self._measuring.unlike)
        sameness = sameness + CUT.alike * alike + CUT.length
        self._weights = CUT.smoothness * superpixels.borders * sameness
        self._states: list[_State] = []

    def propose(self, clicks: Sequence[Click]) -> Mask:
        """Propose a region.

        The same clicks in the same order give the same region. What was
        computed for the clicks before the last is kept for the next call.

        Parameters
        ----------
        clicks : sequence of Click
            Oldest first, at least one positive.

        Returns
        -------
        numpy.ndarray
            ``(H, W) bool``. Each clicked pixel has the sign of its click; of
            several clicks on one pixel, that of the last.

        Raises
        ------
        StegoError
            If no click is positive, or one is outside the photograph.
        """
        check_clicks(clicks, self.superpixels.shape)
        given = tuple(click for click in clicks if click.pixels)
        self._states = [
            state for state in self._states if state.clicks == given[: len(state.clicks)]
        ]
        # Until there is a positive click, there is nothing to begin with.
        first = next(i for i, click in enumerate(given) if click.positive) + 1
        for count in range(first + len(self._states), len(given) + 1):
            before = self._states[-1] if self._states else None
            self._states.append(self._step(given[:count], before))
        return self._states[-1].mask.copy()

    def _step(self, clicks: tuple[Click, ...], before: _State | None) -> _State:
        superpixels = self.superpixels
        belief = None if before is None else self._belief(before.mask, clicks[-1])
        terms = terms_of(self._measuring, superpixels.centres, clicks, belief)
        unary = self._unary(terms, clicks, belief)
        signs = signs_of(clicks)
        pinned = np.zeros(superpixels.count, np.int8)
        for pixel, positive in signs.items():
            pinned[superpixels.labels[pixel]] = 1 if positive else -1
        bounded = np.clip(unary, -CUT.most, CUT.most) * superpixels.sizes
        inside = minimum_cut(bounded, superpixels.pairs, self._weights, pinned)
        sure = () if before is None else before.discs
        sure += (0.0,) * (len(clicks) - 1 - len(sure))
        reach = CUT.first_disc if belief is None else min(belief.to_edge, CUT.largest_disc)
        if before is not None and _agrees(before.mask, clicks[-1]):
            reach = 0.0
        # Between two clicks of other signs, each is sure of its half.
        reach = min(reach, _distance_to_opposite(signs, clicks[-1]) / 2)
        discs = (*sure, reach)
        return _State(clicks, self._pixels(inside, clicks, discs, signs), discs)

    def _unary(
        self, terms: dict[str, Values], clicks: tuple[Click, ...], belief: Belief | None
    ) -> Values:
        if belief is None:
            return unary_of(terms, WEIGHTS["first"])
        both = any(not click.positive for click in clicks)
        return unary_of(terms, WEIGHTS["both" if both else "positive"])

    def _belief(self, mask: Mask, click: Click) -> Belief:
        labels = self.superpixels.labels
        share = np.bincount(labels.ravel(), mask.ravel(), self.superpixels.count)
        value = mask[click.pixels[0]]
        other = np.argwhere(mask != value)
        nearest = np.inf
        if len(other):
            nearest = min(
                float(np.sqrt(((other - np.array(pixel)) ** 2).sum(axis=1).min()))
                for pixel in click.pixels[:: max(len(click.pixels) // 16, 1)]
            )
        return Belief(share / self.superpixels.sizes, nearest)

    def _pixels(
        self,
        inside: Mask,
        clicks: tuple[Click, ...],
        discs: tuple[float, ...],
        signs: dict[tuple[int, int], bool],
    ) -> Mask:
        """Turn superpixels into pixels that obey every click."""
        labels = self.superpixels.labels
        mask = np.asarray(gaussian_filter(inside.astype(np.float32)[labels], CUT.blur) > 0.5)
        by_superpixel: dict[int, list[tuple[int, int]]] = {}
        for pixel in signs:
            by_superpixel.setdefault(int(labels[pixel]), []).append(pixel)
        for number, pixels in by_superpixel.items():
            wanted = np.array([signs[pixel] for pixel in pixels])
            if (mask[tuple(np.array(pixels).T)] != wanted).any():
                # Rounded off, or clicked with both signs: each pixel goes with the nearest click.
                places = np.argwhere(labels == number)
                nearest = KDTree(np.array(pixels)).query(places)[1]
                mask[tuple(places.T)] = wanted[nearest]
        for click, radius in zip(clicks, discs, strict=True):
            for pixel in click.pixels if radius >= 1 else ():
                _fill_disc(mask, pixel, radius, click.positive)
        for pixel, positive in signs.items():
            mask[pixel] = positive
        return mask


def _agrees(mask: Mask, click: Click) -> bool:
    return all(mask[pixel] == click.positive for pixel in click.pixels)


def _distance_to_opposite(signs: dict[tuple[int, int], bool], click: Click) -> float:
    opposite = [pixel for pixel, positive in signs.items() if positive != click.positive]
    if not opposite:
        return np.inf
    return float(KDTree(opposite).query(np.array(click.pixels))[0].min())


def _fill_disc(mask: Mask, centre: tuple[int, int], radius: float, value: bool) -> None:
    reach = int(radius)
    top, left = max(centre[0] - reach, 0), max(centre[1] - reach, 0)
    part = mask[top : centre[0] + reach + 1, left : centre[1] + reach + 1]
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    distances = (rows + top - centre[0]) ** 2 + (columns + left - centre[1]) ** 2
    part[distances <= radius**2] = value

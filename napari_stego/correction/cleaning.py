"""Taking small regions out of label images, and filling holes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
from skimage.measure import label as regions_of

from napari_stego.classes import UNLABELLED
from napari_stego.correction.superpixels import touching


def clean_labels(
    labels: npt.NDArray[np.uint16],
    smallest: int,
    largest_hole: int = 0,
    locked: Collection[int] = (),
    kept: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.uint16]:
    """Give small regions of a label image to the class that is most around them.

    Small regions that touch no other are given away from the outside in.
    What has no neighbour to go to, such as a small region amid a locked
    class, stays.

    Parameters
    ----------
    labels : numpy.ndarray
        ``(H, W) uint16`` class ids, 0 for unlabelled.
    smallest : int
        Pixels of the smallest region of a class that stays.
    largest_hole : int
        Pixels of the largest unlabelled region that is filled.
    locked : collection of int
        Classes that neither lose nor get a pixel.
    kept : numpy.ndarray, optional
        ``(H, W) bool``; a region with one of these pixels stays, however small.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint16`` class ids. Regions are of pixels side by side or one
        above the other.
    """
    cleaned = labels.copy()
    while True:
        values = cleaned.astype(np.int32)
        regions = regions_of(values, background=-1, connectivity=1) - 1  # type: ignore[no-untyped-call]
        sizes = np.bincount(regions.ravel())
        classes = np.zeros(len(sizes), np.uint16)
        classes[regions] = cleaned
        fixed = np.isin(classes, list(locked))
        stays = fixed.copy()
        if kept is not None:
            stays[regions[kept]] = True
        hole = classes == UNLABELLED
        small = ~stays & np.where(hole, sizes <= largest_hole, sizes < smallest)
        pairs, borders = touching(regions)
        pairs = np.concatenate([pairs, pairs[:, ::-1]])
        borders = np.concatenate([borders, borders])
        usable = small[pairs[:, 0]] & ~small[pairs[:, 1]] & ~fixed[pairs[:, 1]]
        givers, takers = pairs[usable, 0], classes[pairs[usable, 1]].astype(np.int64)
        if not len(givers):
            return cleaned
        keys, inverse = np.unique(givers * (2**16) + takers, return_inverse=True)
        common = np.bincount(inverse, borders[usable])
        order = np.argsort(common, kind="stable")  # the longest border is written last
        classes[keys[order] // 2**16] = (keys[order] % 2**16).astype(np.uint16)
        cleaned = classes[regions]

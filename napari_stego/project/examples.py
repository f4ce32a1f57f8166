"""Typical places of a class, to see at a glance what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from napari_stego.clustering import ClusterModel
from napari_stego.corpus import CorpusImage
from napari_stego.progress import CancelToken
from napari_stego.project.segmentation import Segmentation

_IMAGES_LOOKED_AT = 32
_PER_IMAGE = 2
# A crop shows the position with some of what is around it.
_POSITIONS_ACROSS = 6
_SMALLEST = 32


@dataclass(frozen=True)
class Patch:
    """A square of an image.

    Attributes
    ----------
    image : CorpusImage
        The image.
    row, column : int
        Its middle, in pixels.
    size : int
        Its side in pixels; it may reach beyond the image.
    """

    image: CorpusImage
    row: int
    column: int
    size: int


def example_patches(
    segmentation: Segmentation,
    class_id: int,
    images: Sequence[CorpusImage],
    limit: int = 8,
    cancel: CancelToken | None = None,
) -> list[Patch]:
    """Find places whose codes are closest to the centroids of a class.

    Looks at no more than 32 images, evenly spread, so that the time it takes
    does not grow with the corpus. Strokes are not looked at.

    Parameters
    ----------
    segmentation : Segmentation
        A project's result.
    class_id : int
        The class.
    images : sequence of CorpusImage
        Where to look, such as all images or those that have the class.
    limit : int
        The most patches.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    list of Patch
        The best of each image first, most typical first; then the second best
        of each, if these are not enough. Empty for a class without clusters
        of its own, or one that is not there.

    Raises
    ------
    ClassEditError
        If there is no such class.
    Cancelled
        If `cancel` is set.
    """
    owned = list(segmentation.table.row(class_id).clusters)
    if not owned:
        return []
    clusters = ClusterModel(segmentation.clusters.centroids[owned])
    source = segmentation.result.settings.source
    found: list[tuple[int, float, Patch]] = []
    for image in evenly_spread(segmentation, images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        mine = np.isin(segmentation.patch_clusters(image), owned)
        closeness = clusters.scores(segmentation.encodings.grid(image, source)).max(axis=2)
        for rank, (row, column, best) in enumerate(_best(closeness, mine)):
            found.append((rank, -best, patch_of(image, mine.shape, row, column)))
    found.sort(key=lambda each: each[:2])
    return [patch for _, _, patch in found[:limit]]


def evenly_spread(segmentation: Segmentation, images: Sequence[CorpusImage]) -> list[CorpusImage]:
    """Choose no more images than can be looked at quickly.

    Parameters
    ----------
    segmentation : Segmentation
        A project's result.
    images : sequence of CorpusImage
        The images.

    Returns
    -------
    list of CorpusImage
        At most 32 with features, evenly spread; of equal content only one.
    """
    readable = [image for image in images if segmentation.encodings.has(image)]
    step = max(len(readable) / _IMAGES_LOOKED_AT, 1.0)
    chosen = [readable[int(k * step)] for k in range(min(len(readable), _IMAGES_LOOKED_AT))]
    return list({each.content_hash: each for each in chosen}.values())


def _best(
    closeness: npt.NDArray[np.float32], mine: npt.NDArray[np.bool_]
) -> list[tuple[int, int, float]]:
    """Find the most typical positions of a grid that are not neighbours of each other."""
    if not mine.any():
        return []
    # A position amid others of the class shows it better than one at its edge.
    around = uniform_filter(np.where(mine, closeness, 0), 3, mode="nearest")
    amid = np.where(mine, around, -np.inf)
    best = []
    for _ in range(_PER_IMAGE):
        row, column = np.unravel_index(amid.argmax(), amid.shape)
        if not np.isfinite(amid[row, column]):
            break
        best.append((int(row), int(column), float(amid[row, column])))
        far = _POSITIONS_ACROSS
        amid[max(row - far, 0) : row + far + 1, max(column - far, 0) : column + far + 1] = -np.inf
    return best


def patch_of(image: CorpusImage, grid: tuple[int, ...], row: int, column: int) -> Patch:
    """Give the square around a position, with some of what is around it.

    Parameters
    ----------
    image : CorpusImage
        The image.
    grid : tuple of int
        ``(h, w)`` in patches.
    row, column : int
        The position in the grid.

    Returns
    -------
    Patch
        The square.
    """
    height, width = image.height / grid[0], image.width / grid[1]
    size = max(round(_POSITIONS_ACROSS * max(height, width)), _SMALLEST)
    size = min(size, image.height, image.width)
    return Patch(image, int((row + 0.5) * height), int((column + 0.5) * width), size)

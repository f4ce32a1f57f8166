"""Why a pixel is in its class: its cluster, those that are near, examples, and earlier results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes import UNLABELLED, ClassTable
from napari_stego.clustering import ClusterModel
from napari_stego.corpus import CorpusImage
from napari_stego.correspondence import corners
from napari_stego.progress import CancelToken
from napari_stego.project.examples import Patch, evenly_spread, patch_of
from napari_stego.project.segmentation import Segmentation

_UNLABELLED_NAME = "unlabelled"


@dataclass(frozen=True)
class Nearness:
    """How near a pixel's code is to a cluster.

    Attributes
    ----------
    cluster : int
        The cluster.
    class_id : int
        The class that has it; 0 for none.
    class_name : str
        Its name.
    cosine : float
        With the centroid, interpolated from patches to the pixel, in ``[-1, 1]``.
    """

    cluster: int
    class_id: int
    class_name: str
    cosine: float

    @property
    def distance(self) -> float:
        """The cosine distance, from 0 to 2."""
        return 1 - self.cosine


@dataclass(frozen=True)
class Explanation:
    """Why a pixel is in its class.

    Attributes
    ----------
    image : CorpusImage
        The image.
    row, column : int
        The pixel.
    class_id : int
        Its class, strokes included; 0 for none.
    class_name : str
        The name of that.
    painted : bool
        Whether a stroke gave it another class than its cluster has.
    cluster : Nearness
        Its cluster.
    others : tuple of Nearness
        Other clusters, the nearest first.
    coherence : float, optional
        The mean cosine of the cluster's patches with its centroid; None where
        it is not known. A pixel far below is no typical one.
    class_margin : float, optional
        By how much the cosine is larger than with the nearest cluster of
        another class; small at borders between classes. None if there is no
        other class.
    """

    image: CorpusImage
    row: int
    column: int
    class_id: int
    class_name: str
    painted: bool
    cluster: Nearness
    others: tuple[Nearness, ...]
    coherence: float | None
    class_margin: float | None

    @property
    def margin(self) -> float | None:
        """By how much the cosine is larger than with the next cluster; None if there is none."""
        return self.cluster.cosine - self.others[0].cosine if self.others else None


def explain(
    segmentation: Segmentation, image: CorpusImage, pixel: tuple[int, int], others: int = 5
) -> Explanation:
    """Tell why a pixel is in its class.

    The cluster is that of the cluster map without a CRF.

    Parameters
    ----------
    segmentation : Segmentation
        A project's result.
    image : CorpusImage
        An image with features.
    pixel : tuple of int
        Row and column.
    others : int
        How many other clusters to name.

    Returns
    -------
    Explanation
        Made in milliseconds, unless the image has strokes.

    Raises
    ------
    PromptError
        If the pixel is outside of the image.
    StegoError
        If features are damaged.
    """
    table, model = segmentation.table, segmentation.clusters
    codes = segmentation.encodings.grid(image, segmentation.result.settings.source)
    rows, columns, weights = corners(pixel, (image.height, image.width), codes.shape[:2])
    cosines = np.tensordot(weights, model.scores(codes[np.ix_(rows, columns)]), axes=2)
    own = int(cosines[: table.n_clusters].argmax())
    for split in table.splits:
        if own in split.clusters:
            own = split.new_clusters[int(cosines[list(split.new_clusters)].argmax())]
    lut = table.lut()

    def nearness(cluster: int) -> Nearness:
        class_id = int(lut[cluster])
        return Nearness(cluster, class_id, _name(table, class_id), float(cosines[cluster]))

    cluster = nearness(own)
    rest = [each for each in in_force(table) if each != own]
    rest.sort(key=lambda each: -cosines[each])
    elsewhere = [float(cosines[each]) for each in rest if lut[each] != cluster.class_id]
    class_id = cluster.class_id
    if segmentation.history.strokes(image.content_hash):
        class_id = int(segmentation.label_image(image)[pixel])
    return Explanation(
        image,
        *pixel,
        class_id,
        _name(table, class_id),
        class_id != cluster.class_id,
        cluster,
        tuple(map(nearness, rest[:others])),
        None if model.coherence is None else float(model.coherence[own]),
        cluster.cosine - elsewhere[0] if elsewhere else None,
    )


def in_force(table: ClassTable) -> list[int]:
    """List the clusters that pixels can be in: not those that were split.

    Parameters
    ----------
    table : ClassTable
        The classes.

    Returns
    -------
    list of int
        Ascending.
    """
    clusters = set(range(table.n_clusters))
    for split in table.splits:
        clusters.difference_update(split.clusters)
        clusters.update(split.new_clusters)
    return sorted(clusters)


def borderline_patches(
    segmentation: Segmentation,
    class_id: int,
    images: Sequence[CorpusImage],
    limit: int = 8,
    cancel: CancelToken | None = None,
) -> list[Patch]:
    """Find places that are only just in a class.

    Those where the cosine with a cluster of the class is hardly larger than
    with one of another class. Looks at no more than 32 images, evenly spread,
    and not at strokes.

    Parameters
    ----------
    segmentation : Segmentation
        A project's result.
    class_id : int
        The class.
    images : sequence of CorpusImage
        Where to look.
    limit : int
        The most patches.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    list of Patch
        At most one of each image, the least clear first. Empty for a class
        without clusters, or if all clusters are its own.

    Raises
    ------
    ClassEditError
        If there is no such class.
    Cancelled
        If `cancel` is set.
    """
    table = segmentation.table
    owned = list(table.row(class_id).clusters)
    rest = [cluster for cluster in in_force(table) if cluster not in owned]
    if not owned or not rest:
        return []
    centroids, source = segmentation.clusters.centroids, segmentation.result.settings.source
    found: list[tuple[float, Patch]] = []
    for image in evenly_spread(segmentation, images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        grid = segmentation.encodings.grid(image, source)
        like, unlike = (
            ClusterModel(centroids[clusters]).scores(grid).max(axis=-1)
            for clusters in (owned, rest)
        )
        mine = np.isin(segmentation.patch_clusters(image), owned)
        margins: npt.NDArray[np.float32] = np.where(mine, np.abs(like - unlike), np.inf)
        row, column = np.unravel_index(margins.argmin(), margins.shape)
        if mine[row, column]:
            patch = patch_of(image, mine.shape, int(row), int(column))
            found.append((float(margins[row, column]), patch))
    found.sort(key=lambda each: each[0])
    return [patch for _, patch in found[:limit]]


def _name(table: ClassTable, class_id: int) -> str:
    return _UNLABELLED_NAME if class_id == UNLABELLED else table.name(class_id)

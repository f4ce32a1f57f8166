"""What each class amounts to in a corpus: pixels, cover, images, coherence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes import UNLABELLED, ClassTable, decode_runs
from napari_stego.classes.pixel_edits import Painting, PixelEdit
from napari_stego.clustering import ClusterModel
from napari_stego.project.pixel_counts import PixelCounts

_NOT_PAINTED = -1


@dataclass(frozen=True)
class ClassStatistics:
    """What a class amounts to in the images that are counted.

    Attributes
    ----------
    pixels : int
        Its pixels, painted ones included.
    cover : float
        Its share of all pixels, unlabelled ones included; in ``[0, 1]``.
    images : int
        Images that have at least a pixel of it.
    coherence : float, optional
        Mean cosine between the positions of its clusters and their common
        direction, in ``[0, 1]``: 1 if all its codes point the same way. For a
        cluster with a class of its own it is the cluster's coherence. None for
        a class without clusters, or where sizes and coherence of a cluster are
        not known.
    """

    pixels: int
    cover: float
    images: int
    coherence: float | None


@dataclass(frozen=True, eq=False)
class PaintedPixels:
    """Pixels of an image with strokes.

    Attributes
    ----------
    clusters : numpy.ndarray
        ``(K,) uint32`` pixels of each cluster that no stroke lies on.
    classes : dict of int to int
        Pixels painted with each class, as it was painted: later merges are
        not followed. 0 for pixels that were erased.
    """

    clusters: npt.NDArray[np.uint32]
    classes: dict[int, int]


def count_painted(
    cluster_map: npt.NDArray[np.uint16], strokes: Iterable[PixelEdit], n_clusters: int
) -> PaintedPixels:
    """Count the pixels of an image with strokes.

    Parameters
    ----------
    cluster_map : numpy.ndarray
        ``(H, W) uint16`` clusters, refined by the table's splits.
    strokes : iterable of PixelEdit
        The strokes of the image, oldest first. One that was made on another
        size is passed over.
    n_clusters : int
        Clusters that there can be.

    Returns
    -------
    PaintedPixels
        Together as many pixels as the image has.
    """
    painted = np.full(cluster_map.size, _NOT_PAINTED, np.int32)
    for stroke in strokes:
        if stroke.shape == cluster_map.shape:
            value = stroke.class_id if isinstance(stroke, Painting) else _NOT_PAINTED
            starts, ends = decode_runs(stroke.runs, cluster_map.size)
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                painted[start:end] = value
    bare = cluster_map.reshape(-1)[painted == _NOT_PAINTED]
    ids, counts = np.unique(painted[painted != _NOT_PAINTED], return_counts=True)
    clusters = np.bincount(bare, minlength=n_clusters).astype(np.uint32)
    return PaintedPixels(clusters, dict(zip(ids.tolist(), counts.tolist(), strict=True)))


class CorpusStatistics:
    """Pixels of clusters and strokes in a corpus, to be summed for any table of classes.

    Merging, moving and renaming need no counting: `of` only sums over the
    lookup table, in less than 10 ms for 10,000 images and 64 clusters.

    Parameters
    ----------
    counts : PixelCounts
        Pixels of clusters; rows that are not counted yet are left out.
    painted : mapping of str to PaintedPixels
        Pixels of the images that have strokes, by content hash.
    clusters : ClusterModel, optional
        The clusters, for their coherence.

    Attributes
    ----------
    images : int
        Images in the corpus that have features.
    counted : int
        Images counted.
    pixels : int
        Their pixels.
    """

    def __init__(
        self,
        counts: PixelCounts,
        painted: Mapping[str, PaintedPixels] | None = None,
        clusters: ClusterModel | None = None,
    ) -> None:
        self._splits = counts.splits
        self._pull = _pull(clusters)
        self._rows = rows = np.flatnonzero(counts.counted)
        names = [counts.images[row] for row in rows] if painted else []
        self._painted_ids = sorted({i for each in (painted or {}).values() for i in each.classes})
        self._n_clusters = counts.table.shape[1]
        table = np.zeros((len(rows), self._n_clusters + len(self._painted_ids)), np.uint32)
        table[:, : self._n_clusters] = counts.table[rows]
        column_of = {i: self._n_clusters + k for k, i in enumerate(self._painted_ids)}
        for place, name in enumerate(names):
            strokes = painted.get(name) if painted else None
            if strokes is not None:
                table[place, : self._n_clusters] = strokes.clusters
                for class_id, pixels in strokes.classes.items():
                    table[place, column_of[class_id]] = pixels
        self.images = len(counts.images)
        self.counted = len(rows)
        self._sums = table.sum(axis=0, dtype=np.uint64)
        self.pixels = int(self._sums.sum())
        # A bit for each image: a class's images are the union of its columns'.
        self._present = np.packbits(table.T > 0, axis=1)

    @property
    def complete(self) -> bool:
        """Whether all images are counted."""
        return self.counted == self.images

    def fits(self, table: ClassTable) -> bool:
        """Tell whether a table is over the clusters that were counted.

        Parameters
        ----------
        table : ClassTable
            Any table of the project.

        Returns
        -------
        bool
            False if other splits are in force.
        """
        return table.splits == self._splits and len(table.lut()) == self._n_clusters

    def images_of(self, table: ClassTable, class_id: int) -> npt.NDArray[np.int64]:
        """Tell which images have a class.

        Parameters
        ----------
        table : ClassTable
            The classes; one that it `fits`.
        class_id : int
            A class; 0 for what is unlabelled.

        Returns
        -------
        numpy.ndarray
            ``(m,) int64``, rows of the counts, ascending.

        Raises
        ------
        ValueError
            If other splits are in force in the table.
        """
        columns = self._present[self._owners(table) == class_id]
        present = np.bitwise_or.reduce(columns, axis=0, initial=0)
        places = np.flatnonzero(np.unpackbits(present)[: self.counted])
        rows: npt.NDArray[np.int64] = self._rows[places]
        return rows

    def _owners(self, table: ClassTable) -> npt.NDArray[np.int64]:
        """Return the class of each column."""
        if not self.fits(table):
            raise ValueError("the pixels were counted for other splits")
        painted = [table.now(class_id) for class_id in self._painted_ids]
        return np.concatenate([table.lut(), np.array(painted, np.int64)]).astype(np.int64)

    def of(self, table: ClassTable) -> dict[int, ClassStatistics]:
        """Sum over the classes.

        Parameters
        ----------
        table : ClassTable
            The classes; one that it `fits`.

        Returns
        -------
        dict of int to ClassStatistics
            By class id, of all classes, and of 0 for what is unlabelled.

        Raises
        ------
        ValueError
            If other splits are in force in the table.
        """
        owners = self._owners(table)
        order = np.argsort(owners, kind="stable")
        starts = np.flatnonzero(np.diff(owners[order], prepend=-1))
        ids = owners[order][starts].tolist()
        sums = np.add.reduceat(self._sums[order], starts).tolist()
        union = np.bitwise_or.reduceat(self._present[order], starts, axis=0)
        images = np.bitwise_count(union).sum(axis=1, dtype=np.int64).tolist()
        found = {i: (n, k) for i, n, k in zip(ids, sums, images, strict=True)}
        total = max(self.pixels, 1)
        statistics = {}
        for class_id, clusters in ((UNLABELLED, ()), *((r.id, r.clusters) for r in table.rows)):
            pixels, n_images = found.get(class_id, (0, 0))
            coherence = self._coherence(clusters)
            statistics[class_id] = ClassStatistics(pixels, pixels / total, n_images, coherence)
        return statistics

    def _coherence(self, clusters: tuple[int, ...]) -> float | None:
        if not clusters or self._pull is None or max(clusters) >= len(self._pull[0]):
            return None
        sums, sizes = (values[list(clusters)].sum(axis=0) for values in self._pull)
        length = float(np.linalg.norm(sums))
        return min(length / float(sizes), 1.0) if sizes > 0 else None


def _pull(
    clusters: ClusterModel | None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Sum the unit codes of each cluster: a centroid is the direction of that sum.

    So the mean cosine with the centroid is the sum's length over the size, for
    a single cluster as for several together.
    """
    if clusters is None or clusters.sizes is None or clusters.coherence is None:
        return None
    sizes = clusters.sizes.astype(np.float64)
    lengths = sizes * np.maximum(clusters.coherence, 0)
    return clusters.centroids * lengths[:, None], sizes

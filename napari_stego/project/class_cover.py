"""The share of each photograph that a class has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_stego.classes import ClassTable
from napari_stego.project.pixel_counts import PixelCounts
from napari_stego.project.statistics import PaintedPixels


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """Pixels of each photograph, to be summed for any class.

    Attributes
    ----------
    counts : PixelCounts
        Pixels of clusters; rows that are not counted yet are left out.
    painted : mapping of str to PaintedPixels
        Pixels of the photographs that have strokes, by content hash.
    """

    counts: PixelCounts
    painted: Mapping[str, PaintedPixels] = field(default_factory=dict)

    def cover(self, table: ClassTable, class_id: int) -> npt.NDArray[np.float32]:
        """Tell how much of each photograph a class has.

        Parameters
        ----------
        table : ClassTable
            The classes as they are now.
        class_id : int
            A class; 0 for what is unlabelled.

        Returns
        -------
        numpy.ndarray
            ``(n,) float32`` shares of the pixels, in ``[0, 1]``, for the rows
            of the counts; NaN for those that are not counted, which are all if
            other splits were in force when they were.
        """
        lut, counts = table.lut(), self.counts
        shares = np.full(len(counts.images), np.nan, np.float32)
        if table.splits != counts.splits or len(lut) != counts.table.shape[1]:
            return shares
        rows, mine = np.flatnonzero(counts.counted), lut == class_id
        pixels = counts.table[:, mine][rows].sum(axis=1, dtype=np.float64)
        totals = counts.table[rows].sum(axis=1, dtype=np.float64)
        shares[rows] = pixels / np.maximum(totals, 1)
        if self.painted:
            for row in rows.tolist():
                strokes = self.painted.get(counts.images[row])
                if strokes is not None:
                    own = sum(n for i, n in strokes.classes.items() if table.now(i) == class_id)
                    own += int(strokes.clusters[mine].sum())
                    all_pixels = int(strokes.clusters.sum()) + sum(strokes.classes.values())
                    shares[row] = own / max(all_pixels, 1)
        return shares

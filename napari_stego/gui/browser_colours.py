"""Thumbnails with the colours of their classes on them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from napari_stego.classes import ClassTable
from napari_stego.corpus import CorpusImage
from napari_stego.project import Segmentation

_OPACITY = 0.55
_GRIDS_HELD = 2000


@dataclass(frozen=True, eq=False)
class Colouring:
    """The colours of classes, as they were at some time.

    Attributes
    ----------
    segmentation : Segmentation
        The clusters.
    table : ClassTable
        The classes.
    """

    segmentation: Segmentation
    table: ClassTable

    def same(self, other: Colouring | None) -> bool:
        """Tell whether thumbnails look alike with another colouring.

        Parameters
        ----------
        other : Colouring, optional
            The other one.

        Returns
        -------
        bool
            False if any cluster has another colour.
        """
        return (
            other is not None
            and other.segmentation is self.segmentation
            and other.table.splits == self.table.splits
            and np.array_equal(other.paints, self.paints)
        )

    @property
    def paints(self) -> npt.NDArray[np.uint8]:
        """``(K, 4)`` red, green, blue and opacity of each cluster."""
        of_class = {0: (0, 0, 0, 0)}
        opacity = round(255 * _OPACITY)
        for row in self.table.rows:
            of_class[row.id] = (*ImageColor.getrgb(row.colour)[:3], opacity)
        return np.array([of_class[i] for i in self.table.lut().tolist()], np.uint8)


class Painter:
    """Puts classes on thumbnails; safe to use from several threads.

    Clusters of the positions of an image are remembered, of the 2,000 images
    used last: after an edit of the classes only their colours are new.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grids: OrderedDict[tuple[str, int, str], npt.NDArray[np.uint16]] = OrderedDict()
        self._paints: tuple[Colouring, npt.NDArray[np.uint8]] | None = None

    def paint(
        self, image: CorpusImage, thumbnail: npt.NDArray[np.uint8], colouring: Colouring
    ) -> npt.NDArray[np.uint8]:
        """Blend a thumbnail with the classes of its positions; strokes are not looked at.

        Parameters
        ----------
        image : CorpusImage
            The image.
        thumbnail : numpy.ndarray
            ``(h, w, 3) uint8``.
        colouring : Colouring
            The classes.

        Returns
        -------
        numpy.ndarray
            ``(h, w, 3) uint8``; the thumbnail itself if the image has no
            features.

        Raises
        ------
        StegoError
            If its features are damaged.
        """
        if not colouring.segmentation.encodings.has(image):
            return thumbnail
        grid, paints = self._grid(image, colouring), self._paints_of(colouring)
        if grid.max(initial=0) >= len(paints):  # a split has just come; the next call knows it
            return thumbnail
        height, width = thumbnail.shape[:2]
        # Sharp borders: a mixture of two colours would be that of a third class.
        layer = Image.fromarray(paints[grid]).resize((width, height), Image.Resampling.NEAREST)
        blended = Image.fromarray(thumbnail)
        blended.paste(layer.convert("RGB"), mask=layer.getchannel("A"))
        return np.asarray(blended)

    def forget(self) -> None:
        """Let go of the clusters."""
        with self._lock:
            self._grids.clear()
            self._paints = None

    def _paints_of(self, colouring: Colouring) -> npt.NDArray[np.uint8]:
        with self._lock:
            held = self._paints
        if held is None or held[0] is not colouring:
            held = (colouring, colouring.paints)
            with self._lock:
                self._paints = held
        return held[1]

    def _grid(self, image: CorpusImage, colouring: Colouring) -> npt.NDArray[np.uint16]:
        segmentation, splits = colouring.segmentation, colouring.table.splits
        key = (segmentation.result.clusters, hash(splits), image.content_hash)
        with self._lock:
            grid = self._grids.get(key)
            if grid is not None:
                self._grids.move_to_end(key)
                return grid
        grid = segmentation.patch_clusters(image).astype(np.uint16)
        if segmentation.table.splits == splits:
            with self._lock:
                self._grids[key] = grid
                while len(self._grids) > _GRIDS_HELD:
                    self._grids.popitem(last=False)
        return grid

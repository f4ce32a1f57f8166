"""Places in a photograph that the user goes to, and the mark at the last one."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points
from napari.viewer import Viewer

PLACE = "place"

_COLOUR = "#39ff14"  # of none of napari's colormaps for heatmaps, and of few reefs
# Of the longer side of the photograph.
_WIDTH = 0.004


class Places:
    """Brings places to the middle of the canvas, and marks the last one with a square.

    The layer of the mark is added for the first of them, and is empty while
    nothing is marked; deleting it does no harm.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._wanted: tuple[str, tuple[int, int], int, bool] | None = None
        self._layer = Points(
            ndim=2,
            name=PLACE,
            symbol="square",
            face_color="transparent",
            border_color=_COLOUR,
            border_width_is_relative=False,
        )
        self._layer.editable = False

    def want(self, image: str, pixel: tuple[int, int], size: int, marked: bool) -> None:
        """Wish to go to a place; where its image is shown next, `show` goes there.

        Parameters
        ----------
        image : str
            Name of the image.
        pixel : tuple of int
            Row and column.
        size : int
            Side in pixels of what is to be seen there.
        marked : bool
            Whether to mark it.
        """
        self._wanted = (image, pixel, size, marked)

    def show(self, image: str, photograph: Any) -> None:
        """Go to the place that was wished for, if it is in the image; else show all of it.

        Parameters
        ----------
        image : str
            Name of the image on show.
        photograph : napari.layers.Image
            Its layer.
        """
        self.clear()
        self._viewer.reset_view()
        wanted, self._wanted = self._wanted, None
        if wanted is None or wanted[0] != image:
            return
        _, pixel, size, marked = wanted
        shape = photograph.data.shape[:2]
        # What is looked for takes a good part of the canvas, with its surroundings.
        zoom = max(min(shape) / (4 * size), 1.0)
        # As much of the canvas as when all is seen: at an edge of the photograph it is not half
        # empty.
        seen = np.divide(shape, 2 * zoom)
        middle = np.clip(pixel, seen, np.subtract(shape, seen))
        self._viewer.camera.zoom *= zoom
        self._viewer.camera.center = photograph.data_to_world(middle)
        if marked:
            self._mark(photograph, pixel, size)

    def clear(self) -> None:
        """Mark nothing."""
        if len(self._layer.data):
            self._layer.data = np.empty((0, 2))

    def leave(self) -> None:
        """Take the layer away, until there is another mark."""
        self.clear()
        if self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)

    def _mark(self, photograph: Any, pixel: tuple[int, int], size: int) -> None:
        layer = self._layer
        if layer not in self._viewer.layers:  # to add it takes too long to do it each time
            active = self._viewer.layers.selection.active
            self._viewer.layers.append(layer)
            self._viewer.layers.selection.active = active
        layer.scale, layer.translate = photograph.scale, photograph.translate
        layer.data = [pixel]
        layer.size = size
        layer.border_width = _WIDTH * max(photograph.data.shape[:2])
        layer.visible = True

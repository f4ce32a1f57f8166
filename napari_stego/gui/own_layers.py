"""The three layers themselves: how each is made, found again, and left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels
from napari.viewer import Viewer

from napari_stego.gui.inspect_colours import heat_look

PHOTOGRAPH = "photograph"
CLASSES = "classes"
HEATMAP = "correspondence"

# In the metadata of layers whose dock was closed: which layer it is, for the next dock.
_LEFT = "napari-stego left"

_CLASSES_OPACITY = 0.45


class OwnLayers:
    """The layers of a viewer that are ours; those that an earlier dock left are taken over.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._pixels: npt.NDArray[np.uint8] | None = None
        self._layers: dict[str, Any] = {}
        self._contours = False
        self._threshold: float | None = None
        for layer in viewer.layers:  # by their index they would come in napari's proxies
            left = layer.metadata.get(_LEFT)
            for name in (PHOTOGRAPH, CLASSES, HEATMAP):
                if left == _mark(layer, name):
                    del layer.metadata[_LEFT]
                    self._layers[name] = layer
                    if name == HEATMAP:
                        layer.events.visible.connect(self._outline)

    @property
    def photograph(self) -> Any:
        """The layer of the photograph; None if it is not in the viewer."""
        return self._find(PHOTOGRAPH)

    @property
    def classes(self) -> Any:
        """The layer of classes; None if it is not in the viewer."""
        return self._find(CLASSES)

    def are_classes(self, layer: Any) -> bool:
        """Tell whether a layer, or napari's proxy of it for plugins, is that of the classes."""
        return layer is not None and layer == self._layers.get(CLASSES)

    def show_photograph(self, pixels: npt.NDArray[np.uint8], path: Path) -> None:
        """Show a photograph.

        Parameters
        ----------
        pixels : numpy.ndarray
            ``(H, W, 3) uint8``.
        path : Path
            Its file.
        """
        layer = self.photograph
        if layer is None:
            layer = self._layers[PHOTOGRAPH] = Image(pixels, name=PHOTOGRAPH, rgb=True)
            self._viewer.layers.insert(0, layer)
        elif self._pixels is not pixels:
            layer.data = pixels
        self._pixels = pixels
        layer.metadata = {"path": str(path)}

    def add_classes(self, labels: npt.NDArray[np.uint16]) -> Labels:
        """Make the layer of classes, right above the photograph.

        Parameters
        ----------
        labels : numpy.ndarray
            ``(H, W) uint16``; the layer paints on it.

        Returns
        -------
        napari.layers.Labels
            The layer.
        """
        layer = self._layers[CLASSES] = Labels(labels, name=CLASSES, opacity=_CLASSES_OPACITY)
        self.insert_above(self.photograph, layer)
        self._viewer.layers.selection.active = layer
        self._outline()
        return layer

    def show_heatmap(self, heatmap: npt.NDArray[np.float32], shape: tuple[int, int]) -> None:
        """Show a heatmap, with the classes as outlines under it.

        Parameters
        ----------
        heatmap : numpy.ndarray
            ``(h, w) float32`` correspondence, of the photograph's proportions.
        shape : tuple of int
            ``(H, W)`` of the photograph.
        """
        layer = self._find(HEATMAP)
        if layer is not None:
            if layer.data.shape == heatmap.shape:
                # Another array would make napari measure all layers anew, at each move of the
                # mouse; nor is the thumbnail in the list of layers worth drawing the list.
                layer.data[...] = heatmap
                layer.refresh(extent=False, thumbnail=False)
            else:
                layer.data = heatmap
            cover(layer, shape)
            if not layer.visible:
                layer.visible = True
            return
        layer = self._layers[HEATMAP] = Image(
            heatmap,
            name=HEATMAP,
            blending="translucent",
            **heat_look(self._threshold),
            **_placed(heatmap, shape),
        )
        active = self._viewer.layers.selection.active
        layer.colorbar.visible = self._threshold is None
        layer.events.visible.connect(self._outline)
        below = self.classes if self.classes is not None else self.photograph
        self.insert_above(below, layer)
        self._viewer.layers.selection.active = active
        self._outline()

    def score_at(self, position: Any) -> float | None:
        """Read the heatmap.

        Parameters
        ----------
        position : sequence of float
            World coordinates.

        Returns
        -------
        float or None
            None outside, and while no heatmap is to be seen.
        """
        layer = self._find(HEATMAP)
        if layer is None or not layer.visible:
            return None
        place = np.rint(layer.world_to_data(position)[-2:]).astype(int)
        inside = (place >= 0).all() and (place < layer.data.shape).all()
        return float(layer.data[tuple(place)]) if inside else None

    def show_mask(self, threshold: float | None) -> None:
        """Draw only where the heatmap is at or above a threshold, or all of it.

        Parameters
        ----------
        threshold : float, optional
            None for all of it.
        """
        layer = self._find(HEATMAP)
        if threshold != self._threshold and layer is not None:
            for name, value in heat_look(threshold).items():
                setattr(layer, name, value)
            layer.colorbar.visible = threshold is None
        self._threshold = threshold

    def hide_heatmap(self) -> None:
        """Hide the heatmap: it is of something else."""
        layer, photograph = self._find(HEATMAP), self.photograph
        if layer is None:
            return
        layer.visible = False
        if photograph is not None:
            cover(layer, photograph.data.shape[:2])

    def leave(self) -> None:
        """Let the layers go, which stay in the viewer for the next dock."""
        heatmap = self._find(HEATMAP)
        self.show_mask(None)
        if heatmap is not None:
            heatmap.events.visible.disconnect(self._outline)
        for name, layer in self._layers.items():
            layer.metadata[_LEFT] = _mark(layer, name)
        self._layers.clear()

    def insert_above(self, other: Any, layer: Any) -> None:
        """Add a layer above another one, below marks and layers of the user.

        Parameters
        ----------
        other : napari.layers.Layer, optional
            The other one; None adds it below all.
        layer : napari.layers.Layer
            What is added.
        """
        place = 0 if other is None else self._viewer.layers.index(other) + 1
        self._viewer.layers.insert(place, layer)

    def _find(self, name: str) -> Any:
        """Find a layer by identity, for the user may have layers of the same name."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def set_contours(self, wanted: bool) -> None:
        """Show classes as outlines, or filled; under a heatmap they are outlines anyway.

        Parameters
        ----------
        wanted : bool
            Whether as outlines.
        """
        self._contours = wanted
        self._outline()

    def _outline(self) -> None:
        heatmap = self._find(HEATMAP)
        covered = heatmap is not None and heatmap.visible
        if self.classes is not None:
            self.classes.contour = 2 if covered or self._contours else 0


def _mark(layer: Any, name: str) -> str:
    """Say which layer it is; a copy that the user made of it has another id."""
    return f"{name} {layer.unique_id}"


def _placed(
    heatmap: npt.NDArray[np.float32], shape: tuple[int, ...]
) -> dict[str, npt.NDArray[np.float64]]:
    """Say where a heatmap is to lie, so that it covers a photograph."""
    scale = np.divide(shape, heatmap.shape)
    # The middles of pixels are at whole numbers, in both.
    return {"scale": scale, "translate": (scale - 1) / 2}


def cover(layer: Any, shape: tuple[int, ...]) -> None:
    """Place a layer so that it covers a photograph.

    Hidden layers count, too, when the viewer fits what it shows into the window.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer.
    shape : tuple of int
        ``(H, W)`` of the photograph.
    """
    for name, value in _placed(layer.data, shape).items():
        if not np.array_equal(getattr(layer, name), value):
            setattr(layer, name, value)

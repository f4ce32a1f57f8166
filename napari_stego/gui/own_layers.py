"""The three layers themselves: how each is made, found again, and left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels
from napari.utils.colormaps import Colormap, ensure_colormap
from napari.viewer import Viewer

PHOTOGRAPH = "photograph"
CLASSES = "classes"
HEATMAP = "correspondence"

# Layers that stay in a viewer whose dock was closed, for the next dock to take over.
_left: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

_CLASSES_OPACITY = 0.45
_HEATMAP_ALPHA = 0.8


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
        for layer, name in list(_left.items()):
            if layer in viewer.layers:
                self._layers[name] = layer
                del _left[layer]
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
        place = 0 if self.photograph is None else self._viewer.layers.index(self.photograph) + 1
        self._viewer.layers.insert(place, layer)
        self._viewer.layers.selection.active = layer
        return layer

    def show_heatmap(self, heatmap: npt.NDArray[np.float32]) -> None:
        """Show a heatmap, with the classes as outlines under it.

        Parameters
        ----------
        heatmap : numpy.ndarray
            ``(H, W) float32`` correspondence.
        """
        layer = self._find(HEATMAP)
        if layer is not None:
            layer.data = heatmap
            layer.visible = True
            return
        layer = self._layers[HEATMAP] = Image(
            heatmap,
            name=HEATMAP,
            colormap=_heatmap_colormap(),
            contrast_limits=(0.0, 1.0),
            blending="translucent",
        )
        active = self._viewer.layers.selection.active
        layer.colorbar.visible = True
        layer.events.visible.connect(self._outline)
        self._viewer.layers.append(layer)
        self._viewer.layers.selection.active = active
        self._outline()

    def hide_heatmap(self) -> None:
        """Hide the heatmap: it is of something else."""
        layer = self._find(HEATMAP)
        if layer is not None:
            layer.visible = False

    def leave(self) -> None:
        """Let the layers go, which stay in the viewer for the next dock."""
        heatmap = self._find(HEATMAP)
        if heatmap is not None:
            heatmap.events.visible.disconnect(self._outline)
        _left.update({layer: name for name, layer in self._layers.items()})
        self._layers.clear()

    def _find(self, name: str) -> Any:
        """Find a layer by identity, for the user may have layers of the same name."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def _outline(self) -> None:
        heatmap = self._find(HEATMAP)
        if self.classes is not None:
            self.classes.contour = 2 if heatmap is not None and heatmap.visible else 0


def _heatmap_colormap() -> Colormap:
    """Make the colours of correspondence, which let the photograph show where nothing does."""
    colours = np.array(ensure_colormap("inferno").colors, dtype=np.float32)
    colours[:, 3] = np.linspace(0.0, _HEATMAP_ALPHA, len(colours))
    return Colormap(colours, name="correspondence")

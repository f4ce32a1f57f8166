"""How certain the proposed classes are of each pixel, as a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_stego.gui.own_layers import OwnLayers, cover

CONFIDENCE = "confidence"

_OPACITY = 0.65


class ConfidenceLayer(QObject):
    """Shows confidence right above the photograph, below marks in the layer of classes.

    The layer is added for the first of it and only hidden afterwards, since
    adding one takes napari long. Signals: ``deleted``, when the user has
    deleted the layer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    layers : OwnLayers
        The layers that it belongs to.
    parent : QObject
        Owner.
    """

    deleted = Signal()

    def __init__(self, viewer: Viewer, layers: OwnLayers, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers = layers
        self._layer: Any = None
        self._shown = False
        viewer.layers.events.removed.connect(self._removed)

    def show(self, confidence: npt.NDArray[np.float32] | None) -> None:
        """Show the confidence of the photograph on show.

        Parameters
        ----------
        confidence : numpy.ndarray, optional
            ``(H, W) float32`` in ``[0, 1]``; None hides it.
        """
        if confidence is None:
            self.hide()
        elif self._there:
            layer = self._layer
            if layer.data.shape == confidence.shape:
                layer.data[...] = confidence
                layer.refresh(extent=False, thumbnail=False)
            else:
                layer.data = confidence.copy()
            cover(layer, confidence.shape)
            if not layer.visible:
                layer.visible = True
            self._put_below_classes(layer)
            self._shown = True
        else:
            self._add(confidence.copy())
            self._shown = True

    def hide(self) -> None:
        """Show none."""
        self._shown = False
        photograph = self._layers.photograph
        if self._there:
            self._layer.visible = False
            if photograph is not None:
                cover(self._layer, photograph.data.shape[:2])

    def value_at(self, pixel: tuple[int, int] | None) -> float | None:
        """Read it.

        Parameters
        ----------
        pixel : tuple of int, optional
            Row and column of the photograph; None outside.

        Returns
        -------
        float or None
            None outside, and while no confidence is to be seen.
        """
        # What the user makes visible again may be of another photograph.
        if pixel is None or not self._shown or not self._there or not self._layer.visible:
            return None
        return float(self._layer.data[pixel])

    def leave(self) -> None:
        """Take the layer away."""
        self._viewer.layers.events.removed.disconnect(self._removed)
        if self._there:
            self._viewer.layers.remove(self._layer)
        self._layer = None

    @property
    def _there(self) -> bool:
        return self._layer is not None and self._layer in self._viewer.layers

    def _removed(self, _: Any) -> None:
        if self._layer is not None and not self._there:
            self._layer, self._shown = None, False
            self.deleted.emit()

    def _put_below_classes(self, layer: Any) -> None:
        """Lie below the classes, whose layer comes back right above the photograph."""
        layers, classes = self._viewer.layers, self._layers.classes
        if classes is not None and layers.index(classes) < layers.index(layer):
            layers.move(layers.index(layer), layers.index(classes))

    def _add(self, confidence: npt.NDArray[np.float32]) -> None:
        layer = self._layer = Image(
            confidence,
            name=CONFIDENCE,
            colormap="viridis",
            contrast_limits=(0, 1),
            opacity=_OPACITY,
            blending="translucent",
        )
        layer.colorbar.visible = True
        active = self._viewer.layers.selection.active
        self._layers.insert_above(self._layers.photograph, layer)
        self._viewer.layers.selection.active = active

"""Layers that are shown now and then: confidence, and outlines of regions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_stego.gui.own_layers import OwnLayers, cover

CONFIDENCE, REGIONS = "confidence", "regions"

_CONFIDENCE_OPACITY, _REGIONS_OPACITY = 0.65, 0.8


class ExtraLayer(QObject):
    """Shows one value for each pixel of the photograph, for as long as that is wanted.

    The layer is added at the first time and only hidden afterwards, since
    adding one takes napari long. Signals: ``deleted``, when the user has
    deleted the layer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    layers : OwnLayers
        The layers that it belongs to.
    make : callable
        Makes the layer of the first values, which it may keep.
    above : bool
        Whether the layer lies above the classes.
    parent : QObject
        Owner.
    """

    deleted = Signal()

    def __init__(
        self,
        viewer: Viewer,
        layers: OwnLayers,
        make: Callable[[npt.NDArray[Any]], Layer],
        above: bool,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers = layers
        self._make = make
        self._above = above
        self._layer: Any = None
        self._shown = False
        viewer.layers.events.removed.connect(self._removed)

    def show(self, values: npt.NDArray[Any] | None) -> None:
        """Show values of the photograph on show.

        Parameters
        ----------
        values : numpy.ndarray, optional
            ``(H, W)``; None hides the layer.
        """
        if values is None:
            self.hide()
            return
        layer = self._layer
        if not self._there:
            layer = self._layer = self._make(values.copy())
            active = self._viewer.layers.selection.active
            self._layers.insert_above(self._layers.photograph, layer)
            self._viewer.layers.selection.active = active
        elif layer.data.shape == values.shape:
            layer.data[...] = values
            layer.refresh(extent=False, thumbnail=False)
        else:
            layer.data = values.copy()
        cover(layer, values.shape)
        if not layer.visible:
            layer.visible = True
        self._put_beside_classes(layer)
        self._shown = True

    def hide(self) -> None:
        """Show nothing."""
        self._shown = False
        photograph = self._layers.photograph
        if self._there:
            if self._layer.visible:  # setting it draws all anew
                self._layer.visible = False
            if photograph is not None:
                cover(self._layer, photograph.data.shape[:2])

    def value_at(self, pixel: tuple[int, int] | None) -> float | None:
        """Read the value of a pixel.

        Parameters
        ----------
        pixel : tuple of int, optional
            Row and column of the photograph; None outside.

        Returns
        -------
        float or None
            None outside, and while nothing is to be seen.
        """
        # What the user makes visible again may be of another photograph.
        if pixel is None or not self._shown or not self._there or not self._layer.visible:
            return None
        return float(self._layer.data[pixel])

    def leave(self) -> None:
        """Take the layer away, for good."""
        self._viewer.layers.events.removed.disconnect(self._removed)
        if self._there:
            self._viewer.layers.remove(self._layer)
        self._layer = None

    def _put_beside_classes(self, layer: Any) -> None:
        """Move the layer, if it is on the wrong side of the classes, which may come and go."""
        layers, classes = self._viewer.layers, self._layers.classes
        if classes is not None:
            place, of_classes = layers.index(layer), layers.index(classes)
            if (place > of_classes) != self._above:
                layers.move(place, of_classes + self._above)

    @property
    def _there(self) -> bool:
        return self._layer is not None and self._layer in self._viewer.layers

    def _removed(self, _: Any) -> None:
        if self._layer is not None and not self._there:
            self._layer, self._shown = None, False
            self.deleted.emit()


def confidence_image(values: npt.NDArray[np.float32]) -> Image:
    """Make the layer of confidence; marks in the layer of classes are to be seen above it.

    Parameters
    ----------
    values : numpy.ndarray
        ``(H, W) float32`` in ``[0, 1]``.

    Returns
    -------
    napari.layers.Image
        The layer.
    """
    layer = Image(
        values,
        name=CONFIDENCE,
        colormap="viridis",
        contrast_limits=(0, 1),
        opacity=_CONFIDENCE_OPACITY,
        blending="translucent",
    )
    layer.colorbar.visible = True
    return layer


def region_outlines(values: npt.NDArray[np.int32]) -> Labels:
    """Make the layer of the regions of one size.

    Parameters
    ----------
    values : numpy.ndarray
        ``(H, W) int32``, from 1.

    Returns
    -------
    napari.layers.Labels
        The layer, which shows outlines.
    """
    white = DirectLabelColormap(color_dict={0: "transparent", None: "white"})
    layer = Labels(values, name=REGIONS, opacity=_REGIONS_OPACITY, colormap=white)
    layer.contour = 1
    layer.editable = False
    return layer

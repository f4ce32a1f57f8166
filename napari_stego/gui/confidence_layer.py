"""How certain the proposed classes are of each pixel, as a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image
from napari.viewer import Viewer

from napari_stego.gui.own_layers import OwnLayers, cover

CONFIDENCE = "confidence"

_OPACITY = 0.65


class ConfidenceLayer:
    """Shows confidence right above the photograph, below marks in the layer of classes.

    The layer is added for the first of it and only hidden afterwards, since
    adding one takes napari long; deleting it does no harm.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    layers : OwnLayers
        The layers that it belongs to.
    """

    def __init__(self, viewer: Viewer, layers: OwnLayers) -> None:
        self._viewer = viewer
        self._layers = layers
        self._layer: Any = None

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
            layer.visible = True
        else:
            self._add(confidence.copy())

    def hide(self) -> None:
        """Show none."""
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
        if pixel is None or not self._there or not self._layer.visible:
            return None
        return float(self._layer.data[pixel])

    def leave(self) -> None:
        """Take the layer away."""
        if self._there:
            self._viewer.layers.remove(self._layer)
        self._layer = None

    @property
    def _there(self) -> bool:
        return self._layer is not None and self._layer in self._viewer.layers

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

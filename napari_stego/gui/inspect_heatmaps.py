"""Heatmaps over the photograph on show, made in a thread; the newest counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject

from napari_stego.corpus import CorpusImage
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.own_layers import OwnLayers


class Heatmaps(QObject):
    """Makes heatmaps and shows them in their layer.

    Parameters
    ----------
    layers : OwnLayers
        Has the layer.
    parent : QObject
        Owner.
    """

    def __init__(self, layers: OwnLayers, parent: QObject) -> None:
        super().__init__(parent)
        self._layers = layers
        self._runner = LatestRunner("napari-stego heatmap", self)

    @property
    def busy(self) -> bool:
        """Whether a heatmap is on its way."""
        return self._runner.busy

    def show(
        self,
        image: CorpusImage,
        make: Callable[[CorpusImage], npt.NDArray[np.float32]],
        settled: Callable[[], None] | None = None,
    ) -> None:
        """Make a heatmap, and show it.

        Parameters
        ----------
        image : CorpusImage
            The image on show.
        make : callable
            Gives ``(h, w) float32`` scores of the image's proportions; runs in
            the thread.
        settled : callable, optional
            Called when no heatmap is left to be made, whatever came of it.
        """
        size = image.height, image.width
        self._runner.submit(
            lambda token: make(image),
            lambda heatmap: self._layers.show_heatmap(heatmap, size),
            settled,
        )

    def show_now(self, image: CorpusImage, heatmap: npt.NDArray[np.float32]) -> None:
        """Show a heatmap that is there, in the place of one on its way.

        Parameters
        ----------
        image : CorpusImage
            The image on show.
        heatmap : numpy.ndarray
            ``(h, w) float32`` scores of the image's proportions.
        """
        self._runner.drop()
        self._layers.show_heatmap(heatmap, (image.height, image.width))

    def hide(self) -> None:
        """Show no heatmap, not even one on its way."""
        self._runner.drop()
        self._layers.hide_heatmap()

    def show_mask(self, threshold: float | None) -> None:
        """Draw only where the heatmap is at or above a threshold; None for all of it."""
        self._layers.show_mask(threshold)

    def drop(self) -> None:
        """Forget about a heatmap on its way: it is of something else."""
        self._runner.drop()

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
        return self._layers.score_at(position)

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._runner.shut_down(seconds)

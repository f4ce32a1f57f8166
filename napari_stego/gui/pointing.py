"""Whom the mouse in the photograph talks to: the panel in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from napari.viewer import Viewer

from napari_stego.gui.class_panel import ClassPanel
from napari_stego.gui.clicks import Click, ClickListener, MoveListener
from napari_stego.gui.correct_panel import CorrectPanel
from napari_stego.gui.inspect_panel import InspectPanel
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.review_panel import ReviewPanel
from napari_stego.gui.tabs import PanelTabs


class Panels(Protocol):
    """The panels that the mouse may talk to."""

    tabs: PanelTabs
    class_panel: ClassPanel
    inspect_panel: InspectPanel
    correct_panel: CorrectPanel
    review_panel: ReviewPanel


class Pointing:
    """Hands clicks, drags and moves of the mouse in the photograph to the panel in front.

    Parameters
    ----------
    viewer : Viewer
        Where the mouse is.
    layers : LayerStack
        Tells which pixel it is at.
    panels : Panels
        The panels.
    """

    def __init__(self, viewer: Viewer, layers: LayerStack, panels: Panels) -> None:
        self._layers = layers
        self._panels = panels
        self._clicks = ClickListener(
            viewer.mouse_drag_callbacks, self._clicked, self._dragged, self._takes_drags
        )
        self._moves = MoveListener(viewer.mouse_move_callbacks, self._moved)

    def stop(self) -> None:
        """Listen no longer."""
        self._clicks.stop()
        self._moves.stop()

    @property
    def _drawing(self) -> bool:
        return self._layers.drawing or self._panels.inspect_panel.marks.drawing

    def _takes_drags(self) -> bool:
        return not self._drawing and self._panels.tabs.shows(self._panels.correct_panel)

    def _clicked(self, position: Any, click: Click) -> None:
        pixel, panels = self._layers.pixel_at(position), self._panels
        if pixel is None or self._drawing:
            return
        self._layers.places.clear()
        if panels.tabs.shows(panels.correct_panel):
            panels.correct_panel.click(pixel, click is not Click.UNLIKE)
            return
        if panels.tabs.shows(panels.review_panel):
            panels.review_panel.click(pixel)
            return
        labels = self._layers.label_image
        if labels is not None and click is Click.LOOK:
            panels.class_panel.select(int(labels[pixel]))
        panels.inspect_panel.click(pixel, click)

    def _dragged(self, positions: Sequence[Any], click: Click, ended: bool) -> None:
        panel = self._panels.correct_panel
        pixels = [self._layers.pixel_at(each) for each in positions]
        inside = [pixel for pixel in pixels if pixel is not None]
        panel.scribble(inside, click is not Click.UNLIKE, ended=ended)

    def _moved(self, position: Any) -> None:
        pixel, score = self._layers.pixel_at(position), self._layers.heatmaps.score_at(position)
        self._panels.inspect_panel.move(pixel, score)
        self._panels.review_panel.move(pixel)

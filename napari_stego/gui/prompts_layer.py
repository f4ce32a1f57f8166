"""The layer of prompts: marks on the photograph that can be drawn, moved and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Shapes
from napari.viewer import Viewer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_stego.corpus import CorpusImage
from napari_stego.correspondence import Prompt
from napari_stego.gui.prompts import PromptSet

PROMPTS = "prompts"

_RESTING = ("pan_zoom", "transform")
_COLOURS = {True: "#00e5ff", False: "#ff4dd2"}
_SIGNS = {True: "+", False: "-"}
_ID = "prompt"
_CORNERS_OF_ELLIPSE = 32
# Of the longer side of the photograph.
_RADIUS = 0.012
_WIDTH = 0.003


@dataclass(frozen=True, eq=False)
class _Mark:
    """A prompt as it was drawn."""

    prompt: Prompt
    corners: npt.NDArray[np.float64]
    kind: str


class PromptsLayer(QObject):
    """Keeps one layer in step with the prompts on the photograph on show.

    There is a layer only while there are prompts that were put together, or
    one is being drawn. What is drawn, moved or deleted in it with napari's own
    tools changes the prompts; a layer that the user deletes takes them along.
    Signals: ``drawn``, when what `draw` asked for is there, or was given up.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    prompts : PromptSet
        The prompts.
    parent : QObject
        Owner.
    """

    drawn = Signal()

    def __init__(self, viewer: Viewer, prompts: PromptSet, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._prompts = prompts
        self._layer: Shapes | None = None
        self._image: CorpusImage | None = None
        self._marks: list[_Mark] = []
        self._positive = True
        self._active: Any = None
        self._filling = False
        self._wanted = False
        self._spoilt = False
        # napari tells of a shape before it has finished with it.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._take)
        # A viewer that closes removes all layers first: that forgets no prompts.
        self._gone = QTimer(self)
        self._gone.setSingleShot(True)
        self._gone.setInterval(0)
        self._gone.timeout.connect(prompts.clear)
        prompts.changed.connect(self.refresh)
        viewer.layers.events.removed.connect(self._removed)

    @property
    def busy(self) -> bool:
        """Whether something that was done in the layer is still to change the prompts."""
        return self._soon.isActive() or self._gone.isActive()

    @property
    def drawing(self) -> bool:
        """Whether a click in the viewer is one of a tool that draws or selects prompts."""
        layer = self._layer
        active = self._viewer.layers.selection.active
        return layer is not None and active == layer and str(layer.mode) not in _RESTING

    def show_image(self, image: CorpusImage | None) -> None:
        """Mark the prompts of a photograph.

        Parameters
        ----------
        image : CorpusImage, optional
            The photograph on show.
        """
        if image != self._image:
            self.give_up()
            self._image = image
            self.refresh()

    def draw(self, mode: str, positive: bool) -> None:
        """Let a region be drawn, which becomes a prompt.

        Parameters
        ----------
        mode : str
            One of napari's modes of a Shapes layer.
        positive : bool
            Whether to look for what is like it.
        """
        if self._image is None:
            return
        if not self._wanted:
            self._active = self._viewer.layers.selection.active
        self._wanted, self._positive = True, positive
        layer = self._make()
        self._viewer.layers.selection.active = layer
        layer.mode = mode

    def give_up(self) -> None:
        """Let nothing be drawn any more; harmless if nothing was to be."""
        if not self._wanted:
            return
        self._wanted, self._positive = False, True
        if self._layer is not None:
            self._filling = True  # what was begun is no prompt
            self._layer.mode = "pan_zoom"
            self._filling = False
            if self._active is not None and self._active in self._viewer.layers:
                self._viewer.layers.selection.active = self._active
        self._active = None
        self.refresh()
        self.drawn.emit()

    def refresh(self) -> None:
        """Draw the prompts as they are now."""
        if self._gone.isActive():
            return
        if not self._prompts.kept and not self._wanted:
            self._remove()
            return
        here = self._image.content_hash if self._image is not None else ""
        prompts = [prompt for prompt in self._prompts.prompts if prompt.image == here]
        if self._layer is None and not prompts and not self._wanted:
            return
        if self._spoilt or prompts != [mark.prompt for mark in self._marks]:
            self._fill(self._make(), prompts)

    def shut_down(self) -> None:
        """Take the layer away: the prompts are in the project."""
        self._soon.stop()
        self._gone.stop()
        self._prompts.changed.disconnect(self.refresh)
        self._viewer.layers.events.removed.disconnect(self._removed)
        self._remove()

    def _make(self) -> Shapes:
        if self._layer is not None:
            return self._layer
        active = self._viewer.layers.selection.active
        self._layer = layer = Shapes(
            ndim=2,
            name=PROMPTS,
            edge_color=_COLOURS[True],
            face_color="transparent",
            features={_ID: np.empty(0, int), "sign": np.empty(0, str)},
            text={"string": "{sign}", "size": 12, "color": "white", "anchor": "center"},
        )
        self._viewer.layers.append(layer)
        self._viewer.layers.selection.active = active
        layer.events.data.connect(self._changed)
        return layer

    def _remove(self) -> None:
        layer, self._layer, self._marks = self._layer, None, []
        if layer is not None:
            layer.events.data.disconnect(self._changed)
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _removed(self, event: Any) -> None:
        """Forget the prompts: the user has deleted the layer."""
        if self._layer is not None and event.value == self._layer:
            self._layer.events.data.disconnect(self._changed)
            self._layer, self._marks = None, []
            self._soon.stop()
            wanted, self._wanted = self._wanted, False
            self._gone.start()
            if wanted:
                self.drawn.emit()

    def _fill(self, layer: Shapes, prompts: list[Prompt]) -> None:
        assert self._image is not None
        longest = max(self._image.height, self._image.width)
        marks = [_mark(prompt, _RADIUS * longest) for prompt in prompts]
        self._filling = True
        try:
            layer.selected_data = set()
            layer.data = []
            if marks:
                layer.add(
                    [mark.corners for mark in marks],
                    shape_type=[mark.kind for mark in marks],
                    edge_width=_WIDTH * longest,
                    edge_color=[_COLOURS[prompt.positive] for prompt in prompts],
                    face_color="transparent",
                )
            signs = [_SIGNS[prompt.positive] for prompt in prompts]
            layer.features = {_ID: np.arange(len(marks)), "sign": np.array(signs, str)}
            layer.feature_defaults = {_ID: -1, "sign": ""}
            layer.current_edge_width = _WIDTH * longest
            layer.current_edge_color = _COLOURS[self._positive]
        finally:
            self._filling = False
        self._marks, self._spoilt = marks, False

    def _changed(self, event: Any) -> None:
        if not self._filling and str(event.action) in {"added", "removed", "changed"}:
            self._soon.start()

    def _take(self) -> None:
        """Turn what the user did in the layer into prompts."""
        layer, image = self._layer, self._image
        if layer is None or image is None:
            return
        there: list[Prompt] = []
        ids = layer.features[_ID].tolist()
        taken: set[int] = set()
        for number, kind, corners in zip(ids, layer.shape_type, layer.data, strict=True):
            if 0 <= number < len(self._marks) and number not in taken:
                taken.add(number)
                there.append(_moved(self._marks[number], corners, kind))
            else:
                vertices = _outline(corners, kind)
                if len(vertices) > 2:
                    there.append(_region(image, vertices, self._positive))
        here = image.content_hash
        others = [prompt for prompt in self._prompts.prompts if prompt.image != here]
        several = len(there) > len(taken)
        self._spoilt = True  # what was drawn has other colours, or is no region
        self._prompts.replace([*others, *there])
        if several or self._wanted:
            self.give_up()
        self.refresh()


def _mark(prompt: Prompt, radius: float) -> _Mark:
    if prompt.is_point:
        row, column = prompt.centre
        box = ((-1, -1), (-1, 1), (1, 1), (1, -1))
        corners = np.array([(row + radius * y, column + radius * x) for y, x in box])
        return _Mark(prompt, corners, "ellipse")
    return _Mark(prompt, np.array(prompt.vertices), "polygon")


def _moved(mark: _Mark, corners: npt.NDArray[np.float64], kind: str) -> Prompt:
    corners = np.asarray(corners, float)
    if corners.shape == mark.corners.shape and np.allclose(corners, mark.corners, atol=1e-3):
        return mark.prompt
    prompt = mark.prompt
    if prompt.is_point:
        row, column = corners.mean(axis=0).tolist()
        return Prompt.point(prompt.image, row, column, positive=prompt.positive)
    vertices = _outline(corners, kind)
    return Prompt(image=prompt.image, vertices=vertices, positive=prompt.positive)


def _region(
    image: CorpusImage, vertices: tuple[tuple[float, float], ...], positive: bool
) -> Prompt:
    return Prompt(image=image.content_hash, vertices=vertices, positive=positive)


def _outline(corners: Any, kind: str) -> tuple[tuple[float, float], ...]:
    """Give the corners of a shape; an ellipse is kept by those of the box around it."""
    points = np.asarray(corners, float)[:, -2:]
    if kind == "ellipse":
        centre, first, second = points.mean(axis=0), points[1] - points[0], points[3] - points[0]
        angles = np.linspace(0, 2 * np.pi, _CORNERS_OF_ELLIPSE, endpoint=False)[:, None]
        points = centre + np.cos(angles) * first / 2 + np.sin(angles) * second / 2
    return tuple((float(row), float(column)) for row, column in points)

"""What is painted on the layer of classes with napari's own tools, as edits."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_stego.classes import (
    UNLABELLED,
    ClassEditError,
    ClassTable,
    paint_difference,
    reset_strokes,
)
from napari_stego.classes.pixel_edits import Painting, PixelEdit
from napari_stego.corpus import CorpusImage
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session
from napari_stego.project import Segmentation

_RESTING = ("pan_zoom", "transform")
_PAINTING_CALLS = ("paint", "fill", "paint_polygon", "data_setitem")


class Strokes(QObject):
    """Makes an edit of each stroke on the layer of classes; what is refused goes back at once.

    A stroke is what napari calls one: a drag of the brush or the eraser, a
    fill, a polygon. Undo and redo on the layer are those of the session.
    Signals: ``picked`` (int), the class that was chosen in the layer.

    Parameters
    ----------
    session : Session
        Whose classes.
    parent : QObject
        Owner.
    """

    picked = Signal(int)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._layer: Labels | None = None
        self._of: tuple[CorpusImage, Segmentation] | None = None
        self._labels: npt.NDArray[np.uint16] | None = None
        self._mode: str | None = None
        self._class_id: int | None = None
        self._recording = False
        self._choosing = False

    @property
    def drawing(self) -> bool:
        """Whether a click in the layer is one of a tool that paints or picks."""
        layer = self._layer
        return layer is not None and str(layer.mode) not in _RESTING

    def rest(self) -> None:
        """Put napari's tools down, so that clicks in the layer paint nothing."""
        self._mode = None
        if self._layer is not None and self.drawing:
            self._layer.mode = _RESTING[0]

    def choose(self, class_id: int | None) -> None:
        """Paint with a class from now on.

        Parameters
        ----------
        class_id : int, optional
            The class; None changes nothing.
        """
        if class_id is None:
            return
        self._class_id = class_id
        if self._layer is not None:
            self._choosing = True
            try:
                self._layer.selected_label = class_id
            finally:
                self._choosing = False

    def show(
        self,
        layer: Labels,
        labels: npt.NDArray[np.uint16],
        image: CorpusImage,
        segmentation: Segmentation,
    ) -> None:
        """Show a label image and let it be painted on, unless the project can only be read.

        A stroke that is being drawn on the image before stays in sight.

        Parameters
        ----------
        layer : napari.layers.Labels
            The layer of classes.
        labels : numpy.ndarray
            ``(H, W) uint16`` class ids; never changed by painting.
        image : CorpusImage
            Their image.
        segmentation : Segmentation
            Whose classes they are.
        """
        of = (image, segmentation)
        same = layer is self._layer and self._of == of and layer.data.shape == labels.shape
        if layer is not self._layer:
            self._attach(layer)
        if self._recording and same:
            self._labels = labels
            self._restore(layer, labels)
        elif not same or self._labels is None:
            _replace(layer, labels)
        elif labels is not self._labels:
            np.copyto(layer.data, labels, where=layer.data == self._labels)
            layer.refresh(extent=False)
        self._of, self._labels = of, labels
        layer.editable = not self._session.read_only
        if layer.editable and self._mode is not None:
            layer.mode = self._mode
        self._mode = None

    def pause(self) -> None:
        """Record what was painted so far, and let nothing be painted until `show`."""
        self.finish()
        layer = self._layer
        if layer is not None and layer.editable:
            # The rest of a stroke must not land in the image that is shown next.
            self._mode = None if layer._block_history else str(layer.mode)
            layer.editable = False

    def show_other(self, layer: Labels, shown: npt.NDArray[np.uint16]) -> None:
        """Show in the layer what are no classes, and cannot be painted on.

        Parameters
        ----------
        layer : napari.layers.Labels
            The layer of classes.
        shown : numpy.ndarray
            ``(H, W) uint16``, anything.
        """
        if layer is self._layer:
            self.pause()
        self._of = self._labels = None
        _replace(layer, shown, thumbnail=False)
        layer.editable = False

    def finish(self) -> None:
        """Record what was painted and is not in the classes yet."""
        layer, labels, of = self._layer, self._labels, self._of
        if layer is None or labels is None or of is None or self._recording:
            return
        if of[1] is not self._session.segmentation or layer.data.shape != labels.shape:
            return
        changed = layer.data != labels
        if not changed.any():
            return
        # From here on it is ours to take back, and not napari's.
        layer._staged_history = []
        self._recording = True
        try:
            with problems_shown():
                self._record(layer.data, labels, changed, of)
            self._restore(layer, self._labels)
        finally:
            self._recording = False

    def reset(
        self,
        labels: npt.NDArray[np.uint16],
        beneath: npt.NDArray[np.uint16],
        image: CorpusImage,
        segmentation: Segmentation,
    ) -> None:
        """Bring an image back to its clusters, but for pixels of locked classes; one edit.

        Parameters
        ----------
        labels : numpy.ndarray
            ``(H, W) uint16`` class ids as they are.
        beneath : numpy.ndarray
            ``(H, W) uint16`` class ids without strokes.
        image : CorpusImage
            The image.
        segmentation : Segmentation
            The session's.
        """
        state = segmentation.history.state
        with problems_shown():
            reset = reset_strokes(state, image.content_hash, labels, beneath)
            if reset.edit is not None:
                self._session.edit(reset.edit)
            if len(reset.kept):
                ids = np.concatenate([each.reshape(-1)[reset.kept] for each in (labels, beneath)])
                show_info(_kept_text(state.table, ids))

    def let_go(self) -> None:
        """Record what was painted, and leave the layer, which can be painted on no longer."""
        self.pause()
        layer, self._layer = self._layer, None
        self._of = self._labels = self._mode = None
        if layer is not None:
            layer.events.paint.disconnect(self._painted)
            layer.events.selected_label.disconnect(self._follow_label)
            for name in ("undo", "redo", *_PAINTING_CALLS):
                delattr(layer, name)

    def _attach(self, layer: Labels) -> None:
        self.let_go()
        self._layer = layer
        layer.events.paint.connect(self._painted)
        layer.events.selected_label.connect(self._follow_label)
        # napari's own history knows nothing of classes: keys and menus call these.
        layer.undo, layer.redo = self._undo, self._redo
        for name in _PAINTING_CALLS:
            setattr(layer, name, _told_afterwards(layer, getattr(layer, name)))
        self.choose(self._class_id)

    def _record(
        self,
        after: npt.NDArray[np.integer],
        before: npt.NDArray[np.uint16],
        changed: npt.NDArray[np.bool_],
        of: tuple[CorpusImage, Segmentation],
    ) -> None:
        table = self._session.table
        assert table is not None
        for class_id in np.unique(after[changed]).tolist():
            if class_id != UNLABELLED and class_id not in table:
                raise ClassEditError(
                    f"There is no class {class_id} to paint with. Choose a class in the table, or "
                    "add one there, and paint again."
                )
        painted = paint_difference(table, of[0].content_hash, before, after)
        if painted.edit is not None:
            self._session.edit(painted.edit)
        if len(painted.kept):
            show_info(_kept_text(table, before.reshape(-1)[painted.kept]))

    def _restore(self, layer: Labels, labels: npt.NDArray[np.uint16] | None) -> None:
        """Put back, in place, what is painted otherwise than the classes are."""
        if labels is None or layer.data.shape != labels.shape:
            return
        wrong = layer.data != labels
        if wrong.any():
            layer.data[wrong] = labels[wrong]
            layer.refresh(extent=False)

    def _painted(self, *_: Any) -> None:
        self.finish()
        if self._layer is not None:
            # Of no use any more, and as large as the image for each fill.
            self._layer._undo_history.clear()

    def _follow_label(self, *_: Any) -> None:
        layer, table = self._layer, self._session.table
        if layer is None or table is None or self._choosing:
            return
        label = int(layer.selected_label)
        if label in table:
            self._class_id = label
            self.picked.emit(label)

    def _undo(self) -> None:
        with problems_shown():
            self._session.undo()

    def _redo(self) -> None:
        with problems_shown():
            self._session.redo()


class LabelImages:
    """Makes the label image of one image, from the one before where only strokes were added."""

    def __init__(self) -> None:
        self._clusters: npt.NDArray[np.uint16] | None = None
        self._lut: npt.NDArray[np.uint16] | None = None
        self._strokes: tuple[PixelEdit, ...] = ()
        self._owners: list[int] = []
        self._labels: npt.NDArray[np.uint16] | None = None

    def make(
        self,
        segmentation: Segmentation,
        image: CorpusImage,
        clusters: npt.NDArray[np.uint16],
    ) -> npt.NDArray[np.uint16]:
        """Make it.

        Parameters
        ----------
        segmentation : Segmentation
            The classes.
        image : CorpusImage
            The image.
        clusters : numpy.ndarray
            ``(H, W) uint16``, its cluster map.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16`` class ids, not to be changed; the same array as
            long as they are the same.

        Raises
        ------
        StegoError
            If a stroke was made on an image of another size.
        """
        history, table = segmentation.history, segmentation.table
        lut, strokes = table.lut(), history.strokes(image.content_hash)
        owners = [table.now(s.class_id) if isinstance(s, Painting) else -1 for s in strokes]
        known = len(self._strokes)
        same = (
            self._labels is not None
            and clusters is self._clusters
            and np.array_equal(lut, self._lut)
            and strokes[:known] == self._strokes
            and owners[:known] == self._owners
        )
        added = strokes[known:]
        if not same or self._labels is None or not all(map(_paints, added)):
            self._labels = history.label_image(image.content_hash, clusters)
        elif added:
            labels = self._labels.copy()
            for stroke in added:
                # A painting covers whatever is beneath.
                stroke.draw(labels, labels, table)
            self._labels = labels
        self._clusters, self._lut = clusters, lut
        self._strokes, self._owners = strokes, owners
        return self._labels


def _replace(layer: Labels, shown: npt.NDArray[np.uint16], *, thumbnail: bool = True) -> None:
    """Show something else in a layer, which keeps an array of its own to be painted on."""
    if layer.data.shape != shown.shape:
        layer.data = shown.copy()
    else:
        # In place: napari takes three times as long over other data of the same size.
        layer.data[...] = shown
        layer.refresh(extent=False, thumbnail=thumbnail)


def _told_afterwards(layer: Labels, call: Callable[..., None]) -> Callable[..., None]:
    """Let a call that is a stroke of its own tell of it when the pixels are there, not before."""

    @wraps(call)
    def painting(*args: Any, **options: Any) -> None:
        if layer._block_history:
            call(*args, **options)
        else:
            with layer.block_history():
                call(*args, **options)

    return painting


def _paints(stroke: PixelEdit) -> bool:
    return isinstance(stroke, Painting)


def _kept_text(table: ClassTable, ids: npt.NDArray[np.uint16]) -> str:
    names = [f"“{table.name(i)}”" for i in np.unique(ids).tolist() if i in table.locked]
    if len(names) == 1:
        return (
            f"{names[0]} is locked and was not painted over. Unlock it in the table to change it."
        )
    return (
        f"{', '.join(names)} are locked and were not painted over. Unlock them in the table to "
        "change them."
    )

"""What a class amounts to in an export: pixels, images, and the edits that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes import (
    AddClass,
    Batch,
    ClassEdit,
    ClassHistory,
    DeleteClass,
    LockClass,
    MergeClasses,
    MoveClusters,
    RecolourClass,
    RenameClass,
    SetCode,
    SetParent,
    SplitClass,
)

_OF_ONE_CLASS = (AddClass, DeleteClass, LockClass, RecolourClass, RenameClass, SetCode, SetParent)


@dataclass
class ClassTotals:
    """What a class amounts to.

    Attributes
    ----------
    pixels : int
        Its pixels in all images.
    images : int
        Images with at least a pixel of it.
    edits : int
        Edits in force that name it, or a class that was merged into it.
        Several that were made as one count once; strokes are not among them.
    strokes : int
        Strokes in force that paint with it, or with a class that was merged
        into it. What covers a stroke again does not matter.
    """

    pixels: int = 0
    images: int = 0
    edits: int = 0
    strokes: int = 0


class Totals:
    """Sums over the images of an export, with the edits behind each class.

    Parameters
    ----------
    history : ClassHistory
        The classes and their edits.

    Attributes
    ----------
    of : dict of int to ClassTotals
        By class id, of the classes that have anything to count; 0 is what is
        unlabelled.
    """

    def __init__(self, history: ClassHistory) -> None:
        self.of: dict[int, ClassTotals] = {}
        table = history.table
        for edit in history.edits:
            for class_id in {table.now(each) for each in _classes_named(edit)}:
                self._at(class_id).edits += 1
        state = history.state
        for image in state.painted_images:
            for stroke in state.strokes(image):
                painted = getattr(stroke, "class_id", None)
                if painted is not None:
                    self._at(table.now(painted)).strokes += 1

    def add(self, labels: npt.NDArray[np.uint16]) -> None:
        """Count an image.

        Parameters
        ----------
        labels : numpy.ndarray
            ``(H, W) uint16`` class ids.
        """
        counts = np.bincount(labels.reshape(-1))
        for class_id in np.flatnonzero(counts).tolist():
            totals = self._at(class_id)
            totals.pixels += int(counts[class_id])
            totals.images += 1

    def _at(self, class_id: int) -> ClassTotals:
        return self.of.setdefault(class_id, ClassTotals())


def _classes_named(edit: ClassEdit) -> Iterator[int]:
    if isinstance(edit, Batch):
        for each in edit.edits:
            yield from _classes_named(each)
    elif isinstance(edit, MergeClasses):
        yield from (edit.into, *edit.ids)
    elif isinstance(edit, SplitClass):
        yield from (edit.id, *(new.id for new in edit.new_classes))
    elif isinstance(edit, MoveClusters):
        yield edit.into
    elif isinstance(edit, _OF_ONE_CLASS):
        yield edit.id

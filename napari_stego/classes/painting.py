"""What was done to the pixels of a label image, as edits.

Pixels of locked classes are left out here, where the label image is known:
which pixels a stroke has is fixed when it is made, and locking or unlocking
a class later changes none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes.edits import Batch, ClassEdit
from napari_stego.classes.pixel_edits import (
    AcceptProposal,
    Painting,
    PaintStroke,
    ReassignRegion,
    RemoveStrokes,
    ResetStrokes,
)
from napari_stego.classes.rows import ClassEditError
from napari_stego.classes.runs import encode_runs
from napari_stego.classes.state import ClassState
from napari_stego.classes.table import ClassTable


@dataclass(frozen=True, eq=False)
class Painted:
    """An edit of pixels, and the pixels that it leaves as they are.

    Attributes
    ----------
    edit : ClassEdit, optional
        The edit; None if there is nothing to do.
    kept : numpy.ndarray
        ``(N,) int64`` places in the flattened image, ascending: pixels that
        were to be changed and are not, because a class is locked.
    """

    edit: ClassEdit | None
    kept: npt.NDArray[np.int64]


def paint(
    table: ClassTable,
    image: str,
    before: npt.NDArray[np.uint16],
    mask: npt.NDArray[np.bool_],
    class_id: int,
) -> Painted:
    """Give pixels that were painted to a class, but for those of locked classes.

    Parameters
    ----------
    table : ClassTable
        The classes.
    image : str
        Content hash of the image.
    before : numpy.ndarray
        ``(H, W) uint16`` class ids as they are.
    mask : numpy.ndarray
        ``(H, W) bool``, the pixels.
    class_id : int
        Their class from now on; 0 for none.

    Returns
    -------
    Painted
        A `PaintStroke`.

    Raises
    ------
    ClassEditError
        If the class is not there or locked, or the pixels are in too many pieces.
    """
    runs, kept = _runs(table, before, mask, class_id)
    if not runs:
        return Painted(None, kept)
    stroke = PaintStroke(image=image, shape=_size(before), runs=runs, class_id=class_id)
    return Painted(stroke, kept)


def give_region(
    kind: type[AcceptProposal] | type[ReassignRegion],
    table: ClassTable,
    image: str,
    before: npt.NDArray[np.uint16],
    mask: npt.NDArray[np.bool_],
    class_id: int,
    source: str = "",
) -> Painted:
    """Give a region that was found to a class, but for pixels of locked classes.

    Parameters
    ----------
    kind : type
        `AcceptProposal` or `ReassignRegion`.
    table, image, before, mask, class_id
        As for `paint`.
    source : str
        What found the region.

    Returns
    -------
    Painted
        An edit of this kind.

    Raises
    ------
    ClassEditError
        If the class is not there or locked, or the pixels are in too many pieces.
    """
    runs, kept = _runs(table, before, mask, class_id)
    if not runs:
        return Painted(None, kept)
    size = _size(before)
    edit = kind(image=image, shape=size, runs=runs, class_id=class_id, source=source)
    return Painted(edit, kept)


def paint_difference(
    table: ClassTable,
    image: str,
    before: npt.NDArray[np.uint16],
    after: npt.NDArray[np.integer],
) -> Painted:
    """Turn a label image that was painted on into strokes.

    Parameters
    ----------
    table : ClassTable
        The classes.
    image : str
        Content hash of the image.
    before : numpy.ndarray
        ``(H, W) uint16`` class ids before.
    after : numpy.ndarray
        ``(H, W)`` class ids, as an editor of labels has left them.

    Returns
    -------
    Painted
        A stroke, or a batch of one stroke for each class that was painted with.

    Raises
    ------
    ClassEditError
        If a class is not there or locked, or the pixels are in too many pieces.
    """
    pixels, kept = _parted(table, before != after, before)
    classes = after.reshape(-1)[pixels]
    strokes = []
    for class_id in np.unique(classes).tolist():
        table.check_unlocked(class_id)
        runs = _encoded(pixels[classes == class_id])
        strokes.append(PaintStroke(image=image, shape=_size(before), runs=runs, class_id=class_id))
    if len(strokes) > 1:
        return Painted(Batch(edits=tuple(strokes)), kept)
    return Painted(strokes[0] if strokes else None, kept)


def remove_strokes(
    table: ClassTable,
    image: str,
    before: npt.NDArray[np.uint16],
    beneath: npt.NDArray[np.uint16],
    mask: npt.NDArray[np.bool_],
) -> Painted:
    """Bring pixels back to their clusters, but for those that a locked class would lose or gain.

    Parameters
    ----------
    table : ClassTable
        The classes.
    image : str
        Content hash of the image.
    before : numpy.ndarray
        ``(H, W) uint16`` class ids as they are.
    beneath : numpy.ndarray
        ``(H, W) uint16`` class ids without strokes.
    mask : numpy.ndarray
        ``(H, W) bool``, the pixels.

    Returns
    -------
    Painted
        The edit.

    Raises
    ------
    ClassEditError
        If the pixels are in too many pieces.
    """
    pixels, kept = _parted(table, mask, before, beneath)
    kept = kept[(before != beneath).reshape(-1)[kept]]
    if not len(pixels):
        return Painted(None, kept)
    return Painted(RemoveStrokes(image=image, shape=_size(before), runs=_encoded(pixels)), kept)


def reset_strokes(
    state: ClassState,
    image: str,
    before: npt.NDArray[np.uint16],
    beneath: npt.NDArray[np.uint16],
) -> Painted:
    """Bring a whole image back to its clusters, but for pixels of locked classes.

    Parameters
    ----------
    state : ClassState
        The classes and strokes.
    image : str
        Content hash of the image.
    before : numpy.ndarray
        ``(H, W) uint16`` class ids as they are.
    beneath : numpy.ndarray
        ``(H, W) uint16`` class ids without strokes.

    Returns
    -------
    Painted
        A `ResetStrokes`; `RemoveStrokes` of the other pixels where there is a locked class.

    Raises
    ------
    ClassEditError
        If those pixels are in too many pieces.
    """
    strokes, table = state.strokes(image), state.table
    changing, kept = _parted(table, before != beneath, before, beneath)
    painted = {table.now(stroke.class_id) for stroke in strokes if isinstance(stroke, Painting)}
    if strokes and not len(kept) and painted.isdisjoint(table.locked):
        return Painted(ResetStrokes(image=image), kept)
    if not len(changing):
        return Painted(None, kept)
    return remove_strokes(table, image, before, beneath, np.ones(before.shape, bool))


def _parted(
    table: ClassTable, mask: npt.NDArray[np.bool_], *labels: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Part the pixels of a mask into those that may change and those of locked classes."""
    pixels = np.flatnonzero(mask)
    fixed = np.zeros(len(pixels), bool)
    for image in labels if table.locked else ():
        fixed |= np.isin(image.reshape(-1)[pixels], table.locked)
    return pixels[~fixed], pixels[fixed]


def _runs(
    table: ClassTable,
    before: npt.NDArray[np.uint16],
    mask: npt.NDArray[np.bool_],
    class_id: int,
) -> tuple[str, npt.NDArray[np.int64]]:
    table.check_unlocked(class_id)
    pixels, kept = _parted(table, mask, before)
    return _encoded(pixels) if len(pixels) else "", kept


def _size(labels: npt.NDArray[np.uint16]) -> tuple[int, int]:
    return labels.shape[0], labels.shape[1]


def _encoded(pixels: npt.NDArray[np.int64]) -> str:
    try:
        return encode_runs(pixels)
    except ValueError as error:
        raise ClassEditError(f"This cannot be kept: {error}. Change a smaller region.") from error

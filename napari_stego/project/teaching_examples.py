"""What the user has said of positions of a project's photographs: clicks, strokes, regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes import (
    AcceptProposal,
    Batch,
    ClassEdit,
    ClassEditError,
    PaintStroke,
    PixelEdit,
    ReassignRegion,
    paint,
)
from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.evaluation.patches import patch_counts
from napari_stego.project.project import ProjectError
from napari_stego.project.segmentation import Segmentation

TAUGHT = "teaching"
"""Source of the proposals that a classifier made: they teach it nothing."""

CLEANED = "cleaning"
"""Source of what was cleaned up by rule: it teaches nothing, either."""

NOT_SAID = np.uint16(2**16 - 1)
"""Stands for pixels of which the user said nothing; the last class id of all is taken for it."""

_MOST_OF_REGION = 64


@dataclass(frozen=True)
class TaughtClick:
    """An example: what a pixel shows.

    Attributes
    ----------
    image : CorpusImage
        The photograph.
    row, column : int
        The pixel.
    class_id : int
        Its class.
    """

    image: CorpusImage
    row: int
    column: int
    class_id: int


def is_automatic(stroke: PixelEdit) -> bool:
    """Tell whether a stroke is an accepted proposal of a classifier, or of cleaning up.

    Parameters
    ----------
    stroke : PixelEdit
        A stroke.

    Returns
    -------
    bool
        False for what the user painted, clicked or cut out.
    """
    return isinstance(stroke, AcceptProposal) and stroke.source in (TAUGHT, CLEANED)


def said_map(
    segmentation: Segmentation, image: CorpusImage, *, by_hand: bool = False
) -> npt.NDArray[np.uint16] | None:
    """Draw what the user said of the pixels of a photograph.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    image : CorpusImage
        A photograph.
    by_hand : bool
        Leave out what a heatmap or a search found, which may be full of specks.

    Returns
    -------
    numpy.ndarray or None
        ``(H, W) uint16`` class ids, 0 where a class was erased or deleted,
        `NOT_SAID` elsewhere; None if there is not a stroke of the user's.

    Raises
    ------
    StegoError
        If a stroke was made on an image of another size.
    """
    state = segmentation.history.state
    strokes = [
        each
        for each in state.strokes(image.content_hash)
        if not is_automatic(each) and not (by_hand and isinstance(each, ReassignRegion))
    ]
    if not strokes:
        return None
    shape = (image.height, image.width)
    if any(stroke.shape != shape for stroke in strokes):
        raise StegoError(
            f"A stroke of {image.name} was made on an image of another size. Restore the image, "
            "or reset its strokes."
        )
    said = np.full(shape, NOT_SAID)
    beneath = said.copy()
    for stroke in strokes:
        stroke.draw(said, beneath, state.table)
    return said


def said_positions(
    said: npt.NDArray[np.uint16], grid: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the positions of a grid whose class the user said.

    A position counts when most of its pixels carry one class. Of a class
    that is too thin for that, the position with most of it counts.

    Parameters
    ----------
    said : numpy.ndarray
        ``(H, W) uint16``, of `said_map`.
    grid : tuple of int
        ``(h, w)`` in patches.

    Returns
    -------
    places : numpy.ndarray
        ``(n,) int64`` in the flattened grid; at most 64 of a class, evenly spread.
    classes : numpy.ndarray
        ``(n,) int64`` class ids.
    """
    ids = np.unique(said)
    ids = ids[(ids != NOT_SAID) & (ids != 0)]
    if not len(ids):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    index = np.searchsorted(ids, said).clip(max=len(ids) - 1)
    counts = patch_counts(np.where(ids[index] == said, index, -1), grid, len(ids))
    counts = counts.reshape(-1, len(ids) + 1)
    half = counts.sum(axis=1) / 2
    places, classes = [], []
    for column, class_id in enumerate(ids.tolist()):
        clear = np.flatnonzero(counts[:, column] > half)
        if not len(clear):
            clear = np.array([counts[:, column].argmax()])
        spread = np.linspace(0, len(clear) - 1, min(len(clear), _MOST_OF_REGION)).round()
        places.append(clear[spread.astype(np.int64)])
        classes.append(np.full(len(spread), class_id, np.int64))
    return np.concatenate(places), np.concatenate(classes)


def click_edit(segmentation: Segmentation, clicks: list[TaughtClick]) -> ClassEdit:
    """Make the edit that keeps clicks: a stroke over the patch of each.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    clicks : list of TaughtClick
        At least one, on photographs with features.

    Returns
    -------
    ClassEdit
        For `ClassHistory.do`.

    Raises
    ------
    ProjectError
        If a pixel is outside its photograph, or that has no features.
    ClassEditError
        If a class is not there or locked, or the pixel is of a locked one.
    """
    edits: list[PaintStroke] = []
    labels_of = _remembering(segmentation.label_image)
    for click in clicks:
        image, table = click.image, segmentation.table
        segmentation.encodings.check(image)
        if not (0 <= click.row < image.height and 0 <= click.column < image.width):
            raise ProjectError(
                f"The pixel {click.row},{click.column} is outside of {image.name}, which has "
                f"{image.height} rows and {image.width} columns, counted from 0."
            )
        grid = segmentation.encodings.store.grid_shape(image.content_hash)
        rows, columns = (
            (2 * np.arange(pixels) + 1) * patches // (2 * pixels)
            for pixels, patches in zip((image.height, image.width), grid, strict=True)
        )
        mask = np.outer(rows == rows[click.row], columns == columns[click.column])
        painted = paint(table, image.content_hash, labels_of(image), mask, click.class_id)
        if not isinstance(painted.edit, PaintStroke) or len(painted.kept):
            raise ClassEditError(
                f"The pixel {click.row},{click.column} of {image.name} is of a locked class. "
                "Unlock it first."
            )
        edits.append(painted.edit)
    if len(edits) == 1:
        return edits[0]
    return Batch(edits=tuple(edits), label=f"Teach {len(edits)} examples")


def _remembering(
    labels: Callable[[CorpusImage], npt.NDArray[np.uint16]],
) -> Callable[[CorpusImage], npt.NDArray[np.uint16]]:
    latest: dict[str, npt.NDArray[np.uint16]] = {}

    def remembered(image: CorpusImage) -> npt.NDArray[np.uint16]:
        if image.content_hash not in latest:
            latest.clear()
            latest[image.content_hash] = labels(image)
        return latest[image.content_hash]

    return remembered

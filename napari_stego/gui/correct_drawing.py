"""How clicks and the region proposed for them look: as a label image in the place of the classes.

A layer of its own for them would take napari a quarter of a second to add, and
half of one to remove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import minimum_filter

from napari_stego.classes import ClassTable
from napari_stego.correction import Click
from napari_stego.gui.class_colormap import class_colours

# A class that is not of the region is drawn by its id and this. Beyond are ids of no class.
_PALE = 2**15
_NEW, _EDGE, _PLUS, _MINUS, _RIM = range(2**16 - 5, 2**16)
_COLOURS = {_EDGE: "#ffffff", _PLUS: "#00e5ff", _MINUS: "#ff4dd2", _RIM: "#000000"}
_DIM = "48"
# Of the longer side of the photograph.
_EDGE_WIDTH = 0.003
_MARK_LENGTH = 0.016
_MARK_WIDTH = 0.008
_MARK_RIM = 0.003


@dataclass(frozen=True, eq=False)
class Drawing:
    """A region over the classes.

    Attributes
    ----------
    labels : numpy.ndarray
        ``(H, W) uint16``, pale classes and the edge of the region.
    inside : numpy.ndarray, optional
        ``(H, W) bool``, the region without its edge; None if there is none.
    """

    labels: npt.NDArray[np.uint16]
    inside: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, before: npt.NDArray[np.uint16], mask: npt.NDArray[np.bool_]) -> Drawing:
        """Draw a region.

        Parameters
        ----------
        before : numpy.ndarray
            ``(H, W) uint16`` class ids.
        mask : numpy.ndarray
            ``(H, W) bool``, the region.

        Returns
        -------
        Drawing
            For `draw`.
        """
        width = _pixels(_EDGE_WIDTH, mask.shape)
        labels = faded(before).labels
        labels[mask] = _EDGE
        return cls(labels, minimum_filter(mask, size=2 * width + 1, mode="nearest"))


def faded(before: npt.NDArray[np.uint16]) -> Drawing:
    """Draw the classes without a region.

    Parameters
    ----------
    before : numpy.ndarray
        ``(H, W) uint16`` class ids.

    Returns
    -------
    Drawing
        For `draw`.
    """
    return Drawing(np.where(before > 0, before | np.uint16(_PALE), before), None)


def draw(drawing: Drawing, target: int | str, clicks: Sequence[Click]) -> npt.NDArray[np.uint16]:
    """Make the label image that shows clicks and their region.

    Parameters
    ----------
    drawing : Drawing
        The region.
    target : int or str
        Id of the class that would get it; of a new one its name.
    clicks : sequence of Click
        The clicks.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint16``, in `drawing_colours`.
    """
    shown = drawing.labels.copy()
    if drawing.inside is not None:
        shown[drawing.inside] = target if isinstance(target, int) else _NEW
    for click in clicks:
        _mark(shown, click)
    return shown


def drawing_colours(table: ClassTable, hidden: frozenset[int], new_colour: str) -> dict[int, str]:
    """Give the colours of what `draw` makes.

    They are the same for all regions, for napari takes its time for others.

    Parameters
    ----------
    table : ClassTable
        The classes.
    hidden : frozenset of int
        Those that are not to be seen.
    new_colour : str
        ``#rrggbb`` of a new class.

    Returns
    -------
    dict of int to str
        By value of the label image.
    """
    own = class_colours(table, hidden)
    pale = {i | _PALE: row + _DIM for i, row in own.items() if i not in hidden}
    return own | pale | _COLOURS | {_NEW: new_colour}


def drawing_names(table: ClassTable, target: str) -> dict[int, str]:
    """Tell what the values of what `draw` makes are, in words.

    Parameters
    ----------
    table : ClassTable
        The classes.
    target : str
        Name of the class that would get the region.

    Returns
    -------
    dict of int to str
        By value of the label image.
    """
    own = {row.id: row.name for row in table.rows}
    pale = {class_id | _PALE: name for class_id, name in own.items()}
    region = dict.fromkeys((_NEW, _EDGE, _PLUS, _RIM), target)
    return own | pale | region | {_MINUS: f"not {target}"}


def _mark(shown: npt.NDArray[np.uint16], click: Click) -> None:
    """Draw a plus, a minus or a scribble, with a rim."""
    length, width, rim = (
        _pixels(share, shown.shape) for share in (_MARK_LENGTH, _MARK_WIDTH / 2, _MARK_RIM)
    )
    flat, upright = (width, length), (length, width)
    if len(click.pixels) > 1:
        bars = [(width, width)]
    else:
        bars = [flat, upright] if click.positive else [flat]
    places = (*click.pixels[::width], click.pixels[-1])  # near enough to leave no gap
    for value, more in ((_RIM, rim), (_PLUS if click.positive else _MINUS, 0)):
        for down, across in ((down + more, across + more) for down, across in bars):
            for row, column in places:
                top, left = max(row - down, 0), max(column - across, 0)
                shown[top : row + down + 1, left : column + across + 1] = value


def _pixels(share: float, shape: tuple[int, ...]) -> int:
    return max(round(share * max(shape)), 1)

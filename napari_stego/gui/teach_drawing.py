"""How proposals look: as a label image in the place of the classes.

The colours are the same for all that is drawn, for napari takes its time for
others.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_stego.classes import ClassTable
from napari_stego.gui.correct_drawing import drawing_colours, drawing_names, faded
from napari_stego.project.proposing import Proposal

View = Literal["classes", "changes", "proposed", "confidence"]
"""What is shown over the photograph."""

# Beyond the ids of classes, and below those of `correct_drawing`.
_FRAME, _RIM = 2**16 - 64, 2**16 - 63
_FRAME_COLOURS = {_FRAME: "#ffffff", _RIM: "#000000"}
# Of the longer side of the photograph: half a side, and how thick frame and rim are; in halves of
# a side what is seen around it.
_REACH = 0.022
_WIDTH = 0.003
_FREE = 4


def draw_proposal(
    view: View,
    before: npt.NDArray[np.uint16],
    proposal: Proposal | None,
    mark: tuple[int, int] | None,
) -> npt.NDArray[np.uint16] | None:
    """Make the label image for a view.

    Parameters
    ----------
    view : View
        What is shown.
    before : numpy.ndarray
        ``(H, W) uint16`` class ids on show.
    proposal : Proposal, optional
        What is proposed for the photograph; None if that is not known.
    mark : tuple of int, optional
        Row and column of a place to be marked.

    Returns
    -------
    numpy.ndarray or None
        ``(H, W) uint16``, in `proposal_colours`; None where the classes
        themselves are to be seen.
    """
    shown: npt.NDArray[np.uint16] | None = None
    if proposal is not None and proposal.labels.shape == before.shape:
        if view == "changes":
            shown = np.where(proposal.changing, proposal.labels, np.uint16(0))
        elif view == "proposed":
            shown = np.where(proposal.changing, proposal.labels, proposal.before)
        elif view == "confidence":
            shown = np.zeros_like(before)  # confidence has a layer of its own beneath
    if mark is None:
        return shown
    shown = faded(before).labels if shown is None else shown
    _frame(shown, *mark)
    return shown


def proposal_colours(table: ClassTable, hidden: frozenset[int], new_colour: str) -> dict[int, str]:
    """Give the colours of what `draw_proposal` makes.

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
    return drawing_colours(table, hidden, new_colour) | _FRAME_COLOURS


def proposal_names(table: ClassTable) -> dict[int, str]:
    """Tell what the values of what `draw_proposal` makes are, in words.

    Parameters
    ----------
    table : ClassTable
        The classes.

    Returns
    -------
    dict of int to str
        By value of the label image.
    """
    asked = "what is asked for"
    return drawing_names(table, asked) | dict.fromkeys(_FRAME_COLOURS, asked)


def _frame(shown: npt.NDArray[np.uint16], row: int, column: int) -> None:
    """Draw a square frame around a place, and let the photograph be seen around it."""
    side = max(shown.shape)
    reach, width = max(round(_REACH * side), 4), max(round(_WIDTH * side), 1)
    free = _FREE * reach
    shown[max(row - free, 0) : row + free + 1, max(column - free, 0) : column + free + 1] = 0
    outer = reach + 2 * width
    top, left = max(row - outer, 0), max(column - outer, 0)
    part = shown[top : row + outer + 1, left : column + outer + 1]
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    away = np.maximum(abs(rows + top - row), abs(columns + left - column))
    part[away > reach] = _RIM
    part[(away > reach) & (away <= reach + width)] = _FRAME

"""Edits of the machine's, and the steps in which the log can hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from napari_stego.classes import AcceptProposal, Batch, ClassEdit, ClassTable, give_region

_STEP_BYTES = 12 * 2**20
_STEP_EDITS = 50_000
_EDIT_BYTES = 400


def machine_edits(
    table: ClassTable,
    image: str,
    before: npt.NDArray[np.uint16],
    after: npt.NDArray[np.uint16],
    changing: npt.NDArray[np.bool_],
    source: str,
) -> Iterator[AcceptProposal]:
    """Make the edits that change pixels of a photograph, one for each class that gets some.

    Parameters
    ----------
    table : ClassTable
        The classes.
    image : str
        Content hash of the photograph.
    before, after : numpy.ndarray
        ``(H, W) uint16`` class ids.
    changing : numpy.ndarray
        ``(H, W) bool``, the pixels that are to change.
    source : str
        What found it; see `is_automatic` in `teaching_examples`.

    Yields
    ------
    AcceptProposal
        The edits, by class id; pixels of locked classes stay.

    Raises
    ------
    ClassEditError
        If a class is not there or locked, or a region in too many pieces.
    """
    for class_id in np.unique(after[changing]).tolist():
        wanted = changing & (after == class_id)
        painted = give_region(AcceptProposal, table, image, before, wanted, class_id, source)
        if isinstance(painted.edit, AcceptProposal):
            yield painted.edit


def in_steps(edits: Sequence[AcceptProposal], label: str) -> tuple[ClassEdit, ...]:
    """Part edits into steps, each of which a line of the log can hold.

    Parameters
    ----------
    edits : sequence of AcceptProposal
        In the order in which they are to be done.
    label : str
        What they do together, for the history.

    Returns
    -------
    tuple of ClassEdit
        For `ClassHistory.do`: one but for thousands of photographs, none
        without edits.
    """
    if not edits:
        return ()
    parts: list[list[AcceptProposal]] = [[]]
    room = _STEP_BYTES
    for edit in edits:
        size = len(edit.runs) + _EDIT_BYTES
        if parts[-1] and (size > room or len(parts[-1]) == _STEP_EDITS):
            parts.append([])
            room = _STEP_BYTES
        parts[-1].append(edit)
        room -= size
    several = len(parts) > 1
    return tuple(
        Batch(edits=tuple(part), label=label + f", part {number} of {len(parts)}" * several)
        for number, part in enumerate(parts, 1)
    )

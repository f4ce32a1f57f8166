"""Parting many edits of pixels into steps that the log can hold."""

from __future__ import annotations

from collections.abc import Sequence

from napari_stego.classes import AcceptProposal, Batch, ClassEdit

_STEP_BYTES = 12 * 2**20
_STEP_EDITS = 50_000
_EDIT_BYTES = 400


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

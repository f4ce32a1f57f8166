"""What the user is told about teaching by example."""

from __future__ import annotations

from napari_stego.gui.number_texts import share_text
from napari_stego.gui.teach_drawing import View
from napari_stego.gui.teach_worker import Proposed
from napari_stego.project.proposed_changes import ProposedChanges

_BEGIN = (
    "Named classes, painted strokes and clicks are the examples. “Propose classes” learns from "
    "them and shows what would change; nothing changes until you accept it."
)
_NOTHING_NAMED = (
    "There is nothing to learn from yet. Name clusters of two classes in the tab Classes (Alt+4), "
    "or press “Next useful click” and say what is there."
)
_ASKED = (
    "Press the number of what is at the mark, or choose a class and press Enter. N asks for "
    "another place, Esc for none; a click asks about the place you clicked."
)


def teach_hint(
    doing: str,
    proposed: Proposed | None,
    counted: ProposedChanges,
    *,
    active: bool,
    refused: bool,
    view: View,
    asked: bool,
    read_only: str,
) -> str:
    """Say what is proposed, and what to do next.

    Parameters
    ----------
    doing : str
        What is being done that takes longer, in a sentence; empty if nothing is.
    proposed : Proposed, optional
        What is proposed for the photograph on show.
    counted : ProposedChanges
        What would change in all photographs, as far as they were looked at.
    active : bool
        Whether classes are proposed at all.
    refused : bool
        Whether there is nothing to learn from.
    view : View
        What is shown.
    asked : bool
        Whether a place is asked for.
    read_only : str
        Why nothing can be changed, in a sentence; empty if it can be.

    Returns
    -------
    str
        Some sentences.
    """
    if doing:
        return doing
    if asked:
        return read_only or _ASKED
    if refused:
        return _NOTHING_NAMED
    if not active:
        return _BEGIN
    if proposed is None:
        return "Learning…"
    if view == "confidence":
        mean = float(proposed.proposal.confidence.mean())
        text = f"{share_text(mean)} of this photograph is probably right. Dark is uncertain."
        return text if proposed.calibrated else f"{text} Not yet tested: give more examples."
    if not counted.changes and not proposed.proposal.changes:
        return "Nothing would change. More examples would: N asks for the next useful click."
    text = f"{share_text(float(proposed.proposal.changing.mean()))} of this photograph would change"
    if counted.looked_at:
        text += f", {share_text(counted.share)} of all"
        if counted.looked_at < counted.images:
            text += f" (seen {counted.looked_at:,} of {counted.images:,})"
    if read_only:
        return f"{text}. {read_only}"
    return f"{text}. Accept what is better than before; N asks for the next useful click."

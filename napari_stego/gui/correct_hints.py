"""What the Correct tab tells the user to do next."""

from __future__ import annotations

from collections.abc import Sequence

from napari_stego.correction import Click
from napari_stego.gui.correct_proposals import Proposal
from napari_stego.gui.number_texts import share_text
from napari_stego.gui.session import Session


def obstacle(session: Session) -> str:
    """Say why no region can be proposed on the photograph.

    Parameters
    ----------
    session : Session
        What is open.

    Returns
    -------
    str
        A sentence; empty if there is nothing in the way.
    """
    image, encodings = session.image, session.encodings
    if session.segmentation is None or encodings is None:
        return "There are no classes yet: press “Train and cluster” in the tab Train."
    if image is not None and not encodings.has(image):
        return f"{image.name} has no features. Run again to extract them."
    return ""


def hint(
    clicks: Sequence[Click],
    proposal: Proposal | None,
    *,
    ready: bool,
    sizes: bool,
    name: str,
    read_only: str,
) -> str:
    """Say what to do next with clicks.

    Parameters
    ----------
    clicks : sequence of Click
        Those that are pending.
    proposal : Proposal, optional
        The region on show.
    ready : bool
        Whether the photograph is ready for clicks.
    sizes : bool
        Whether regions of a size are taken, instead of a cut.
    name : str
        Of the class that gets the region.
    read_only : str
        Why nothing can be changed, in a sentence; empty if it can be.

    Returns
    -------
    str
        Some sentences.
    """
    if not clicks:
        return (
            "Click on a thing in the photograph: its region is proposed. Ctrl+click on what is "
            "not part of it. Drag with Shift or Ctrl to draw over more at once."
        )
    if not any(click.positive for click in clicks):
        return "Now click, without Ctrl, on what is part of the region."
    if proposal is None:
        if ready:
            return "Finding the region…"
        return "Getting ready for clicks on this photograph… It takes a moment, and only once."
    size = f"{share_text(proposal.share)} of the photograph."
    if read_only:
        return f"{size} {read_only}"
    more = " [ takes smaller regions, ] larger ones." if sizes else ""
    return (
        f"{size} Too little? Click on what is missing. Too much? Ctrl+click on it.{more} Enter "
        f"gives it to {name}, Esc discards it."
    )

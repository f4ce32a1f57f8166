"""What the user is told about the review."""

from __future__ import annotations

from pathlib import Path

from napari_stego.gui.number_texts import share_text
from napari_stego.project.reviewing import DRAWN_EVERY, QueuedImage, ReviewProgress


def queue_text(
    current: QueuedImage | None,
    progress: ReviewProgress | None,
    *,
    started: bool,
    on_show: bool,
    read_only: str,
) -> str:
    """Say which photograph is to be judged, and how.

    Parameters
    ----------
    current : QueuedImage, optional
        The photograph.
    progress : ReviewProgress, optional
        How far the review has come.
    started : bool
        Whether the photographs were ordered.
    on_show : bool
        Whether the photograph is on show.
    read_only : str
        Why nothing can be kept, in a sentence; empty if it can be.

    Returns
    -------
    str
        A sentence, or two.
    """
    if progress is not None and not progress.left and current is None:
        return "All photographs are reviewed." if progress.accepted + progress.fixed else ""
    if current is None:
        if started:
            return "That was the last one. Start again for those that were put back."
        return (
            "When the classes are as good as you can teach them: judge photographs one by one, "
            "the least certain first."
        )
    why = "drawn at random" if current.drawn else f"{share_text(current.certainty)} certain"
    name = f"{current.image.name}, {why}."
    if not on_show:
        return f"Next: {name} “Go there” (R) shows it."
    return f"{name} {read_only or 'Are its classes right? Enter or A, F to fix, S to skip.'}"


def accuracy_text(progress: ReviewProgress | None) -> str:
    """Say how accurate the classes are.

    Parameters
    ----------
    progress : ReviewProgress, optional
        How far the review has come.

    Returns
    -------
    str
        A sentence; empty if nothing was reviewed.
    """
    if progress is None or not progress.accepted + progress.fixed:
        return "Estimated accuracy: not known yet."
    found = progress.estimate
    if found.accuracy is None:
        return (
            f"Estimated accuracy: after the first photograph drawn at random, which is every "
            f"{DRAWN_EVERY}th."
        )
    if not progress.left:
        return f"Accuracy of what was proposed: {100 * found.accuracy:.0f} %."
    return (
        f"Estimated accuracy {100 * found.accuracy:.0f} % ({100 * found.low:.0f} to "
        f"{100 * found.high:.0f}), from {found.drawn:,} drawn at random."
    )


def written_text(count: int, folder: Path, *, calibrated: bool) -> str:
    """Say that confidence was written, and whether it was tested.

    Parameters
    ----------
    count : int
        Photographs.
    folder : Path
        Where it is.
    calibrated : bool
        Whether it was tested on examples.

    Returns
    -------
    str
        A sentence, or two.
    """
    text = f"Confidence of {count:,} photograph{'s' * (count != 1)} is in {folder}."
    return text if calibrated else f"{text} It is not yet tested: give more examples."

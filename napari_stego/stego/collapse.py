"""Telling when codes collapse: when all images look alike to the head."""

from __future__ import annotations

from collections.abc import Sequence

from napari_stego.stego.run import StepRecord
from napari_stego.stego.settings import StegoSettings

COLLAPSE_MARGIN = 0.1

_FIRST_CHECK = 100
_CHECK_EVERY = 50
_SHORTEST_RUN = 20


def collapse_warning(history: Sequence[StepRecord], settings: StegoSettings) -> str | None:
    """Tell whether codes are collapsing, as of the last check.

    From step 100 on, every 50th step is a check, and so is the last step of a
    run of at least 20. Codes collapse when random pairs of images agree by
    more than their target (0 with fixed shifts) and a margin of 0.1, on average over the 50 steps
    up to a check.

    Parameters
    ----------
    history : sequence of StepRecord
        All steps so far, from the first on.
    settings : StegoSettings
        Of the run.

    Returns
    -------
    str or None
        What happened and what to do; None if all is well, or if it is too
        early to tell.
    """
    done = len(history)
    finished = done >= settings.steps
    if not finished:
        done -= done % _CHECK_EVERY
    if done < (_SHORTEST_RUN if finished else _FIRST_CHECK):
        return None
    window = history[max(0, done - _CHECK_EVERY) : done]
    found = [r.correspondence["random"] for r in window if "random" in r.correspondence]
    limit = window[-1].targets.get("random", 0.0) + COLLAPSE_MARGIN
    mean = sum(found) / len(found) if found else limit
    if mean <= limit:
        return None
    if settings.shifts is not None:
        advice = "leave the shifts to the control, or raise the shift of random pairs"
    else:
        advice = "train for more steps, or raise the weight of random pairs"
    if not settings.subtract_mean:
        advice += ", or subtract the corpus mean"
    return (
        f"Codes are collapsing: in the {len(window)} steps up to step {done}, random pairs of "
        f"images agree by {mean:.2f} on average, and more than {limit:.2f} is too much. Clusters "
        f"will mix classes. To avoid it, {advice}."
    )

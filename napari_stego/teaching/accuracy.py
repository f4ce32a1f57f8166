"""How accurate labels are, told from those that were reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class AccuracyEstimate:
    """The mean accuracy of the labels of all images, as the machine made them.

    Attributes
    ----------
    accuracy : float, optional
        In ``[0, 1]``; None if no image was drawn at random and some are left.
    low, high : float
        The interval.
    drawn : int
        Images drawn at random that it rests on.
    reviewed : int
        All reviewed images.
    """

    accuracy: float | None
    low: float
    high: float
    drawn: int
    reviewed: int


def estimate_accuracy(
    chosen: Sequence[float], drawn: Sequence[float], left: int, z: float = 1.96
) -> AccuracyEstimate:
    """Estimate the mean accuracy over images from a review that was not all random.

    Images reviewed because they were the least certain tell of themselves
    only: they are counted as they are. Those drawn at random stand for
    themselves and for all that are left. Their interval is Wilson's for so
    many images: the accuracy of an image is between 0 and 1, and no such
    number varies more than a yes or no of the same mean, so that the interval
    is rather too wide. It holds if the random ones were drawn from all
    images that were not chosen; where uncertain ones were among them that
    would have been chosen later, the estimate is a little too low.

    Parameters
    ----------
    chosen : sequence of float
        Accuracy of each image reviewed as one of the least certain.
    drawn : sequence of float
        Accuracy of each image reviewed because it was drawn at random.
    left : int
        Images that were not reviewed.
    z : float
        Width of the interval in standard deviations; 1.96 for 95 %.

    Returns
    -------
    AccuracyEstimate
        Each image counts the same, whatever its size.

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical
    Inference", JASA 22, 1927.
    """
    known, n = len(chosen) + len(drawn), len(drawn)
    everything = known + left
    if not everything:
        return AccuracyEstimate(None, 0.0, 1.0, 0, 0)
    sure = (sum(chosen) + sum(drawn)) / everything
    rest = left / everything
    if not left:
        return AccuracyEstimate(sure, sure, sure, n, known)
    if not n:
        return AccuracyEstimate(None, sure, sure + rest, 0, known)
    mean = sum(drawn) / n
    middle = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return AccuracyEstimate(sure + rest * mean, sure + rest * low, sure + rest * high, n, known)

"""Histograms of correspondences, to see what a training does to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

HISTOGRAM_EDGES: npt.NDArray[np.float64] = np.linspace(-1.0, 1.0, 81)
"""``(81,)`` borders of the 80 bins, the same for all histograms."""
HISTOGRAM_EDGES.flags.writeable = False

HISTOGRAM_EVERY = 25
"""Steps between two histograms."""

_MAX_VALUES = 65_536


@dataclass(frozen=True, eq=False)
class CorrespondenceHistograms:
    """How often feature and code correspondences have which value.

    A well-trained head parts the code correspondences of ``self`` and ``knn``
    pairs into a heap near 0 and one near 1, and leaves those of ``random``
    pairs near 0.

    Attributes
    ----------
    step : int
        The step whose pairs were counted, from 1.
    features : dict of str to numpy.ndarray
        For ``random``, ``knn`` and ``self`` pairs ``(80,) int64`` counts of
        feature correspondences as they enter the loss: centred, if that is
        set. Centring moves a few of them beyond ``[-1, 1]``; these count in
        the first or last bin.
    codes : dict of str to numpy.ndarray
        The same of code correspondences, as the head made them before the
        step.
    """

    step: int
    features: dict[str, npt.NDArray[np.int64]]
    codes: dict[str, npt.NDArray[np.int64]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CorrespondenceHistograms):
            return NotImplemented
        return self.step == other.step and all(
            mine.keys() == theirs.keys()
            and all(np.array_equal(counts, theirs[role]) for role, counts in mine.items())
            for mine, theirs in ((self.features, other.features), (self.codes, other.codes))
        )


def count_correspondences(
    step: int, pairs: Iterable[tuple[str, torch.Tensor, torch.Tensor]]
) -> CorrespondenceHistograms:
    """Make the histograms of a step.

    Parameters
    ----------
    step : int
        The step.
    pairs : iterable of tuple
        Role, ``(N, P, Q)`` feature and ``(N, P, Q)`` code correspondences.

    Returns
    -------
    CorrespondenceHistograms
        Counts of the same positions of features and codes.
    """
    features, codes = {}, {}
    for role, of_features, of_codes in pairs:
        features[role] = _counts(thinned(of_features))
        codes[role] = _counts(thinned(of_codes.detach()))
    return CorrespondenceHistograms(step, features, codes)


def thinned(correspondences: torch.Tensor) -> torch.Tensor:
    """Take some positions of each first image, and all of the second.

    Positions are drawn independently, so that these stand for all; a position
    with itself occurs as often as among all.

    Parameters
    ----------
    correspondences : torch.Tensor
        ``(N, P, Q)``.

    Returns
    -------
    torch.Tensor
        ``(N, p, Q)``: not more than 65,536 values, but one position of each
        image at least.
    """
    n_images, n_positions, n_others = correspondences.shape
    wanted = min(n_positions, max(1, _MAX_VALUES // (n_images * n_others)))
    return correspondences[:, :wanted]


def _counts(values: torch.Tensor) -> npt.NDArray[np.int64]:
    bins = len(HISTOGRAM_EDGES) - 1
    counts = torch.histc(values.float().clamp(-1.0, 1.0), bins=bins, min=-1.0, max=1.0)
    return counts.cpu().numpy().astype(np.int64)

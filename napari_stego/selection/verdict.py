"""Whether a trained head helps on a corpus, told without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.selection.plan import QualityPlan
from napari_stego.selection.quality import ClusterQuality, measure_quality

_SURE = 2.0


@dataclass(frozen=True)
class Verdict:
    """Clusters of codes beside clusters of the features they were made from.

    Attributes
    ----------
    codes, features : float
        Quality of both, in ``[0, 1]`` (see `ClusterQuality`).
    difference : float
        Quality of codes minus quality of features.
    standard_error : float
        Of the difference, from its spread over the halves of the images. The
        halves overlap, so that it is a little too small.
    collapsed : bool
        Whether the codes collapsed while the head was trained. Collapsed codes
        tell images apart and little else, which is stable and coherent: the
        comparison cannot see it.
    """

    codes: float
    features: float
    difference: float
    standard_error: float
    collapsed: bool = False

    @property
    def better(self) -> Literal["codes", "features", "neither"]:
        """Which is better by more than two standard errors; features beside collapsed codes."""
        if self.collapsed:
            return "features"
        if abs(self.difference) <= _SURE * self.standard_error:
            return "neither"
        return "codes" if self.difference > 0 else "features"

    @property
    def text(self) -> str:
        """The verdict in a sentence or two for the user."""
        numbers = (
            f"quality of clusters {self.codes:.2f} against {self.features:.2f} of the raw "
            f"features, difference {self.difference:+.3f} ± {self.standard_error:.3f}"
        )
        if self.collapsed:
            return "The codes collapsed. Cluster the raw features, or train again."
        if self.better == "codes":
            return (
                f"STEGO probably helps on these photographs ({numbers}). Quality knows nothing of "
                "what clusters mean: look at the raw features, too."
            )
        if self.better == "features":
            return (
                f"STEGO does not help on these photographs ({numbers}). Cluster the raw features "
                "instead."
            )
        return (
            f"STEGO makes no clear difference on these photographs ({numbers}). Look at both: "
            "codes and raw features."
        )


def judge(
    codes: npt.NDArray[np.float32],
    features: npt.NDArray[np.float32],
    plan: QualityPlan,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Verdict:
    """Compare clusters of codes with clusters of features on the same halves.

    Parameters
    ----------
    codes, features : numpy.ndarray
        ``(T, D)`` and ``(T, C) float32``, the same positions.
    plan : QualityPlan
        The draws.
    progress : ProgressCallback
        Called once a fit.
    cancel : CancelToken, optional
        Obeyed between fits.

    Returns
    -------
    Verdict
        Which is better, by how much, and how sure that is.

    Raises
    ------
    Cancelled
        If `cancel` is set.
    """
    return compare(
        measure_quality(codes, plan, progress, cancel),
        measure_quality(features, plan, progress, cancel),
    )


def compare(codes: ClusterQuality, features: ClusterQuality) -> Verdict:
    """Compare two qualities of the same plan.

    Parameters
    ----------
    codes, features : ClusterQuality
        The qualities.

    Returns
    -------
    Verdict
        Their difference.
    """
    differences = codes.repeats - features.repeats
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else float("inf")
    return Verdict(
        codes.value,
        features.value,
        float(differences.mean()),
        spread / float(np.sqrt(len(differences))),
    )

"""Whether a trained head helps on a corpus, told without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t

from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.selection.plan import HELD_OUT_RATIO, QualityPlan
from napari_stego.selection.quality import ClusterQuality, measure_quality

_SURE = 0.95


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
        Of the difference, from its spread over the repeats; see `compare`.
    repeats : int
        Number R of repeats it comes from.
    collapsed : bool
        Whether the codes collapsed while the head was trained. Collapsed codes
        tell images apart and little else, which is stable and coherent: the
        comparison cannot see it.
    """

    codes: float
    features: float
    difference: float
    standard_error: float
    repeats: int
    collapsed: bool = False

    @property
    def margin(self) -> float:
        """Half of the 95 % interval of the difference, by Student's t; infinite for one repeat."""
        if self.repeats < 2:
            return float("inf")
        return float(student_t.ppf((1 + _SURE) / 2, self.repeats - 1)) * self.standard_error

    @property
    def better(self) -> Literal["codes", "features", "neither"]:
        """Which is better by more than the margin; features beside collapsed codes."""
        if self.collapsed:
            return "features"
        if abs(self.difference) <= self.margin:
            return "neither"
        return "codes" if self.difference > 0 else "features"

    @property
    def text(self) -> str:
        """The verdict in a sentence or two for the user."""
        numbers = (
            f"quality of clusters {self.codes:.2f} against {self.features:.2f} of the raw "
            f"features, difference {self.difference:+.3f} ± {self.margin:.3f}"
        )
        if self.collapsed:
            return "The codes collapsed. Cluster the raw features, or train again."
        if self.better == "codes":
            return (
                f"STEGO may help on these photographs: its clusters are more stable and more even "
                f"({numbers}). Whether they fit things better, only your eyes can tell: compare "
                "them with those of the raw features."
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

    All repeats split the same images, so that more of them tell less and less:
    their variance is taken times ``1 / R + HELD_OUT_RATIO`` instead of ``1 / R``.

    Parameters
    ----------
    codes, features : ClusterQuality
        The qualities, of R repeats each.

    Returns
    -------
    Verdict
        Their difference.

    References
    ----------
    Nadeau and Bengio, "Inference for the Generalization Error", Machine
    Learning 52, 2003: the corrected resampled t-test.
    """
    differences = codes.repeats - features.repeats
    repeats = len(differences)
    variance = float(differences.var(ddof=1)) if repeats > 1 else float("inf")
    return Verdict(
        codes.value,
        features.value,
        float(differences.mean()),
        float(np.sqrt(variance * (1 / repeats + HELD_OUT_RATIO))),
        repeats,
    )

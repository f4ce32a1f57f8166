"""Control of the shifts b, which decide whether codes cluster or collapse.

A fixed shift suits one backbone and one corpus. Here each shift starts at a
quantile of the feature correspondences of its kind of pair and then follows
the mean code correspondence: where codes agree more than they should, the
shift rises and more pairs of positions repel each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydantic import FiniteFloat

START_QUANTILE = {"random": 0.9, "knn": 0.6, "self": 0.6}
CLAMP_QUANTILES = (0.02, 0.995)

_SMOOTHING = 0.95
_GAIN = 0.05


@dataclass
class BiasControl:
    """Slow control of the shift of each kind of pair.

    Attributes
    ----------
    targets : mapping of str to float
        Mean code correspondence wanted for ``random``, ``knn`` and ``self`` pairs.
    shifts : dict of str to float
        The shifts b now.
    bounds : dict of str to tuple of float
        Range of each shift.
    spread : dict of str to float
        Standard deviation of the feature correspondences: the unit of a move.
    smoothed : dict of str to float
        Running mean of the code correspondence.
    """

    targets: Mapping[str, float]
    shifts: dict[str, FiniteFloat] = field(default_factory=dict)
    bounds: dict[str, tuple[FiniteFloat, FiniteFloat]] = field(default_factory=dict)
    spread: dict[str, FiniteFloat] = field(default_factory=dict)
    smoothed: dict[str, FiniteFloat] = field(default_factory=dict)

    def start(self, role: str, features: npt.NDArray[np.float32]) -> None:
        """Set a shift from the feature correspondences of some pairs.

        Parameters
        ----------
        role : str
            ``random``, ``knn`` or ``self``.
        features : numpy.ndarray
            Feature correspondences as they enter the loss, any shape.
        """
        low, start, high = np.quantile(
            features, (CLAMP_QUANTILES[0], START_QUANTILE[role], CLAMP_QUANTILES[1])
        )
        self.shifts[role] = float(start)
        self.bounds[role] = (float(low), float(high))
        self.spread[role] = float(features.std())

    def update(self, role: str, code_correspondence: float) -> None:
        """Move a shift after a step.

        Parameters
        ----------
        role : str
            A role that was started.
        code_correspondence : float
            Mean code correspondence of the step, in ``[-1, 1]``.
        """
        before = self.smoothed.get(role, code_correspondence)
        smoothed = _SMOOTHING * before + (1 - _SMOOTHING) * code_correspondence
        self.smoothed[role] = smoothed
        low, high = self.bounds[role]
        move = _GAIN * self.spread[role] * (smoothed - self.targets[role])
        self.shifts[role] = min(max(self.shifts[role] + move, low), high)

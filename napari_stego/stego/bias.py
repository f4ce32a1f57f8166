"""Control of the shifts b, which decide whether codes cluster or collapse.

A fixed shift suits one backbone and one corpus. Here each kind of pair (role)
has a target, the mean code correspondence wanted, and its shift follows: where
codes agree more than they should, b rises and more pairs of positions repel.

Targets
-------
For independent positions the mean code correspondence is the squared length of
the mean unit code, ``|E u|**2``, whatever the backbone, the patch size, D or
the number of classes. That gives the targets a meaning:

- ``random`` 0: the unit codes of the corpus have no direction in common. A
  common direction tells classes apart by nothing; at 1 all codes are one, which
  is the collapse.
- ``self``: over one image ``|E u|**2`` is 1/m for m equally large parts with
  orthogonal codes. How many parts an image has, a corpus tells by its tokens:
  the target is their own mean correspondence (`targets_of`), as it enters the
  loss, with dropout. Then training makes codes that correspond much or not at
  all of tokens that correspond more or less, but neither adds to what an image
  has in common nor takes from it. A higher target melts parts together: 0.4,
  two to three parts an image, did so on corpora that show more.
- ``knn``: likewise, over neighbours.

A corpus cannot always reach the last two. The first can always be reached, and
goes first.

Scales
------
Whatever is measured in feature correspondences is measured in those of the
corpus: shifts start at quantiles of them, stay between two quantiles of them,
and move in units of their standard deviation. So tokens with a large common
part (all correspondences within 0.05 of each other) and whitened ones (all
within 0.1 of 0) are controlled alike. Only the shift of random pairs may go
further up, to five standard deviations above the mean: all their positions
repel there, and the further the more, which a large common part can need. Rates
are per step, none depends on the number of steps, and nothing on the number of
images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydantic import FiniteFloat, NonNegativeInt

START_QUANTILE = {"random": 0.9, "knn": 0.6, "self": 0.6}
CLAMP_QUANTILES = (0.02, 0.995)

_LARGEST_TARGET = 0.9

_REPULSION_RESERVE = 5.0

_SMOOTHING = 0.9
_PROPORTIONAL = 3.0
_INTEGRAL = 0.05
_TRACKING = 0.05
_TOLERANCE = 0.03
_RESTRAINT = 4.0


def targets_of(means: Mapping[str, float]) -> dict[str, float]:
    """Take targets from the tokens of a corpus.

    Parameters
    ----------
    means : mapping of str to float
        Mean feature correspondence of ``self`` pairs, and of ``knn`` and
        ``random`` pairs if there are such, in ``[-1, 1]``, not clamped.

    Returns
    -------
    dict of str to float
        Target of each of them, in ``[0, 0.9]``: 0 for random pairs. What random
        pairs have in common, all images have; it is taken off the others as
        agreement by chance is in Cohen's kappa, ``(mean - r) / (1 - r)``.
    """
    common = means.get("random", 0.0)
    room = max(1 - common, 1e-6)
    targets = {
        role: min(max((mean - common) / room, 0.0), _LARGEST_TARGET) for role, mean in means.items()
    }
    return targets | ({"random": 0.0} if "random" in means else {})


@dataclass
class BiasControl:
    """Proportional and integral control of the shift of each role.

    Three things keep it stable where plain integration swings or collapses:

    - The proportional part answers a beginning collapse, which takes some tens
      of steps, before the integral part has moved.
    - Attraction is limited while random pairs agree too much. If all codes were
      one, the loss would be ``-sum(weight * (mean feature correspondence -
      b))``. While that sum, the attraction, is negative a collapse costs more
      than it gains. The more random pairs exceed their target, the lower the
      attraction may be: the shifts of the other roles rise until it is.
    - What the limits take from a shift is fed back to its integral part
      (anti-windup by tracking), so that it does not go on growing behind a
      limit and swing over when the error changes its sign.

    Attributes
    ----------
    targets : mapping of str to float
        Mean code correspondence wanted for ``random``, ``knn`` and ``self`` pairs.
    weights : mapping of str to float
        Weight of each role in the loss.
    shifts : dict of str to float
        The shifts b now.
    integral : dict of str to float
        Integral part of each shift.
    bounds : dict of str to tuple of float
        Range of each shift.
    mean, spread : dict of str to float
        Mean and standard deviation of the feature correspondences.
    smoothed : dict of str to float
        Running mean of the code correspondence, without a bias to its start.
    updates : int
        Steps seen so far.

    References
    ----------
    K. J. Åström and T. Hägglund, "Advanced PID Control", ISA 2006, Sec. 3.5
    (tracking). D. P. Kingma and J. Ba, "Adam", ICLR 2015, Sec. 3 (running mean).
    """

    targets: Mapping[str, float]
    weights: Mapping[str, float]
    shifts: dict[str, FiniteFloat] = field(default_factory=dict)
    integral: dict[str, FiniteFloat] = field(default_factory=dict)
    bounds: dict[str, tuple[FiniteFloat, FiniteFloat]] = field(default_factory=dict)
    mean: dict[str, FiniteFloat] = field(default_factory=dict)
    spread: dict[str, FiniteFloat] = field(default_factory=dict)
    smoothed: dict[str, FiniteFloat] = field(default_factory=dict)
    updates: NonNegativeInt = 0

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
        mean, spread = features.mean(dtype=np.float64), features.std(dtype=np.float64)
        if role == "random":
            high = max(high, mean + _REPULSION_RESERVE * spread)
        self.shifts[role] = self.integral[role] = float(start)
        self.bounds[role] = (float(low), float(high))
        self.mean[role] = float(mean)
        self.spread[role] = float(spread)

    def update(self, found: Mapping[str, float]) -> None:
        """Move the shifts after a step.

        Parameters
        ----------
        found : mapping of str to float
            For each role that was started the mean code correspondence of the
            step, in ``[-1, 1]``.
        """
        self.updates += 1
        # Equal to Adam's: a mean with weights that fall by 0.9, divided by their sum.
        share = (1 - _SMOOTHING) / (1 - _SMOOTHING**self.updates)
        errors, wanted = {}, {}
        for role, value in found.items():
            before = self.smoothed.get(role, 0.0)
            self.smoothed[role] = before + share * (value - before)
            errors[role] = self.smoothed[role] - self.targets[role]
            wanted[role] = self.integral[role] + _PROPORTIONAL * self.spread[role] * errors[role]
        self.shifts |= self._limited(wanted, errors)
        for role, error in errors.items():
            cut = self.shifts[role] - wanted[role]
            self.integral[role] += _INTEGRAL * self.spread[role] * error + _TRACKING * cut

    def _limited(
        self, wanted: Mapping[str, float], errors: Mapping[str, float]
    ) -> dict[str, float]:
        limited = {role: self._clamped(role, value) for role, value in wanted.items()}
        others = [role for role in limited if role != "random"]
        scale = {role: self.weights[role] * self.spread[role] for role in limited}
        room = sum(scale[role] for role in others)
        if "random" not in limited or room <= 0:
            return limited
        attraction = sum(
            self.weights[role] * (self.mean[role] - shift) for role, shift in limited.items()
        )
        allowed = _RESTRAINT * sum(scale.values()) * (_TOLERANCE - errors["random"])
        # All other roles rise by the same number of their own standard deviations.
        rise = max(0.0, attraction - allowed) / room
        for role in others:
            limited[role] = self._clamped(role, limited[role] + rise * self.spread[role])
        return limited

    def _clamped(self, role: str, shift: float) -> float:
        low, high = self.bounds[role]
        return min(max(shift, low), high)

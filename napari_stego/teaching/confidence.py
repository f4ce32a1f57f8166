"""Confidence that means what it says: a temperature for the scores of a classifier."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

_COLDEST, _HOTTEST = 0.05, 20.0


def fit_temperature(
    scores: npt.NDArray[np.float32],
    classes: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
) -> float:
    """Find what scores are to be divided by, so that their softmax is a probability.

    Parameters
    ----------
    scores : numpy.ndarray
        ``(n, k) float32``, of examples that the classifier has not learned from.
    classes : numpy.ndarray
        ``(n,) int64``, the column of the true class of each.
    weights : numpy.ndarray
        ``(n,) float32``.

    Returns
    -------
    float
        The temperature of the least log loss, between 0.05 and 20.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    values = scores.astype(np.float64)
    true = values[np.arange(len(values)), classes]

    def loss(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return float(weights @ (logsumexp(values / temperature, axis=1) - true / temperature))

    bounds = (np.log(_COLDEST), np.log(_HOTTEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def probabilities(
    scores: npt.NDArray[np.float32], temperature: float, axis: int = -1
) -> npt.NDArray[np.float32]:
    """Turn scores into probabilities.

    Parameters
    ----------
    scores : numpy.ndarray
        ``float32``, classes along `axis`.
    temperature : float
        Above 0.
    axis : int
        Which.

    Returns
    -------
    numpy.ndarray
        ``float32`` of the same shape, which sum to 1 along `axis`.
    """
    return np.asarray(softmax(scores / np.float32(temperature), axis=axis), np.float32)


def calibration_error(
    confidence: npt.NDArray[np.float32], right: npt.NDArray[np.bool_], bins: int = 10
) -> float:
    """Measure by how much confidence is off, on average.

    Parameters
    ----------
    confidence : numpy.ndarray
        ``(n,) float32`` in ``[0, 1]``.
    right : numpy.ndarray
        ``(n,) bool``, whether what was predicted is true.
    bins : int
        Bins of equal width.

    Returns
    -------
    float
        The mean difference between confidence and share of right ones in
        each bin, weighted by their numbers (the expected calibration error).
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    off = np.bincount(place, weights=confidence.astype(np.float64) - right, minlength=bins)
    return float(np.abs(off).sum() / max(len(confidence), 1))

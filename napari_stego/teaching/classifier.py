"""A light classifier of patches, refitted within a second."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import minimize
from scipy.special import logsumexp

from napari_stego.errors import StegoError
from napari_stego.teaching.confidence import fit_temperature, probabilities
from napari_stego.teaching.examples import ExampleSet

_MOST_TESTED = 1000
_MOST_LEARNED = 1000
_FEWEST_TESTED = 16


class TeachingError(StegoError):
    """Too little was said for a classifier to learn from."""


class TeachingSettings(BaseModel):
    """How examples are weighed and learned from.

    Attributes
    ----------
    penalty : float
        Of the squared coefficients, in the weight of a click.
    balance : float
        From 0, each example counts as it weighs, to 1, each class counts the
        same; between, rare classes count more than they weigh.
    cluster_weight : float
        What the name of a cluster of mean size weighs, in clicks.
    names_halved_at : float
        The clicks, anywhere, after which the names of all clusters weigh half.
    cluster_positions : int
        The most positions that a named cluster gives.
    iterations : int
        The most steps of the optimiser.
    folds : int
        Parts of the images for the test that calibrates the confidence; 0
        leaves it as it comes, in a quarter of the time.
    seed : int
        Of samples and parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    penalty: float = Field(default=0.03, gt=0)
    balance: float = Field(default=0.25, ge=0, le=1)
    cluster_weight: float = Field(default=0.25, gt=0)
    names_halved_at: float = Field(default=20, gt=0)
    cluster_positions: int = Field(default=10, ge=1)
    iterations: int = Field(default=60, ge=1)
    folds: int = Field(default=3, ge=0)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True, eq=False)
class PatchClassifier:
    """A linear classifier of patches.

    Attributes
    ----------
    classes : tuple of int
        Class ids, ascending: the columns of scores.
    weight : numpy.ndarray
        ``(D, k) float32``.
    bias : numpy.ndarray
        ``(k,) float32``.
    temperature : float
        What scores are divided by, so that their softmax is a probability.
    calibrated : bool
        Whether examples of the user that were held out set the temperature;
        there were too few otherwise, and it is 1.
    """

    classes: tuple[int, ...]
    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    temperature: float = 1.0
    calibrated: bool = False

    def __len__(self) -> int:
        return len(self.classes)

    def scores(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Score patches for each class.

        Parameters
        ----------
        vectors : numpy.ndarray
            ``(..., D) float32``.

        Returns
        -------
        numpy.ndarray
            ``(..., k) float32`` logits, the temperature not yet in them.
        """
        return np.asarray(vectors @ self.weight + self.bias, np.float32)

    def probabilities(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Tell how probable each class is.

        Parameters
        ----------
        vectors : numpy.ndarray
            ``(..., D) float32``.

        Returns
        -------
        numpy.ndarray
            ``(..., k) float32``, which sum to 1.
        """
        return probabilities(self.scores(vectors), self.temperature)


def fit_classifier(
    examples: ExampleSet,
    settings: TeachingSettings | None = None,
) -> PatchClassifier:
    """Fit a multinomial logistic regression to weighted examples.

    Examples that the user gave are held out by image in turn, and set the
    temperature of the confidence, once 16 can be. Those of named clusters
    would not do: they are the clearest of their clusters, and not of any truth.

    Parameters
    ----------
    examples : ExampleSet
        What to learn from.
    settings : TeachingSettings, optional
        How.

    Returns
    -------
    PatchClassifier
        The same for the same examples and settings.

    Raises
    ------
    TeachingError
        If the examples are not of two classes at least.
    """
    settings = settings or TeachingSettings()
    classes = np.unique(examples.classes)
    if len(classes) < 2:
        raise TeachingError(
            "There is nothing to tell apart yet: name clusters of two classes, or click on "
            "examples of two classes."
        )
    fitted = _fit(examples, classes, settings)
    return _calibrated(fitted, examples, classes, settings) if settings.folds else fitted


def _fit(
    examples: ExampleSet,
    classes: npt.NDArray[np.int64],
    settings: TeachingSettings,
) -> PatchClassifier:
    points, k = examples.vectors, len(classes)
    length = points.shape[1]
    column = np.searchsorted(classes, examples.classes)
    weights = _balanced(examples.weights, column, k, settings.balance)
    wanted = np.zeros((len(points), k), np.float32)
    wanted[np.arange(len(points)), column] = weights

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        values = flat.reshape(length + 1, k).astype(np.float32)
        scores = points @ values[:-1] + values[-1]
        log_sum = logsumexp(scores, axis=1, keepdims=True)
        penalty = 0.5 * settings.penalty * float((values[:-1] ** 2).sum())
        total = float(weights @ log_sum[:, 0] - (wanted * scores).sum()) + penalty
        rest = np.exp(scores - log_sum) * weights[:, None] - wanted
        slope = np.concatenate(
            [points.T @ rest + settings.penalty * values[:-1], rest.sum(axis=0, keepdims=True)]
        )
        return total, slope.ravel().astype(np.float64)

    found = minimize(
        loss,
        np.zeros((length + 1) * k),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": settings.iterations},
    )
    values = found.x.reshape(length + 1, k).astype(np.float32)
    return PatchClassifier(tuple(classes.tolist()), values[:-1], values[-1])


def _balanced(
    weights: npt.NDArray[np.float32], column: npt.NDArray[np.int64], k: int, balance: float
) -> npt.NDArray[np.float32]:
    """Raise the weight of rare classes; the sum over all examples stays."""
    of_class = np.bincount(column, weights, k)
    raised = np.where(of_class > 0, of_class, 1.0) ** -balance
    changed = weights * raised[column]
    return np.asarray(changed * (weights.sum() / changed.sum()), np.float32)


def _some(wanted: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Choose examples to learn from in a test; a thousand do, and keep it short."""
    rows = np.flatnonzero(wanted)
    if len(rows) > _MOST_LEARNED:
        rows = np.sort(rng.choice(rows, _MOST_LEARNED, replace=False))
    return rows.astype(np.int64)


def _calibrated(
    fitted: PatchClassifier,
    examples: ExampleSet,
    classes: npt.NDArray[np.int64],
    settings: TeachingSettings,
) -> PatchClassifier:
    rng = np.random.default_rng([settings.seed, 1])
    tested = np.flatnonzero(examples.said)
    if len(tested) < _FEWEST_TESTED:
        return fitted
    if len(tested) > _MOST_TESTED:
        tested = np.sort(rng.choice(tested, _MOST_TESTED, replace=False))
    images = np.unique(examples.images[tested])
    fold_of = dict(zip(images.tolist(), rng.permutation(len(images)) % settings.folds, strict=True))
    folds = np.array([fold_of.get(image, -1) for image in examples.images.tolist()])
    scores, true, weights = [], [], []
    for fold in range(settings.folds):
        inside = folds == fold
        rest, held = examples[_some(~inside, rng)], examples[tested[inside[tested]]]
        known = np.unique(rest.classes)
        held = held[np.isin(held.classes, known)]
        if len(known) == len(classes) and len(held):
            model = _fit(rest, classes, settings)
            scores.append(model.scores(held.vectors))
            true.append(np.searchsorted(classes, held.classes))
            weights.append(held.weights)
    if sum(map(len, true)) < _FEWEST_TESTED:
        return fitted
    temperature = fit_temperature(
        np.concatenate(scores), np.concatenate(true), np.concatenate(weights)
    )
    return replace(fitted, temperature=temperature, calibrated=True)

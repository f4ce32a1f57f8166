"""How many clusters a corpus holds: stability of the clustering against K."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import stats
from sklearn.metrics import adjusted_mutual_info_score
from threadpoolctl import threadpool_limits

from napari_stego.clustering.kmeans import Encode
from napari_stego.clustering.spherical import nearest, spherical_kmeans, unit
from napari_stego.errors import StegoError
from napari_stego.features import TokenSet
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_POSITIONS = 15_000
_MAX_IMAGES = 1000
_HELD_OUT = 0.2
_MIN_IMAGES = 5
_SIGNIFICANCE = 0.05


class StabilitySettings(BaseModel):
    """How the stability of clusterings is measured.

    Attributes
    ----------
    ks : tuple of int
        The numbers K of clusters to try, ascending.
    source : "codes" or "features"
        Cluster the codes of the trained head, or the prepared backbone features.
    repeats : int
        Splits of the images for each K.
    seed : int
        Of the sampled positions, the splits and k-means.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ks: tuple[Annotated[int, Field(ge=2, le=1000)], ...] = Field(
        default=(4, 6, 8, 12, 16, 24, 32, 48, 64), min_length=1
    )
    source: Literal["codes", "features"] = "codes"
    repeats: int = Field(default=5, ge=2, le=100)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True, eq=False)
class StabilityCurve:
    """Agreement of clusterings of different images, for some numbers K of clusters.

    Attributes
    ----------
    ks : numpy.ndarray
        ``(n,) int64``, ascending.
    agreement : numpy.ndarray
        ``(n, repeats) float64`` adjusted mutual information of the clusterings
        of two halves, on images of neither: 1 is the same, 0 what chance gives.
    baseline : numpy.ndarray
        ``(n, repeats) float64``, the same on random positions without clusters
        (see `without_clusters`).
    """

    ks: npt.NDArray[np.int64]
    agreement: npt.NDArray[np.float64]
    baseline: npt.NDArray[np.float64]

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean agreement, ``(n,) float64``."""
        return np.asarray(self.agreement.mean(axis=1))

    @property
    def spread(self) -> npt.NDArray[np.float64]:
        """Standard deviation of the agreement between splits, ``(n,) float64``."""
        return np.asarray(self.agreement.std(axis=1, ddof=1))

    @property
    def excess(self) -> npt.NDArray[np.float64]:
        """Mean agreement above the mean baseline, ``(n,) float64``."""
        return np.asarray(self.mean - self.baseline.mean(axis=1))

    @property
    def error(self) -> npt.NDArray[np.float64]:
        """Standard error of `excess`, ``(n,) float64``.

        From the spread between splits. All of them are of one corpus, so that
        it tells nothing of other corpora.
        """
        variances = self.agreement.var(axis=1, ddof=1) + self.baseline.var(axis=1, ddof=1)
        return np.asarray(np.sqrt(variances / self.agreement.shape[1]))

    def suggest(self) -> int | None:
        """Choose K.

        The largest K whose excess is within one standard error of the
        greatest: of numbers that cannot be told apart more clusters are
        safer, since they are merged with ease and split with effort.

        Returns
        -------
        int or None
            One of `ks`; None if even the greatest excess may be chance (t
            test at 5%, divided by the number of Ks): then the positions show
            no clusters that random ones would not.
        """
        best = int(self.excess.argmax())
        n_ks, repeats = self.agreement.shape
        clear = stats.t.ppf(1 - _SIGNIFICANCE / n_ks, df=2 * (repeats - 1))
        if not self.excess[best] > clear * self.error[best]:
            return None
        alike = self.excess >= self.excess[best] - self.error[best]
        return int(self.ks[alike].max())


def stability_curve(
    tokens: TokenSet,
    encode: Encode,
    settings: StabilitySettings | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> StabilityCurve:
    """Measure for which K clusterings of different images agree.

    For each split, a fifth of the images is held out and the others are
    halved. Both halves are clustered as `fit_clusters` does, and the held-out
    positions assigned to the clusters of each. Positions of an image stay
    together, for they are much alike. The same is done to random positions
    without clusters: k-means agrees with itself on those too, along their main
    axes, and the more so the fewer clusters there are.

    Parameters
    ----------
    tokens : TokenSet
        The corpus, of at least 5 images. 15,000 positions of at most 1,000
        images are used.
    encode : callable
        Makes codes from tokens.
    settings : StabilitySettings, optional
        Which K, how many splits.
    progress : ProgressCallback
        Called for each image read, then for each K of each split.
    cancel : CancelToken, optional
        Obeyed between images and between iterations of k-means.

    Returns
    -------
    StabilityCurve
        For each K.

    Raises
    ------
    StegoError
        If there are too few images, or too few positions for the largest K.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Ben-Hur, Elisseeff and Guyon, "A stability based method for discovering
    structure in clustered data", PSB 2002. Lange et al., "Stability-based
    validation of clustering solutions", Neural Computation 16, 2004. Vinh, Epps
    and Bailey, "Information theoretic measures for clusterings comparison",
    JMLR 11, 2010 (adjusted mutual information). von Luxburg, "Clustering
    stability: an overview", 2010, on what stability cannot tell.
    """
    settings = settings or StabilitySettings()
    if len(tokens) < _MIN_IMAGES:
        raise StegoError(
            f"The stability of clusters is measured between images, of which there are "
            f"{len(tokens)}; {_MIN_IMAGES} are the least. Add photographs, or choose K by eye."
        )
    rng = np.random.default_rng(settings.seed)
    points, images = _sample(tokens, encode, rng, progress, cancel)
    ks = sorted(set(settings.ks))
    agreement = np.empty((len(ks), settings.repeats))
    baseline = np.empty_like(agreement)
    for repeat in range(settings.repeats):
        split = _split(images, rng)
        smallest = min(np.count_nonzero(split == half) for half in (1, 2))
        if smallest < ks[-1]:
            raise StegoError(
                f"{ks[-1]} clusters need at least as many positions in each half of the images, "
                f"and one has {smallest}. Ask for fewer clusters or add photographs."
            )
        random = without_clusters(points, images, rng)
        for row, k in enumerate(ks):
            progress(repeat * len(ks) + row, settings.repeats * len(ks), "comparing clusterings")
            agreement[row, repeat] = _agreement(points, split, k, rng, cancel)
            baseline[row, repeat] = _agreement(random, split, k, rng, cancel)
    progress(agreement.size, agreement.size, "comparing clusterings")
    return StabilityCurve(np.array(ks, dtype=np.int64), agreement, baseline)


def without_clusters(
    points: npt.NDArray[np.float32], images: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw positions that vary as the given ones do, between and within images, but evenly.

    Each image is a normal distribution. Their means are normal too, with the
    covariance of the means of the images; within they all have the mean
    covariance of the positions of an image.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, D) float32`` unit vectors.
    images : numpy.ndarray
        ``(n,) int64``, numbers from 0 of the images they are of, none left out.
    rng : numpy.random.Generator
        Of the draw.

    Returns
    -------
    numpy.ndarray
        ``(n, D) float32`` unit vectors, as many of each image.
    """
    counts = np.bincount(images)
    means = np.zeros((len(counts), points.shape[1]))
    np.add.at(means, images, points)
    means /= counts[:, None]
    centre = points.mean(axis=0)
    residuals = points - means[images].astype(np.float32)
    between = (means - centre).T @ ((means - centre) * (counts / counts.sum())[:, None])
    within = (residuals.T @ residuals) / np.float32(len(points))
    drawn = centre + _normal(len(counts), between, rng)
    return unit(drawn[images] + _normal(len(points), within, rng))


def _normal(
    count: int, covariance: npt.NDArray[np.floating], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    root = (vectors * np.sqrt(np.maximum(values, 0))).T.astype(np.float32)
    return np.asarray(rng.standard_normal((count, len(root)), dtype=np.float32) @ root)


def _sample(
    tokens: TokenSet,
    encode: Encode,
    rng: np.random.Generator,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Make unit codes of about as large a share of each image, and number the images."""
    used = np.arange(len(tokens))
    if len(used) > _MAX_IMAGES:
        used = np.sort(rng.choice(len(used), _MAX_IMAGES, replace=False))
    grids = [tokens.grid_shape(int(index)) for index in used]
    positions = np.array([height * width for height, width in grids])
    share = min(1.0, _POSITIONS / positions.sum())
    quotas = np.maximum(np.rint(share * positions).astype(int), 1)
    parts = []
    for done, (index, size, quota) in enumerate(zip(used, positions, quotas, strict=True)):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(used), "reading features")
        chosen = np.sort(rng.choice(size, size=quota, replace=False))
        parts.append(unit(encode(tokens.rows(int(index), chosen))))
    progress(len(used), len(used), "reading features")
    return np.concatenate(parts), np.repeat(np.arange(len(used)), quotas)


def _split(images: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Give each position 0 if it is held out, or its half, 1 or 2."""
    n_images = int(images.max()) + 1
    order = rng.permutation(n_images)
    held_out = max(1, round(_HELD_OUT * n_images))
    part = np.zeros(n_images, np.int64)
    rest = order[held_out:]
    part[rest[0::2]], part[rest[1::2]] = 1, 2
    return part[images]


def _agreement(
    points: npt.NDArray[np.float32],
    split: npt.NDArray[np.int64],
    k: int,
    rng: np.random.Generator,
    cancel: CancelToken | None,
) -> float:
    held_out = points[split == 0]
    # Matrix products as small as these take longer on several threads than on one.
    with threadpool_limits(1, user_api="blas"):
        first, second = (
            nearest(held_out, spherical_kmeans(points[split == half], k, rng, cancel))[0]
            for half in (1, 2)
        )
    return float(adjusted_mutual_info_score(first, second))

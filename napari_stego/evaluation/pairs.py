"""Precision and recall of correspondences against label co-occurrence.

Hamilton et al. (ICLR 2022, Sec. 3.1) ask how well the similarity of two
positions tells whether they have the same class. It is asked here for two
positions of one image, of neighbouring images, and of random images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from sklearn.metrics import average_precision_score, precision_recall_curve

from napari_stego.clustering import (
    ClusterModel,
    CrfSettings,
    Encode,
    dense_crf,
    unit,
    upsample,
)
from napari_stego.clustering.crf_fast import fast_probabilities
from napari_stego.corpus import CorpusImage
from napari_stego.evaluation.masks import MaskError, class_rows
from napari_stego.evaluation.scoring import MaskedImages
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.stego.neighbours import nearest_images

PairKind = Literal["self", "knn", "random"]
Describe = Callable[[CorpusImage, npt.NDArray[np.int64]], npt.NDArray[np.float32]]
"""Gives the vectors ``(P, D)`` at pixels ``(P, 2)``, row and column, of an image."""

_CURVE_POINTS = 400


class PairSettings(BaseModel):
    """Which pairs of positions are compared.

    Attributes
    ----------
    positions : int
        Positions on each side of a pair of images; all are compared with all.
    images : int
        Images used at most.
    partners : int
        Nearest images, and random ones, that each image is compared with;
        the default is the paper's number of neighbours in training.
    seed : int
        Of images, random partners and positions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    positions: int = Field(default=32, ge=1)
    images: int = Field(default=500, ge=1)
    partners: int = Field(default=7, ge=1)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class PairSample:
    """Positions in images, and which images are compared.

    The first half of an image's positions is compared with the second half of
    each partner's.

    Attributes
    ----------
    images : tuple of CorpusImage
        N images.
    points : numpy.ndarray
        ``(N, 2P, 2) int64`` rows and columns of pixels.
    labels : numpy.ndarray
        ``(N, 2P) int64``, their class.
    partners : dict of PairKind to numpy.ndarray
        ``(N, M) int64``, the partners of each image. One image alone has no
        partner but itself.
    """

    images: tuple[CorpusImage, ...]
    points: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    partners: Mapping[PairKind, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class PrecisionRecall:
    """A precision-recall curve.

    Attributes
    ----------
    recall, precision : numpy.ndarray
        ``(n,) float64`` in ``[0, 1]``, at most 400 points, recall rising.
    threshold : numpy.ndarray
        ``(n,) float64``, the lowest similarity that is counted as "same class".
    average_precision : float
        Of all pairs, in ``[0, 1]``; NaN without a pair of one class.
    base_rate : float
        Share of pairs of one class: the precision of guessing.
    pairs : int
        Pairs compared.
    """

    recall: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]
    threshold: npt.NDArray[np.float64]
    average_precision: float
    base_rate: float
    pairs: int


def sample_pairs(
    data: MaskedImages,
    classes: npt.NDArray[np.int64],
    settings: PairSettings | None = None,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> PairSample:
    """Draw positions that have a class, and partners of images.

    Parameters
    ----------
    data : MaskedImages
        Images and masks.
    classes : numpy.ndarray
        Ids of the classes that count, sorted.
    settings : PairSettings, optional
        How many, and the seed.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    PairSample
        Of the images that have such a position.

    Raises
    ------
    MaskError
        If a mask cannot be read or does not fit, or none holds a class.
    Cancelled
        If `cancel` is set.
    """
    settings = settings or PairSettings()
    rng = np.random.default_rng(settings.seed)
    wanted = data.images
    if len(wanted) > settings.images:
        chosen = np.sort(rng.choice(len(wanted), settings.images, replace=False))
        wanted = tuple(wanted[index] for index in chosen)
    images, points, labels, pooled = [], [], [], []
    for done, image in enumerate(wanted):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(wanted), "sampling pairs")
        rows = class_rows(data.mask(image), classes)
        known = np.flatnonzero(rows >= 0)
        if len(known) == 0:
            continue
        count = 2 * settings.positions
        here = rng.choice(known, count, replace=len(known) < count)
        images.append(image)
        points.append(np.stack(np.unravel_index(here, rows.shape), axis=1))
        labels.append(rows.ravel()[here])
        tokens = data.store.tokens(image.content_hash)
        pooled.append(tokens.reshape(-1, tokens.shape[-1]).mean(axis=0, dtype=np.float32))
    progress(len(wanted), len(wanted), "sampling pairs")
    if not images:
        raise MaskError("The masks hold no pixel of a class: there are no pairs to compare.")
    partners = _partners(np.stack(pooled), settings.partners, rng)
    return PairSample(tuple(images), np.stack(points), np.stack(labels), partners)


def _partners(
    pooled: npt.NDArray[np.float32], count: int, rng: np.random.Generator
) -> dict[PairKind, npt.NDArray[np.int64]]:
    n_images = len(pooled)
    partners: dict[PairKind, npt.NDArray[np.int64]] = {"self": np.arange(n_images)[:, None]}
    if n_images > 1:
        partners["knn"] = nearest_images(pooled, count)
        # Shifts along a random order: nobody is their own partner, or has one twice.
        order = rng.permutation(n_images)
        shifted = [np.roll(order, -shift) for shift in range(1, min(count, n_images - 1) + 1)]
        partners["random"] = np.stack(shifted, axis=1)[np.argsort(order)]
    return partners


def describe_encoded(data: MaskedImages, encode: Encode) -> Describe:
    """Describe positions by codes, or by prepared features.

    Parameters
    ----------
    data : MaskedImages
        Where the tokens are.
    encode : callable
        Makes codes from tokens.

    Returns
    -------
    callable
        Interpolates the codes bilinearly, as the paper does.
    """

    def describe(image: CorpusImage, points: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        grid = torch.from_numpy(data.codes(image, encode)).permute(2, 0, 1)
        size = torch.tensor([image.width, image.height])
        places = (2 * torch.from_numpy(points).flip(1) + 1) / size - 1
        sampled = F.grid_sample(
            grid[None], places[None, None].to(grid.dtype), "bilinear", "border", False
        )
        return sampled[0, :, 0].T.numpy()

    return describe


def describe_refined(
    data: MaskedImages,
    encode: Encode,
    model: ClusterModel,
    crf: CrfSettings,
    cancel: CancelToken | None = None,
) -> Describe:
    """Describe positions by their cluster probabilities after the dense CRF.

    Parameters
    ----------
    data : MaskedImages
        Where the tokens are.
    encode : callable
        Makes what was clustered from tokens.
    model : ClusterModel
        K clusters.
    crf : CrfSettings
        The refinement; its method is obeyed.
    cancel : CancelToken, optional
        Ends a refinement.

    Returns
    -------
    callable
        Gives ``(P, K)`` probabilities. Clusters that win no patch of an image
        are left out of its refinement, as in `refined_cluster_map`.
    """

    def describe(image: CorpusImage, points: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        scores = model.scores(data.codes(image, encode, cancel))
        present = np.unique(scores.argmax(axis=-1))
        found = np.zeros((len(points), len(model)), np.float32)
        if len(present) == 1:
            found[:, present] = 1.0
            return found
        scores = scores[..., present]
        if crf.method == "fast":
            found[:, present] = fast_probabilities(image.read(), scores, points, crf, cancel)
            return found
        logits = crf.sharpness * upsample(scores, (image.height, image.width))
        refined = dense_crf(image.read(), logits, crf, cancel)
        found[:, present] = refined[:, points[:, 0], points[:, 1]].T
        return found

    return describe


def precision_recall(
    sample: PairSample,
    describe: Describe,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> dict[PairKind, PrecisionRecall]:
    """Compare the cosine of positions with whether they have the same class.

    Parameters
    ----------
    sample : PairSample
        The positions.
    describe : callable
        Gives their vectors.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    dict of PairKind to PrecisionRecall
        A curve for each kind of partner in `sample`.

    Raises
    ------
    StegoError
        If an image cannot be read, or the CRF is asked for and fails.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022, Sec. 3.1 and its precision-recall figure,
    which takes both positions from one image.
    """
    vectors = []
    for done, (image, points) in enumerate(zip(sample.images, sample.points, strict=True)):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(sample.images), "comparing pairs")
        vectors.append(unit(describe(image, points)))
    progress(len(sample.images), len(sample.images), "comparing pairs")
    first, second = np.split(np.stack(vectors), 2, axis=1)
    own, other = np.split(sample.labels, 2, axis=1)
    curves: dict[PairKind, PrecisionRecall] = {}
    for kind, partners in sample.partners.items():
        same = own[:, None, :, None] == other[partners][:, :, None, :]
        cosines = [
            here @ second[others].swapaxes(1, 2)
            for here, others in zip(first, partners, strict=True)
        ]
        curves[kind] = _curve(same.ravel(), np.concatenate(cosines).ravel())
    return curves


def _curve(same: npt.NDArray[np.bool_], scores: npt.NDArray[np.float32]) -> PrecisionRecall:
    base_rate = float(same.mean())
    if not same.any():
        nothing = np.empty(0)
        return PrecisionRecall(nothing, nothing, nothing, float("nan"), base_rate, same.size)
    precision, recall, threshold = precision_recall_curve(same, scores)
    # scikit-learn ends with a point of recall 0 that no threshold belongs to, and begins at 1.
    precision, recall, threshold = precision[-2::-1], recall[-2::-1], threshold[::-1]
    wanted = np.linspace(0, 1, _CURVE_POINTS)
    kept = np.unique(np.searchsorted(recall, wanted).clip(max=len(recall) - 1))
    return PrecisionRecall(
        recall[kept],
        precision[kept],
        threshold[kept].astype(np.float64),
        float(average_precision_score(same, scores)),
        base_rate,
        same.size,
    )

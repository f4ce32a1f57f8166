"""The linear probe: how much of the classes a linear map can read off codes or features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field

from napari_stego.clustering import Encode
from napari_stego.evaluation.masks import MaskError, class_rows
from napari_stego.evaluation.patches import patch_classes
from napari_stego.evaluation.scoring import MaskedImages
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_MAX_POSITIONS = 250_000
_NEVER = -1e4  # a logit, finite so that it can be interpolated


class ProbeSettings(BaseModel):
    """How a linear probe is fitted.

    Attributes
    ----------
    steps : int
        Steps of Adam. The learning rate falls linearly to 0.
    batch : int
        Positions in a step.
    learning_rate : float
        At the start; the default is that of the official STEGO.
    seed : int
        Of the sampled positions and their order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=2000, ge=1)
    batch: int = Field(default=1024, ge=1)
    learning_rate: float = Field(default=5e-3, gt=0.0)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class LinearProbe:
    """A linear classifier of patches.

    Attributes
    ----------
    weight : numpy.ndarray
        ``(n_classes, D) float32``, on codes as they come.
    bias : numpy.ndarray
        ``(n_classes,) float32``.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.weight)

    def scores(self, codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits of the classes.

        Parameters
        ----------
        codes : numpy.ndarray
            ``(h, w, D) float32``.

        Returns
        -------
        numpy.ndarray
            ``(h, w, n_classes) float32``. Interpolated to pixels they are the
            logits of interpolated codes: both maps are linear.
        """
        return np.asarray(codes @ self.weight.T + self.bias, dtype=np.float32)


def fit_linear_probe(
    data: MaskedImages,
    classes: npt.NDArray[np.int64],
    encode: Encode,
    settings: ProbeSettings | None = None,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> LinearProbe:
    """Fit a linear classifier on the patches of images with masks.

    A patch has the class of the majority of its pixels; patches without a
    majority are left out. Codes are standardised, and the classifier is then
    written for codes as they come.

    Parameters
    ----------
    data : MaskedImages
        Images to learn from. Beyond 250,000 patches a uniform sample is used.
    classes : numpy.ndarray
        Ids of the classes, sorted; other ids are ignored.
    encode : callable
        Makes codes, or prepared features, from tokens.
    settings : ProbeSettings, optional
        Optimiser and seed.
    progress : ProgressCallback
        Called once an image, then once a step.
    cancel : CancelToken, optional
        Obeyed between images and steps.

    Returns
    -------
    LinearProbe
        A classifier of ``len(classes)`` classes; the same for the same seed
        on the same machine. A class that no patch has is never predicted.

    Raises
    ------
    MaskError
        If a mask cannot be read or does not fit its image, or no patch has a class.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Alain and Bengio, "Understanding intermediate layers using linear
    classifier probes", 2016. The optimiser is that of the linear probe of
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022.
    """
    settings = settings or ProbeSettings()
    points, labels = _labelled_patches(data, classes, encode, settings.seed, progress, cancel)
    mean, spread = points.mean(axis=0), points.std(axis=0)
    spread[spread == 0] = 1.0
    points -= mean
    points /= spread
    with _one_thread():
        weight, bias = _fit(points, labels, len(classes), settings, progress, cancel)
    scaled = weight / spread
    shift = bias - scaled @ mean
    # A class without a patch was only ever pushed away, and could win far from all patches.
    unseen = np.bincount(labels, minlength=len(classes)) == 0
    scaled[unseen], shift[unseen] = 0.0, _NEVER
    return LinearProbe(scaled, shift)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep steps of a fraction of a millisecond on one thread.

    On a busy machine several threads would wait for one another in each of them: 90 seconds of
    processor time were measured instead of 5.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(
    points: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    n_classes: int,
    settings: ProbeSettings,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    weight = torch.zeros(n_classes, points.shape[1], requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    inputs, targets = torch.from_numpy(points), torch.from_numpy(labels)
    optimiser = torch.optim.Adam([weight, bias], lr=settings.learning_rate)
    for step, batch in enumerate(_batches(len(points), settings)):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(step, settings.steps, "fitting the linear probe")
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * (1 - step / settings.steps)
        optimiser.zero_grad()
        chosen = torch.from_numpy(batch)
        logits = F.linear(inputs[chosen], weight, bias)
        torch.autograd.backward(F.cross_entropy(logits, targets[chosen]))
        optimiser.step()
    progress(settings.steps, settings.steps, "fitting the linear probe")
    return weight.detach().numpy(), bias.detach().numpy()


def _batches(count: int, settings: ProbeSettings) -> Iterator[npt.NDArray[np.int64]]:
    """Yield positions in a random order, none of them twice in a pass."""
    rng = np.random.default_rng(settings.seed)
    order = rng.permutation(count)
    size, start = min(settings.batch, count), 0
    for _ in range(settings.steps):
        if start + size > count:
            order, start = rng.permutation(count), 0
        yield order[start : start + size]
        start += size


def _labelled_patches(
    data: MaskedImages,
    classes: npt.NDArray[np.int64],
    encode: Encode,
    seed: int,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Read codes ``(n, D)`` and classes ``(n,)`` of the patches that have a class."""
    rng = np.random.default_rng(seed)
    labels: list[npt.NDArray[np.int64]] = []
    for done, image in enumerate(data.images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(data.images), "reading training masks")
        grid_shape = data.store.grid_shape(image.content_hash)
        rows = class_rows(data.mask(image), classes)
        labels.append(patch_classes(rows, grid_shape, len(classes)).ravel())
    progress(len(data.images), len(data.images), "reading training masks")
    known = [np.flatnonzero(label >= 0) for label in labels]
    counts = np.array([len(positions) for positions in known])
    if counts.sum() == 0:
        raise MaskError(
            "The linear probe finds no patch with a class in the training masks: they are empty, "
            "or their regions are smaller than half a patch."
        )
    quotas = counts
    if counts.sum() > _MAX_POSITIONS:
        # How a uniform sample without replacement falls on the images.
        quotas = rng.multivariate_hypergeometric(counts, _MAX_POSITIONS, method="marginals")
    points, found = [], []
    for image, label, positions, quota in zip(data.images, labels, known, quotas, strict=True):
        if cancel is not None:
            cancel.raise_if_cancelled()
        if quota < len(positions):
            positions = np.sort(rng.choice(positions, size=quota, replace=False))
        if len(positions):
            tokens = data.store.tokens(image.content_hash)
            points.append(encode(tokens.reshape(-1, tokens.shape[-1])[positions]))
            found.append(label[positions])
    return np.concatenate(points), np.concatenate(found)

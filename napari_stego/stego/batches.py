"""Drawing a step's images, partners and positions, and pushing them through the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_stego.features import Preparation, TokenSet
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.stego.gathering import Gatherer, gatherer, release_memory
from napari_stego.stego.head import StegoHead
from napari_stego.stego.sampling import (
    chosen_images,
    random_coordinates,
    random_partners,
    random_positions,
    sample_bilinear,
)
from napari_stego.stego.settings import StegoSettings


@dataclass(frozen=True)
class Sampled:
    """Features and codes of a batch of images at their sampled positions.

    Attributes
    ----------
    features : torch.Tensor
        ``(B, P, C)``.
    codes : torch.Tensor
        ``(B, P, D)``.
    """

    features: torch.Tensor
    codes: torch.Tensor

    def first(self, count: int) -> Sampled:
        """Keep the first images, without a copy."""
        return Sampled(self.features[:count], self.codes[:count])

    def of(self, images: torch.Tensor) -> Sampled:
        """Choose images by their ``(n,) int64`` places, each as often as it is named."""
        places = images.to(self.codes.device)
        return Sampled(chosen_images(self.features, places), chosen_images(self.codes, places))


@dataclass(frozen=True)
class Draw:
    """One step's images and what they are paired with.

    Attributes
    ----------
    images : Sampled
        The images themselves.
    neighbours : Sampled or None
        A nearest neighbour of each; None where the corpus has one image.
    partners : list of numpy.ndarray
        For each negative, ``(B,) int64`` positions in the batch; empty where
        the corpus has one image.
    """

    images: Sampled
    neighbours: Sampled | None
    partners: list[npt.NDArray[np.int64]]


class BatchSampler:
    """Draws the batch of any step; the same seed and step give the same batch.

    Each image of a step is sampled once, whatever roles it plays: its
    positions, features and codes serve the pair with itself, the one with its
    neighbour, all random pairs in which it is first or second, and those in
    which it is the neighbour of another image of the batch.

    The expected loss is that of positions drawn anew for each pair. A term of
    the loss is a mean over pairs, and the expectation of a sum needs no
    independence between its summands: only the positions within a pair count,
    and these come from two draws, because no image is its own neighbour or its
    own random partner. (The pair of an image with itself has one draw for both
    sides, as in the official code.) With `StegoSettings.centre` one thing
    remains: the mean of feature correspondences that Eq. 3 puts back is taken
    over all pairs of a role, and pairs that share an image are correlated in
    it. For B pairs of P positions that is a covariance of two means over P
    positions, divided by B: of the order of 1 / (B P), which is 0.0003 of the
    covariance of single positions at B = 32 and P = 121.

    Parameters
    ----------
    tokens : TokenSet
        The corpus.
    preparation : Preparation
        Applied to tokens first.
    neighbours : numpy.ndarray
        ``(N, K) int64`` nearest images of each image, never itself.
    settings : StegoSettings
        Batch size, positions, dropout and seed.
    progress : ProgressCallback
        Called once an image if the corpus is moved to the device, which the
        first draw does.
    cancel : CancelToken, optional
        Obeyed meanwhile.
    """

    def __init__(
        self,
        tokens: TokenSet,
        preparation: Preparation,
        neighbours: npt.NDArray[np.int64],
        settings: StegoSettings,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> None:
        self._tokens = tokens
        self._preparation = preparation
        self._neighbours = neighbours
        self._settings = settings
        self._progress = progress
        self._cancel = cancel
        self._gather: Gatherer | None = None
        self._device = torch.device("cpu")

    def draw(self, step: int, head: StegoHead) -> Draw:
        """Draw the batch of a step.

        Parameters
        ----------
        step : int
            Number of the step.
        head : StegoHead
            Makes the codes, on its device; gradients flow into it.

        Returns
        -------
        Draw
            Features without, codes with gradient.

        Raises
        ------
        DamagedStoreError, StegoError
            If tokens cannot be read.
        Cancelled
            If the corpus is being moved to the device and `cancel` is set.
        """
        settings = self._settings
        rng = np.random.default_rng((settings.seed, step))
        size = min(settings.batch_size, len(self._tokens))
        images = rng.choice(len(self._tokens), size=size, replace=False)
        plan = self._plan(images, rng)
        if self._neighbours.shape[1] == 0:
            return Draw(self._sample(plan, head), None, [])
        columns = rng.integers(0, self._neighbours.shape[1], size=size)
        plan = plan.joined(self._plan(self._neighbours[images, columns], rng))
        negatives = settings.negatives if size > 1 else 0
        partners = [random_partners(size, rng) for _ in range(negatives)]
        first, where = _once(plan.images)
        sampled = self._sample(plan.of(first), head)
        return Draw(sampled.first(size), sampled.of(torch.from_numpy(where[size:])), partners)

    def close(self) -> None:
        """Let go of memory on the device. A later draw takes it again."""
        self._gather = None
        release_memory(self._device)

    def _plan(self, images: npt.NDArray[np.int64], rng: np.random.Generator) -> _Plan:
        """Draw positions, and which channels of an image are dropped.

        Channels are dropped for a whole image, drawn apart for each branch and
        the loss, as in the official code. All is drawn by our own generator, so
        that a resumed run draws the same.
        """
        settings = self._settings
        places: list[npt.NDArray[Any]] = []
        masks = []
        for image in images.tolist():
            if settings.sampling == "tokens":
                grid = self._tokens.grid_shape(image)
                places.append(random_positions(grid, settings.positions, rng))
            else:
                masks.append(self._masks(1, rng))
                places.append(random_coordinates(settings.positions, rng))
        if settings.sampling == "tokens":
            masks.append(self._masks(len(images), rng))
        return _Plan(images, np.stack(places), np.concatenate(masks, axis=1))

    def _masks(self, size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        keep = np.float32(1.0 - self._settings.dropout)
        drawn = rng.random((3, size, 1, self._tokens.n_channels), dtype=np.float32)
        return (drawn < keep).astype(np.float32) / keep

    def _sample(self, plan: _Plan, head: StegoHead) -> Sampled:
        if self._settings.sampling == "tokens":
            features = self._features(plan.images, plan.places, head)
            return self._encoded(features, plan, head)
        parts = [self._interpolated(plan.of([index]), head) for index in range(len(plan.images))]
        return Sampled(
            torch.cat([part.features for part in parts]),
            torch.cat([part.codes for part in parts]),
        )

    def _encoded(self, features: torch.Tensor, plan: _Plan, head: StegoHead) -> Sampled:
        """Make codes of ``(B, P, C)`` features, which are changed."""
        if self._settings.dropout == 0:
            return Sampled(features, head(features).float())
        linear, nonlinear, loss = torch.from_numpy(plan.masks).to(features.device)
        codes = head(features * linear, features * nonlinear).float()
        return Sampled(features.mul_(loss), codes)

    def _interpolated(self, plan: _Plan, head: StegoHead) -> Sampled:
        height, width = self._tokens.grid_shape(int(plan.images[0]))
        everywhere = np.arange(height * width)[None]
        whole = self._encoded(self._features(plan.images, everywhere, head), plan, head)
        xy = torch.from_numpy(plan.places).to(whole.features.device)
        return Sampled(
            *(
                sample_bilinear(rows.mT.view(1, -1, height, width), xy)
                for rows in (whole.features, whole.codes)
            )
        )

    def _features(
        self, images: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], head: StegoHead
    ) -> torch.Tensor:
        if self._gather is None:
            self._device = head.linear.weight.device
            self._gather = gatherer(self._tokens, self._device, self._progress, self._cancel)
        return self._preparation.apply_on_device(self._gather(images, positions))


@dataclass(frozen=True)
class _Plan:
    """What is drawn for some images before anything is read.

    Attributes
    ----------
    images : numpy.ndarray
        ``(B,) int64`` indices into the corpus.
    places : numpy.ndarray
        ``(B, P) int64`` positions or ``(B, P, 2) float32`` coordinates.
    masks : numpy.ndarray
        ``(3, B, 1, C) float32`` dropout of the two branches and the loss.
    """

    images: npt.NDArray[np.int64]
    places: npt.NDArray[Any]
    masks: npt.NDArray[np.float32]

    def joined(self, other: _Plan) -> _Plan:
        return _Plan(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.places, other.places]),
            np.concatenate([self.masks, other.masks], axis=1),
        )

    def of(self, chosen: npt.NDArray[np.int64] | list[int]) -> _Plan:
        return _Plan(self.images[chosen], self.places[chosen], self.masks[:, chosen])


def _once(
    images: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Keep the first of equal images.

    Parameters
    ----------
    images : numpy.ndarray
        ``(n,) int64``.

    Returns
    -------
    first : numpy.ndarray
        ``(U,) int64`` indices of those kept, rising.
    where : numpy.ndarray
        ``(n,) int64`` place of each image among those kept.
    """
    _, first, inverse = np.unique(images, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[inverse]

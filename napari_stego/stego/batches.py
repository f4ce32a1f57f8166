"""Drawing a step's images, partners and positions, and pushing them through the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_stego.features import Preparation, TokenSet
from napari_stego.stego.head import StegoHead
from napari_stego.stego.sampling import random_partners, random_positions, sample_bilinear
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

    Parameters
    ----------
    tokens : TokenSet
        The corpus.
    preparation : Preparation
        Applied to tokens first.
    neighbours : numpy.ndarray
        ``(N, K) int64`` nearest images of each image.
    settings : StegoSettings
        Batch size, positions, dropout and seed.
    """

    def __init__(
        self,
        tokens: TokenSet,
        preparation: Preparation,
        neighbours: npt.NDArray[np.int64],
        settings: StegoSettings,
    ) -> None:
        self._tokens = tokens
        self._preparation = preparation
        self._neighbours = neighbours
        self._settings = settings

    def draw(self, step: int, head: StegoHead) -> Draw:
        """Draw the batch of a step.

        Parameters
        ----------
        step : int
            Number of the step.
        head : StegoHead
            Makes the codes; gradients flow into it.

        Returns
        -------
        Draw
            Features without, codes with gradient.
        """
        settings = self._settings
        rng = np.random.default_rng((settings.seed, step))
        size = min(settings.batch_size, len(self._tokens))
        images = rng.choice(len(self._tokens), size=size, replace=False)
        sampled = self._sample(images, head, rng)
        if self._neighbours.shape[1] == 0:
            return Draw(sampled, None, [])
        columns = rng.integers(0, self._neighbours.shape[1], size=size)
        nearest = self._sample(self._neighbours[images, columns], head, rng)
        negatives = settings.negatives if size > 1 else 0
        return Draw(sampled, nearest, [random_partners(size, rng) for _ in range(negatives)])

    def _sample(
        self, images: npt.NDArray[np.int64], head: StegoHead, rng: np.random.Generator
    ) -> Sampled:
        if self._settings.sampling == "bilinear":
            parts = [self._interpolate(int(image), head, rng) for image in images]
            return Sampled(
                torch.cat([part.features for part in parts]),
                torch.cat([part.codes for part in parts]),
            )
        rows = []
        for image in images:
            array = self._tokens[int(image)]
            chosen = random_positions(array.shape[:2], self._settings.positions, rng)
            rows.append(array.reshape(-1, array.shape[-1])[chosen])
        features = self._to_device(np.stack(rows), head)
        linear, nonlinear, loss = self._dropout_masks(len(images), features, rng)
        return Sampled(features * loss, head(features * linear, features * nonlinear))

    def _interpolate(self, image: int, head: StegoHead, rng: np.random.Generator) -> Sampled:
        features = self._to_device(self._tokens[image][None], head)
        linear, nonlinear, loss = self._dropout_masks(1, features, rng)
        codes = head(features * linear[:, None], features * nonlinear[:, None])
        xy = rng.uniform(-1, 1, size=(1, self._settings.positions, 2)).astype(np.float32)
        coordinates = torch.from_numpy(xy).to(features.device)
        return Sampled(
            sample_bilinear(features.permute(0, 3, 1, 2), coordinates) * loss,
            sample_bilinear(codes.permute(0, 3, 1, 2), coordinates),
        )

    def _to_device(self, tokens: npt.NDArray[np.float16], head: StegoHead) -> torch.Tensor:
        return torch.from_numpy(self._preparation.apply(tokens)).to(head.linear.weight.device)

    def _dropout_masks(
        self, size: int, like: torch.Tensor, rng: np.random.Generator
    ) -> list[torch.Tensor]:
        """Drop whole channels of an image, drawn apart for each branch and the loss.

        As in the official code; the masks come from our own generator so that
        a resumed run draws the same ones.
        """
        keep = 1.0 - self._settings.dropout
        shape = (3, size, 1, like.shape[-1])
        masks = (rng.random(shape, dtype=np.float32) < keep).astype(np.float32) / keep
        return list(torch.from_numpy(masks).to(like.device))

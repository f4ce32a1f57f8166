"""Drawing labelled positions for the linear probe of a benchmark."""

from __future__ import annotations

import numpy as np
import torch

from napari_stego.errors import StegoError
from napari_stego.features import Preparation, TokenSet
from napari_stego.stego.head import StegoHead
from napari_stego.stego.probes import TokenLabels
from napari_stego.stego.settings import StegoSettings


class LabelSampler:
    """Draws codes with their classes, of images and positions that have labels.

    These draws are apart from those of the head, whose batches hold positions
    without labels; and codes are made without dropout.

    Parameters
    ----------
    tokens : TokenSet
        The corpus.
    preparation : Preparation
        Applied to tokens first.
    labels : TokenLabels
        The labels; all are looked through once.
    settings : StegoSettings
        Batch size, positions and seed.

    Raises
    ------
    StegoError
        If labels do not fit their image or their number of classes, or there
        are none.
    """

    def __init__(
        self,
        tokens: TokenSet,
        preparation: Preparation,
        labels: TokenLabels,
        settings: StegoSettings,
    ) -> None:
        self._tokens = tokens
        self._preparation = preparation
        self._labels = labels
        self._settings = settings
        self._images = [index for index in range(len(tokens)) if self._usable(index)]
        if not self._images:
            raise StegoError("No image has a labelled position, so there is nothing to probe for.")

    def _usable(self, index: int) -> bool:
        labels = self._labels.of(index)
        grid = self._tokens.grid_shape(index)
        if labels.shape != grid or labels.max(initial=-1) >= self._labels.classes:
            raise StegoError(
                f"The labels of image {index} are {labels.shape} with classes up to "
                f"{labels.max(initial=-1)}, and not {grid} with {self._labels.classes} classes "
                "from 0. Resize them to the grid of its tokens."
            )
        return bool((labels >= 0).any())

    def draw(self, step: int, head: StegoHead) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw the codes and classes of a step.

        Parameters
        ----------
        step : int
            Number of the step.
        head : StegoHead
            Makes the codes.

        Returns
        -------
        codes : torch.Tensor
            ``(n, D)`` without gradient.
        classes : torch.Tensor
            ``(n,) int64``.
        """
        settings = self._settings
        # Three numbers, unlike those of the head's batches: another stream.
        rng = np.random.default_rng((settings.seed, step, 1))
        size = min(settings.batch_size, len(self._images))
        rows, classes = [], []
        for index in rng.choice(self._images, size=size, replace=False).tolist():
            labels = self._labels.of(index).ravel()
            positions = rng.choice(np.flatnonzero(labels >= 0), size=settings.positions)
            rows.append(self._tokens.rows(index, positions))
            classes.append(labels[positions].astype(np.int64))
        device = head.linear.weight.device
        with torch.no_grad():
            tokens = torch.from_numpy(np.concatenate(rows)).to(device)
            codes = head(self._preparation.apply_on_device(tokens))
        return codes, torch.from_numpy(np.concatenate(classes)).to(device)

"""Collecting the sampled tokens of a step on the device of the training."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from napari_stego.features import TokenSet
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_SHARE_OF_DEVICE = 0.5
"""Of the free memory of a device, so that the training and the desktop keep the rest."""


class Gatherer(Protocol):
    """Collects tokens of several images at once."""

    def __call__(
        self, images: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
    ) -> torch.Tensor:
        """Collect tokens.

        Parameters
        ----------
        images : numpy.ndarray
            ``(B,) int64`` indices into the corpus.
        positions : numpy.ndarray
            ``(B, P) int64`` indices into the flattened grid of each image.

        Returns
        -------
        torch.Tensor
            ``(B, P, C) float16`` on the device, valid until the next call.
        """


class HostGatherer:
    """Collects tokens from memory or disk, and moves only those.

    Parameters
    ----------
    tokens : TokenSet
        The corpus.
    device : torch.device
        Where they are wanted.
    """

    def __init__(self, tokens: TokenSet, device: torch.device) -> None:
        self._tokens = tokens
        self._device = device
        self._buffer = torch.empty(0, dtype=torch.float16)

    def __call__(
        self, images: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
    ) -> torch.Tensor:
        """Collect tokens; see `Gatherer`."""
        values = positions.size * self._tokens.n_channels
        if self._buffer.numel() < values:
            # Memory that is new at each step would have to be cleared by the system first.
            pinned = self._device.type == "cuda"
            self._buffer = torch.empty(values, dtype=torch.float16, pin_memory=pinned)
        collected = self._buffer[:values].view(*positions.shape, self._tokens.n_channels)
        for image, where, out in zip(images.tolist(), positions, collected.numpy(), strict=True):
            self._tokens.rows(image, where, out)
        return collected.to(self._device)


class DeviceGatherer:
    """Keeps the tokens of a corpus on the device and collects them there.

    Parameters
    ----------
    tokens : TokenSet
        The corpus.
    device : torch.device
        A device with enough memory.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Raises
    ------
    torch.OutOfMemoryError
        If the device has not enough memory after all.
    Cancelled
        If `cancel` is set.
    """

    def __init__(
        self,
        tokens: TokenSet,
        device: torch.device,
        progress: ProgressCallback = no_progress,
        cancel: CancelToken | None = None,
    ) -> None:
        sizes = [height * width for height, width in map(tokens.grid_shape, range(len(tokens)))]
        shape = (sum(sizes), tokens.n_channels)
        self._table = torch.empty(shape, dtype=torch.float16, device=device)
        self._starts = np.cumsum([0, *sizes[:-1]])
        for index, (start, size) in enumerate(zip(self._starts, sizes, strict=True)):
            if cancel is not None:
                cancel.raise_if_cancelled()
            flat = torch.from_numpy(tokens[index]).view(size, -1)
            self._table[start : start + size].copy_(flat)
            progress(index + 1, len(tokens), "moving features to the device")

    def __call__(
        self, images: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
    ) -> torch.Tensor:
        """Collect tokens; see `Gatherer`."""
        rows = torch.from_numpy(self._starts[images][:, None] + positions)
        return self._table[rows.to(self._table.device)]


def gatherer(
    tokens: TokenSet,
    device: torch.device,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Gatherer:
    """Choose how tokens get to a device.

    Parameters
    ----------
    tokens : TokenSet
        The corpus.
    device : torch.device
        Where they are wanted.
    progress : ProgressCallback
        Called once an image while the corpus is moved.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    Gatherer
        One that keeps the whole corpus on the device if it fits into half of
        the device's free memory, else one that moves what is wanted.

    Raises
    ------
    Cancelled
        If `cancel` is set.
    """
    grids = map(tokens.grid_shape, range(len(tokens)))
    positions = sum(height * width for height, width in grids)
    needed = positions * tokens.n_channels * torch.float16.itemsize
    if needed <= _SHARE_OF_DEVICE * free_memory(device):
        try:
            return DeviceGatherer(tokens, device, progress, cancel)
        except torch.OutOfMemoryError:  # another program was faster
            release_memory(device)
    return HostGatherer(tokens, device)


def free_memory(device: torch.device) -> int:
    """Tell the free memory of a device that has its own.

    Parameters
    ----------
    device : torch.device
        Any.

    Returns
    -------
    int
        Bytes; 0 for the processor and for Apple's chips, which share theirs
        with the `TokenSet`.
    """
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def release_memory(device: torch.device) -> None:
    """Give memory that nothing uses any more back to other programs.

    Parameters
    ----------
    device : torch.device
        Any.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.empty_cache()

"""Reading tokens for training and clustering: prepared, and from memory where they fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import psutil
import torch

from napari_stego.features.segment import DamagedStoreError, check_positions
from napari_stego.features.store import FeatureStore
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_BUDGET_BYTES = 2**29


@dataclass(frozen=True)
class Preparation:
    """What is done to tokens before anything else sees them.

    Attributes
    ----------
    mean : numpy.ndarray, optional
        The corpus mean, ``(C,) float32``, subtracted from each token. Saved
        with the run, so that images added later are prepared alike.
    """

    mean: npt.NDArray[np.float32] | None = None

    def apply(self, tokens: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
        """Prepare tokens.

        Parameters
        ----------
        tokens : numpy.ndarray
            ``(..., C) float16``.

        Returns
        -------
        numpy.ndarray
            ``(..., C) float32``.
        """
        prepared = tokens.astype(np.float32)
        if self.mean is not None:
            prepared -= self.mean
        return prepared

    def apply_on_device(self, tokens: torch.Tensor) -> torch.Tensor:
        """Prepare tokens where they are; the same values as `apply` gives.

        Parameters
        ----------
        tokens : torch.Tensor
            ``(..., C) float16`` on any device.

        Returns
        -------
        torch.Tensor
            ``(..., C) float32`` on the same device.
        """
        prepared = tokens.float()
        if self.mean is not None:
            prepared -= torch.from_numpy(self.mean).to(prepared.device)
        return prepared


class TokenSet:
    """The tokens of a list of images.

    The first images that are read whole and fit into the budget stay in
    memory, those of all others are read from disk whenever they are wanted.
    Nothing is ever dropped for something newer: passes over a corpus larger
    than the memory would then find nothing of what they want next. What is
    returned does not depend on the budget.

    Parameters
    ----------
    store : FeatureStore
        Where the tokens are.
    content_hashes : sequence of str
        The images, each in the store.
    budget_bytes : int, optional
        Memory for tokens. By default 512 MiB, about 900 images of 24 x 32
        tokens of a ViT-S, and at most a quarter of what is available.

    Raises
    ------
    DamagedStoreError
        If the tokens of the images differ in length.
    """

    def __init__(
        self,
        store: FeatureStore,
        content_hashes: Sequence[str],
        budget_bytes: int | None = None,
    ) -> None:
        self._store = store
        self._hashes = tuple(content_hashes)
        if budget_bytes is None:
            budget_bytes = min(_BUDGET_BYTES, psutil.virtual_memory().available // 4)
        self._room = budget_bytes
        self._held: dict[str, npt.NDArray[np.float16]] = {}
        lengths = {store.n_channels(content_hash) for content_hash in self._hashes}
        if len(lengths) > 1:
            raise DamagedStoreError(
                f"The features in {store.folder} do not belong together: their lengths are "
                f"{', '.join(map(str, sorted(lengths)))}. Delete that folder and extract again."
            )

    def __len__(self) -> int:
        return len(self._hashes)

    def __getitem__(self, index: int) -> npt.NDArray[np.float16]:
        """Return ``(h, w, C) float16`` tokens of the image at `index`, not to be changed."""
        content_hash = self._hashes[index]
        tokens = self._held.get(content_hash)
        if tokens is None:
            tokens = self._store.tokens(content_hash)
            if tokens.nbytes <= self._room:
                self._room -= tokens.nbytes
                self._held[content_hash] = tokens
        return tokens

    def __iter__(self) -> Iterator[npt.NDArray[np.float16]]:
        return (self[index] for index in range(len(self)))

    def rows(
        self,
        index: int,
        positions: npt.NDArray[np.int64],
        out: npt.NDArray[np.float16] | None = None,
    ) -> npt.NDArray[np.float16]:
        """Give the tokens at some positions of one image.

        Parameters
        ----------
        index : int
            Which image.
        positions : numpy.ndarray
            ``(n,) int64`` indices into the flattened grid, from 0 to
            ``h * w - 1``, in any order.
        out : numpy.ndarray, optional
            ``(n, C) float16`` to write to.

        Returns
        -------
        numpy.ndarray
            ``(n, C) float16``; `out` if that was given.

        Raises
        ------
        IndexError
            If a position is outside the grid.
        DamagedStoreError, StegoError
            As `FeatureStore.rows`.
        """
        height, width = self.grid_shape(index)
        fits = height * width * self.n_channels * np.dtype(np.float16).itemsize <= self._room
        if not fits and self._hashes[index] not in self._held:
            return self._store.rows(self._hashes[index], positions, out)
        check_positions(positions, height * width)
        flat = self[index].reshape(-1, self.n_channels)
        # The positions are checked; any other mode would write to a buffer first.
        return np.take(flat, positions, axis=0, out=out, mode="clip")

    def grid_shape(self, index: int) -> tuple[int, int]:
        """Tell the token grid ``(h, w)`` of an image without reading its tokens."""
        return self._store.grid_shape(self._hashes[index])

    @property
    def n_channels(self) -> int:
        """Length ``C`` of a token."""
        return self._store.n_channels(self._hashes[0])

    @property
    def content_hashes(self) -> tuple[str, ...]:
        """The images, in order."""
        return self._hashes


def corpus_mean(
    tokens: TokenSet,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Average tokens over the corpus and over each image.

    Parameters
    ----------
    tokens : TokenSet
        N images.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    mean : numpy.ndarray
        ``(C,) float32``, each position of the corpus counted once.
    pooled : numpy.ndarray
        ``(N, C) float32``, the spatial mean of each image.
    """
    total = np.zeros(tokens.n_channels)
    positions = 0
    pooled = np.empty((len(tokens), tokens.n_channels), np.float32)
    for index, array in enumerate(tokens):
        if cancel is not None:
            cancel.raise_if_cancelled()
        rows = array.reshape(-1, array.shape[-1])
        summed = rows.sum(axis=0, dtype=np.float64)
        pooled[index] = summed / len(rows)
        total += summed
        positions += len(rows)
        progress(index + 1, len(tokens), "reading features")
    return (total / positions).astype(np.float32), pooled

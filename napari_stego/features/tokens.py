"""Reading tokens for training and clustering: prepared, and from memory where they fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import psutil

from napari_stego.features.store import FeatureStore
from napari_stego.progress import CancelToken, ProgressCallback, no_progress


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


class TokenSet:
    """The tokens of a list of images.

    Tokens are read from disk at first use and kept in memory up to a budget;
    beyond it those used longest ago are read again when needed.

    Parameters
    ----------
    store : FeatureStore
        Where the tokens are.
    content_hashes : sequence of str
        The images, each in the store.
    budget_bytes : int, optional
        Memory for tokens. By default a quarter of what is available.
    """

    def __init__(
        self,
        store: FeatureStore,
        content_hashes: Sequence[str],
        budget_bytes: int | None = None,
    ) -> None:
        self._store = store
        self._hashes = tuple(content_hashes)
        self._budget = (
            psutil.virtual_memory().available // 4 if budget_bytes is None else budget_bytes
        )
        self._held: OrderedDict[str, npt.NDArray[np.float16]] = OrderedDict()
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._hashes)

    def __getitem__(self, index: int) -> npt.NDArray[np.float16]:
        """Return ``(h, w, C) float16`` tokens of the image at `index`."""
        content_hash = self._hashes[index]
        tokens = self._held.get(content_hash)
        if tokens is not None:
            self._held.move_to_end(content_hash)
            return tokens
        tokens = self._store.tokens(content_hash)
        self._held[content_hash] = tokens
        self._held_bytes += tokens.nbytes
        while self._held_bytes > self._budget and len(self._held) > 1:
            self._held_bytes -= self._held.popitem(last=False)[1].nbytes
        return tokens

    def __iter__(self) -> Iterator[npt.NDArray[np.float16]]:
        return (self[index] for index in range(len(self)))

    @property
    def n_channels(self) -> int:
        """Length ``C`` of a token."""
        return int(self[0].shape[-1])

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

"""Scoring clusters of codes or features against masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import (
    CrfSettings,
    Encode,
    cluster_map,
    refined_cluster_map,
)
from napari_stego.corpus import CorpusImage
from napari_stego.evaluation.masks import class_rows, read_mask
from napari_stego.evaluation.matching import confusion_matrix
from napari_stego.features import FeatureStore
from napari_stego.inference import DenseEncoder
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_PIECE_PIXELS = 1_000_000

MaskReader = Callable[[Path, CorpusImage], npt.NDArray[np.integer]]
"""Reads the class ids ``(H, W)`` of a mask that belongs to an image."""


class PatchScorer(Protocol):
    """Scores each patch for each of K clusters or classes, as `ClusterModel` does."""

    def __len__(self) -> int:
        """K."""

    def scores(self, codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Score codes.

        Parameters
        ----------
        codes : numpy.ndarray
            ``(h, w, D) float32``.

        Returns
        -------
        numpy.ndarray
            ``(h, w, K) float32``; the highest wins.
        """


@dataclass(frozen=True)
class MaskedImages:
    """Images with features and masks; masks stay on disk until they are needed.

    Attributes
    ----------
    store : FeatureStore
        Holds the tokens of the images.
    images : tuple of CorpusImage
        The images.
    masks : mapping of str to Path
        Files of class ids by image name.
    reader : callable
        Reads a mask.
    dense : DenseEncoder, optional
        Makes codes afresh, instead of from the tokens in `store`.
    """

    store: FeatureStore
    images: tuple[CorpusImage, ...]
    masks: Mapping[str, Path]
    reader: MaskReader = read_mask
    dense: DenseEncoder | None = None

    def codes(
        self, image: CorpusImage, encode: Encode, cancel: CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """Make the codes of an image.

        Parameters
        ----------
        image : CorpusImage
            One of `images`.
        encode : callable
            From tokens to codes.
        cancel : CancelToken, optional
            Obeyed while codes are made afresh.

        Returns
        -------
        numpy.ndarray
            ``(h, w, D) float32``, a grid over the image.

        Raises
        ------
        StegoError
            If codes are made afresh and the image cannot be read.
        Cancelled
            If `cancel` is set.
        """
        if self.dense is None:
            return encode(self.store.tokens(image.content_hash))
        return self.dense.codes(image, encode, cancel)

    def mask(self, image: CorpusImage) -> npt.NDArray[np.integer]:
        """Read the class ids of an image.

        Parameters
        ----------
        image : CorpusImage
            One of `images`.

        Returns
        -------
        numpy.ndarray
            ``(H, W)``, as `reader` returns it.

        Raises
        ------
        MaskError
            If the mask cannot be read or does not fit.
        """
        return self.reader(self.masks[image.name], image)


def confusion_with_masks(
    data: MaskedImages,
    classes: npt.NDArray[np.int64],
    models: Sequence[PatchScorer],
    encode: Encode,
    *,
    crf: CrfSettings | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> list[npt.NDArray[np.int64]]:
    """Count pixels by class of the mask and by cluster, at the masks' full size.

    Images, masks and codes are read once for all models.

    Parameters
    ----------
    data : MaskedImages
        Images and masks.
    classes : numpy.ndarray
        Ids of the classes that count, sorted; other ids are ignored.
    models : sequence of PatchScorer
        K clusters, or a linear probe, each.
    encode : callable
        Makes what the models score from tokens.
    crf : CrfSettings, optional
        Refine cluster maps with the dense CRF.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    list of numpy.ndarray
        For each model ``(len(classes), K) int64``.

    Raises
    ------
    MaskError
        If a mask cannot be read or does not fit its image.
    StegoError
        If an image cannot be read, or the CRF library is not installed or fails.
    Cancelled
        If `cancel` is set.
    """
    totals = [np.zeros((len(classes), len(model)), np.int64) for model in models]
    for done, image in enumerate(data.images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(data.images), "scoring")
        codes = data.codes(image, encode, cancel)
        photograph = None if crf is None else image.read()
        mask = data.mask(image)
        for model, total in zip(models, totals, strict=True):
            scores = model.scores(codes)
            if crf is None or photograph is None:
                predicted = cluster_map(scores, (image.height, image.width))
            else:
                predicted = refined_cluster_map(photograph, scores, crf, cancel)
            total += _counts(mask, predicted, classes, len(model))
    progress(len(data.images), len(data.images), "scoring")
    return totals


def _counts(
    mask: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.uint16],
    classes: npt.NDArray[np.int64],
    n_clusters: int,
) -> npt.NDArray[np.int64]:
    """Count in pieces: counting takes many times the memory of the mask."""
    pieces = -(-mask.size // _PIECE_PIXELS)
    counts = np.zeros((len(classes), n_clusters), np.int64)
    for ids, clusters in zip(
        np.array_split(mask.ravel(), pieces),
        np.array_split(predicted.ravel(), pieces),
        strict=True,
    ):
        counts += confusion_matrix(class_rows(ids, classes), clusters, len(classes), n_clusters)
    return counts

"""Scoring clusters of codes or features against masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import (
    ClusterModel,
    CrfSettings,
    Encode,
    cluster_map,
    refined_cluster_map,
)
from napari_stego.corpus import CorpusImage
from napari_stego.evaluation.matching import confusion_matrix
from napari_stego.features import FeatureStore
from napari_stego.progress import CancelToken, ProgressCallback, no_progress


@dataclass(frozen=True)
class MaskedImages:
    """Images with features and masks.

    Attributes
    ----------
    store : FeatureStore
        Holds the tokens of the images.
    images : tuple of CorpusImage
        The images.
    masks : mapping of str to numpy.ndarray
        ``(H, W) int64`` class ids by image name.
    """

    store: FeatureStore
    images: tuple[CorpusImage, ...]
    masks: Mapping[str, npt.NDArray[np.int64]]


def confusion_with_masks(
    data: MaskedImages,
    classes: npt.NDArray[np.int64],
    model: ClusterModel,
    encode: Encode,
    *,
    crf: CrfSettings | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.int64]:
    """Count pixels by class of the mask and by cluster, at the masks' full size.

    Parameters
    ----------
    data : MaskedImages
        Images and masks.
    classes : numpy.ndarray
        Ids of the classes that count, sorted; other ids are ignored.
    model : ClusterModel
        K clusters.
    encode : callable
        Makes what was clustered from tokens.
    crf : CrfSettings, optional
        Refine cluster maps with the dense CRF.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    numpy.ndarray
        ``(len(classes), K) int64``.
    """
    total = np.zeros((len(classes), len(model)), np.int64)
    # Ids become rows of the matrix; what is not among them becomes -1, which is ignored.
    for done, image in enumerate(data.images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(data.images), "scoring")
        scores = model.scores(encode(data.store.tokens(image.content_hash)))
        if crf is None:
            predicted = cluster_map(scores, (image.height, image.width))
        else:
            predicted = refined_cluster_map(image.read(), scores, crf)
        mask = data.masks[image.name]
        rows = np.searchsorted(classes, mask).clip(max=len(classes) - 1)
        rows[classes[rows] != mask] = -1
        total += confusion_matrix(rows, predicted, len(classes), len(model))
    progress(len(data.images), len(data.images), "scoring")
    return total

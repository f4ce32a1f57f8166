"""What masks say about the patches that features are of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import Encode
from napari_stego.evaluation.masks import class_rows
from napari_stego.evaluation.scoring import MaskedImages, PatchScorer
from napari_stego.progress import CancelToken, ProgressCallback, no_progress


def patch_counts(
    rows: npt.NDArray[np.int64], grid_shape: tuple[int, int], n_classes: int
) -> npt.NDArray[np.int64]:
    """Count the pixels of each class in each patch.

    Parameters
    ----------
    rows : numpy.ndarray
        ``(H, W) int64``, the class of each pixel, ``0..n_classes-1``; -1 for none.
    grid_shape : tuple of int
        ``(h, w)`` of the patches. A pixel belongs to the patch that its centre is in.
    n_classes : int
        Number of classes.

    Returns
    -------
    numpy.ndarray
        ``(h, w, n_classes + 1) int64``; the last counts pixels without a class.
    """
    y, x = (
        (2 * np.arange(pixels) + 1) * patches // (2 * pixels)
        for pixels, patches in zip(rows.shape, grid_shape, strict=True)
    )
    n_values = n_classes + 1
    # -1 wraps round to the last column.
    cells = (y[:, None] * grid_shape[1] + x) * n_values + rows % n_values
    counts = np.bincount(cells.ravel(), minlength=grid_shape[0] * grid_shape[1] * n_values)
    return counts.reshape(*grid_shape, n_values)


def patch_classes(
    rows: npt.NDArray[np.int64], grid_shape: tuple[int, int], n_classes: int
) -> npt.NDArray[np.int64]:
    """Find the class that more than half of a patch's pixels have.

    Parameters
    ----------
    rows : numpy.ndarray
        ``(H, W) int64``, as `patch_counts` takes it.
    grid_shape : tuple of int
        ``(h, w)`` of the patches.
    n_classes : int
        Number of classes.

    Returns
    -------
    numpy.ndarray
        ``(h, w) int64``; -1 where no class has more than half of the pixels,
        those without a class counted among them, or where the patch has no pixel.
    """
    counts = patch_counts(rows, grid_shape, n_classes)
    classes = counts[..., :-1]
    clear = 2 * classes.max(axis=-1) > counts.sum(axis=-1)
    return np.where(clear, classes.argmax(axis=-1), -1)


def confusion_by_patch(
    data: MaskedImages,
    classes: npt.NDArray[np.int64],
    model: PatchScorer,
    encode: Encode,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.int64]:
    """Count pixels by class of the mask and by cluster of the patch that they are in.

    Unlike `confusion_with_masks` it interpolates nothing, which takes a small
    part of the time: enough to name clusters, not to score them.

    Parameters
    ----------
    data : MaskedImages
        Images and masks.
    classes : numpy.ndarray
        Ids of the classes that count, sorted; other ids are ignored.
    model : PatchScorer
        K clusters.
    encode : callable
        Makes what the model scores from tokens.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    numpy.ndarray
        ``(len(classes), K) int64``.

    Raises
    ------
    MaskError
        If a mask cannot be read or does not fit its image.
    Cancelled
        If `cancel` is set.
    """
    total = np.zeros((len(classes), len(model)), np.int64)
    for done, image in enumerate(data.images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(data.images), "naming clusters")
        scores = model.scores(encode(data.store.tokens(image.content_hash)))
        rows = class_rows(data.mask(image), classes)
        counts = patch_counts(rows, scores.shape[:2], len(classes))[..., :-1]
        np.add.at(total.T, scores.argmax(axis=-1).ravel(), counts.reshape(-1, len(classes)))
    progress(len(data.images), len(data.images), "naming clusters")
    return total

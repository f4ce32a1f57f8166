"""Moving the borders of classes onto the edges of the photograph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import CrfSettings, refined_cluster_map
from napari_stego.corpus import CorpusImage
from napari_stego.evaluation.patches import patch_counts
from napari_stego.progress import CancelToken
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.teaching_examples import NOT_SAID, is_automatic, said_map

# Classes count in cells; of the longer side of the photograph.
_CELLS = 160


def along_edges(
    segmentation: Segmentation,
    image: CorpusImage,
    crf: CrfSettings,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.uint16]:
    """Label a photograph along its edges.

    The CRF begins with the scores of the clusters. Where classes are not only
    those of clusters, because proposals were accepted, it begins with these
    classes instead. What the user painted or cut out stays as it is.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    image : CorpusImage
        A photograph with features.
    crf : CrfSettings
        Kernels and iterations.
    cancel : CancelToken, optional
        Obeyed meanwhile.

    Returns
    -------
    numpy.ndarray
        ``(H, W) uint16`` class ids.

    Raises
    ------
    StegoError
        If the photograph cannot be read.
    Cancelled
        If `cancel` is set.
    """
    strokes = segmentation.history.state.strokes(image.content_hash)
    if not any(map(is_automatic, strokes)):
        return segmentation.label_image(image, crf, cancel)
    labels = segmentation.label_image(image)
    ids = np.unique(labels)
    longest = max(labels.shape)
    height, width = (max(round(_CELLS * size / longest), 1) for size in labels.shape)
    grid = min(height, labels.shape[0]), min(width, labels.shape[1])
    counts = patch_counts(np.searchsorted(ids, labels), grid, len(ids))[..., :-1]
    scores = counts / counts.sum(axis=-1, keepdims=True)
    moved = ids[refined_cluster_map(image.read(), scores.astype(np.float32), crf, cancel)]
    said = said_map(segmentation, image)
    return moved if said is None else np.where(said == NOT_SAID, moved, labels)

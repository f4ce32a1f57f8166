"""What is shown of an image: the photograph and its clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_stego.classes import ClusterSplit
from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage, ImageReadError
from napari_stego.corpus.enhancement import Enhancement, enhance
from napari_stego.progress import CancelToken
from napari_stego.project import Segmentation


@dataclass(frozen=True)
class Picture:
    """What is shown of an image.

    Attributes
    ----------
    image : CorpusImage
        The image.
    photograph : numpy.ndarray
        ``(H, W, 3) uint8``; black if it cannot be read.
    shown : numpy.ndarray
        ``(H, W, 3) uint8``, enhanced for the eye.
    segmentation : Segmentation, optional
        The clusters in use when it was made.
    clusters : numpy.ndarray, optional
        ``(H, W) uint16``; None if the image has no features.
    splits : tuple of ClusterSplit
        The splits that `clusters` is refined by.
    problem : ImageReadError, optional
        Why the photograph cannot be read.
    """

    image: CorpusImage
    photograph: npt.NDArray[np.uint8]
    shown: npt.NDArray[np.uint8]
    segmentation: Segmentation | None
    clusters: npt.NDArray[np.uint16] | None
    splits: tuple[ClusterSplit, ...]
    problem: ImageReadError | None


def read_picture(
    image: CorpusImage,
    photograph: npt.NDArray[np.uint8] | None,
    segmentation: Segmentation | None,
    crf: CrfSettings | None,
    enhancement: Enhancement,
    token: CancelToken,
) -> Picture:
    """Make what is shown of an image.

    Parameters
    ----------
    image : CorpusImage
        The image.
    photograph : numpy.ndarray, optional
        Its pixels, if they have been read.
    segmentation : Segmentation, optional
        The clusters in use.
    crf : CrfSettings, optional
        Refine clusters along the edges of the photograph.
    enhancement : Enhancement
        How the photograph is shown; clusters never depend on it.
    token : CancelToken
        Ends a refinement.

    Returns
    -------
    Picture
        For the layers.

    Raises
    ------
    StegoError
        If the clusters cannot be made.
    Cancelled
        If `token` is set.
    """
    problem = None
    if photograph is None:
        try:
            photograph = image.read()
        except ImageReadError as error:
            # Its classes can be shown all the same; and never the photograph before it.
            photograph, problem = np.zeros((image.height, image.width, 3), np.uint8), error
    clusters, splits = None, segmentation.table.splits if segmentation is not None else ()
    if segmentation is not None and segmentation.encodings.has(image):
        clusters = segmentation.cluster_map(image, crf, token)
    shown = enhance(photograph, enhancement)
    return Picture(image, photograph, shown, segmentation, clusters, splits, problem)

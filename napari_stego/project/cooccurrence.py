"""How well correspondences tell which places have the same label, for masks or named classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_stego.corpus import CorpusImage
from napari_stego.evaluation import (
    MaskedImages,
    MaskError,
    PairKind,
    PairSettings,
    PrecisionRecall,
    describe_encoded,
    precision_recall,
    sample_pairs,
)
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.encodings import Source
from napari_stego.project.masked_images import classes_in, scored_images
from napari_stego.project.project import Project
from napari_stego.project.segmentation import Segmentation


@dataclass(frozen=True)
class Cooccurrence:
    """Precision and recall of correspondences against label co-occurrence.

    Attributes
    ----------
    curves : dict of Source to dict of PairKind to PrecisionRecall
        Of features and, with a trained head, codes.
    images : int
        Images that pairs were taken from.
    classes : int
        Labels that occur.
    """

    curves: dict[Source, dict[PairKind, PrecisionRecall]]
    images: int
    classes: int


def measure_cooccurrence(
    segmentation: Segmentation,
    project: Project,
    masks: Path | None = None,
    settings: PairSettings | None = None,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Cooccurrence:
    """Compare correspondences with labels: masks of the photographs, or the classes named so far.

    Parameters
    ----------
    segmentation : Segmentation
        The classes.
    project : Project
        Its project.
    masks : Path, optional
        Folder of masks, named as the photographs; by default the classes that
        were named are the truth. As those are made of clusters of the same
        codes, they favour what was clustered.
    settings : PairSettings, optional
        How many pairs, and the seed.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    Cooccurrence
        The curves.

    Raises
    ------
    MaskError
        If there are fewer than two labels.
    StegoError
        If masks are missing or do not fit.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022, Sec. 3.1 and its precision-recall figure.
    """
    if masks is None:
        data, classes = _named(segmentation, project)
    else:
        data = scored_images(project, masks, progress=progress, cancel=cancel)
        classes = classes_in(data, progress, cancel)
    if len(classes) < 2:
        where = "Name two classes at least" if masks is None else f"{masks} holds fewer than two"
        raise MaskError(f"{where}: with fewer labels there is nothing to tell apart.")
    sample = sample_pairs(data, classes, settings, progress=progress, cancel=cancel)
    encodings = segmentation.encodings
    curves = {
        source: precision_recall(
            sample,
            describe_encoded(data, encodings.encode(source)),
            progress=progress,
            cancel=cancel,
        )
        for source in encodings.sources
    }
    return Cooccurrence(curves, len(sample.images), len(np.unique(sample.labels)))


def _named(
    segmentation: Segmentation, project: Project
) -> tuple[MaskedImages, npt.NDArray[np.int64]]:
    """Take the named classes for masks; all else is void."""
    named = np.array(sorted(row.id for row in segmentation.table.rows if row.named), np.int64)
    images = tuple(i for i in project.corpus.images if segmentation.encodings.has(i))

    def read(path: Path, image: CorpusImage) -> npt.NDArray[np.integer]:
        return segmentation.label_image(image)  # of which only the named classes count

    return MaskedImages(project.store, images, {i.name: i.path for i in images}, read), named

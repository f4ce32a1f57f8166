"""Images with features and masks, for an evaluation of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_stego.corpus import Corpus, discover
from napari_stego.errors import StegoError
from napari_stego.evaluation import (
    MaskedDataset,
    MaskedImages,
    MaskError,
    class_ids,
    find_masks,
    read_mask,
)
from napari_stego.features import extract_features
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.detail import backbone_of
from napari_stego.project.project import Project

Masks = Path | MaskedDataset
"""A folder of masks, named as the images; or a split of a data set."""


def scored_images(
    project: Project,
    masks: Masks,
    images: Path | None = None,
    *,
    device: str = "auto",
    weights_file: Path | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> MaskedImages:
    """Collect what is to be scored, and extract the features that are missing.

    Parameters
    ----------
    project : Project
        A project with features.
    masks : Path or MaskedDataset
        The masks; a data set brings its own photographs.
    images : Path, optional
        Folder of the images that a folder of masks belongs to; by default the
        project's own.
    device : str
        Where features are extracted.
    weights_file : Path, optional
        Weights of the backbone, if the project was made with such a file.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    MaskedImages
        Images that could be read.

    Raises
    ------
    StegoError
        If images, features or masks are missing or do not fit.
    Cancelled
        If `cancel` is set.
    """
    if isinstance(masks, MaskedDataset):
        if images is not None:
            raise StegoError("A data set brings its own photographs: leave out the images.")
        crop = "" if masks.centre_crop is None else f"-{masks.centre_crop}"
        folder = project.inside("datasets", f"{masks.name}-{masks.split}{crop}")
        project.check_target(folder)
        corpus, paths = masks.corpus(folder, progress, cancel)
        _extract_beside(project, corpus, device, weights_file, progress, cancel)
        return _with_features(project, corpus, masks, paths)
    corpus = project.corpus
    if images is not None:
        corpus = discover(images, progress, cancel)
        _extract_beside(project, corpus, device, weights_file, progress, cancel)
    return _with_features(project, corpus, masks, find_masks(masks, corpus.images))


def naming_images(project: Project, masks: Masks) -> MaskedImages:
    """Collect the project's own images that have masks.

    Parameters
    ----------
    project : Project
        A project with features.
    masks : Path or MaskedDataset
        The masks; those of a data set are found by the photographs' names.

    Returns
    -------
    MaskedImages
        Images with features and masks.

    Raises
    ------
    StegoError
        If there are none.
    """
    corpus = project.corpus
    if isinstance(masks, MaskedDataset):
        return _with_features(project, corpus, masks, masks.masks_of(corpus.images))
    return _with_features(project, corpus, masks, find_masks(masks, corpus.images))


def classes_in(
    data: MaskedImages,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.int64]:
    """List the classes in masks, which also finds those that cannot be read.

    Parameters
    ----------
    data : MaskedImages
        Images and masks.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    numpy.ndarray
        Sorted ids.

    Raises
    ------
    MaskError
        If a mask cannot be read or does not fit.
    Cancelled
        If `cancel` is set.
    """

    def masks() -> Iterator[npt.NDArray[np.integer]]:
        for done, image in enumerate(data.images):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(data.images), "reading masks")
            yield data.mask(image)

    return class_ids(masks())


def _with_features(
    project: Project, corpus: Corpus, masks: Masks, paths: dict[str, Path]
) -> MaskedImages:
    store = project.store
    images = tuple(
        image for image in corpus.images if image.name in paths and image.content_hash in store
    )
    if not images:
        raise MaskError(
            f"No image with a mask in {masks.name if isinstance(masks, MaskedDataset) else masks} "
            "has features: none could be read."
        )
    reader = masks.read_mask if isinstance(masks, MaskedDataset) else read_mask
    return MaskedImages(store, images, paths, reader)


def _extract_beside(
    project: Project,
    corpus: Corpus,
    device: str,
    weights_file: Path | None,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> None:
    """Extract images that are scored but are no part of the project's corpus."""
    store = project.store
    features = project.state.features
    assert features is not None  # the store has been opened with them
    if all(image.content_hash in store for image in corpus.images):
        return
    backbone = backbone_of(
        features, device=device, weights_file=weights_file, progress=progress, cancel=cancel
    )
    # Crops are for training only.
    whole = features.settings.model_copy(update={"crops": "none"})
    extract_features(corpus, store, backbone, whole, progress=progress, cancel=cancel)

"""Scoring a project against masks, beside k-means on its raw features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_stego.backbones import load_backbone
from napari_stego.clustering import ClusterSettings, CrfSettings, Encode, fit_clusters
from napari_stego.corpus import Corpus, discover
from napari_stego.errors import StegoError
from napari_stego.evaluation import (
    VOID,
    MaskedImages,
    MaskError,
    Scores,
    class_ids,
    confusion_with_masks,
    find_masks,
    hungarian_scores,
    majority_names,
    named_scores,
)
from napari_stego.features import FeatureStore, Preparation, extract_features
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.project import Project
from napari_stego.stego import load_run


@dataclass(frozen=True)
class EvaluationRow:
    """Scores of one way to make clusters.

    Attributes
    ----------
    name : str
        What was clustered.
    matched : Scores
        K equal to the number of classes, matched to them one to one.
    named : Scores or None
        More clusters, each named by the majority class of the naming masks.
    """

    name: str
    matched: Scores
    named: Scores | None


@dataclass(frozen=True)
class Evaluation:
    """A project's scores.

    Attributes
    ----------
    images : int
        Images with masks.
    classes : numpy.ndarray
        Ids of the classes in the masks.
    rows : tuple of EvaluationRow
        Codes of the run, where there is one, and raw features.
    """

    images: int
    classes: npt.NDArray[np.int64]
    rows: tuple[EvaluationRow, ...]


def evaluate(
    project: Project,
    masks: Path,
    images: Path | None = None,
    *,
    naming_masks: Path | None = None,
    named_clusters: int = 64,
    seed: int = 0,
    crf: CrfSettings | None = None,
    device: str = "auto",
    weights_file: Path | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Score the project's codes and raw features against masks.

    Clusters are fitted on the project's corpus; masks only score. Accuracy and
    mIoU follow Hungarian matching of as many clusters as there are classes.

    Parameters
    ----------
    project : Project
        A project with features; with a run, its codes are scored too.
    masks : Path
        Folder of masks, named as the images.
    images : Path, optional
        Folder of the images that the masks belong to; by default the
        project's own.
    naming_masks : Path, optional
        Masks of the project's own images. With them, `named_clusters`
        clusters are named by their majority class there and scored too.
    named_clusters : int
        K for naming.
    seed : int
        Of k-means.
    crf : CrfSettings, optional
        Refine cluster maps before scoring.
    device : str
        Where the features of `images` are extracted.
    weights_file : Path, optional
        Weights of the backbone, if the project was made with such a file.
    progress : ProgressCallback
        Called once an image and stage.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    Evaluation
        The scores.

    Raises
    ------
    StegoError
        If features or masks are missing or do not fit.
    Cancelled
        If `cancel` is set.
    """
    tokens = project.tokens()
    store = project.store
    corpus = project.corpus
    if images is not None:
        corpus = discover(images, progress, cancel)
        _extract_beside(project, corpus, store, device, weights_file, progress, cancel)
    scored = _masked_images(store, corpus, masks)
    classes = _classes(scored, progress, cancel)
    if len(classes) == 0:
        raise MaskError(f"The masks in {masks} hold no class: all of their pixels are {VOID}.")
    naming = None
    if naming_masks is not None:
        naming = _masked_images(store, project.corpus, naming_masks)
        classes = np.union1d(classes, _classes(naming, progress, cancel))
    if len(classes) < 2:
        raise MaskError(
            f"The masks in {masks} hold one class only; there is nothing to tell apart."
        )

    def score(encode: Encode) -> tuple[Scores, Scores | None]:
        def confusion(data: MaskedImages, k: int) -> npt.NDArray[np.int64]:
            return confusion_with_masks(
                data, classes, models[k], encode, crf=crf, progress=progress, cancel=cancel
            )

        wanted = [len(classes)] + ([named_clusters] if naming is not None else [])
        models = {
            k: fit_clusters(
                tokens, encode, ClusterSettings(clusters=k, seed=seed), progress, cancel
            )
            for k in wanted
        }
        matched = hungarian_scores(confusion(scored, len(classes)))
        if naming is None:
            return matched, None
        names = majority_names(confusion(naming, named_clusters))
        return matched, named_scores(confusion(scored, named_clusters), names)

    rows = [EvaluationRow(name, *score(encode)) for name, encode in _contenders(project).items()]
    return Evaluation(len(scored.images), classes, tuple(rows))


def _contenders(project: Project) -> dict[str, Encode]:
    contenders: dict[str, Encode] = {}
    if project.state.run is not None:
        run = load_run(project.run_path)[0]
        contenders["STEGO codes"] = run.encode
        if run.preparation.mean is not None:
            contenders["raw features, corpus mean subtracted"] = run.preparation.apply
    contenders["raw features"] = Preparation().apply
    return contenders


def _masked_images(store: FeatureStore, corpus: Corpus, folder: Path) -> MaskedImages:
    paths = find_masks(folder, corpus.images)
    images = tuple(
        image for image in corpus.images if image.name in paths and image.content_hash in store
    )
    if not images:
        raise MaskError(f"No image with a mask in {folder} has features: none could be read.")
    return MaskedImages(store, images, paths)


def _classes(
    data: MaskedImages, progress: ProgressCallback, cancel: CancelToken | None
) -> npt.NDArray[np.int64]:
    """List the classes in the masks, which also finds those that cannot be read."""

    def masks() -> Iterator[npt.NDArray[np.integer]]:
        for done, image in enumerate(data.images):
            if cancel is not None:
                cancel.raise_if_cancelled()
            progress(done, len(data.images), "reading masks")
            yield data.mask(image)

    return class_ids(masks())


def _extract_beside(
    project: Project,
    corpus: Corpus,
    store: FeatureStore,
    device: str,
    weights_file: Path | None,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> None:
    """Extract images that are scored but are no part of the project's corpus."""
    features = project.state.features
    assert features is not None  # the store has been opened with them
    if all(image.content_hash in store for image in corpus.images):
        return
    backbone = load_backbone(
        features.settings.backbone,
        weights_file=weights_file,
        device=device,
        progress=progress,
        cancel=cancel,
    )
    if backbone.weights_sha256 != features.weights_sha256:
        raise StegoError(
            "The backbone's weights are not those that the project's features were made with. "
            "Name the same file with --weights."
        )
    extract_features(corpus, store, backbone, features.settings, progress=progress, cancel=cancel)

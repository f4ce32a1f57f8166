"""Scoring a project against masks, beside k-means on its raw features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_stego.clustering import (
    ClusterModel,
    ClusterSettings,
    CrfSettings,
    Encode,
    fit_clusters,
    merge_tree,
)
from napari_stego.errors import StegoError
from napari_stego.evaluation import (
    VOID,
    Evaluation,
    EvaluationRow,
    LinearProbe,
    MaskedDataset,
    MaskedImages,
    MaskError,
    PairSample,
    PairSettings,
    PatchScorer,
    ProbeSettings,
    confusion_by_patch,
    confusion_with_masks,
    describe_encoded,
    describe_refined,
    fit_linear_probe,
    hungarian_scores,
    majority_names,
    many_to_one_scores,
    named_scores,
    precision_recall,
    sample_pairs,
)
from napari_stego.features import Preparation, TokenSet, corpus_mean
from napari_stego.inference import Detail
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.detail import dense_encoder
from napari_stego.project.masked_images import Masks, classes_in, naming_images, scored_images
from napari_stego.project.project import Project
from napari_stego.stego import load_run

__all__ = ["Evaluation", "EvaluationRow", "evaluate"]


def evaluate(
    project: Project,
    masks: Masks,
    images: Path | None = None,
    *,
    naming_masks: Masks | None = None,
    named_clusters: int = 64,
    linear_probe: bool = False,
    curves: bool = False,
    raw: bool = True,
    seed: int = 0,
    crf: CrfSettings | None = None,
    detail: Detail = "as-extracted",
    device: str = "auto",
    weights_file: Path | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Score the project's codes and raw features against masks.

    Clusters are fitted on the project's corpus; masks only score. As many
    clusters as there are classes are matched to them, one to one (Hungarian)
    and each to its commonest class (many to one).

    Parameters
    ----------
    project : Project
        A project with features; with a run, its codes are scored too.
    masks : Path or MaskedDataset
        Folder of masks, named as the images; or a split of a data set, which
        brings its photographs and classes.
    images : Path, optional
        Folder of the images that a folder of masks belongs to; by default the
        project's own.
    naming_masks : Path or MaskedDataset, optional
        Masks of the project's own images. With them, `named_clusters`
        clusters are named by their majority class there and scored too; and,
        without names, joined along their merge tree to as many parts as there
        are classes.
    named_clusters : int
        K for naming.
    linear_probe : bool
        Fit a linear classifier with the naming masks too, and score it.
    curves : bool
        Compare correspondences with label co-occurrence; with a CRF also
        those of the refined cluster probabilities.
    raw : bool
        Score the raw features, too.
    seed : int
        Of k-means, the linear probe and the pairs compared.
    crf : CrfSettings, optional
        Refine cluster maps, and those of the linear probe, before scoring.
    detail : str
        How finely the scored images are encoded, one of
        `napari_stego.inference.DETAILS`; codes and raw features alike.
    device : str
        Where features are extracted that the project does not have.
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
        If features or masks are missing or do not fit, or a linear probe is
        asked for without naming masks, or nothing but codes without a run.
    Cancelled
        If `cancel` is set.
    """
    if linear_probe and naming_masks is None:
        raise StegoError(
            "A linear probe learns from masks of the project's own images: give naming masks too."
        )
    if not raw and project.state.run is None:
        raise StegoError("No run was trained yet: there are no codes to score. Train first.")
    tokens = project.tokens()
    naming = naming_images(project, naming_masks) if naming_masks is not None else None
    scored = scored_images(
        project,
        masks,
        images,
        device=device,
        weights_file=weights_file,
        progress=progress,
        cancel=cancel,
    )
    assert project.state.features is not None  # there are tokens
    dense = dense_encoder(
        project.state.features,
        detail,
        device=device,
        weights_file=weights_file,
        progress=progress,
        cancel=cancel,
    )
    scored = replace(scored, dense=dense)
    classes = _classes(masks, scored, naming, progress, cancel)
    pairs = None
    if curves:
        settings = PairSettings(seed=seed)
        pairs = sample_pairs(scored, classes, settings, progress=progress, cancel=cancel)
    scoring = _Scoring(tokens, scored, naming, classes, seed, crf, progress, cancel)
    rows = tuple(
        scoring.row(name, encode, named_clusters, linear_probe, pairs)
        for name, encode in _contenders(project, tokens, raw, progress, cancel).items()
    )
    dataset = masks if isinstance(masks, MaskedDataset) else None
    return Evaluation(
        images=len(scored.images),
        classes=classes,
        rows=rows,
        class_names=dataset.class_names if dataset else tuple(map(str, classes.tolist())),
        named_clusters=None if naming is None else named_clusters,
        dataset=dataset.name if dataset else None,
        left_out=dataset.left_out if dataset else (),
        conditions=_conditions(project, tokens, masks, seed, crf, detail, naming),
    )


@dataclass(frozen=True)
class _Scoring:
    """What all rows of an evaluation have in common."""

    tokens: TokenSet
    scored: MaskedImages
    naming: MaskedImages | None
    classes: npt.NDArray[np.int64]
    seed: int
    crf: CrfSettings | None
    progress: ProgressCallback
    cancel: CancelToken | None

    def row(
        self,
        name: str,
        encode: Encode,
        named_clusters: int,
        linear_probe: bool,
        pairs: PairSample | None,
    ) -> EvaluationRow:
        model = self._clusters(encode, len(self.classes))
        models: list[PatchScorer] = [model]
        if self.naming is not None:
            fine = self._clusters(encode, named_clusters)
            models.append(fine)
            if linear_probe:
                models.append(self._linear_probe(self.naming, encode))
        confusion, *others = confusion_with_masks(
            self.scored,
            self.classes,
            models,
            encode,
            crf=self.crf,
            progress=self.progress,
            cancel=self.cancel,
        )
        named = joined = probe = plain = refined = None
        if self.naming is not None:
            joined = hungarian_scores(joined_along_tree(others[0], fine))
            named = named_scores(others[0], self._names(self.naming, fine, encode))
            if linear_probe:
                probe = named_scores(others[1], np.arange(len(self.classes)))
        if pairs is not None:
            describe = describe_encoded(self.scored, encode)
            plain = precision_recall(pairs, describe, progress=self.progress, cancel=self.cancel)
        if pairs is not None and self.crf is not None:
            describe = describe_refined(self.scored, encode, model, self.crf, self.cancel)
            refined = precision_recall(pairs, describe, progress=self.progress, cancel=self.cancel)
        return EvaluationRow(
            name=name,
            matched=hungarian_scores(confusion),
            named=named,
            many_to_one=many_to_one_scores(confusion),
            joined=joined,
            linear_probe=probe,
            curves=plain,
            refined_curves=refined,
        )

    def _clusters(self, encode: Encode, k: int) -> ClusterModel:
        settings = ClusterSettings(clusters=k, seed=self.seed)
        return fit_clusters(self.tokens, encode, settings, self.progress, self.cancel)

    def _names(
        self, naming: MaskedImages, model: PatchScorer, encode: Encode
    ) -> npt.NDArray[np.int64]:
        counts = confusion_by_patch(
            naming, self.classes, model, encode, progress=self.progress, cancel=self.cancel
        )
        return majority_names(counts)

    def _linear_probe(self, naming: MaskedImages, encode: Encode) -> PatchScorer:
        probe = fit_linear_probe(
            naming,
            self.classes,
            encode,
            ProbeSettings(seed=self.seed),
            progress=self.progress,
            cancel=self.cancel,
        )
        return probe if self.crf is None else _Softened(probe, self.crf.sharpness)


@dataclass(frozen=True)
class _Softened:
    """A linear probe for the CRF, which sharpens scores as if they were cosines.

    Its scores are log-odds already.
    """

    probe: LinearProbe
    sharpness: float

    def __len__(self) -> int:
        return len(self.probe)

    def scores(self, codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return self.probe.scores(codes) / np.float32(self.sharpness)


def joined_along_tree(
    confusion: npt.NDArray[np.int64], fine: ClusterModel
) -> npt.NDArray[np.int64]:
    """Join the clusters of a confusion matrix until there are as many as classes.

    Parameters
    ----------
    confusion : numpy.ndarray
        ``(C, K) int64`` pixels of each class in each cluster.
    fine : ClusterModel
        The K clusters.

    Returns
    -------
    numpy.ndarray
        ``(C, min(C, K)) int64``.
    """
    parts = merge_tree(fine).cut_into(min(len(confusion), len(fine)))
    return np.stack([confusion[:, parts == part].sum(axis=1) for part in np.unique(parts)], axis=1)


def _contenders(
    project: Project,
    tokens: TokenSet,
    raw: bool,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> dict[str, Encode]:
    contenders: dict[str, Encode] = {}
    if project.state.run is not None:
        contenders["STEGO codes"] = load_run(project.run_path)[0].encode
        if not raw:
            return contenders
    mean = corpus_mean(tokens, progress, cancel)[0]
    contenders["raw features, corpus mean subtracted"] = Preparation(mean).apply
    contenders["raw features"] = Preparation().apply
    return contenders


def _classes(
    masks: Masks,
    scored: MaskedImages,
    naming: MaskedImages | None,
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> npt.NDArray[np.int64]:
    if isinstance(masks, MaskedDataset):
        return np.arange(len(masks.class_names))
    classes = classes_in(scored, progress, cancel)
    if len(classes) == 0:
        raise MaskError(f"The masks in {masks} hold no class: all of their pixels are {VOID}.")
    if naming is not None:
        classes = np.union1d(classes, classes_in(naming, progress, cancel))
    if len(classes) < 2:
        raise MaskError(
            f"The masks in {masks} hold one class only; there is nothing to tell apart."
        )
    return classes


def _conditions(
    project: Project,
    tokens: TokenSet,
    masks: Masks,
    seed: int,
    crf: CrfSettings | None,
    detail: Detail,
    naming: MaskedImages | None,
) -> dict[str, Any]:
    features = project.state.features
    assert features is not None  # there are tokens
    conditions: dict[str, Any] = {
        "features": features.settings.model_dump(),
        "training images": len(tokens),
        "seed": seed,
        "crf": None if crf is None else crf.model_dump(),
        "detail": detail,
    }
    if isinstance(masks, MaskedDataset):
        conditions |= {"split": masks.split, "centre crop": masks.centre_crop}
    if naming is not None:
        conditions["images with naming masks"] = len(naming.images)
    return conditions

"""Choosing the layer and the run of a project without labels, and judging the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, TypeAdapter

from napari_stego.backbones import Layer, load_backbone
from napari_stego.clustering import Encode
from napari_stego.corpus import ImageReadError
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings, Preparation, TokenSet
from napari_stego.files import write_json
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.project import Project, ProjectError, result_key
from napari_stego.project.stages import train
from napari_stego.selection import (
    LayerScores,
    QualityPlan,
    Trial,
    Verdict,
    choose_layer,
    judge,
    measure_quality,
    variations,
)
from napari_stego.stego import (
    HistogramObserver,
    RunObserver,
    StegoRun,
    StegoSettings,
    StepObserver,
    load_run,
)
from napari_stego.untrusted import read_json

LAYER_IMAGES = 60
"""Images that a layer is chosen on."""

QUALITY_IMAGES = 90
"""Images that a quality is measured on."""

_LAYER_POSITIONS = 256
_MAX_BYTES = 100_000
_VERDICT = TypeAdapter(Verdict)
_Item = TypeVar("_Item")


class _SavedScores(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: tuple[tuple[Layer, float], ...]


def score_layers(
    project: Project,
    settings: FeatureSettings,
    *,
    weights_file: Path | None = None,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> LayerScores[Layer]:
    """Score all layers of a backbone on some of the project's photographs.

    One pass of at most 60 photographs, spread evenly over the corpus. What was
    scored before is remembered in the project, if it can be written.

    Parameters
    ----------
    project : Project
        A project with photographs.
    settings : FeatureSettings
        Backbone, facet and size; the layer does not matter.
    weights_file : Path, optional
        Weights of the backbone; by default they are found as `resolve_weights` does.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    progress : ProgressCallback
        Called once a photograph, then once a layer.
    cancel : CancelToken, optional
        Obeyed between photographs and layers.

    Returns
    -------
    LayerScores
        Scores; ``.best`` is the layer to use.

    Raises
    ------
    StegoError
        If there are no weights, or no photograph can be read.
    Cancelled
        If `cancel` is set.
    """
    corpus = project.corpus
    unique = list({image.content_hash: image for image in corpus.images}.values())
    images = _spread(unique, LAYER_IMAGES)
    backbone = load_backbone(
        settings.backbone,
        weights_file=weights_file,
        device=device,
        progress=progress,
        cancel=cancel,
    )
    identity = settings.model_dump(exclude={"layer", "crops"})
    key = result_key(identity, backbone.weights_sha256, [image.content_hash for image in images])
    path = project.choice_file("layers", key)
    saved = _saved(path)
    if saved is not None:
        return saved
    layers: list[Layer] = [*range(backbone.spec.depth)]
    if settings.facet == "tokens":
        layers.append("final")
    rng = np.random.default_rng(0)
    parts: dict[Layer, list[npt.NDArray[np.float16]]] = {layer: [] for layer in layers}
    for done, image in enumerate(images):
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(done, len(images), "choosing a layer")
        try:
            pixels = image.read()
        except ImageReadError:
            continue  # extraction tells of it
        grid = backbone.grid_shape(image.height, image.width, settings.long_side)
        encoded = backbone.encode(backbone.resize(pixels, grid)[None], layers, settings.facet)
        positions = rng.permutation(grid[0] * grid[1])[:_LAYER_POSITIONS]
        for layer, tokens in zip(layers, encoded, strict=True):
            parts[layer].append(tokens.reshape(-1, tokens.shape[-1])[positions])
    if not parts[layers[0]]:
        raise StegoError("None of the photographs can be decoded, so no layer can be chosen.")
    # Layers of different length (SAM's neck) take part alike: only clusters and variances count.
    tokens_of = {layer: np.concatenate(rows).astype(np.float32) for layer, rows in parts.items()}
    scores = choose_layer(tokens_of, progress=progress, cancel=cancel)
    if not project.read_only:
        write_json(path, _SavedScores(scores=tuple(scores.scores.items())).model_dump(mode="json"))
    return scores


def _spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """Pick items at even distances: neighbours in a corpus are often alike."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]


def _saved(path: Path) -> LayerScores[Layer] | None:
    try:
        saved = _SavedScores.model_validate_json(read_json(path, _MAX_BYTES))
    except (OSError, ValueError):
        return None
    return LayerScores(dict(saved.scores)) if saved.scores else None


def judge_run(
    project: Project,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
    *,
    run: str | None = None,
) -> Verdict | None:
    """Tell whether a run makes better clusters than the project's raw features.

    What was found before is remembered in the project, if it can be written.

    Parameters
    ----------
    project : Project
        A project with features and a run on them.
    progress : ProgressCallback
        Called once an image, then once a fit.
    cancel : CancelToken, optional
        Obeyed between them.
    run : str, optional
        Key of a run on the project's features; by default that trained last.

    Returns
    -------
    Verdict or None
        None if the project has fewer than 3 images: nothing can be told.

    Raises
    ------
    StegoError
        If features or the run are missing.
    Cancelled
        If `cancel` is set.
    """
    sample = _sample(project)
    if len(sample) < 3:
        return None
    path = _verdict_file(project, sample, run or project.state.run)
    saved = _saved_verdict(path)
    if saved is not None:
        return saved
    judged = load_run(project.run_file(run) if run else project.run_path)[0]
    plan = _plan(sample)
    codes = _encoded(sample, judged.encode, progress, cancel)
    features = _encoded(sample, Preparation().apply, progress, cancel)
    verdict = replace(judge(codes, features, plan, progress, cancel), collapsed=judged.collapsed)
    if not project.read_only:
        write_json(path, asdict(verdict))
    return verdict


def remembered_verdict(project: Project, run: str) -> Verdict | None:
    """Tell what `judge_run` found of a run, without judging it now.

    Parameters
    ----------
    project : Project
        A project with features.
    run : str
        Key of a run on them.

    Returns
    -------
    Verdict or None
        None if it was not judged, or photographs have come since that have no
        features yet.
    """
    try:
        sample = _sample(project)
    except ProjectError:
        return None
    return _saved_verdict(_verdict_file(project, sample, run))


def _verdict_file(project: Project, sample: TokenSet, run: str | None) -> Path:
    return project.choice_file("verdict", result_key(list(sample.content_hashes), run))


def _saved_verdict(path: Path) -> Verdict | None:
    try:
        return _VERDICT.validate_json(read_json(path, _MAX_BYTES))
    except (OSError, ValueError):
        return None


def train_best(
    project: Project,
    settings: StegoSettings,
    trials: int,
    *,
    device: str = "auto",
    on_step: StepObserver | None = None,
    on_histograms: HistogramObserver | None = None,
    on_look: RunObserver | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[StegoRun, tuple[Trial, ...]]:
    """Train several heads and make the one with the best clusters the project's.

    They differ in seed and D (`variations`) and are compared by
    `measure_quality`, which knows no labels. All are kept in the project.

    Parameters
    ----------
    project : Project
        A project with features of 3 images at least.
    settings : StegoSettings
        Of the first.
    trials : int
        How many.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    on_step : callable, optional
        Receives the `StepRecord` of each step.
    on_histograms : callable, optional
        Receives `CorrespondenceHistograms` now and then.
    on_look : callable, optional
        Receives the half-trained `StegoRun` now and then, to look at.
    progress : ProgressCallback
        Called after each step.
    cancel : CancelToken, optional
        Obeyed between steps; what is finished is kept.

    Returns
    -------
    run : StegoRun
        The best.
    trials : tuple of Trial
        All, the best first, those that collapsed last.

    Raises
    ------
    StegoError
        If features are missing, or of too few images.
    Cancelled
        If `cancel` is set. The project keeps its earlier run.
    """
    sample = _sample(project)
    if len(sample) < 3:
        raise StegoError("Choosing among trials needs 3 photographs. Train once, without trials.")
    plan = _plan(sample)
    project.check_writable()
    before = project.state.run
    found: list[Trial] = []
    runs: dict[str, StegoRun] = {}
    try:
        for number, candidate in enumerate(variations(settings, trials), start=1):
            name = f"trial {number} of {trials}"

            def told(done: int, total: int, message: str, name: str = name) -> None:
                progress(done, total, f"{name}: {message}")

            run = train(
                project,
                candidate,
                device=device,
                on_step=on_step,
                on_histograms=on_histograms,
                on_look=on_look,
                progress=told,
                cancel=cancel,
            )
            key = project.state.run
            assert key is not None  # it has just been trained
            if candidate != settings:
                write_json(project.choice_file("asked", key), settings.dim)
            quality = measure_quality(_encoded(sample, run.encode), plan, told, cancel)
            found.append(Trial(candidate, key, quality))
            runs[key] = run
    except BaseException:
        project.update(run=before)
        raise
    found.sort(key=lambda trial: (runs[trial.run].collapsed, -trial.quality.value))
    project.update(run=found[0].run)
    return runs[found[0].run], tuple(found)


def settings_asked_for(project: Project, settings: StegoSettings) -> StegoSettings:
    """Take back what `train_best` varied in the run trained last, but for the seed.

    Parameters
    ----------
    project : Project
        A project with a run.
    settings : StegoSettings
        Of that run.

    Returns
    -------
    StegoSettings
        The same; of a trial with the D that was asked for.

    Raises
    ------
    ProjectError
        If the project holds a link where a file should be.
    """
    path = project.choice_file("asked", str(project.state.run))
    try:
        dim = json.loads(read_json(path, _MAX_BYTES))
        return StegoSettings.model_validate(settings.model_dump(by_alias=True) | {"dim": dim})
    except (OSError, ValueError):
        return settings


def _sample(project: Project) -> TokenSet:
    """Take some images of the corpus, at even distances."""
    hashes = project.tokens().content_hashes
    return TokenSet(project.store, _spread(hashes, QUALITY_IMAGES))


def _plan(sample: TokenSet) -> QualityPlan:
    return QualityPlan.draw([sample.grid_shape(index) for index in range(len(sample))])


def _encoded(
    sample: TokenSet,
    encode: Encode,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> npt.NDArray[np.float32]:
    parts = []
    for index, tokens in enumerate(sample):
        if cancel is not None:
            cancel.raise_if_cancelled()
        codes = encode(tokens)
        parts.append(codes.reshape(-1, codes.shape[-1]))
        progress(index + 1, len(sample), "measuring quality")
    return np.concatenate(parts)

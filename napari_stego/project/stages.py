"""The stages of a project, in order: features, run, clusters.

Each takes the project, does its work in resumable pieces, and only then makes
the result the project's. What is there already is not done again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors.numpy import save_file

from napari_stego.backbones import load_backbone, pick_device
from napari_stego.clustering import ClusterModel, ClusterSettings, fit_clusters
from napari_stego.corpus import Corpus, discover
from napari_stego.errors import StegoError
from napari_stego.features import (
    ExtractionReport,
    FeatureSettings,
    extract_features,
)
from napari_stego.files import replacing
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.project.carrying import (
    edits_put_away,
    is_untouched,
    next_id_beyond,
    start_classes,
)
from napari_stego.project.clusters_file import load_clusters
from napari_stego.project.edits_file import EDITS_FILE, OLD_FILE
from napari_stego.project.encodings import encoder
from napari_stego.project.project import Project, result_key
from napari_stego.project.run_record import record_run
from napari_stego.project.state import FeaturesRecord, ResultRecord, SkippedRecord
from napari_stego.stego import (
    HistogramObserver,
    OfficialStego,
    RunObserver,
    StegoRun,
    StegoSettings,
    StepObserver,
    save_run,
    train_stego,
)


def open_photographs(
    folder: Path,
    images: Path,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Project:
    """Open a project, or make one, and give it the photographs of a folder.

    Parameters
    ----------
    folder : Path
        The project folder. It is not made if there are no photographs.
    images : Path
        Folder of photographs, or one photograph.
    progress : ProgressCallback
        Called once a file.
    cancel : CancelToken, optional
        Obeyed between files.

    Returns
    -------
    Project
        The project.

    Raises
    ------
    StegoError
        If there are no photographs, or the project cannot be read or written.
    Cancelled
        If `cancel` is set.
    """
    project = Project.open(folder) if Project.exists(folder) else None
    corpus = discover(images, progress, cancel, known=_known(project))
    project = project or Project.create(folder)
    project.set_corpus(corpus)
    return project


def _known(project: Project | None) -> Corpus | None:
    """Give what the project knows of its files, so that they are not all read again."""
    return project.corpus if project is not None and project.state.images else None


def extract(
    project: Project,
    settings: FeatureSettings,
    images: Path | None = None,
    *,
    weights_file: Path | None = None,
    device: str = "auto",
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ExtractionReport:
    """Extract the features of the project's images.

    Parameters
    ----------
    project : Project
        The project.
    settings : FeatureSettings
        Backbone, layer and size.
    images : Path, optional
        Folder of photographs to make the project's corpus; by default the
        corpus stays as it is.
    weights_file : Path, optional
        Weights of the backbone; by default they are found as `resolve_weights` does.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    progress : ProgressCallback
        Called after each batch.
    cancel : CancelToken, optional
        Obeyed between batches; finished images are kept.

    Returns
    -------
    ExtractionReport
        Counts, and the images whose pixels could not be read.

    Raises
    ------
    StegoError
        If there are no images, no weights, or the folder cannot be written.
    Cancelled
        If `cancel` is set.
    """
    project.check_writable()
    if images is not None:
        project.set_corpus(discover(images, progress, cancel, known=_known(project)))
    corpus = project.corpus
    if weights_file is None and _all_there(project, settings):
        return ExtractionReport(0, len({image.content_hash for image in corpus.images}), ())
    backbone = load_backbone(
        settings.backbone,
        weights_file=weights_file,
        device=device,
        progress=progress,
        cancel=cancel,
    )
    record = FeaturesRecord(settings=settings, weights_sha256=backbone.weights_sha256)
    store = project.store_of(record)
    report = extract_features(corpus, store, backbone, settings, progress=progress, cancel=cancel)
    if report.extracted + report.reused == 0:
        raise StegoError(
            "None of the images could be decoded. The first: "
            f"{report.skipped[0].name}: {report.skipped[0].reason}"
        )
    state = project.state
    # Files without a readable header are no part of the corpus; all others were tried just now.
    names = {image.name for image in corpus.images}
    known = [file for file in state.skipped if file.name not in names]
    known += [SkippedRecord(name=file.name, reason=file.reason) for file in report.skipped]
    if state.features != record:
        project.update(features=record, skipped=tuple(known), run=None)
    elif state.skipped != tuple(known):
        project.update(skipped=tuple(known))
    return report


def _all_there(project: Project, settings: FeatureSettings) -> bool:
    """Tell whether the features are complete, so that no weights need be found."""
    record = project.state.features
    if record is None or record.settings != settings:
        return False
    store = project.store_of(record)
    return all(
        key in store
        for image in project.corpus.images
        for key in settings.stored_keys(image.content_hash)
    )


def train(
    project: Project,
    settings: StegoSettings,
    *,
    device: str = "auto",
    start: StegoRun | OfficialStego | None = None,
    on_step: StepObserver | None = None,
    on_histograms: HistogramObserver | None = None,
    on_look: RunObserver | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> StegoRun:
    """Train a STEGO head on the project's features.

    Parameters
    ----------
    project : Project
        A project with features.
    settings : StegoSettings
        How to train. With settings that were used before on the same
        features, the run of then is resumed or returned.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    start : StegoRun or OfficialStego, optional
        A run, or an official checkpoint, whose head is trained further.
    on_step : callable, optional
        Receives a `StepRecord` after each step.
    on_histograms : callable, optional
        Receives `CorrespondenceHistograms` now and then.
    on_look : callable, optional
        Receives the half-trained `StegoRun` now and then, to look at.
    progress : ProgressCallback
        Called after each step.
    cancel : CancelToken, optional
        Obeyed between steps; the steps done are kept.

    Returns
    -------
    StegoRun
        The finished run.

    Raises
    ------
    StegoError
        If features are missing, `start` was trained on others, or the run
        cannot be read or written.
    Cancelled
        If `cancel` is set. The project keeps its earlier run.
    """
    project.check_writable()
    tokens = project.training_tokens()
    assert project.state.features is not None  # training_tokens() has checked
    first = None if start is None else _fitting(start, project.state.features.settings)
    inputs = [
        project.state.features.key,
        list(tokens.content_hashes),
        settings.model_dump(by_alias=True),
    ]
    if first is not None:
        inputs.append(first.digest)
    key = result_key(*inputs)
    record_run(project, key, len(tokens))
    run = train_stego(
        tokens,
        settings,
        checkpoint=project.run_file(key),
        device=pick_device(device),
        start=first,
        on_step=on_step,
        on_histograms=on_histograms,
        on_look=on_look,
        progress=progress,
        cancel=cancel,
    )
    if project.state.run != key:
        project.update(run=key)
    # Whoever asks for the settings of a trial means them.
    project.choice_file("asked", key).unlink(missing_ok=True)
    return run


def _fitting(head: StegoRun | OfficialStego, features: FeatureSettings) -> StegoRun:
    """Make a run of a head from elsewhere, if it tells of no other features than these."""
    if isinstance(head, StegoRun):
        return head
    head.check_features(features)
    return head.run()


def adopt(project: Project, head: StegoRun | OfficialStego) -> None:
    """Make a head from elsewhere the project's, as it is.

    Parameters
    ----------
    project : Project
        A project with features.
    head : StegoRun or OfficialStego
        A finished run, or an official checkpoint.

    Raises
    ------
    StegoError
        If the head does not fit the project's features, features are missing,
        or the run cannot be written.
    """
    project.check_writable()
    tokens = project.training_tokens()
    assert project.state.features is not None  # training_tokens() has checked
    run = _fitting(head, project.state.features.settings)
    if run.head.n_channels != tokens.n_channels:
        raise StegoError(
            f"The head takes tokens of {run.head.n_channels} numbers, and those of the project "
            f"have {tokens.n_channels}. Extract features with the backbone and layer that it was "
            "trained on."
        )
    key = result_key(project.state.features.key, run.digest)
    record_run(project, key, len(tokens))
    save_run(project.run_file(key), run)
    project.update(run=key)


def cluster(
    project: Project,
    settings: ClusterSettings,
    *,
    tell: Callable[[str], None] = lambda sentence: None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> ClusterModel:
    """Cluster the codes, or the features, of the project's images.

    New clusters start with one class each or, if the classes in use were
    edited, with those, carried over by the pixels they share. With settings
    that were used before, the clusters of then come back with their classes.

    Parameters
    ----------
    project : Project
        A project with features and, for codes, a run.
    settings : ClusterSettings
        K, source and seed.
    tell : callable
        Is given what became of edited classes, in words.
    progress : ProgressCallback
        Called once an image.
    cancel : CancelToken, optional
        Obeyed between images.

    Returns
    -------
    ClusterModel
        The clusters.

    Raises
    ------
    StegoError
        If features or the run are missing, or the corpus is too small.
    Cancelled
        If `cancel` is set.
    """
    project.check_writable()
    tokens = project.tokens()
    assert project.state.features is not None  # tokens() has checked
    run = project.state.run if settings.source == "codes" else None
    key = result_key(
        project.state.features.key, list(tokens.content_hashes), run, settings.model_dump()
    )
    path = project.clusters_file(key)
    before, note = project.state.result, ""
    encode, edits = encoder(project, settings.source), path.with_name(EDITS_FILE)
    if path.exists():
        model = load_clusters(path)
        if is_untouched(project, path):
            note = start_classes(project, edits, model, encode, progress=progress, cancel=cancel)
    else:
        model = fit_clusters(tokens, encode, settings, progress, cancel)
        if not edits.exists() and not path.with_name(OLD_FILE).exists():
            note = start_classes(project, edits, model, encode, progress=progress, cancel=cancel)
        with replacing(path) as temporary:
            metadata = {"settings": settings.model_dump_json()}
            save_file(model.tensors(), temporary, metadata=metadata)
    result = ResultRecord(clusters=key, features=project.state.features, run=run, settings=settings)
    if project.state.result != result:
        project.update(result=result, next_id=next_id_beyond(project, before))
    note = note or edits_put_away(project, before)
    if note:
        tell(note)
    return model

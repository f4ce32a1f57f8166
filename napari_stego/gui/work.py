"""The long calls behind the buttons, free of widgets: each returns what is open afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_stego.clustering import ClusterSettings, StabilityCurve, StabilitySettings
from napari_stego.features import FeatureSettings
from napari_stego.gui.jobs import Look, Reports
from napari_stego.gui.opened import Opened
from napari_stego.progress import CancelToken
from napari_stego.project import (
    Project,
    Source,
    cluster,
    extract,
    judge_run,
    measurable_source,
    measure_stability,
    missing_photographs,
    open_photographs,
    score_layers,
    train,
    train_best,
    use_run,
)
from napari_stego.project.previewing import ClusterPreview
from napari_stego.selection import Trial, Verdict
from napari_stego.stego import RunObserver, StegoRun, StegoSettings


@dataclass(frozen=True)
class RunSettings:
    """Everything that a run from photographs to clusters depends on.

    Attributes
    ----------
    features : FeatureSettings
        Tokens to extract.
    auto_layer : bool
        Choose the layer that suits the photographs instead of that of `features`.
    stego : StegoSettings
        Training of the head.
    trials : int
        How many heads to train, of which the best is taken.
    clusters : ClusterSettings
        Clusters.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    weights_file : Path, optional
        Weights of the backbone.
    """

    features: FeatureSettings = field(default_factory=FeatureSettings)
    auto_layer: bool = False
    stego: StegoSettings = field(default_factory=StegoSettings)
    trials: int = 1
    clusters: ClusterSettings = field(default_factory=ClusterSettings)
    device: str = "auto"
    weights_file: Path | None = None


def open_project(
    images: Path | None, folder: Path, reports: Reports, cancel: CancelToken
) -> Opened:
    """Open a project, or make one, with a folder of photographs.

    Parameters
    ----------
    images : Path, optional
        The photographs; by default those the project has.
    folder : Path
        The project folder.
    reports : Reports
        Told of the progress.
    cancel : CancelToken
        Stops the reading of the folder.

    Returns
    -------
    Opened
        The project.

    Raises
    ------
    StegoError
        If there are no photographs, or the project cannot be read or written.
    """
    if images is None:
        opened = Project.open(folder)
    else:
        opened = open_photographs(folder, images, progress=reports.progress, cancel=cancel)
    for sentence in (opened.read_only, opened.note, _about_missing(opened)):
        if sentence:
            reports.tell(sentence)
    found = Opened.read(opened)
    if found.segmentation is not None and found.segmentation.note:
        reports.tell(found.segmentation.note)
    return found


def _about_missing(project: Project) -> str:
    missing, corpus = missing_photographs(project), project.corpus
    if not missing:
        return ""
    return (
        f"{len(missing)} of {len(corpus)} photographs are not in {corpus.root}. If they were "
        f"moved, `napari-stego relink FOLDER --project {project.folder}` finds them."
    )


def run(folder: Path, settings: RunSettings, reports: Reports, cancel: CancelToken) -> Opened:
    """Extract, train and cluster: what is there already is not done again.

    Parameters
    ----------
    folder : Path
        A project folder with photographs.
    settings : RunSettings
        All settings. The head is trained only if its codes are clustered.
    reports : Reports
        Told of progress, of the training, and of what was chosen.
    cancel : CancelToken
        Stops at the next safe point.

    Returns
    -------
    Opened
        The project with its clusters.

    Raises
    ------
    StegoError
        As the stages raise it.
    """
    opened = Project.open(folder)
    opened.check_writable()
    features = settings.features
    if settings.auto_layer:
        features = _with_best_layer(opened, settings, reports, cancel)
    extract(
        opened,
        features,
        weights_file=settings.weights_file,
        device=settings.device,
        progress=reports.progress,
        cancel=cancel,
    )
    if settings.clusters.source == "codes":
        _train(opened, settings, reports, cancel)
    cluster(
        opened,
        settings.clusters,
        tell=reports.tell,
        progress=reports.progress,
        cancel=cancel,
    )
    return Opened.read(opened)


def _with_best_layer(
    project: Project, settings: RunSettings, reports: Reports, cancel: CancelToken
) -> FeatureSettings:
    best = score_layers(
        project,
        settings.features,
        weights_file=settings.weights_file,
        device=settings.device,
        progress=reports.progress,
        cancel=cancel,
    ).best
    reports.tell(
        f"Layer {best} was chosen: on these photographs its clusters tell the most about all "
        "other layers."
    )
    return settings.features.model_copy(update={"layer": best})


def _train(project: Project, settings: RunSettings, reports: Reports, cancel: CancelToken) -> None:
    options: dict[str, Any] = {
        "device": settings.device,
        "on_look": _looker(project, settings.clusters, reports),
        "on_step": reports.step,
        "on_histograms": reports.histograms,
        "progress": reports.progress,
        "cancel": cancel,
    }
    if settings.trials == 1:
        train(project, settings.stego, **options)
    else:
        _, trials = train_best(project, settings.stego, settings.trials, **options)
        reports.tell(_about(trials))


def _looker(project: Project, clusters: ClusterSettings, reports: Reports) -> RunObserver:
    """Make what draws, now and then, the clusters of the head as it is."""
    preview = ClusterPreview(project, clusters.clusters, clusters.seed)

    def look(run: StegoRun) -> None:
        image = reports.watched
        if image is not None and image.content_hash in project.store:
            reports.look(Look(image, preview.look(run.encode, (image,))[0]))

    return look


def _about(trials: tuple[Trial, ...]) -> str:
    best, *others = trials
    qualities = ", ".join(f"{trial.quality.value:.2f}" for trial in others)
    return (
        f"The best of {len(trials)} trials is that with seed {best.settings.seed} and code length "
        f"{best.settings.dim}: quality of clusters {best.quality.value:.2f}, of the others "
        f"{qualities}."
    )


def judge(folder: Path, reports: Reports, cancel: CancelToken) -> Verdict | None:
    """Tell whether the run trained last helps.

    Parameters
    ----------
    folder : Path
        A project folder with a run.
    reports : Reports
        Told of the progress.
    cancel : CancelToken
        Stops between two fits.

    Returns
    -------
    Verdict or None
        None if there are too few photographs to tell.

    Raises
    ------
    StegoError
        If features or the run are missing.
    """
    return judge_run(Project.open(folder), reports.progress, cancel)


def measure_clusters(
    folder: Path, reports: Reports, cancel: CancelToken
) -> tuple[Source, StabilityCurve]:
    """Measure for which numbers of clusters the photographs agree.

    Parameters
    ----------
    folder : Path
        A project folder with features.
    reports : Reports
        Told of the progress.
    cancel : CancelToken
        Stops between two iterations of k-means.

    Returns
    -------
    source : "codes" or "features"
        What was measured: codes if there is a run.
    curve : StabilityCurve
        For the default numbers of clusters.

    Raises
    ------
    StegoError
        If features are missing, or there are too few photographs.
    """
    opened = Project.open(folder)
    source = measurable_source(opened)
    settings = StabilitySettings(source=source)
    return source, measure_stability(opened, settings, reports.progress, cancel)


def use(folder: Path, source: Source, reports: Reports, cancel: CancelToken) -> Opened:
    """Cluster something else in the same way; nothing is extracted or trained.

    Parameters
    ----------
    folder : Path
        A project folder with clusters and, for codes, a run.
    source : "codes" or "features"
        What to cluster.
    reports : Reports
        Told of the progress.
    cancel : CancelToken
        Stops between two images.

    Returns
    -------
    Opened
        The project with its clusters.

    Raises
    ------
    StegoError
        As `cluster` raises it.
    """
    opened = Project.open(folder)
    settings = opened.result.settings.model_copy(update={"source": source})
    cluster(opened, settings, tell=reports.tell, progress=reports.progress, cancel=cancel)
    return Opened.read(opened)


def pick(folder: Path, key: str, reports: Reports, cancel: CancelToken) -> Opened:
    """Cluster the codes of another run, with the number of clusters in use.

    Parameters
    ----------
    folder : Path
        A project folder with runs.
    key : str
        Key of the run.
    reports : Reports
        Told of the progress.
    cancel : CancelToken
        Stops between two images; the run in use then stays.

    Returns
    -------
    Opened
        The project with its clusters.

    Raises
    ------
    StegoError
        If there is no such run, or as `cluster` raises it.
    """
    opened = Project.open(folder)
    before, result = opened.state.run, opened.state.result
    settings = (result.settings if result else ClusterSettings()).model_copy(
        update={"source": "codes"}
    )
    use_run(opened, key)
    try:
        cluster(opened, settings, tell=reports.tell, progress=reports.progress, cancel=cancel)
    except BaseException:
        opened.update(run=before)
        raise
    return Opened.read(opened)

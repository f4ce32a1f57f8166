"""The long calls behind the buttons, free of widgets: each returns what is open afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from napari_stego.clustering import ClusterSettings
from napari_stego.features import FeatureSettings
from napari_stego.gui.jobs import Reports
from napari_stego.gui.session import Opened
from napari_stego.progress import CancelToken
from napari_stego.project import Project, cluster, extract, open_photographs, train
from napari_stego.stego import StegoSettings


@dataclass(frozen=True)
class RunSettings:
    """Everything that a run from photographs to clusters depends on.

    Attributes
    ----------
    features : FeatureSettings
        Tokens to extract.
    stego : StegoSettings
        Training of the head.
    clusters : ClusterSettings
        Clusters.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    weights_file : Path, optional
        Weights of the backbone.
    """

    features: FeatureSettings = field(default_factory=FeatureSettings)
    stego: StegoSettings = field(default_factory=StegoSettings)
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
        return Opened.read(Project.open(folder))
    return Opened.read(open_photographs(folder, images, progress=reports.progress, cancel=cancel))


def run(folder: Path, settings: RunSettings, reports: Reports, cancel: CancelToken) -> Opened:
    """Extract, train and cluster: what is there already is not done again.

    Parameters
    ----------
    folder : Path
        A project folder with photographs.
    settings : RunSettings
        All settings. The head is trained only if its codes are clustered.
    reports : Reports
        Told of progress and training steps.
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
    extract(
        opened,
        settings.features,
        weights_file=settings.weights_file,
        device=settings.device,
        progress=reports.progress,
        cancel=cancel,
    )
    if settings.clusters.source == "codes":
        train(
            opened,
            settings.stego,
            device=settings.device,
            on_step=reports.step,
            progress=reports.progress,
            cancel=cancel,
        )
    cluster(opened, settings.clusters, progress=reports.progress, cancel=cancel)
    return Opened.read(opened)

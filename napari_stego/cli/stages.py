"""The stages of a project as commands report them: each returns what it has to tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.clustering import ClusterSettings
    from napari_stego.corpus import SkippedFile
    from napari_stego.features import FeatureSettings
    from napari_stego.project import ExportSettings, Project
    from napari_stego.selection import Verdict
    from napari_stego.stego import StegoSettings

_LEADING_NAMES = 20


def extract(
    reporter: Reporter,
    project: Project,
    settings: FeatureSettings,
    auto_layer: bool,
    weights: Path | None,
    device: str,
) -> dict[str, Any]:
    """Extract features, of the layer that suits the photographs if that is wanted.

    Parameters
    ----------
    reporter : Reporter
        Shows the progress.
    project : Project
        A project with photographs.
    settings : FeatureSettings
        What to extract.
    auto_layer : bool
        Choose the layer instead of that of the settings.
    weights : Path, optional
        Weights of the backbone.
    device : str
        Where to compute.

    Returns
    -------
    dict
        Counts, settings and, if the layer was chosen, the scores of all.
    """
    from napari_stego.project import extract, score_layers

    values: dict[str, Any] = {}
    with reporter.progress() as progress:
        if auto_layer:
            scores = score_layers(
                project,
                settings,
                weights_file=weights,
                device=device,
                progress=progress,
                cancel=reporter.cancel,
            )
            settings = settings.model_copy(update={"layer": scores.best})
            values["layer_scores"] = {str(k): round(v, 4) for k, v in scores.scores.items()}
        report = extract(
            project,
            settings,
            weights_file=weights,
            device=device,
            progress=progress,
            cancel=reporter.cancel,
        )
    if auto_layer:
        reporter.note(
            f"Layer {settings.layer} was chosen: on these photographs its clusters tell the most "
            "about all other layers."
        )
    return values | {
        "images": report.extracted + report.reused,
        "extracted": report.extracted,
        "reused": report.reused,
        "skipped": skipped_files(reporter, project.corpus.skipped),
        "features": settings.model_dump(),
    }


def adopt(
    reporter: Reporter, project: Project, checkpoint: Path | None
) -> tuple[dict[str, Any], str]:
    """Make an official head the project's, as it is.

    Parameters
    ----------
    reporter : Reporter
        Shows the progress.
    project : Project
        A project with features of the head's backbone.
    checkpoint : Path, optional
        The official checkpoint.

    Returns
    -------
    dict
        Where the head comes from, and the verdict.
    str
        A sentence for the user.

    Raises
    ------
    StegoError
        If there is no checkpoint, or it does not fit.
    """
    from napari_stego.errors import StegoError
    from napari_stego.project import adopt, judge_run
    from napari_stego.stego import load_official

    if checkpoint is None:
        raise StegoError("Name the checkpoint that is to be used as it is: --start FILE.")
    official = load_official(checkpoint)
    adopt(project, official)
    with reporter.progress() as progress:
        verdict = judge_run(project, progress, reporter.cancel)
    if verdict is not None:
        reporter.note(verdict.text)
    values = {"head": str(checkpoint), "dim": official.head.dim, "verdict": _values(verdict)}
    return values, f"The head of {checkpoint.name} makes the project's codes now."


def train(
    reporter: Reporter,
    project: Project,
    settings: StegoSettings,
    trials: int,
    device: str,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train a head, or the best of several, and judge it.

    Parameters
    ----------
    reporter : Reporter
        Shows the progress.
    project : Project
        A project with features.
    settings : StegoSettings
        How to train.
    trials : int
        How many heads to train.
    device : str
        Where to compute.
    start : Path, optional
        Official checkpoint to train further, once.

    Returns
    -------
    dict
        What the training ended with, and the verdict.

    Raises
    ------
    StegoError
        If trials and a checkpoint to start from are both asked for.
    """
    from napari_stego.errors import StegoError
    from napari_stego.project import judge_run, train, train_best
    from napari_stego.stego import load_official

    if start is not None and trials > 1:
        raise StegoError("A head that is trained further has no trials: leave out --trials.")

    with reporter.progress() as progress:
        options: dict[str, Any] = {
            "device": device,
            "progress": progress,
            "cancel": reporter.cancel,
        }
        found: list[dict[str, Any]] = []
        if trials > 1:
            trained, all_trials = train_best(project, settings, trials, **options)
            for trial in all_trials:
                varied = trial.settings.model_dump(include={"seed", "dim"})
                found.append({**varied, "quality": trial.quality.value, "run": trial.run})
        else:
            first = None if start is None else load_official(start)
            trained = train(project, settings, start=first, **options)
        verdict = judge_run(project, progress, reporter.cancel)
    for warning in trained.warnings:
        reporter.note(f"Warning: {warning}")
    if verdict is not None:
        reporter.note(verdict.text)
    recent = trained.history[-50:]
    roles = recent[-1].correspondence
    values = {
        "steps": trained.steps_done,
        "seed": trained.settings.seed,
        "correspondence": {
            role: sum(r.correspondence[role] for r in recent) / len(recent) for role in roles
        },
        "warnings": trained.warnings,
        "verdict": _values(verdict),
    }
    return values | ({"trials": found} if found else {})


def _values(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {
        "better": verdict.better,
        "codes": verdict.codes,
        "features": verdict.features,
        "difference": verdict.difference,
        "standard_error": verdict.standard_error,
        "margin": verdict.margin,
        "collapsed": verdict.collapsed,
    }


def cluster(reporter: Reporter, project: Project, settings: ClusterSettings) -> dict[str, Any]:
    """Cluster codes or features.

    Parameters
    ----------
    reporter : Reporter
        Shows the progress.
    project : Project
        A project with what is clustered.
    settings : ClusterSettings
        K and source.

    Returns
    -------
    dict
        Number and source of the clusters.
    """
    from napari_stego.project import cluster

    with reporter.progress() as progress:
        model = cluster(
            project, settings, tell=reporter.note, progress=progress, cancel=reporter.cancel
        )
    return {"clusters": len(model), "source": settings.source}


def export(
    reporter: Reporter,
    project: Project,
    out: Path | None,
    settings: ExportSettings,
    weights: Path | None,
    device: str,
) -> dict[str, Any]:
    """Export the labelled images.

    Parameters
    ----------
    reporter : Reporter
        Shows the progress.
    project : Project
        A project with clusters.
    out : Path, optional
        Where to; by default the folder ``export`` of the project.
    settings : ExportSettings
        What to write.
    weights : Path, optional
        Weights of the backbone, for a detail beyond that of the features.
    device : str
        Where to encode then.

    Returns
    -------
    dict
        Where it is, how many images, and what is left of earlier exports.
    """
    from napari_stego.project import export

    folder = (out or project.folder / "export").expanduser().absolute()
    with reporter.progress() as progress:
        report = export(
            project,
            folder,
            settings,
            device=device,
            weights_file=weights,
            progress=progress,
            cancel=reporter.cancel,
        )
    if not project.state.result_is_latest:
        reporter.note(
            "These are the clusters made last; features were extracted or a head was trained "
            "since. `napari-stego cluster` makes new ones."
        )
    if report.stale:
        names = "\n".join(f"  {name}" for name in report.stale[:_LEADING_NAMES])
        more = len(report.stale) - _LEADING_NAMES
        reporter.note(
            f"{len(report.stale)} files in {report.folder} are of an earlier export and not of "
            f"this one; delete them if they are not needed:\n{names}"
            + (f"\n  and {more} more" if more > 0 else "")
        )
    unreadable = {file.name for file in project.corpus.skipped}
    left_out = tuple(file for file in report.skipped if file.name not in unreadable)
    return {
        "export": str(report.folder),
        "exported": report.images,
        "not_exported": skipped_files(reporter, left_out),
        "stale": list(report.stale),
    }


def skipped_files(reporter: Reporter, skipped: tuple[SkippedFile, ...]) -> list[dict[str, str]]:
    """List files that were left out, and tell of them.

    Parameters
    ----------
    reporter : Reporter
        Tells of them.
    skipped : tuple of SkippedFile
        The files.

    Returns
    -------
    list of dict
        Their names and why.
    """
    if skipped:
        lines = "\n".join(f"  {file.name}: {file.reason}" for file in skipped)
        reporter.note(f"{len(skipped)} files are left out:\n{lines}")
    return [{"name": file.name, "reason": file.reason} for file in skipped]

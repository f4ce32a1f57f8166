"""The commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego import __version__
from napari_stego.cli import options, settings_of
from napari_stego.cli.reporting import Reporter, counted
from napari_stego.cli.weights import weights_app

if TYPE_CHECKING:
    from napari_stego.clustering import ClusterSettings
    from napari_stego.corpus import SkippedFile
    from napari_stego.features import FeatureSettings
    from napari_stego.project import Project
    from napari_stego.stego import StegoSettings

app = typer.Typer(
    name="napari-stego",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn a folder of unlabelled underwater photographs into named label layers.\n\n"
    "`napari-stego run IMAGES --project P` does everything; the other commands are its steps.",
)
app.add_typer(weights_app, name="weights")


def main() -> None:
    """Run the command line."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options of the program itself."""


@app.command()
def run(
    images: options.ImagesArgument,
    project: options.NewProjectOption,
    backbone: options.BackboneOption = None,
    layer: options.LayerOption = None,
    long_side: options.LongSideOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    dim: options.DimOption = None,
    steps: options.StepsOption = None,
    seed: options.SeedOption = None,
    clusters: options.ClustersOption = None,
    source: options.SourceOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to export; by default `export` in the project.", metavar="FOLDER"),
    ] = None,
    crf: options.CrfOption = False,
    json_: options.JsonOption = False,
) -> None:
    """Do it all: extract features, train, cluster, and export.

    Interrupted, the same command goes on where it stopped. What is not set is
    as in the project, or else the default.
    """
    reporter = Reporter(json_)
    with reporter.command():
        settings_of.crf(crf)  # if it is not installed, better to say so now than at the end
        opened = _open_photographs(reporter, project, images)
        values: dict[str, Any] = {"project": str(opened.folder)}
        # All settings before the first long stage: a wrong one must not cost hours.
        settings = settings_of.feature_settings(opened, backbone, layer, long_side)
        stego = settings_of.stego_settings(opened, dim=dim, steps=steps, seed=seed)
        clustering = settings_of.cluster_settings(
            opened, clusters=clusters, source=source, seed=seed
        )
        values |= _extract(reporter, opened, settings, weights, device)
        if clustering.source == "codes":
            values |= _train(reporter, opened, stego, device)
        values |= _cluster(reporter, opened, clustering)
        values |= _export(reporter, opened, out, crf=crf)
        text = (
            f"{counted(values['images'])}, {values['clusters']} clusters. "
            f"Masks, classes.csv and overlays are in {values['export']}."
        )
        reporter.result(values, text)


@app.command()
def features(
    images: options.ImagesArgument,
    project: options.NewProjectOption,
    backbone: options.BackboneOption = None,
    layer: options.LayerOption = None,
    long_side: options.LongSideOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Pass each image once through the frozen backbone and keep its patch tokens."""
    reporter = Reporter(json_)
    with reporter.command():
        opened = _open_photographs(reporter, project, images)
        settings = settings_of.feature_settings(opened, backbone, layer, long_side)
        values = _extract(reporter, opened, settings, weights, device)
        text = f"{counted(values['extracted'])} extracted, {values['reused']} were there already."
        reporter.result(values, text)


@app.command()
def train(
    project: options.ProjectOption,
    dim: options.DimOption = None,
    steps: options.StepsOption = None,
    seed: options.SeedOption = None,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Train a STEGO head on the project's features.

    What is not set is as in the head trained last, or else the default.
    """
    reporter = Reporter(json_)
    with reporter.command():
        opened = _open(project)
        settings = settings_of.stego_settings(opened, dim=dim, steps=steps, seed=seed)
        values = _train(reporter, opened, settings, device)
        found = ", ".join(f"{name} {v:.2f}" for name, v in values["correspondence"].items())
        reporter.result(values, f"{values['steps']} steps. Mean code correspondence: {found}.")


@app.command()
def cluster(
    project: options.ProjectOption,
    clusters: options.ClustersOption = None,
    source: options.SourceOption = None,
    seed: options.SeedOption = None,
    json_: options.JsonOption = False,
) -> None:
    """Cluster the project's codes; any K, without training again.

    What is not set is as in the clusters in use, or else the default.
    """
    reporter = Reporter(json_)
    with reporter.command():
        opened = _open(project)
        settings = settings_of.cluster_settings(opened, clusters=clusters, source=source, seed=seed)
        values = _cluster(reporter, opened, settings)
        reporter.result(values, f"{values['clusters']} clusters of {values['source']}.")


@app.command()
def export(
    project: options.ProjectOption,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to export; by default `export` in the project.", metavar="FOLDER"),
    ] = None,
    crf: options.CrfOption = False,
    json_: options.JsonOption = False,
) -> None:
    """Write indexed PNG and TIFF masks, classes.csv and overlay pictures."""
    reporter = Reporter(json_)
    with reporter.command():
        values = _export(reporter, _open(project), out, crf=crf)
        reporter.result(values, f"{counted(values['exported'])} exported to {values['export']}.")


@app.command()
def evaluate(
    project: options.ProjectOption,
    masks: Annotated[
        Path,
        typer.Option(
            help="Folder of masks with the images' names: indexed or grey, values are class ids, "
            "255 counts for nothing.",
            metavar="FOLDER",
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            help="Images the masks belong to; by default the project's own.", metavar="FOLDER"
        ),
    ] = None,
    naming_masks: Annotated[
        Path | None,
        typer.Option(
            help="Masks of the project's own images: many clusters are then also named by their "
            "majority class there, and scored.",
            metavar="FOLDER",
        ),
    ] = None,
    named_clusters: Annotated[
        int, typer.Option(help="Number of clusters for --naming-masks.", min=2)
    ] = 64,
    seed: options.EvaluationSeedOption = 0,
    crf: options.CrfOption = False,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Score the project's codes and raw features against masks.

    Clusters are fitted on the project's images, as many as there are classes,
    and matched to the classes by the Hungarian method.
    """
    from napari_stego.cli.tables import evaluation_text, evaluation_values
    from napari_stego.project import evaluate as evaluate_project

    reporter = Reporter(json_)
    with reporter.command():
        opened = _open(project)
        with reporter.progress() as progress:
            evaluation = evaluate_project(
                opened,
                masks,
                images,
                naming_masks=naming_masks,
                named_clusters=named_clusters,
                seed=seed,
                crf=settings_of.crf(crf),
                device=device,
                weights_file=weights,
                progress=progress,
                cancel=reporter.cancel,
            )
        reporter.result(evaluation_values(evaluation), evaluation_text(evaluation, named_clusters))


def _open(folder: Path) -> Project:
    from napari_stego.project import Project

    return Project.open(folder)


def _open_photographs(reporter: Reporter, folder: Path, images: Path) -> Project:
    from napari_stego.project import open_photographs

    with reporter.progress() as progress:
        return open_photographs(folder, images, progress=progress, cancel=reporter.cancel)


def _skipped(reporter: Reporter, skipped: tuple[SkippedFile, ...]) -> list[dict[str, str]]:
    if skipped:
        lines = "\n".join(f"  {file.name}: {file.reason}" for file in skipped)
        reporter.note(f"{len(skipped)} files are left out:\n{lines}")
    return [{"name": file.name, "reason": file.reason} for file in skipped]


def _extract(
    reporter: Reporter,
    project: Project,
    settings: FeatureSettings,
    weights: Path | None,
    device: str,
) -> dict[str, Any]:
    from napari_stego.project import extract

    with reporter.progress() as progress:
        report = extract(
            project,
            settings,
            weights_file=weights,
            device=device,
            progress=progress,
            cancel=reporter.cancel,
        )
    return {
        "images": report.extracted + report.reused,
        "extracted": report.extracted,
        "reused": report.reused,
        "skipped": _skipped(reporter, project.corpus.skipped),
        "features": settings.model_dump(),
    }


def _train(
    reporter: Reporter, project: Project, settings: StegoSettings, device: str
) -> dict[str, Any]:
    from napari_stego.project import train

    with reporter.progress() as progress:
        trained = train(project, settings, device=device, progress=progress, cancel=reporter.cancel)
    for warning in trained.warnings:
        reporter.note(f"Warning: {warning}")
    recent = trained.history[-50:]
    roles = recent[-1].correspondence
    return {
        "steps": trained.steps_done,
        "seed": settings.seed,
        "correspondence": {
            role: sum(r.correspondence[role] for r in recent) / len(recent) for role in roles
        },
        "warnings": trained.warnings,
    }


def _cluster(reporter: Reporter, project: Project, settings: ClusterSettings) -> dict[str, Any]:
    from napari_stego.project import cluster, edits_put_away

    before = project.state.result
    with reporter.progress() as progress:
        model = cluster(project, settings, progress=progress, cancel=reporter.cancel)
    note = edits_put_away(project, before)
    if note:
        reporter.note(note)
    return {"clusters": len(model), "source": settings.source}


def _export(reporter: Reporter, project: Project, out: Path | None, *, crf: bool) -> dict[str, Any]:
    from napari_stego.project import ExportSettings, export

    folder = (out or project.folder / "export").expanduser().absolute()
    settings = ExportSettings(crf=settings_of.crf(crf))
    with reporter.progress() as progress:
        report = export(project, folder, settings, progress=progress, cancel=reporter.cancel)
    if not project.state.result_is_latest:
        reporter.note(
            "These are the clusters made last; features were extracted or a head was trained "
            "since. `napari-stego cluster` makes new ones."
        )
    unreadable = {file.name for file in project.corpus.skipped}
    left_out = tuple(file for file in report.skipped if file.name not in unreadable)
    return {
        "export": str(report.folder),
        "exported": report.images,
        "not_exported": _skipped(reporter, left_out),
    }

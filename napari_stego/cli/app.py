"""The commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego import __version__
from napari_stego.cli import options, settings_of, stages
from napari_stego.cli.classes import classes_app
from napari_stego.cli.clustering import cluster_k
from napari_stego.cli.correcting import register as register_correcting
from napari_stego.cli.evaluating import cooccurrence, evaluate, gather
from napari_stego.cli.exploring import register as register_exploring
from napari_stego.cli.formats import export_settings
from napari_stego.cli.opening import open_to_change
from napari_stego.cli.regions import regions
from napari_stego.cli.relinking import register as register_relinking
from napari_stego.cli.reporting import Reporter, counted
from napari_stego.cli.runs import runs_app
from napari_stego.cli.teaching import register as register_teaching
from napari_stego.cli.weights import weights_app

if TYPE_CHECKING:
    from napari_stego.project import Project

app = typer.Typer(
    name="napari-stego",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn a folder of unlabelled underwater photographs into named label layers.\n\n"
    "`napari-stego run IMAGES --project P` does everything; the other commands are its steps.",
)
app.add_typer(weights_app, name="weights")
app.add_typer(classes_app, name="classes")
app.add_typer(runs_app, name="runs")


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
    facet: options.FacetOption = None,
    crops: options.CropsOption = None,
    long_side: options.LongSideOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    preset: options.PresetOption = None,
    dim: options.DimOption = None,
    steps: options.StepsOption = None,
    seed: options.SeedOption = None,
    set_: options.SetOption = None,
    trials: options.TrialsOption = 1,
    clusters: options.ClustersOption = None,
    source: options.SourceOption = None,
    balance: options.BalanceOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to export; by default `export` in the project.", metavar="FOLDER"),
    ] = None,
    formats: options.FormatsOption = None,
    crf: options.CrfOption = False,
    detail: options.DetailOption = "as-extracted",
    json_: options.JsonOption = False,
) -> None:
    """Do it all: extract features, train, cluster, and export.

    Interrupted, the same command goes on where it stopped. What is not set is
    as in the project, or else the default.
    """
    reporter = Reporter(json_)
    with reporter.command():
        # If there is no such format, better to say so now than at the end.
        exporting = export_settings(formats, crf=crf, detail=detail)
        opened = _open_photographs(reporter, project, images)
        values: dict[str, Any] = {"project": str(opened.folder)}
        # All settings before the first long stage: a wrong one must not cost hours.
        settings, auto_layer = settings_of.feature_settings(
            opened, backbone, layer, facet=facet, crops=crops, long_side=long_side
        )
        stego = settings_of.stego_settings(
            opened, preset, None, set_ or (), dim=dim, steps=steps, seed=seed
        )
        clustering = settings_of.cluster_settings(
            opened, clusters=clusters, source=source, balance=balance, seed=seed
        )
        values |= stages.extract(reporter, opened, settings, auto_layer, weights, device)
        if clustering.source == "codes":
            values |= stages.train(reporter, opened, stego, trials, device)
        values |= stages.cluster(reporter, opened, clustering)
        values |= stages.export(reporter, opened, out, exporting, weights, device)
        text = (
            f"{counted(values['images'])}, {values['clusters']} clusters. "
            f"The export is in {values['export']}."
        )
        reporter.result(values, text)


@app.command()
def features(
    images: options.ImagesArgument,
    project: options.NewProjectOption,
    backbone: options.BackboneOption = None,
    layer: options.LayerOption = None,
    facet: options.FacetOption = None,
    crops: options.CropsOption = None,
    long_side: options.LongSideOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Pass each image once through the frozen backbone and keep its patch tokens."""
    reporter = Reporter(json_)
    with reporter.command():
        opened = _open_photographs(reporter, project, images)
        settings, auto_layer = settings_of.feature_settings(
            opened, backbone, layer, facet=facet, crops=crops, long_side=long_side
        )
        values = stages.extract(reporter, opened, settings, auto_layer, weights, device)
        text = f"{counted(values['extracted'])} extracted, {values['reused']} were there already."
        reporter.result(values, text)


@app.command()
def train(
    project: options.ProjectOption,
    preset: options.PresetOption = None,
    dim: options.DimOption = None,
    steps: options.StepsOption = None,
    seed: options.SeedOption = None,
    set_: options.SetOption = None,
    trials: options.TrialsOption = 1,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint of the official STEGO code (.ckpt) to train further; the project's "
            "features must be of its backbone.",
            metavar="FILE",
        ),
    ] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Use the head of --start as it is, without training.")
    ] = False,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Train a STEGO head on the project's features.

    What is not set is as in the head trained last, or else the default; but
    without --preset shifts are never fixed ones of a head trained before.
    """
    reporter = Reporter(json_)
    with reporter.command():
        opened = open_to_change(reporter, project)
        if as_is:
            reporter.result(*stages.adopt(reporter, opened, start))
            return
        settings = settings_of.stego_settings(
            opened, preset, start, set_ or (), dim=dim, steps=steps, seed=seed
        )
        values = stages.train(reporter, opened, settings, trials, device, start)
        found = ", ".join(f"{name} {v:.2f}" for name, v in values["correspondence"].items())
        reporter.result(values, f"{values['steps']} steps. Mean code correspondence: {found}.")


@app.command()
def cluster(
    project: options.ProjectOption,
    clusters: options.ClustersOption = None,
    source: options.SourceOption = None,
    balance: options.BalanceOption = None,
    seed: options.SeedOption = None,
    json_: options.JsonOption = False,
) -> None:
    """Cluster the project's codes; any K, without training again.

    What is not set is as in the clusters in use, or else the default.
    """
    reporter = Reporter(json_)
    with reporter.command():
        opened = open_to_change(reporter, project)
        settings = settings_of.cluster_settings(
            opened, clusters=clusters, source=source, balance=balance, seed=seed
        )
        values = stages.cluster(reporter, opened, settings)
        reporter.result(values, f"{values['clusters']} clusters of {values['source']}.")


@app.command()
def export(
    project: options.ProjectOption,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to export; by default `export` in the project.", metavar="FOLDER"),
    ] = None,
    formats: options.FormatsOption = None,
    crf: options.CrfOption = False,
    detail: options.DetailOption = "as-extracted",
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Write indexed PNG and TIFF masks, classes.csv, overlay pictures and COCO panoptic."""
    from napari_stego.project import Project

    reporter = Reporter(json_)
    with reporter.command():
        settings = export_settings(formats, crf=crf, detail=detail)
        opened = Project.open(project, writable=False)
        values = stages.export(reporter, opened, out, settings, weights, device)
        reporter.result(values, f"{counted(values['exported'])} exported to {values['export']}.")


app.command("cluster-k")(cluster_k)
register_relinking(app)
register_exploring(app)
register_correcting(app)
register_teaching(app)
app.command()(evaluate)
app.command()(cooccurrence)
app.command()(gather)
app.command()(regions)


def _open_photographs(reporter: Reporter, folder: Path, images: Path) -> Project:
    from napari_stego.project import Project, open_photographs

    # Kept meanwhile: that another program has the project is better said before all is read.
    held = open_to_change(reporter, folder) if Project.exists(folder) else None
    with reporter.progress() as progress:
        opened = open_photographs(folder, images, progress=progress, cancel=reporter.cancel)
    if held is not None:
        held.close()
    elif opened.note:
        reporter.note(opened.note)
    return opened

"""The commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego import __version__
from napari_stego.cli import options
from napari_stego.cli.reporting import Reporter
from napari_stego.cli.weights import weights_app

if TYPE_CHECKING:
    from napari_stego.backbones import Layer
    from napari_stego.clustering import CrfSettings
    from napari_stego.corpus import SkippedFile
    from napari_stego.features import FeatureSettings
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
    project: options.ProjectOption,
    backbone: options.BackboneOption = None,
    layer: options.LayerOption = None,
    long_side: options.LongSideOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    dim: options.DimOption = None,
    steps: options.StepsOption = None,
    seed: options.SeedOption = 0,
    clusters: options.ClustersOption = None,
    source: options.SourceOption = "codes",
    out: Annotated[
        Path | None,
        typer.Option(help="Where to export; by default `export` in the project.", metavar="FOLDER"),
    ] = None,
    crf: options.CrfOption = False,
    json_: options.JsonOption = False,
) -> None:
    """Do it all: extract features, train, cluster, and export labelled images.

    Interrupted, the same command goes on where it stopped.
    """
    reporter = Reporter(json_)
    with reporter.command():
        _crf(crf)  # if it is not installed, better to say so now than at the end
        opened = _create(project)
        values = {"project": str(opened.folder)}
        settings = _feature_settings(opened, backbone, layer, long_side)
        values |= _extract(reporter, opened, settings, images, weights, device)
        if source == "codes":
            values |= _train(reporter, opened, device, dim=dim, steps=steps, seed=seed)
        values |= _cluster(reporter, opened, clusters=clusters, source=source, seed=seed)
        values |= _export(reporter, opened, out, crf=crf)
        text = (
            f"{values['images']} images, {values['clusters']} clusters. "
            f"Masks, classes.csv and overlays are in {values['export']}."
        )
        reporter.result(values, text)


@app.command()
def features(
    images: options.ImagesArgument,
    project: options.ProjectOption,
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
        opened = _create(project)
        settings = _feature_settings(opened, backbone, layer, long_side)
        values = _extract(reporter, opened, settings, images, weights, device)
        text = f"{values['extracted']} images extracted, {values['reused']} were there already."
        reporter.result(values, text)


@app.command()
def train(
    project: options.ProjectOption,
    dim: options.DimOption = None,
    steps: options.StepsOption = None,
    seed: options.SeedOption = 0,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Train a STEGO head on the project's features."""
    reporter = Reporter(json_)
    with reporter.command():
        values = _train(reporter, _open(project), device, dim=dim, steps=steps, seed=seed)
        found = ", ".join(f"{name} {v:.2f}" for name, v in values["correspondence"].items())
        reporter.result(values, f"{values['steps']} steps. Mean code correspondence: {found}.")


@app.command()
def cluster(
    project: options.ProjectOption,
    clusters: options.ClustersOption = None,
    source: options.SourceOption = "codes",
    seed: options.SeedOption = 0,
    json_: options.JsonOption = False,
) -> None:
    """Cluster the project's codes; any K, without training again."""
    reporter = Reporter(json_)
    with reporter.command():
        values = _cluster(reporter, _open(project), clusters=clusters, source=source, seed=seed)
        reporter.result(values, f"{values['clusters']} clusters of {source}.")


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
        reporter.result(values, f"{values['exported']} images exported to {values['export']}.")


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
    seed: options.SeedOption = 0,
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
                crf=_crf(crf),
                device=device,
                weights_file=weights,
                progress=progress,
                cancel=reporter.cancel,
            )
        reporter.result(evaluation_values(evaluation), evaluation_text(evaluation, named_clusters))


def _open(folder: Path) -> Project:
    from napari_stego.project import Project

    return Project.open(folder)


def _create(folder: Path) -> Project:
    from napari_stego.project import Project

    return Project.create(folder)


def _feature_settings(
    project: Project, backbone: str | None, layer: str | None, long_side: int | None
) -> FeatureSettings:
    """Take what is not asked for from the project, or else from the defaults."""
    from napari_stego.features import FeatureSettings

    record = project.state.features
    known = record.settings if record else FeatureSettings.model_validate({})
    changes: dict[str, Any] = {}
    if backbone is not None and backbone != known.backbone:
        changes |= {"backbone": backbone, "layer": None}
    if layer is not None:
        changes["layer"] = _layer(layer)
    if long_side is not None:
        changes["long_side"] = long_side
    settings: FeatureSettings = _validated(FeatureSettings, known.model_dump() | changes)
    return settings


def _layer(text: str) -> Layer:
    from napari_stego.errors import StegoError

    if text == "final":
        return "final"
    if not text.isdecimal():
        raise StegoError(f"--layer is the number of a block, from 0, or `final`; not {text!r}.")
    return int(text)


def _validated(model: Any, values: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from napari_stego.errors import StegoError

    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()
        )
        raise StegoError(f"These settings do not work: {problems}.") from error


def _crf(wanted: bool) -> CrfSettings | None:
    from napari_stego.clustering import CrfSettings, crf_available
    from napari_stego.errors import StegoError

    if not wanted:
        return None
    if not crf_available():
        raise StegoError(
            'The dense CRF is not installed. Install it with `pip install "napari-stego[crf]"` '
            "(it needs a C++ compiler), or leave out --crf."
        )
    return CrfSettings()


def _skipped(reporter: Reporter, skipped: tuple[SkippedFile, ...]) -> list[dict[str, str]]:
    if skipped:
        lines = "\n".join(f"  {file.name}: {file.reason}" for file in skipped)
        reporter.note(f"{len(skipped)} files cannot be read and are left out:\n{lines}")
    return [{"name": file.name, "reason": file.reason} for file in skipped]


def _extract(
    reporter: Reporter,
    project: Project,
    settings: FeatureSettings,
    images: Path,
    weights: Path | None,
    device: str,
) -> dict[str, Any]:
    from napari_stego.project import extract

    with reporter.progress() as progress:
        report = extract(
            project,
            settings,
            images,
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


def _train(reporter: Reporter, project: Project, device: str, **changes: Any) -> dict[str, Any]:
    from napari_stego.project import train
    from napari_stego.stego import StegoSettings

    asked = {name: value for name, value in changes.items() if value is not None}
    settings = _validated(StegoSettings, asked)
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


def _cluster(reporter: Reporter, project: Project, **changes: Any) -> dict[str, Any]:
    from napari_stego.clustering import ClusterSettings
    from napari_stego.project import cluster

    asked = {name: value for name, value in changes.items() if value is not None}
    settings = _validated(ClusterSettings, asked)
    with reporter.progress() as progress:
        model = cluster(project, settings, progress=progress, cancel=reporter.cancel)
    return {"clusters": len(model), "source": settings.source}


def _export(reporter: Reporter, project: Project, out: Path | None, *, crf: bool) -> dict[str, Any]:
    from napari_stego.project import ExportSettings, export

    folder = (out or project.folder / "export").expanduser().absolute()
    settings = ExportSettings(crf=_crf(crf))
    with reporter.progress() as progress:
        report = export(project, folder, settings, progress=progress, cancel=reporter.cancel)
    return {"export": str(report.folder), "exported": report.images}

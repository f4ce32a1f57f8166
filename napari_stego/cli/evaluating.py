"""The commands that score against masks, and that lay out public data sets for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_stego.cli import options, settings_of
from napari_stego.cli.reporting import Reporter, counted

if TYPE_CHECKING:
    from napari_stego.evaluation import MaskedDataset

_DatasetName = Literal["cocostuff27", "cityscapes27", "potsdam3", "suim"]
_RootOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the data set, in its official layout.", metavar="FOLDER"),
]


def evaluate(
    project: options.ProjectOption,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="Folder of masks with the images' names: indexed or grey, values are class ids, "
            "255 counts for nothing.",
            metavar="FOLDER",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Images the masks belong to; by default the project's own.", metavar="FOLDER"
        ),
    ] = None,
    dataset: Annotated[
        _DatasetName | None,
        typer.Option(help="Score a public data set instead of --masks, with its own photographs."),
    ] = None,
    root: _RootOption = None,
    centre_crop: Annotated[
        int | None,
        typer.Option(
            help="Resize the data set's photographs to so many pixels of the shorter side and "
            "score the central square, as the paper does with 320.",
            min=32,
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
    training_masks: Annotated[
        bool,
        typer.Option(
            "--training-masks",
            help="Take the data set's masks of the project's own images for --naming-masks.",
        ),
    ] = False,
    named_clusters: Annotated[
        int,
        typer.Option(
            help="Number of clusters for naming masks; they are also joined along their tree "
            "to as many parts as there are classes, without names.",
            min=2,
        ),
    ] = 64,
    linear_probe: Annotated[
        bool,
        typer.Option(
            "--linear-probe", help="Score a linear classifier too; it learns from naming masks."
        ),
    ] = False,
    curves: Annotated[
        bool,
        typer.Option(
            "--curves",
            help="Compare correspondences with label co-occurrence: average precision and, with "
            "--out, curves.",
        ),
    ] = False,
    raw: Annotated[
        bool,
        typer.Option("--raw/--codes-only", help="Score the raw features beside the codes."),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write tables (json, csv, md), confusion matrices and plots to this folder.",
            metavar="FOLDER",
        ),
    ] = None,
    seed: options.EvaluationSeedOption = 0,
    crf: options.CrfOption = False,
    detail: options.DetailOption = "as-extracted",
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    json_: options.JsonOption = False,
) -> None:
    """Score the project's codes and raw features against masks.

    Clusters are fitted on the project's images, as many as there are classes,
    and matched to the classes by the Hungarian method and many to one. Of the
    data sets of the STEGO paper, published numbers are beside them.
    """
    reporter = Reporter(json_)
    with reporter.command():
        from napari_stego.cli.tables import evaluation_text
        from napari_stego.evaluation import json_values, plots_available, write_report
        from napari_stego.project import Project
        from napari_stego.project import evaluate as evaluate_project

        opened = Project.open(project, writable=False)
        refinement = settings_of.crf(crf, exact=True)
        scored = _masks(masks, dataset, root, centre_crop)
        naming = _naming(naming_masks, training_masks, dataset, root)
        if out is not None and not plots_available():
            reporter.note(
                "There will be no plots: matplotlib is not installed. "
                '`pip install "napari-stego[plots]"` installs it.'
            )
        with reporter.progress() as progress:
            evaluation = evaluate_project(
                opened,
                scored,
                images,
                naming_masks=naming,
                named_clusters=named_clusters,
                linear_probe=linear_probe,
                curves=curves,
                raw=raw,
                seed=seed,
                crf=refinement,
                detail=detail,
                device=device,
                weights_file=weights,
                progress=progress,
                cancel=reporter.cancel,
            )
        values, text = json_values(evaluation), evaluation_text(evaluation)
        if out is not None:
            files = write_report(evaluation, out, reporter.cancel)
            values["files"] = [str(file) for file in files]
            text += f"\n{len(files)} files are in {out}."
        reporter.result(values, text)


def cooccurrence(
    project: options.ProjectOption,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="Folder of masks; by default the classes that were named are the truth.",
            metavar="FOLDER",
        ),
    ] = None,
    seed: options.SeedOption = None,
    json_: options.JsonOption = False,
) -> None:
    """Tell how well correspondences show which places have one label.

    Average precision of features and of codes, within a photograph, with its
    nearest neighbours and with random photographs. Named classes were made of
    clusters, so they favour what was clustered; masks do not.
    """
    reporter = Reporter(json_)
    with reporter.command():
        from napari_stego.cli.tables import columns
        from napari_stego.evaluation import PairSettings
        from napari_stego.project import Project, Segmentation
        from napari_stego.project.cooccurrence import measure_cooccurrence

        opened = Project.open(project, writable=False)
        with reporter.progress() as progress:
            found = measure_cooccurrence(
                Segmentation(opened),
                opened,
                masks,
                PairSettings(seed=seed or 0),
                progress=progress,
                cancel=reporter.cancel,
            )
        values = {
            source: {
                kind: {"average_precision": c.average_precision, "guessing": c.base_rate}
                for kind, c in curves.items()
            }
            for source, curves in found.curves.items()
        }
        kinds = list(next(iter(values.values())))
        lines = [("average precision, %", *kinds)]
        lines += [
            (source, *(f"{100 * curves[kind]['average_precision']:.1f}" for kind in kinds))
            for source, curves in values.items()
        ]
        first = next(iter(values.values()))
        lines.append(("guessing", *(f"{100 * first[kind]['guessing']:.1f}" for kind in kinds)))
        reporter.result(
            {"curves": values, "images": found.images, "labels": found.classes}, columns(lines)
        )


def gather(
    dataset: Annotated[_DatasetName, typer.Argument(help="Name of the data set.")],
    root: Annotated[
        Path,
        typer.Option(help="Folder of the data set, in its official layout.", metavar="FOLDER"),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the photographs.", metavar="FOLDER")],
    split: Annotated[
        Literal["train", "test"],
        typer.Option(help="Which photographs; `test` are those that published numbers are of."),
    ] = "train",
    json_: options.JsonOption = False,
) -> None:
    """Put the photographs of a public data set in one folder, to make a project of them."""
    reporter = Reporter(json_)
    with reporter.command():
        from napari_stego.evaluation import DATASETS
        from napari_stego.evaluation import gather as gather_photographs

        with reporter.progress() as progress:
            opened = DATASETS[dataset](root, split)
            count = gather_photographs(opened, out, progress=progress, cancel=reporter.cancel)
        values = {"photographs": count, "left_out": list(opened.left_out), "folder": str(out)}
        reporter.result(values, f"{counted(count)} of {dataset} in {out}.")


def _masks(
    masks: Path | None, dataset: _DatasetName | None, root: Path | None, centre_crop: int | None
) -> Path | MaskedDataset:
    from napari_stego.errors import StegoError
    from napari_stego.evaluation import DATASETS

    if (masks is None) == (dataset is None):
        raise StegoError("Name either a folder of masks (--masks) or a data set (--dataset).")
    if masks is not None:
        if root is not None or centre_crop is not None:
            raise StegoError("--root and --centre-crop belong to --dataset.")
        return masks
    assert dataset is not None  # one of the two is there
    if root is None:
        raise StegoError("Name the folder of the data set with --root.")
    opened = DATASETS[dataset](root, "test")
    return opened if centre_crop is None else opened.cropped(centre_crop)


def _naming(
    naming_masks: Path | None,
    training_masks: bool,
    dataset: _DatasetName | None,
    root: Path | None,
) -> Path | MaskedDataset | None:
    from napari_stego.errors import StegoError
    from napari_stego.evaluation import DATASETS

    if not training_masks:
        return naming_masks
    if dataset is None or root is None or naming_masks is not None:
        raise StegoError("--training-masks belongs to --dataset, in place of --naming-masks.")
    return DATASETS[dataset](root, "train")

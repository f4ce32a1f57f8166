"""The command ``regions``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from napari_stego.cli import options
from napari_stego.cli.reporting import Reporter


def regions(
    project: options.ProjectOption,
    image: Annotated[
        str,
        typer.Option("--image", help="The photograph, by its name in the project.", metavar="NAME"),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="File for the regions, a TIFF.", metavar="FILE")
    ],
    level: Annotated[
        float,
        typer.Option(
            "--level", help="From the finest regions (0) to the whole photograph (1).", min=0, max=1
        ),
    ] = 0.5,
    json_: options.JsonOption = False,
) -> None:
    """Part a photograph into regions that are alike, from fine to coarse; it needs no classes.

    Regions are numbered from 1, in 32 bits. Those of a higher level are unions
    of those of a lower one.
    """
    import tifffile

    from napari_stego.files import replacing
    from napari_stego.project import Project, Segmentation
    from napari_stego.project.correcting import Correction
    from napari_stego.project.exporting import check_folder
    from napari_stego.project.photographs import find_photograph

    reporter = Reporter(json_)
    with reporter.command(), closing(Project.open(project, writable=False)) as opened:
        check_folder(opened, out.absolute().parent)
        correction = Correction(Segmentation(opened), find_photograph(opened, image))
        correction.prepare(reporter.cancel)
        parts = correction.tree.labels_at(level) + 1
        with replacing(out) as temporary:
            tifffile.imwrite(temporary, parts, photometric="minisblack", compression="zlib")
        count = int(parts.max())
        values = {"image": image, "level": level, "regions": count, "out": str(out)}
        reporter.result(values, f"{count} regions of {image} are in {out}.")

"""The commands ``correct`` and ``refine``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.class_edits import find_class, told_edit
from napari_stego.cli.opening import open_to_change
from napari_stego.cli.pointing import parse_pixel
from napari_stego.cli.reporting import Reporter, counted, left_out_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_stego.correction import Click
    from napari_stego.project.correcting import Correction
    from napari_stego.project.refining import Refinement


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Parameters
    ----------
    app : typer.Typer
        The commands.
    """
    app.command("correct")(correct)
    app.command("refine")(refine)


def correct(
    project: options.ProjectOption,
    image: Annotated[
        str,
        typer.Option("--image", help="The photograph, by its name in the project.", metavar="NAME"),
    ],
    class_: Annotated[
        str,
        typer.Option("--class", help="Id or name of the class that gets it.", metavar="CLASS"),
    ],
    at: Annotated[
        list[str],
        typer.Option(
            "--at",
            help="Row and column of a pixel inside, from 0; several with spaces between are a line "
            "through them. May be repeated.",
            metavar="R,C",
        ),
    ],
    outside: Annotated[
        list[str] | None,
        typer.Option(
            "--not",
            help="Row and column of a pixel that is not of it, or a line through several; may be "
            "repeated.",
            metavar="R,C",
        ),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(
            "--region-level",
            help="Take the whole regions that the pixels are in, from the finest (0) to the whole "
            "photograph (1), instead of a cut.",
            min=0,
            max=1,
        ),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            "--preview",
            help="Write a picture of the classes as they would be, and change nothing.",
            metavar="FILE",
        ),
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Give what a few pixels stand for to a class, in one step that can be undone.

    A minimum cut proposes a region that has all pixels of --at and none of
    --not, along the edges of the photograph. Locked classes lose no pixel.
    """
    from napari_stego.project import Project, Segmentation
    from napari_stego.project.correcting import Correction
    from napari_stego.project.photographs import find_photograph

    reporter = Reporter(json_)
    with reporter.command():
        opened = (
            open_to_change(reporter, project)
            if preview is None
            else Project.open(project, writable=False)
        )
        with closing(opened):
            segmentation = Segmentation(opened)
            if segmentation.note:
                reporter.note(segmentation.note)
            # What is wrongly typed is said before the seconds that follow.
            class_id = find_class(segmentation.table, class_)
            segmentation.table.check_unlocked(class_id)
            clicks = _clicks(at, outside or [])
            correction = Correction(segmentation, find_photograph(opened, image))
            correction.prepare(reporter.cancel)
            if level is None:
                mask, source = correction.propose(clicks), f"cut, {len(clicks)} clicks"
            else:
                mask, source = correction.regions(clicks, level), f"region, level {level:g}"
            values: dict[str, Any] = {"image": image, "class": class_id, "pixels": int(mask.sum())}
            if preview is not None:
                _write_preview(preview, correction, mask, class_id)
                values["preview"] = str(preview)
                text = f"{values['pixels']} pixels, shown in {preview}. Nothing was changed."
            else:
                changes, text = _give(correction, mask, class_id, source)
                values |= changes
            reporter.result(values, text)


def refine(
    project: options.ProjectOption,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            help="Only this photograph; may be repeated. By default all that were not reviewed as "
            "right.",
            metavar="NAME",
        ),
    ] = None,
    smallest: Annotated[
        int,
        typer.Option(
            help="Pixels of the smallest region of a class that stays; smaller ones go to the "
            "class around them, but for what was painted or cut out.",
            min=0,
        ),
    ] = 0,
    largest_hole: Annotated[
        int,
        typer.Option(help="Pixels of the largest unlabelled region that is filled.", min=0),
    ] = 0,
    crf: options.CrfOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would change, and change nothing.")
    ] = False,
    reviewed_too: options.ReviewedTooOption = False,
    json_: options.JsonOption = False,
) -> None:
    """Clean the classes up: small regions, holes and, with --crf, edges.

    What changes is one step that can be undone, or a few for thousands of
    photographs. Locked classes neither lose nor get a pixel.
    """
    from napari_stego.cli import settings_of
    from napari_stego.project import Project, Segmentation
    from napari_stego.project.photographs import find_photograph
    from napari_stego.project.refining import RefineSettings
    from napari_stego.project.refining import refine as refine_photographs
    from napari_stego.project.review_file import reviewed_as_right

    reporter = Reporter(json_)
    with reporter.command():
        settings = RefineSettings(
            smallest=smallest, largest_hole=largest_hole, crf=settings_of.crf(crf)
        )
        with closing(
            Project.open(project, writable=False) if dry_run else open_to_change(reporter, project)
        ) as opened:
            segmentation = Segmentation(opened)
            chosen = [find_photograph(opened, name) for name in image or []]
            # What was named was meant.
            reviewed = frozenset() if chosen or reviewed_too else reviewed_as_right(opened)
            with reporter.progress() as progress:
                found = refine_photographs(
                    segmentation,
                    chosen or opened.corpus.images,
                    settings,
                    progress,
                    reporter.cancel,
                    leave_out=reviewed,
                )
            for step in () if dry_run else found.steps:
                segmentation.history.do(step)
            reporter.result(*_refined(found, dry_run))


def _refined(found: Refinement, dry_run: bool) -> tuple[dict[str, Any], str]:
    if not found.steps:
        text = "Nothing to change."
    elif dry_run:
        text = f"{found.pixels} pixels of {counted(found.images)} would change."
    else:
        steps = len(found.steps)
        undo = "one step" if steps == 1 else f"{steps} steps"
        text = (
            f"{found.pixels} pixels of {counted(found.images)} changed, in {undo} of the history."
        )
    values = {
        "images": found.images,
        "pixels": found.pixels,
        "left_out": found.left_out,
        "steps": len(found.steps),
    }
    return values, f"{text} {left_out_text(found.left_out)}".rstrip()


def _clicks(at: Sequence[str], outside: Sequence[str]) -> list[Click]:
    from napari_stego.correction import Click

    return [
        Click.along([parse_pixel(each) for each in text.split() or [text]], positive)
        for texts, positive in ((at, True), (outside, False))
        for text in texts
    ]


def _write_preview(
    path: Path, correction: Correction, mask: npt.NDArray[np.bool_], class_id: int
) -> None:
    import numpy as np

    from napari_stego.export.overlay import write_overlay

    labels = np.where(mask, np.uint16(class_id), np.uint16(0))
    write_overlay(path, correction.image.read(), labels, correction.segmentation.table)


def _give(
    correction: Correction, mask: npt.NDArray[np.bool_], class_id: int, source: str
) -> tuple[dict[str, Any], str]:
    segmentation = correction.segmentation
    known = {row.id for row in segmentation.table.rows}
    painted = correction.give(mask, class_id, source)
    kept = len(painted.kept)
    stays = f" {kept} pixels of locked classes stay." if kept else ""
    if painted.edit is None:
        text = f"Nothing to change: no pixel of another class is in it.{stays}"
        return {"edit": None, "kept": kept}, text
    values, text = told_edit(segmentation, known)
    return values | {"kept": kept}, text + stays

"""The ``teach`` command, and the ``review`` commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.class_edits import find_class
from napari_stego.cli.opening import open_to_change
from napari_stego.cli.reporting import Reporter, counted, left_out_text
from napari_stego.errors import StegoError

if TYPE_CHECKING:
    from napari_stego.corpus import CorpusImage
    from napari_stego.project import Project, Segmentation
    from napari_stego.project.proposing import Acceptance
    from napari_stego.project.reviewing import Review, ReviewProgress
    from napari_stego.project.teaching import Teaching
    from napari_stego.project.teaching_examples import TaughtClick

_CLICK = re.compile(r"(?P<image>.+):(?P<row>\d+),(?P<column>\d+)=(?P<class>.+)")
_ALL = "all"
_SHOWN = 20

review_app = typer.Typer(
    name="review",
    no_args_is_help=True,
    help="Look at photographs one by one, the least certain first, and learn how accurate labels "
    "are.",
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Parameters
    ----------
    app : typer.Typer
        The commands.
    """
    app.command("teach")(teach)
    review_app.command("list")(review_list)
    review_app.command("accept")(review_accept)
    review_app.command("skip")(review_skip)
    review_app.command("again")(review_again)
    review_app.command("status")(review_status)
    app.add_typer(review_app, name="review")


def teach(
    project: options.ProjectOption,
    click: Annotated[
        list[str] | None,
        typer.Option(
            "--click",
            help="An example: photograph, row and column of a pixel from 0, and id or name of its "
            "class, as reef/0001.jpg:120,340=coral. May be repeated; all together are one step "
            "that can be undone.",
            metavar="NAME:ROW,COL=CLASS",
        ),
    ] = None,
    apply: Annotated[
        list[str] | None,
        typer.Option(
            "--apply",
            help="Take over what is proposed for this photograph, or for `all` that were not "
            "reviewed as right, in one step that can be undone. May be repeated.",
            metavar="NAME",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only", help="Take over only what becomes this class (--apply).", metavar="CLASS"
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Tell what --apply would change, and take nothing over."),
    ] = False,
    reviewed_too: options.ReviewedTooOption = False,
    next_: Annotated[
        int,
        typer.Option("--next", help="Ask for so many clicks that would teach the most.", min=0),
    ] = 0,
    confidence: Annotated[
        Path | None,
        typer.Option(
            "--confidence",
            help="Write how certain each pixel is, from 0 to 1, as 32-bit TIFF of each photograph.",
            metavar="FOLDER",
        ),
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Learn from named clusters, clicks and strokes, and propose classes for all photographs.

    Without --apply nothing but the clicks is kept.
    """
    reporter = Reporter(json_)
    changes = bool(click or (apply and not dry_run))
    with reporter.command():
        if (only is not None or dry_run or reviewed_too) and not apply:
            raise StegoError(
                "--only, --dry-run and --reviewed-too say how --apply is meant: give that, too."
            )
        with _opened(reporter, project, to_change=changes) as teaching:
            reporter.result(
                *_taught(
                    reporter,
                    teaching,
                    click or [],
                    apply or [],
                    only,
                    dry_run,
                    next_,
                    confidence,
                    reviewed_too=reviewed_too,
                )
            )


@contextmanager
def _opened(reporter: Reporter, folder: Path, *, to_change: bool = False) -> Iterator[Teaching]:
    from napari_stego.project import Project
    from napari_stego.project.teaching import Teaching

    opened = open_to_change(reporter, folder) if to_change else Project.open(folder, writable=False)
    with closing(opened):
        teaching = Teaching(opened)
        if teaching.segmentation.note:
            reporter.note(teaching.segmentation.note)
        yield teaching


def _taught(
    reporter: Reporter,
    teaching: Teaching,
    click: Sequence[str],
    apply: Sequence[str],
    only: str | None,
    dry_run: bool,
    next_: int,
    confidence: Path | None,
    *,
    reviewed_too: bool,
) -> tuple[dict[str, Any], str]:
    from napari_stego.project.confidence_files import check_confidence_folder, write_confidence
    from napari_stego.project.proposing import accept, take_over
    from napari_stego.project.review_file import reviewed_as_right
    from napari_stego.teaching import TeachingError

    project, segmentation = teaching.project, teaching.segmentation
    # What is wrongly typed is said before anything is done.
    clicks = [_parsed(teaching, text) for text in click]
    wanted = _images(project, apply)
    # What was named was meant.
    named = {each.content_hash for each in _images(project, [n for n in apply if n != _ALL])}
    leave_out = bool(apply) and not reviewed_too
    reviewed = reviewed_as_right(project) - named if leave_out else frozenset()
    only_id = None if only is None else find_class(segmentation.table, only)
    if confidence is not None:
        check_confidence_folder(teaching, confidence)
    values: dict[str, Any] = {"clicks": len(clicks)}
    lines: list[str] = []
    if clicks:
        teaching.click(clicks)
        lines.append(f"{len(clicks)} example{'s' * (len(clicks) != 1)} kept.")
    with reporter.progress() as progress:
        teaching.sample(progress, reporter.cancel)
    try:
        model = teaching.classifier()
        said = int(teaching.examples().said.sum())
        values |= {"examples": said, "classes": list(model.classes), "calibrated": model.calibrated}
        lines.append(f"Learned {len(model)} classes, with {said} clicked or painted patches.")
    except TeachingError:
        if apply or confidence is not None or not next_:
            raise
    if next_:
        values["next"] = _asked(teaching, next_, lines)
    if confidence is not None:
        with reporter.progress() as progress:
            values["confidence"] = write_confidence(teaching, confidence, progress, reporter.cancel)
        lines.append(f"Confidence of {counted(values['confidence'])} is in {confidence}.")
        if not values["calibrated"]:
            lines.append("It is not yet tested: give more examples.")
    if apply:
        with reporter.progress() as progress:
            found = accept(
                teaching,
                wanted,
                only_id,
                leave_out=reviewed,
                progress=progress,
                cancel=reporter.cancel,
            )
        if not dry_run:
            take_over(teaching, found)
        values |= _acceptance(segmentation, found, dry_run, lines)
    return values, "\n".join(lines)


def _parsed(teaching: Teaching, text: str) -> TaughtClick:
    from napari_stego.project.photographs import find_photograph
    from napari_stego.project.teaching_examples import TaughtClick

    found = _CLICK.fullmatch(text)
    if found is None:
        raise StegoError(
            f"“{text}” is no example. Write photograph, row, column and class as "
            "reef/0001.jpg:120,340=coral."
        )
    image = find_photograph(teaching.project, found["image"])
    class_id = find_class(teaching.segmentation.table, found["class"])
    return TaughtClick(image, int(found["row"]), int(found["column"]), class_id)


def _images(project: Project, names: Sequence[str]) -> list[CorpusImage]:
    from napari_stego.project.photographs import find_photograph

    if _ALL in names:
        return list(project.corpus.images)
    return [find_photograph(project, name) for name in names]


def _asked(teaching: Teaching, count: int, lines: list[str]) -> list[dict[str, Any]]:
    found = teaching.next_clicks(count)
    lines += [f"{each.image.name}:{each.row},{each.column}  {each.why}" for each in found]
    return [
        {
            "image": each.image.name,
            "row": each.row,
            "column": each.column,
            "why": each.why,
            "gain": each.gain,
        }
        for each in found
    ]


def _acceptance(
    segmentation: Segmentation, found: Acceptance, dry_run: bool, lines: list[str]
) -> dict[str, Any]:
    table = segmentation.table
    largest = sorted(found.changes.items(), key=lambda each: -each[1])
    changes = [{"from": a, "to": b, "pixels": pixels} for (a, b), pixels in largest]
    if not found.steps:
        lines.append("Nothing to change: what is proposed is there already.")
    elif dry_run:
        lines.append(f"{found.pixels} pixels of {counted(found.images)} would change.")
    else:
        steps = len(found.steps)
        undo = "one step" if steps == 1 else f"{steps} steps"
        lines.append(
            f"{found.pixels} pixels of {counted(found.images)} changed, in {undo} of the history."
        )
    lines += [
        f"  {table.name(a)} -> {table.name(b)}: {pixels}" for (a, b), pixels in largest[:_SHOWN]
    ]
    if found.left_out:
        lines.append(left_out_text(found.left_out))
    return {
        "images": found.images,
        "left_out": found.left_out,
        "pixels": found.pixels,
        "changes": changes,
        "steps": len(found.steps),
        "position": segmentation.history.position,
    }


_NamesArgument = Annotated[
    list[str],
    typer.Argument(help="Photographs, by their names in the project.", metavar="NAME..."),
]


def review_list(
    project: options.ProjectOption,
    limit: Annotated[
        int, typer.Option("--limit", help="Show so many.", min=1, show_default=True)
    ] = _SHOWN,
    json_: options.JsonOption = False,
) -> None:
    """List what waits for a review, the least certain first; every fourth drawn at random."""
    from napari_stego.project.reviewing import Review

    reporter = Reporter(json_)
    with reporter.command(), _opened(reporter, project) as teaching:
        review = Review(teaching.project, teaching.segmentation)
        with reporter.progress() as progress:
            teaching.sample(progress, reporter.cancel)
            queue = review.queue(teaching, progress, reporter.cancel)
        values = {
            "waiting": len(queue),
            "queue": [
                {"image": each.image.name, "certainty": each.certainty, "drawn": each.drawn}
                for each in queue[:limit]
            ],
        }
        lines = [
            f"{each.certainty:6.1%}  {each.image.name}{'  (drawn at random)' * each.drawn}"
            for each in queue[:limit]
        ]
        lines.append(f"{counted(len(queue))} wait.")
        reporter.result(values, "\n".join(lines))


def review_accept(
    project: options.ProjectOption, images: _NamesArgument, json_: options.JsonOption = False
) -> None:
    """Keep that the labels of photographs are right as they are now.

    One whose classes were changed by strokes counts as fixed.
    """
    _decide(json_, project, images, lambda review, image: review.accept(image))


def review_skip(
    project: options.ProjectOption, images: _NamesArgument, json_: options.JsonOption = False
) -> None:
    """Pass photographs over: they do not come again, and do not count."""
    _decide(json_, project, images, lambda review, image: review.skip(image))


def review_again(
    project: options.ProjectOption, images: _NamesArgument, json_: options.JsonOption = False
) -> None:
    """Put photographs back into the queue."""
    _decide(json_, project, images, lambda review, image: review.forget(image))


def review_status(project: options.ProjectOption, json_: options.JsonOption = False) -> None:
    """Tell how far the review has come, and how accurate labels are."""
    from napari_stego.project.reviewing import Review

    reporter = Reporter(json_)
    with reporter.command(), _opened(reporter, project) as teaching:
        reporter.result(*_status(Review(teaching.project, teaching.segmentation).progress()))


def _decide(
    as_json: bool,
    folder: Path,
    names: Sequence[str],
    decide: Callable[[Review, CorpusImage], object],
) -> None:
    from napari_stego.project.photographs import find_photograph
    from napari_stego.project.reviewing import Review

    reporter = Reporter(as_json)
    with reporter.command(), _opened(reporter, folder, to_change=True) as teaching:
        images = [find_photograph(teaching.project, name) for name in names]
        review = Review(teaching.project, teaching.segmentation)
        for image in images:
            decide(review, image)
        reporter.result(*_status(review.progress()))


def _status(found: ReviewProgress) -> tuple[dict[str, Any], str]:
    estimate = found.estimate
    values = {
        "accepted": found.accepted,
        "fixed": found.fixed,
        "skipped": found.skipped,
        "left": found.left,
        "accuracy": estimate.accuracy,
        "low": estimate.low,
        "high": estimate.high,
        "drawn": estimate.drawn,
    }
    text = (
        f"{found.accepted} accepted, {found.fixed} fixed, {found.skipped} skipped, "
        f"{found.left} left.\n"
    )
    if estimate.accuracy is None:
        text += "Accuracy: not known before a photograph drawn at random was reviewed."
    else:
        text += (
            f"Accuracy of what was proposed: {estimate.accuracy:.1%} "
            f"(95 % interval {estimate.low:.1%} to {estimate.high:.1%}, "
            f"{counted(estimate.drawn)} drawn at random)."
        )
    return values, text

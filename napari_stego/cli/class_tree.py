"""The ``classes`` commands on which classes are alike: suggest and cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.class_edits import named, segmentation_of, told_edit
from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.project import ClassTree


def register(app: typer.Typer) -> None:
    """Add the commands of this module.

    Parameters
    ----------
    app : typer.Typer
        The ``classes`` commands.
    """
    app.command("suggest")(suggest)
    app.command("cut")(cut)


def suggest(
    project: options.ProjectOption,
    limit: Annotated[
        int, typer.Option("--limit", help="Number of suggestions to show.", min=1)
    ] = 20,
    json_: options.JsonOption = False,
) -> None:
    """List classes that may be merged, most alike first; it changes nothing.

    A line may join what those above it have made. `cut --classes N` makes all
    merges down to the line that leaves N. Classes that were named are never
    joined with each other; those that are locked or have no clusters are left out.
    """
    reporter = Reporter(json_)
    with reporter.command(), segmentation_of(reporter, project) as segmentation:
        reporter.result(*_suggestions(segmentation.tree, limit))


def cut(
    project: options.ProjectOption,
    classes: Annotated[
        int | None,
        typer.Option(
            "--classes",
            help="How many are left, not counting those locked or without clusters.",
            metavar="N",
            min=1,
        ),
    ] = None,
    height: Annotated[
        float | None,
        typer.Option(
            "--height",
            help="Merge up to this cosine distance: 1 less the similarity.",
            metavar="H",
            min=0,
            max=2,
        ),
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Merge alike classes until so many are left, in one step of the history.

    Of those merged, the one that was named stays, or else the largest.
    """
    from napari_stego.errors import StegoError

    reporter = Reporter(json_)
    with reporter.command():
        if (classes is None) == (height is None):
            raise StegoError("Say how far to merge: either --classes N or --height H.")
        with segmentation_of(reporter, project, to_change=True) as segmentation:
            table, tree = segmentation.table, segmentation.tree
            merged = {
                kept: tuple(each for each in members if each != kept)
                for kept, members in tree.groups(classes, height).items()
                if len(members) > 1
            }
            segmentation.history.do(tree.edit(classes, height))
            values, text = told_edit(segmentation, {row.id for row in table.rows})
            values["merged"] = [
                {"into": kept, "name": table.name(kept), "classes": list(others)}
                for kept, others in merged.items()
            ]
            lines = [
                f"  into {named(table, [kept])}: {named(table, others)}"
                for kept, others in merged.items()
            ]
            reporter.result(values, "\n".join([text, *lines]))


def _suggestions(tree: ClassTree, limit: int) -> tuple[dict[str, Any], str]:
    from napari_stego.cli.tables import columns

    rows: list[dict[str, Any]] = []
    lines = [("left", "similarity", "classes")]
    for done, pair in enumerate(tree.suggestions(limit)):
        left = len(tree) - done - 1
        rows.append(
            {
                "left": left,
                "first": list(pair.first),
                "second": list(pair.second),
                "similarity": pair.similarity,
                "height": float(tree.heights[done]),
            }
        )
        joined = f"{named(tree.table, pair.first)} + {named(tree.table, pair.second)}"
        lines.append((str(left), f"{pair.similarity:.3f}", joined))
    values = {"classes": len(tree), "least": tree.least, "suggestions": rows}
    return values, columns(lines) if rows else "There are no classes left to merge."

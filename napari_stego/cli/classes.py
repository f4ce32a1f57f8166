"""The ``classes`` commands: the edits of classes that the plugin has, on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stego.cli import options
from napari_stego.cli.class_edits import (
    edit_classes,
    find_class,
    find_classes,
    find_place,
    segmentation_of,
    together,
)
from napari_stego.cli.class_history import register as register_history
from napari_stego.cli.class_labels import register as register_labels
from napari_stego.cli.class_splits import register as register_splits
from napari_stego.cli.class_tree import register as register_tree
from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.classes import ClassEdit, ClassRow, ClassTable
    from napari_stego.project import Segmentation

classes_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Name, merge and correct classes; every edit is kept and can be undone.\n\n"
    "A class is given by its id or its name. A whole number is always an id.",
)
register_history(classes_app)
register_labels(classes_app)
register_splits(classes_app)
register_tree(classes_app)

_LEADING_CLUSTERS = 8

ClassArgument = Annotated[str, typer.Argument(help="Id or name of the class.", metavar="CLASS")]
ClassesArgument = Annotated[
    list[str], typer.Argument(help="Ids or names of classes.", metavar="CLASS...")
]


@classes_app.command("list")
def list_(project: options.ProjectOption, json_: options.JsonOption = False) -> None:
    """List the classes with their codes, colours, parents and clusters."""
    reporter = Reporter(json_)
    with reporter.command(), segmentation_of(reporter, project) as segmentation:
        rows = segmentation.table.rows
        values = {"classes": [_row_values(row) for row in rows]}
        reporter.result(values, _table_text(segmentation.table))


@classes_app.command()
def merge(
    project: options.ProjectOption,
    classes: ClassesArgument,
    into: Annotated[
        str | None,
        typer.Option("--into", help="The class that stays. [default: the first]", metavar="CLASS"),
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Merge classes into one of them, with all that was painted and their children."""
    from napari_stego.classes import MergeClasses

    def make(segmentation: Segmentation, reporter: Reporter) -> ClassEdit:
        table = segmentation.table
        ids = find_classes(table, classes)
        stays = ids[0] if into is None else find_class(table, into)
        return MergeClasses(ids=tuple(dict.fromkeys((stays, *ids))), into=stays)

    edit_classes(json_, project, make)


@classes_app.command()
def rename(
    project: options.ProjectOption,
    class_: ClassArgument,
    name: Annotated[str, typer.Argument(help="Its new name.", metavar="NAME")],
    json_: options.JsonOption = False,
) -> None:
    """Name a class."""
    from napari_stego.classes import RenameClass

    edit_classes(
        json_,
        project,
        lambda segmentation, _: RenameClass(id=find_class(segmentation.table, class_), name=name),
    )


@classes_app.command()
def recolour(
    project: options.ProjectOption,
    class_: ClassArgument,
    colour: Annotated[str, typer.Argument(help="As e69f00 or '#e69f00'.", metavar="COLOUR")],
    json_: options.JsonOption = False,
) -> None:
    """Colour a class."""
    from napari_stego.classes import RecolourClass

    edit_classes(
        json_,
        project,
        lambda segmentation, _: RecolourClass(
            id=find_class(segmentation.table, class_), colour=_with_hash(colour)
        ),
    )


@classes_app.command()
def code(
    project: options.ProjectOption,
    class_: ClassArgument,
    code_: Annotated[
        str, typer.Argument(help="Its code in a label set; '' takes it away.", metavar="CODE")
    ],
    json_: options.JsonOption = False,
) -> None:
    """Give a class a code."""
    from napari_stego.classes import SetCode

    edit_classes(
        json_,
        project,
        lambda segmentation, _: SetCode(id=find_class(segmentation.table, class_), code=code_),
    )


@classes_app.command()
def parent(
    project: options.ProjectOption,
    class_: ClassArgument,
    above: Annotated[
        str | None,
        typer.Argument(help="The class above it; left out, it goes to the top.", metavar="PARENT"),
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Put a class under another, or at the top."""
    from napari_stego.classes import SetParent

    def make(segmentation: Segmentation, reporter: Reporter) -> ClassEdit:
        table = segmentation.table
        upper = None if above is None else find_class(table, above)
        return SetParent(id=find_class(table, class_), parent=upper)

    edit_classes(json_, project, make)


@classes_app.command()
def lock(
    project: options.ProjectOption, classes: ClassesArgument, json_: options.JsonOption = False
) -> None:
    """Keep the pixels of classes from being changed."""
    edit_classes(json_, project, lambda segmentation, _: _locking(segmentation, classes, True))


@classes_app.command()
def unlock(
    project: options.ProjectOption, classes: ClassesArgument, json_: options.JsonOption = False
) -> None:
    """Let the pixels of classes be changed again."""
    edit_classes(json_, project, lambda segmentation, _: _locking(segmentation, classes, False))


@classes_app.command()
def delete(
    project: options.ProjectOption, classes: ClassesArgument, json_: options.JsonOption = False
) -> None:
    """Take classes out; their pixels become unlabelled."""
    from napari_stego.classes import DeleteClass

    def make(segmentation: Segmentation, reporter: Reporter) -> ClassEdit:
        ids = find_classes(segmentation.table, classes)
        return together([DeleteClass(id=each) for each in ids], f"Delete {len(ids)} classes")

    edit_classes(json_, project, make)


@classes_app.command()
def add(
    project: options.ProjectOption,
    name: Annotated[str, typer.Argument(help="Its name.", metavar="NAME")],
    colour: Annotated[
        str | None,
        typer.Option(help="As e69f00 or '#e69f00'. [default: the next free]", metavar="COLOUR"),
    ] = None,
    code_: Annotated[
        str, typer.Option("--code", help="Its code in a label set.", metavar="CODE")
    ] = "",
    above: Annotated[
        str | None, typer.Option("--parent", help="The class above it.", metavar="CLASS")
    ] = None,
    json_: options.JsonOption = False,
) -> None:
    """Add a class without pixels, to paint with or to move clusters to."""
    from napari_stego.classes import AddClass, class_colour

    def make(segmentation: Segmentation, reporter: Reporter) -> ClassEdit:
        table = segmentation.table
        return AddClass(
            id=table.next_id,
            name=name,
            colour=class_colour(table.next_id - 1) if colour is None else _with_hash(colour),
            code=code_,
            parent=None if above is None else find_class(table, above),
        )

    edit_classes(json_, project, make)


@classes_app.command()
def move(
    project: options.ProjectOption,
    clusters: Annotated[
        list[int], typer.Argument(help="Numbers of clusters, from 0.", metavar="CLUSTER...")
    ],
    into: Annotated[
        str,
        typer.Option(
            "--into",
            help="The class that gets them; `unlabelled` for none.",
            metavar="CLASS",
        ),
    ],
    json_: options.JsonOption = False,
) -> None:
    """Give clusters to a class."""
    from napari_stego.classes import MoveClusters

    edit_classes(
        json_,
        project,
        lambda segmentation, _: MoveClusters(
            clusters=tuple(dict.fromkeys(clusters)), into=find_place(segmentation.table, into)
        ),
    )


def _locking(segmentation: Segmentation, classes: list[str], locked: bool) -> ClassEdit:
    from napari_stego.classes import LockClass

    ids = find_classes(segmentation.table, classes)
    label = f"{'Lock' if locked else 'Unlock'} {len(ids)} classes"
    return together([LockClass(id=each, locked=locked) for each in ids], label)


def _with_hash(colour: str) -> str:
    # A shell takes what follows a bare # for a comment.
    return colour if colour.startswith("#") else f"#{colour}"


def _row_values(row: ClassRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "code": row.code,
        "colour": row.colour,
        "parent": row.parent,
        "clusters": list(row.clusters),
        "locked": row.locked,
    }


def _table_text(table: ClassTable) -> str:
    from napari_stego.cli.tables import columns

    lines = [("id", "name", "code", "colour", "under", "clusters", "")]
    for row in table.rows:
        shown = ", ".join(map(str, row.clusters[:_LEADING_CLUSTERS]))
        more = len(row.clusters) - _LEADING_CLUSTERS
        lines.append(
            (
                str(row.id),
                " ".join(row.name.split()),
                row.code,
                row.colour,
                "" if row.parent is None else " ".join(table.name(row.parent).split()),
                f"{shown} and {more} more" if more > 0 else shown,
                "locked" if row.locked else "",
            )
        )
    return columns(lines) if table.rows else "There are no classes."

"""The ``classes assign`` command: labels of a list for classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_stego.cli import options
from napari_stego.cli.class_edits import edit_classes, find_classes
from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.classes import ClassEdit
    from napari_stego.labelsets import Label, LabelSet
    from napari_stego.project import Segmentation

_LEADING_LABELS = 8
_LEADING_PROBLEMS = 20


def register(app: typer.Typer) -> None:
    """Add the command of this module.

    Parameters
    ----------
    app : typer.Typer
        The ``classes`` commands.
    """
    app.command("assign")(assign)


def assign(
    project: options.ProjectOption,
    classes: Annotated[
        list[str], typer.Argument(help="Ids or names of classes.", metavar="CLASS...")
    ],
    label: Annotated[
        str,
        typer.Option("--label", help="Code or name of the label, or words of it.", metavar="TEXT"),
    ],
    labels: Annotated[
        Path,
        typer.Option(
            "--labels",
            help="List of labels: CATAMI, CoralNet, BIIGLE, TagLab or plain CSV.",
            metavar="FILE",
        ),
    ],
    parents: Annotated[
        bool,
        typer.Option(
            "--parents/--no-parents", help="Make classes for the labels above it as well."
        ),
    ] = True,
    json_: options.JsonOption = False,
) -> None:
    """Give classes the name, code and colour of a label; several become one class."""
    from napari_stego.labelsets import assign as assign_label
    from napari_stego.labelsets import read_label_set

    def make(segmentation: Segmentation, reporter: Reporter) -> ClassEdit:
        label_set = read_label_set(labels)
        if label_set.problems:
            shown = "\n".join(f"  {each}" for each in label_set.problems[:_LEADING_PROBLEMS])
            count = len(label_set.problems)
            more = count - _LEADING_PROBLEMS
            places = "1 place" if count == 1 else f"{count} places"
            reporter.note(
                f"{labels} was not taken as it stands in {places}:\n{shown}"
                + (f"\n  and {more} more" if more > 0 else "")
            )
        table = segmentation.table
        found = find_label(label_set, label)
        return assign_label(table, find_classes(table, classes), found, parents)

    edit_classes(json_, project, make)


def find_label(label_set: LabelSet, text: str) -> Label:
    """Find the label that a text means.

    Parameters
    ----------
    label_set : LabelSet
        The labels.
    text : str
        A code, a name with those above it (``A > B``), a name, an alias, or
        words that only one label has.

    Returns
    -------
    Label
        The label.

    Raises
    ------
    LabelSetError
        If there is none, or more than one; the message lists them.
    """
    from napari_stego.labelsets import LabelSetError

    wanted = text.strip()
    if not wanted:
        raise LabelSetError("Say which label: its code, its name, or words of it.")
    for names_of in (_codes, _full_names, _names, _aliases):
        matches = [each for each in label_set.labels if wanted in names_of(each)]
        if matches:
            break
    else:
        matches = list(label_set.search(wanted, _LEADING_LABELS + 1))
    if not matches:
        raise LabelSetError(f"No label in {label_set.source} is like “{wanted}”.")
    if len(matches) > 1:
        lines = [
            f"  {each.code or '(no code)'}  {_full_names(each)[0]}"
            for each in matches[:_LEADING_LABELS]
        ]
        if len(matches) > _LEADING_LABELS:
            lines.append("  and more")
        raise LabelSetError(
            f"“{wanted}” can be several labels; give the code of one of them, or its name with "
            "those above it:\n" + "\n".join(lines)
        )
    return matches[0]


def _codes(label: Label) -> tuple[str, ...]:
    return (label.code,)


def _full_names(label: Label) -> tuple[str, ...]:
    return (" > ".join([*(each.name for each in label.path), label.name]),)


def _names(label: Label) -> tuple[str, ...]:
    return (label.name,)


def _aliases(label: Label) -> tuple[str, ...]:
    return label.aliases

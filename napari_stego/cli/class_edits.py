"""How the commands on classes find them, do an edit, and tell of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stego.cli.opening import open_to_change
from napari_stego.cli.reporting import Reporter

if TYPE_CHECKING:
    from napari_stego.classes import ClassEdit, ClassHistory, ClassTable
    from napari_stego.classes.edits import SingleEdit
    from napari_stego.project import Segmentation

_UNLABELLED = "unlabelled"
_LEADING = 8


def find_class(table: ClassTable, text: str) -> int:
    """Find a class by its id or its name.

    Parameters
    ----------
    table : ClassTable
        The classes.
    text : str
        A whole number is an id, always; anything else is a name.

    Returns
    -------
    int
        The id.

    Raises
    ------
    ClassEditError
        If there is no such class; the message names those that are alike.
    """
    from napari_stego.classes import ClassEditError

    wanted = text.strip()
    by_name = {row.name: row.id for row in table.rows}
    if wanted.isascii() and wanted.isdigit():
        if int(wanted) in table:
            return int(wanted)
        named = f" “{wanted}” is the name of class {by_name[wanted]}." if wanted in by_name else ""
        raise ClassEditError(
            f"There is no class with the id {wanted}.{named} `napari-stego classes list` shows all."
        )
    if wanted in by_name:
        return by_name[wanted]
    alike = get_close_matches(wanted, by_name, n=3)
    hint = f" Did you mean {' or '.join(f'“{name}”' for name in alike)}?" if alike else ""
    raise ClassEditError(
        f"There is no class named “{wanted}”.{hint} `napari-stego classes list` shows all."
    )


def find_classes(table: ClassTable, texts: Iterable[str]) -> tuple[int, ...]:
    """Find several classes.

    Parameters
    ----------
    table : ClassTable
        The classes.
    texts : iterable of str
        Ids or names.

    Returns
    -------
    tuple of int
        Their ids in this order, each once.

    Raises
    ------
    ClassEditError
        If one is not there.
    """
    return tuple(dict.fromkeys(find_class(table, text) for text in texts))


def find_place(table: ClassTable, text: str) -> int:
    """Find where clusters can be moved.

    Parameters
    ----------
    table : ClassTable
        The classes.
    text : str
        Id or name of a class; ``0`` or ``unlabelled`` for none.

    Returns
    -------
    int
        The id, 0 for none.

    Raises
    ------
    ClassEditError
        If there is no such class.
    """
    from napari_stego.classes import UNLABELLED

    if text.strip() in {str(UNLABELLED), _UNLABELLED}:
        return UNLABELLED
    return find_class(table, text)


def together(edits: Sequence[SingleEdit], label: str) -> ClassEdit:
    """Make one step of the history of several edits.

    Parameters
    ----------
    edits : sequence of SingleEdit
        At least one.
    label : str
        What several do, for the history.

    Returns
    -------
    ClassEdit
        The edit itself if it is one.
    """
    from napari_stego.classes import Batch

    return edits[0] if len(edits) == 1 else Batch(edits=tuple(edits), label=label)


@contextmanager
def segmentation_of(
    reporter: Reporter, folder: Path, *, to_change: bool = False
) -> Iterator[Segmentation]:
    """Open the classes of a project within the block.

    Parameters
    ----------
    reporter : Reporter
        Tells what the user should know.
    folder : Path
        The project folder.
    to_change : bool
        Whether edits will be made; only one program at a time can.

    Yields
    ------
    Segmentation
        The classes, with their history.

    Raises
    ------
    StegoError
        If the project cannot be opened, has no clusters, or is to be changed
        while another program has it.
    """
    from napari_stego.project import Project, Segmentation

    if to_change:
        project = open_to_change(reporter, folder)
    else:
        project = Project.open(folder, writable=False)
    try:
        segmentation = Segmentation(project)
        if segmentation.note:
            reporter.note(segmentation.note)
        yield segmentation
    finally:
        project.close()


def edit_classes(
    as_json: bool, folder: Path, make: Callable[[Segmentation, Reporter], ClassEdit]
) -> None:
    """Do one edit and print what happened.

    Parameters
    ----------
    as_json : bool
        Print JSON.
    folder : Path
        The project folder.
    make : callable
        Makes the edit from the classes as they are.

    Raises
    ------
    typer.Exit
        If it cannot be done.
    """
    reporter = Reporter(as_json)
    with reporter.command(), segmentation_of(reporter, folder, to_change=True) as segmentation:
        before = {row.id for row in segmentation.table.rows}
        segmentation.history.do(make(segmentation, reporter))
        reporter.result(*told_edit(segmentation, before))


def told_edit(segmentation: Segmentation, before: set[int]) -> tuple[dict[str, Any], str]:
    """Tell of the edit made last, in the words of the history.

    Parameters
    ----------
    segmentation : Segmentation
        The classes after it.
    before : set of int
        Ids of the classes before it.

    Returns
    -------
    dict
        For ``--json``: the edit, where the history stands, the new classes.
    str
        For people.
    """
    history = segmentation.history
    text = history.text(history.position - 1)
    new = [row for row in segmentation.table.rows if row.id not in before]
    values = {
        "edit": text,
        **position_values(history),
        "new_classes": [{"id": row.id, "name": row.name} for row in new],
    }
    made = "".join(f"\n  new: {row.id}  {row.name}" for row in new)
    return values, f"{text}.{made}"


def named(table: ClassTable, ids: Sequence[int]) -> str:
    """Put classes on one line.

    Parameters
    ----------
    table : ClassTable
        The classes.
    ids : sequence of int
        Those to be named.

    Returns
    -------
    str
        Names with ids, as ``sand (2), rock (5) and 3 more``.
    """
    shown = ", ".join(f"{' '.join(table.name(each).split())} ({each})" for each in ids[:_LEADING])
    more = len(ids) - _LEADING
    return f"{shown} and {more} more" if more > 0 else shown


def position_values(history: ClassHistory) -> dict[str, Any]:
    """Say where a history stands.

    Parameters
    ----------
    history : ClassHistory
        The history.

    Returns
    -------
    dict
        For ``--json``: edits in force, edits there are, classes there are.
    """
    return {
        "position": history.position,
        "edits": len(history),
        "classes": len(history.table.rows),
    }

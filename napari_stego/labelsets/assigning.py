"""Giving classes a label of a set, as one edit."""

from __future__ import annotations

from collections.abc import Iterable

from napari_stego.classes import (
    AddClass,
    Batch,
    ClassEditError,
    ClassTable,
    MergeClasses,
    RecolourClass,
    RenameClass,
    SetCode,
    SetParent,
    class_colour,
)
from napari_stego.classes.edits import SingleEdit
from napari_stego.labelsets.labels import Label


def assign(
    table: ClassTable, class_ids: Iterable[int], label: Label, with_parents: bool = True
) -> Batch:
    """Make the edit that gives classes a label.

    All of them become one class: the one that has the label's code already
    or, without a code of its own, its name; otherwise the first of them.

    Parameters
    ----------
    table : ClassTable
        The classes.
    class_ids : iterable of int
        Those to be given the label.
    label : Label
        The label.
    with_parents : bool
        Whether classes are made for the labels above it that have none. If
        not, the class goes under the nearest of them that has one, and
        stays where it is if there is none.

    Returns
    -------
    Batch
        The edit, which is one step to undo.

    Raises
    ------
    ClassEditError
        If no class is named, one is unknown or locked, or nothing would change.
    """
    ids = list(dict.fromkeys(class_ids))
    if not ids:
        raise ClassEditError("Choose the classes to label.")
    for class_id in ids:
        table.row(class_id)
    edits: list[SingleEdit] = []
    target = _find(table, label.name, label.code, ids) or ids[0]
    if others := tuple(class_id for class_id in ids if class_id != target):
        edits.append(MergeClasses(ids=others, into=target))
        table = table.merge(others, target)
    row = table.row(target)
    nearest = label.path[-1].name if label.path else ""
    if (name := _free_name(table, label.name, nearest, target)) != row.name:
        edits.append(RenameClass(id=target, name=name))
        table = table.rename(target, name)
    if label.code != row.code:
        edits.append(SetCode(id=target, code=label.code))
        table = table.set_code(target, label.code)
    if label.colour is not None and label.colour != row.colour:
        edits.append(RecolourClass(id=target, colour=label.colour))
    parent: int | None = None
    above = ""
    for ancestor in label.path:
        found = _find(table, ancestor.name, ancestor.code, ())
        if found is not None and found != target:
            parent = found
        elif with_parents:
            new = AddClass(
                id=table.next_id,
                name=_free_name(table, ancestor.name, above, None),
                colour=class_colour(table.next_id - 1),
                code=ancestor.code,
                parent=parent,
            )
            edits.append(new)
            table = table.add(new.id, new.name, new.colour, new.code, new.parent)
            parent = new.id
        above = ancestor.name
    if parent != row.parent and (parent is not None or (with_parents and not label.path)):
        table.set_parent(target, parent)
        edits.append(SetParent(id=target, parent=parent))
    if not edits:
        raise ClassEditError(f"“{row.name}” has this label already.")
    return Batch(edits=tuple(edits), label=f"Label {_count(ids)} “{label.name}”")


def _find(table: ClassTable, name: str, code: str, preferred: Iterable[int]) -> int | None:
    """Find the class of a label: by its code, or by its name where the class has none."""
    rows = table.rows
    found = [row.id for row in rows if code and row.code == code] or [
        row.id for row in rows if row.name == name and (not row.code or not code)
    ]
    return next((each for each in preferred if each in found), found[0] if found else None)


def _free_name(table: ClassTable, name: str, above: str, class_id: int | None) -> str:
    """Return the name, or one that tells the class apart from another of the same name."""
    candidates = (name, f"{above}: {name}") if above else (name,)
    own = table.name(class_id) if class_id is not None else None
    for candidate in candidates:
        if candidate == own or table.free_name(candidate) == candidate:
            return candidate
    return table.free_name(candidates[-1])


def _count(ids: list[int]) -> str:
    return "a class" if len(ids) == 1 else f"{len(ids)} classes"

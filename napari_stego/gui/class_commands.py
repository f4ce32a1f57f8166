"""What can be done to classes in the panel: each command is one edit, and one undo step."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QObject, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QInputDialog, QWidget

from napari_stego.classes import (
    AddClass,
    Batch,
    ClassEdit,
    ClassTable,
    DeleteClass,
    LockClass,
    MergeClasses,
    RecolourClass,
    SetParent,
    class_colour,
)
from napari_stego.classes.palette import palette_colours
from napari_stego.errors import StegoError
from napari_stego.gui.label_picker import LabelPicker
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session
from napari_stego.labelsets import Label, LabelSet, assign, load_label_set, save_label_set

_TOP = "(no class: at the top)"


class ClassCommands(QObject):
    """Edits the session's classes; problems are shown.

    Parameters
    ----------
    session : Session
        Whose classes.
    parent : QWidget
        Owner, of dialogs too.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._window = parent

    def edit(self, edit: ClassEdit) -> bool:
        """Edit the classes.

        Parameters
        ----------
        edit : ClassEdit
            The edit.

        Returns
        -------
        bool
            Whether it was done and written.
        """
        with problems_shown():
            self._session.edit(edit)
            return True
        return False

    def merge(self, ids: Sequence[int], into: int) -> bool:
        """Merge classes into one of them.

        Parameters
        ----------
        ids : sequence of int
            The classes.
        into : int
            The one that stays.

        Returns
        -------
        bool
            Whether it was done.
        """
        return self.edit(MergeClasses(ids=tuple(ids), into=into))

    def merge_text(self, ids: Sequence[int], into: int) -> str:
        """Say what a merge would do, or why it cannot be done.

        Parameters
        ----------
        ids : sequence of int
            The classes.
        into : int
            The one that stays.

        Returns
        -------
        str
            A sentence; empty if there is nothing to merge.
        """
        table = self._session.table
        if table is None or into not in table or not set(ids) - {into}:
            return ""
        try:
            for class_id in dict.fromkeys((into, *ids)):
                table.check_unlocked(class_id)
            return MergeClasses(ids=tuple(ids), into=into).describe(table)
        except StegoError as error:
            return str(error)

    def recolour(self, class_id: int) -> None:
        """Ask for the colour of a class.

        Parameters
        ----------
        class_id : int
            The class.
        """
        segmentation = self._session.segmentation
        if segmentation is None or class_id not in segmentation.table:
            return
        before = QColor(segmentation.table.row(class_id).colour)
        colour = QColorDialog.getColor(before, self._window, "Colour of the class")
        # While the dialog was open, a job may have ended with other classes.
        same = segmentation is self._session.segmentation
        if same and colour.isValid() and colour != before:
            self.edit(RecolourClass(id=class_id, colour=colour.name()))

    def recolour_all(self, palette: str, ids: Sequence[int]) -> None:
        """Colour classes with a palette.

        Parameters
        ----------
        palette : str
            One of `napari_stego.classes.palette.PALETTES`.
        ids : sequence of int
            The classes; the first get the palette's own colours.
        """
        table = self._session.table
        if table is None:
            return
        pairs = zip(ids, palette_colours(palette, len(ids)), strict=False)
        edits = [
            RecolourClass(id=class_id, colour=colour)
            for class_id, colour in pairs
            if table.row(class_id).colour != colour
        ]
        self._do_all(edits, f"Recolour all with {palette}")

    def toggle_lock(self, ids: Sequence[int]) -> None:
        """Lock classes, or unlock them if all are locked.

        Parameters
        ----------
        ids : sequence of int
            The classes.
        """
        table = self._session.table
        if table is not None and ids:
            locked = not all(table.row(class_id).locked for class_id in ids)
            edits = [
                LockClass(id=class_id, locked=locked)
                for class_id in ids
                if table.row(class_id).locked != locked
            ]
            self._do_all(edits, f"{'Lock' if locked else 'Unlock'} {len(edits)} classes")

    def delete(self, ids: Sequence[int]) -> None:
        """Delete classes; their pixels become unlabelled.

        Parameters
        ----------
        ids : sequence of int
            The classes.
        """
        self._do_all([DeleteClass(id=class_id) for class_id in ids], f"Delete {len(ids)} classes")

    def add(self) -> int | None:
        """Add a class without pixels.

        Returns
        -------
        int or None
            Its id; None if it could not be added.
        """
        table = self._session.table
        if table is None:
            return None
        class_id = table.next_id
        name, colour = table.free_name("new class"), new_colour(table)
        added = self.edit(AddClass(id=class_id, name=name, colour=colour))
        return class_id if added else None

    def ask_parent(self, ids: Sequence[int]) -> None:
        """Ask which class some classes are to be under.

        Parameters
        ----------
        ids : sequence of int
            The classes.
        """
        segmentation = self._session.segmentation
        if segmentation is None or not ids:
            return
        table = segmentation.table
        others = [row for row in table.rows if row.id not in ids]
        names = [_TOP, *(row.name for row in others)]
        parents = [None, *(row.id for row in others)]
        now = table.row(ids[0]).parent
        name, chosen = QInputDialog.getItem(
            self._window,
            "Put under",
            f"Put {_named(table, ids)} under:",
            names,
            parents.index(now) if now in parents else 0,
            False,
        )
        if chosen and segmentation is self._session.segmentation:
            self.set_parent(ids, parents[names.index(name)])

    def set_parent(self, ids: Sequence[int], parent: int | None) -> None:
        """Put classes under another one.

        Parameters
        ----------
        ids : sequence of int
            The classes.
        parent : int, optional
            The class above them; None for the top.
        """
        table = self._session.table
        if table is not None:
            edits = [
                SetParent(id=class_id, parent=parent)
                for class_id in ids
                if class_id in table and table.row(class_id).parent != parent
            ]
            self._do_all(edits, f"Put {len(edits)} classes elsewhere")

    def ask_label(self, ids: Sequence[int]) -> LabelPicker | None:
        """Let a label be chosen from a list, for some classes.

        Parameters
        ----------
        ids : sequence of int
            The classes; several become one.

        Returns
        -------
        LabelPicker or None
            The open dialog; None if there is nothing to name.
        """
        project, segmentation = self._session.project, self._session.segmentation
        if project is None or segmentation is None or not ids:
            return None
        label_set = None
        with problems_shown():
            label_set = load_label_set(project.folder)
        picker = LabelPicker(label_set, self._window)
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def name(label: Label) -> None:
            # While the dialog was open, a job may have ended with other classes.
            if segmentation is self._session.segmentation:
                with problems_shown():
                    self._session.edit(assign(segmentation.table, tuple(ids), label))

        def keep(loaded: LabelSet) -> None:
            with problems_shown():
                project.check_writable()
                save_label_set(project.folder, loaded)

        picker.label_chosen.connect(name)
        picker.label_set_loaded.connect(keep)
        picker.open()
        return picker

    def undo(self) -> None:
        """Take the last edit back."""
        with problems_shown():
            self._session.undo()

    def redo(self) -> None:
        """Do the edit undone last again."""
        with problems_shown():
            self._session.redo()

    def _do_all(self, edits: Sequence[ClassEdit], label: str) -> None:
        if len(edits) == 1:
            self.edit(edits[0])
        elif edits:
            self.edit(Batch(edits=tuple(edits), label=label))


def _named(table: ClassTable, ids: Sequence[int]) -> str:
    return f"“{table.name(ids[0])}”" if len(ids) == 1 else f"{len(ids)} classes"


def new_colour(table: ClassTable) -> str:
    """Pick the first colour that no class has.

    Parameters
    ----------
    table : ClassTable
        The classes.

    Returns
    -------
    str
        ``#rrggbb``.
    """
    taken = {row.colour for row in table.rows}
    places = range(len(taken) + 1)
    return next((c for c in map(class_colour, places) if c not in taken), class_colour(0))

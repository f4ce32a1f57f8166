"""Undo and redo over the class table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psygnal import EmitLoopError, Signal

from napari_stego.classes.edits import EDITS, ClassEdit
from napari_stego.classes.table import ClassEditError, ClassTable
from napari_stego.errors import StegoError


class ClassHistory:
    """A class table with all of its edits, as far back as its start.

    Parameters
    ----------
    start : ClassTable
        The table before any edit.

    Attributes
    ----------
    changed : psygnal.Signal
        Emits the new table after each edit, undo and redo. A `StegoError`
        of a listener comes out of the call that made it, which is done all
        the same.
    """

    changed = Signal(object)

    def __init__(self, start: ClassTable) -> None:
        self._tables = [start]
        self._edits: tuple[ClassEdit, ...] = ()
        self._done = 0

    @property
    def table(self) -> ClassTable:
        """The table as it is now."""
        return self._tables[self._done]

    @property
    def edits(self) -> tuple[ClassEdit, ...]:
        """The edits in force, oldest first."""
        return self._edits[: self._done]

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return self._done > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone edit."""
        return self._done < len(self._edits)

    @property
    def undo_text(self) -> str:
        """What `undo` would take back; empty if nothing."""
        if not self.can_undo:
            return ""
        return self._edits[self._done - 1].describe(self._tables[self._done - 1])

    @property
    def redo_text(self) -> str:
        """What `redo` would do again; empty if nothing."""
        return self._edits[self._done].describe(self.table) if self.can_redo else ""

    def do(self, edit: ClassEdit) -> None:
        """Apply an edit; what was undone before is forgotten.

        Parameters
        ----------
        edit : ClassEdit
            The edit.

        Raises
        ------
        ClassEditError
            If the table cannot take it; nothing changes.
        """
        table = edit.apply(self.table)
        self._edits = (*self.edits, edit)
        self._tables = [*self._tables[: self._done + 1], table]
        self._done += 1
        self._tell()

    def undo(self) -> None:
        """Take the last edit back, if there is one."""
        if self.can_undo:
            self._done -= 1
            self._tell()

    def redo(self) -> None:
        """Apply the edit undone last again, if there is one."""
        if self.can_redo:
            self._done += 1
            self._tell()

    def _tell(self) -> None:
        try:
            self.changed.emit(self.table)
        except EmitLoopError as error:
            # What the user can put right is for the caller, as it was raised.
            if isinstance(error.__cause__, StegoError):
                raise error.__cause__ from None
            raise

    def to_dict(self) -> dict[str, Any]:
        """Turn the history into JSON values.

        Returns
        -------
        dict
            For `from_dict`.
        """
        return {
            "format": 1,
            "start": self._tables[0].to_dict(),
            "edits": EDITS.dump_python(self._edits, mode="json"),
            "done": self._done,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassHistory:
        """Replay a history from JSON values.

        Parameters
        ----------
        values : mapping
            As `to_dict` makes them.

        Returns
        -------
        ClassHistory
            The same table, undo and redo.

        Raises
        ------
        ValueError
            If the values are of another format, or no such history.
        """
        found = values.get("format") if isinstance(values, Mapping) else None
        if found != 1:
            raise ValueError(f"format {found} instead of 1")
        history = cls(ClassTable.from_dict(values.get("start", {})))
        try:
            for edit in EDITS.validate_python(values.get("edits")):
                history.do(edit)
        except ClassEditError as error:
            raise ValueError(f"an edit does not fit the classes: {error}") from error
        done = values.get("done")
        if type(done) is not int or not 0 <= done <= len(history._edits):
            raise ValueError(f"{done!r} of {len(history._edits)} edits are in force")
        history._done = done
        return history

"""Undo and redo of class edits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import EmitLoopError, Signal

from napari_stego.classes.actions import Action, Do, Jump, Redo, Undo
from napari_stego.classes.edits import EDITS, ClassEdit
from napari_stego.classes.pixel_edits import PixelEdit, label_image
from napari_stego.classes.rows import ClassEditError
from napari_stego.classes.state import Change, ClassState
from napari_stego.classes.table import ClassTable
from napari_stego.classes.table_json import table_from_dict, table_to_dict
from napari_stego.errors import StegoError


@dataclass(frozen=True, eq=False)
class _Step:
    edit: ClassEdit
    change: Change
    after: ClassState


class ClassHistory:
    """Classes and strokes with all edits, as far back as their start.

    One state is kept for each edit; they share what is the same in them, so
    that undo, redo and jumps take no longer for the thousandth edit.

    Parameters
    ----------
    start : ClassTable
        The classes before any edit.
    strokes : iterable of PixelEdit
        The strokes before any edit, oldest first.

    Attributes
    ----------
    changed : psygnal.Signal
        Emits the new table and a `Change` after each edit, undo, redo and
        jump; listeners may take the table alone. A `StegoError` of a
        listener comes out of the call that made the change, which is done
        all the same.
    journal : callable, optional
        Is given each action before it is done. If it raises, the action is
        not done; so an action that is done has been written.
    """

    changed = Signal(object, object)

    def __init__(self, start: ClassTable, strokes: Iterable[PixelEdit] = ()) -> None:
        self.journal: Callable[[Action], None] | None = None
        self._start = ClassState(start).with_strokes(strokes)
        self._steps: list[_Step] = []
        self._done = 0
        self._now = self._start

    @property
    def state(self) -> ClassState:
        """The classes and strokes as they are now."""
        return self._now

    @property
    def table(self) -> ClassTable:
        """The classes as they are now.

        Its `next_id` and `next_cluster` are beyond all that were ever used,
        by edits undone since too.
        """
        return self._now.table

    @property
    def edits(self) -> tuple[ClassEdit, ...]:
        """The edits in force, oldest first."""
        return tuple(step.edit for step in self._steps[: self._done])

    @property
    def position(self) -> int:
        """Number of edits in force."""
        return self._done

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return self._done > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone edit."""
        return self._done < len(self._steps)

    @property
    def undo_text(self) -> str:
        """What `undo` would take back; empty if nothing."""
        return self.text(self._done - 1) if self.can_undo else ""

    @property
    def redo_text(self) -> str:
        """What `redo` would do again; empty if nothing."""
        return self.text(self._done) if self.can_redo else ""

    def text(self, index: int) -> str:
        """Put an edit in words.

        Parameters
        ----------
        index : int
            Which, from 0, the oldest; undone ones follow those in force.

        Returns
        -------
        str
            A short sentence without a full stop, with the names of then.

        Raises
        ------
        IndexError
            If there is no such edit.
        """
        if not 0 <= index < len(self._steps):
            raise IndexError(index)
        return self._steps[index].edit.describe(self._state(index).table)

    def strokes(self, image: str) -> tuple[PixelEdit, ...]:
        """Return the strokes of an image, by its content hash, oldest first."""
        return self._now.strokes(image)

    def label_image(
        self, image: str, cluster_map: npt.NDArray[np.uint16]
    ) -> npt.NDArray[np.uint16]:
        """Label an image: the classes of its clusters, then its strokes in order.

        Parameters
        ----------
        image : str
            Its content hash.
        cluster_map : numpy.ndarray
            ``(H, W) uint16`` clusters, refined by the table's splits.

        Returns
        -------
        numpy.ndarray
            ``(H, W) uint16`` class ids, 0 for unlabelled.

        Raises
        ------
        StegoError
            If a stroke was made on an image of another size.
        """
        return label_image(cluster_map, self.table, self.strokes(image))

    def do(self, edit: ClassEdit) -> None:
        """Apply an edit; what was undone before is forgotten.

        Parameters
        ----------
        edit : ClassEdit
            The edit.

        Raises
        ------
        ClassEditError
            If the classes cannot take it; nothing changes.
        StegoError
            If it cannot be written; nothing changes.
        """
        after = edit.apply(self._now)
        self._write(Do(edit=edit))
        self._steps[self._done :] = [_Step(edit, edit.change, after)]
        self._done, self._now = self._done + 1, after
        self._tell(edit.change)

    def undo(self) -> None:
        """Take the last edit back, if there is one.

        Raises
        ------
        StegoError
            If this cannot be written; nothing changes.
        """
        if self.can_undo:
            self._go(self._done - 1, Undo())

    def redo(self) -> None:
        """Apply the edit undone last again, if there is one.

        Raises
        ------
        StegoError
            If this cannot be written; nothing changes.
        """
        if self.can_redo:
            self._go(self._done + 1, Redo())

    def jump(self, position: int) -> None:
        """Undo or redo until a number of edits are in force.

        Parameters
        ----------
        position : int
            The number of edits.

        Raises
        ------
        ClassEditError
            If there are not so many.
        StegoError
            If this cannot be written; nothing changes.
        """
        if not 0 <= position <= len(self._steps):
            raise ClassEditError(
                f"There are {len(self._steps)} edits; {position} cannot be in force."
            )
        if position != self._done:
            self._go(position, Jump(to=position))

    def perform(self, action: Action) -> None:
        """Do what an action says.

        Parameters
        ----------
        action : Action
            The action.

        Raises
        ------
        ClassEditError
            If it cannot be done, nothing to undo or redo included.
        StegoError
            If it cannot be written; nothing changes.
        """
        if isinstance(action, Do):
            self.do(action.edit)
        elif isinstance(action, Jump):
            self.jump(action.to)
        else:
            back = isinstance(action, Undo)
            self.jump(self._done + (-1 if back else 1))

    def reserve(self, next_id: int, next_cluster: int = 0) -> None:
        """Let ids of new classes and clusters start at these or, if they are beyond, their own.

        Parameters
        ----------
        next_id : int
            Of classes.
        next_cluster : int
            Of clusters.
        """
        self._now = replace(self._now, table=self._now.table.reserve(next_id, next_cluster))

    def _go(self, position: int, action: Action) -> None:
        self._write(action)
        first, last = sorted((position, self._done))
        self._done = position
        # The counters stay: ids of edits undone are never given again.
        counters = self._now.table.next_id, self._now.table.next_cluster
        state = self._state(position)
        self._now = replace(state, table=state.table.reserve(*counters))
        self._tell(reduce(or_, (step.change for step in self._steps[first:last])))

    def _state(self, position: int) -> ClassState:
        return self._steps[position - 1].after if position else self._start

    def _write(self, action: Action) -> None:
        if self.journal is not None:
            self.journal(action)

    def _tell(self, change: Change) -> None:
        try:
            self.changed.emit(self.table, change)
        except EmitLoopError as error:
            # What the user can put right is for the caller, as it was raised.
            if isinstance(error.__cause__, StegoError):
                raise error.__cause__ from None
            raise

    @property
    def start(self) -> ClassState:
        """The classes and strokes before any edit."""
        return self._start

    def actions(self) -> tuple[Action, ...]:
        """Return actions that make this history, undone edits included, from its start."""
        done = [] if self._done == len(self) else [Jump(to=self._done)]
        return (*(Do(edit=step.edit) for step in self._steps), *done)

    def to_dict(self) -> dict[str, Any]:
        """Turn the history into JSON values.

        Returns
        -------
        dict
            For `from_dict`.
        """
        return {
            "format": 1,
            "start": table_to_dict(self._start.table),
            "edits": EDITS.dump_python(tuple(step.edit for step in self._steps), mode="json"),
            "done": self._done,
            "next_id": self.table.next_id,
            "next_cluster": self.table.next_cluster,
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
        history = cls(table_from_dict(values.get("start", {})))
        try:
            for edit in EDITS.validate_python(values.get("edits")):
                history.do(edit)
            done, *counters = (values.get(key, 0) for key in ("done", "next_id", "next_cluster"))
            if "done" not in values or any(type(each) is not int for each in (done, *counters)):
                raise ValueError(f"{done!r} of {len(history)} edits are in force")
            history.jump(done)
        except ClassEditError as error:
            raise ValueError(f"an edit does not fit the classes: {error}") from error
        history.reserve(*counters)
        return history

"""The class table as Qt's item views see it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from natsort import natsort_keygen
from qtpy.QtCore import (
    QAbstractTableModel,
    QMimeData,
    QModelIndex,
    QObject,
    QSortFilterProxyModel,
    Qt,
    Signal,
)

from napari_stego.classes import ClassEdit, ClassRow, RenameClass, SetCode
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.number_texts import share_text, short_number
from napari_stego.gui.session import Session
from napari_stego.project import Segmentation
from napari_stego.project.statistics import ClassStatistics


class Column(IntEnum):
    """The columns, in their order."""

    COLOUR = 0
    NAME = 1
    CODE = 2
    PIXELS = 3
    COVER = 4
    IMAGES = 5
    COHERENCE = 6
    LOCKED = 7
    VISIBLE = 8


COLOUR, NAME, CODE, PIXELS, COVER, IMAGES, COHERENCE, LOCKED, VISIBLE = Column
TITLES = ("Colour", "Class", "Code", "Pixels", "Cover", "Images", "Coherence", "Locked", "Visible")
"""What the columns are called, in menus."""

_HEADERS = ("", "Class", "Code", "Pixels", "Cover", "Images", "Coh.", "", "")
_TIPS = (
    "Colour: double-click to change it",
    "Name: double-click or press F2 to change it; drag a class onto another to merge them",
    "Code in a label list: double-click to change it",
    "Pixels in all photographs",
    "Share of all pixels in all photographs",
    "Photographs with at least a pixel of the class",
    "Coherence: how alike the codes of the class are, from 0 to 1. A low value hints at a mixture",
    "Locked classes keep their pixels: click, or press L",
    "Whether the class is shown: click, or press V",
)
SORT_ROLE = Qt.ItemDataRole.UserRole
STATE_ROLE = Qt.ItemDataRole.UserRole + 1
"""Role of what a delegate draws: a colour, or whether a class is locked or visible."""

MIME = "application/x-napari-stego-classes"
_NUMBERS = {PIXELS, COVER, IMAGES, COHERENCE}
_WORDS = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ClassTableModel(QAbstractTableModel):
    """Rows are classes, in the order of their ids.

    Signals: ``dropped`` (tuple of int, int), classes that were dragged onto
    another one; ``visibility_changed`` (frozenset of int), the hidden classes.

    Parameters
    ----------
    session : Session
        Whose classes are shown; names and codes that are typed edit them.
    parent : QObject
        Owner.
    """

    dropped = Signal(tuple, int)
    visibility_changed = Signal(frozenset)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._rows: tuple[ClassRow, ...] = ()
        self._here: dict[int, float] = {}
        self._segmentation: Segmentation | None = None
        self._hidden: frozenset[int] = frozenset()
        self._token = uuid.uuid4().hex  # there may be other tables, in other windows

    def refresh(self, labels: npt.NDArray[np.uint16] | None) -> None:
        """Read the classes again.

        Parameters
        ----------
        labels : numpy.ndarray, optional
            ``(H, W)`` class ids of the photograph on show.
        """
        segmentation = self._session.segmentation
        rows = segmentation.table.rows if segmentation is not None else ()
        same = segmentation is self._segmentation
        self._segmentation = segmentation
        self._here = {}
        if labels is not None:
            counts = np.bincount(labels.ravel())
            self._here = {i: n / labels.size for i, n in enumerate(counts.tolist()) if n}
        if same and [row.id for row in rows] == [row.id for row in self._rows]:
            self._rows = rows  # the same classes: keep selection, scroll position and editor
            self.refresh_cells()
        else:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
        if not same:
            self.hide(())

    def refresh_cells(self) -> None:
        """Read the statistics again."""
        if self._rows:
            last = self.index(len(self._rows) - 1, len(Column) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    @property
    def hidden(self) -> frozenset[int]:
        """The classes that are not shown."""
        return self._hidden

    def hide(self, class_ids: Iterable[int]) -> None:
        """Hide classes and show all others; this is no edit.

        Parameters
        ----------
        class_ids : iterable of int
            The classes to be hidden.
        """
        hidden = frozenset(class_ids)
        if hidden != self._hidden:
            self._hidden = hidden
            self.refresh_cells()
            self.visibility_changed.emit(hidden)

    def cover(self, class_id: int) -> float:
        """Return the share of a class: of the corpus, or else of the photograph on show."""
        counted = self._session.statistics.get(class_id)
        return counted.cover if counted is not None else self._here.get(class_id, 0.0)

    @property
    def has_codes(self) -> bool:
        """Whether any class has a code."""
        return any(row.code for row in self._rows)

    def class_at(self, row: int) -> ClassRow:
        """Return the class in a row."""
        return self._rows[row]

    def row_of(self, class_id: int) -> int | None:
        """Return the row of a class; None if it is not there."""
        return next((i for i, row in enumerate(self._rows) if row.id == class_id), None)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of classes."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title or tooltip."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _HEADERS[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return f"{_TIPS[section]}. Right-click to choose the columns."
            if role == Qt.ItemDataRole.AccessibleTextRole:
                return TITLES[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return int(_NUMBER if section in _NUMBERS else _WORDS)
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Tell that names and codes can be edited, and rows be dragged onto each other."""
        flags = super().flags(index)
        if not index.isValid():
            return flags
        flags |= Qt.ItemFlag.ItemIsDragEnabled | Qt.ItemFlag.ItemIsDropEnabled
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in {NAME, CODE} else flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.EditRole:
            return {NAME: row.name, CODE: row.code}.get(column)
        if role == SORT_ROLE:
            return self._sort_key(row, column)
        if role == STATE_ROLE:
            states = {COLOUR: row.colour, LOCKED: row.locked, VISIBLE: row.id not in self._hidden}
            return states.get(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMBERS:
            return int(_NUMBER)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Name a class, or give it a code."""
        row, text = self._rows[index.row()], str(value).strip()
        before = {NAME: row.name, CODE: row.code}.get(index.column())
        if role != Qt.ItemDataRole.EditRole or before is None or text == before:
            return False
        edit: ClassEdit = RenameClass(id=row.id, name=text)
        if index.column() == CODE:
            edit = SetCode(id=row.id, code=text)
        with problems_shown():
            self._session.edit(edit)
            return True
        return False

    def supportedDropActions(self) -> Qt.DropAction:
        """Copy: a move would ask for the dragged rows to be removed."""
        return Qt.DropAction.CopyAction

    def mimeTypes(self) -> list[str]:
        """Name the type of dragged classes."""
        return [MIME]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        """Put the ids of dragged classes in words."""
        ids = sorted({self._rows[index.row()].id for index in indexes})
        data = QMimeData()
        data.setData(MIME, json.dumps([self._token, ids]).encode())
        return data

    def dragged(self, data: QMimeData) -> tuple[int, ...]:
        """Read which classes are being dragged.

        Parameters
        ----------
        data : QMimeData
            From this table, or from anywhere.

        Returns
        -------
        tuple of int
            Their ids; empty if they are not of this table.
        """
        if not data.hasFormat(MIME):
            return ()
        owner, ids = json.loads(bytes(data.data(MIME)))
        return tuple(ids) if owner == self._token else ()

    def canDropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: QModelIndex
    ) -> bool:
        """Tell whether classes can be dropped on a class: on any but themselves."""
        return parent.isValid() and any(
            i != self._rows[parent.row()].id for i in self.dragged(data)
        )

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: QModelIndex
    ) -> bool:
        """Tell which classes were dropped on which."""
        if not self.canDropMimeData(data, action, row, column, parent):
            return False
        self.dropped.emit(self.dragged(data), self._rows[parent.row()].id)
        return True

    def _counted(self, row: ClassRow) -> ClassStatistics | None:
        return self._session.statistics.get(row.id)

    def _text(self, row: ClassRow, column: int) -> str:
        if column in {NAME, CODE}:
            return row.name if column == NAME else row.code
        counted = self._counted(row)
        if column not in _NUMBERS:
            return ""
        if counted is None:
            return "…"
        if column == COVER:
            return share_text(counted.cover)
        if column == COHERENCE:
            return "-" if counted.coherence is None else f"{counted.coherence:.2f}"
        return short_number(counted.pixels) if column == PIXELS else f"{counted.images:,}"

    def _tip(self, row: ClassRow) -> str:
        clusters = ", ".join(map(str, row.clusters[:20])) + ", …" * (len(row.clusters) > 20)
        made = f"of cluster{'s' * (len(row.clusters) > 1)} {clusters}" if row.clusters else ""
        lines = [f"{row.name}: id {row.id}, {made or 'without clusters'}"]
        if row.code:
            lines.append(f"Code {row.code}")
        table = self._session.table
        if row.parent is not None and table is not None:
            lines.append(f"Under “{table.name(row.parent)}”")
        counted = self._counted(row)
        if counted is not None:
            lines.append(f"{counted.pixels:,} pixels in {counted.images:,} photographs")
        lines.append(f"This photograph: {share_text(self._here.get(row.id, 0.0))} of it")
        return "\n".join(lines)

    def _spoken(self, row: ClassRow, column: int) -> str:
        if column == COLOUR:
            return row.colour
        if column == LOCKED:
            return "locked" if row.locked else "not locked"
        if column == VISIBLE:
            return "hidden" if row.id in self._hidden else "visible"
        return self._text(row, column)

    def _sort_key(self, row: ClassRow, column: int) -> Any:
        counted = self._counted(row)
        if column == NAME:
            return row.name.casefold()
        if column == CODE:
            return row.code.casefold()
        if column == LOCKED:
            return row.locked
        if column == VISIBLE:
            return row.id not in self._hidden
        if column in {COVER, PIXELS}:
            return self.cover(row.id)
        if column == IMAGES:
            return counted.images if counted is not None else -1
        if column == COHERENCE:
            known = counted is not None and counted.coherence is not None
            return counted.coherence if known else -1.0
        return row.id


class ClassSorting(QSortFilterProxyModel):
    """Sorts classes by any column; names as people do, numbers as numbers.

    Parameters
    ----------
    parent : QObject
        Owner.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:
        """Compare two cells."""
        first = self.sourceModel().data(left, SORT_ROLE)
        second = self.sourceModel().data(right, SORT_ROLE)
        if isinstance(first, str):
            return _natural(first) < _natural(second)
        return bool(first < second)


_natural = natsort_keygen()

"""The class table as Qt's item views see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from natsort import natsort_keygen
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QSortFilterProxyModel, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap

from napari_stego.classes import ClassRow, RenameClass
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session
from napari_stego.project import Segmentation

COLOUR, NAME, COVER, CLUSTERS = range(4)
_TITLES = ("", "Class", "% here", "Clusters")
_TIPS = (
    "Colour: double-click to change it",
    "Name: double-click or press F2 to change it",
    "Share of the photograph on show",
    "How many clusters this class is made of",
)
SORT_ROLE = Qt.ItemDataRole.UserRole
_NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ClassTableModel(QAbstractTableModel):
    """Rows are classes, in the order of their ids.

    Parameters
    ----------
    session : Session
        Whose classes are shown; renaming edits them.
    parent : QObject
        Owner.
    """

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._rows: tuple[ClassRow, ...] = ()
        self._cover: dict[int, float] = {}
        self._segmentation: Segmentation | None = None

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
        self._cover = {}
        if labels is not None:
            counts = np.bincount(labels.ravel())
            self._cover = {i: 100 * n / labels.size for i, n in enumerate(counts.tolist()) if n}
        if same and [row.id for row in rows] == [row.id for row in self._rows]:
            self._rows = rows  # the same classes: keep selection, scroll position and editor
            if rows:
                last = self.index(len(rows) - 1, len(_TITLES) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def cover(self, class_id: int) -> float:
        """Return the percentage of the photograph on show that a class covers."""
        return self._cover.get(class_id, 0.0)

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
        return 0 if parent is not None and parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title or tooltip."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _TITLES[section]
            if role == Qt.ItemDataRole.ToolTipRole:
                return _TIPS[section]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Tell that names can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.EditRole:
            return row.name if column == NAME else None
        if role == SORT_ROLE:
            return self._sort_key(row, column)
        if role == Qt.ItemDataRole.DecorationRole and column == COLOUR:
            return _swatch(row.colour)
        if role == Qt.ItemDataRole.ToolTipRole:
            clusters = ", ".join(map(str, row.clusters))
            return f"{row.name}: id {row.id}, of cluster{'s' * (len(row.clusters) > 1)} {clusters}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.colour if column == COLOUR else self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in {COVER, CLUSTERS}:
            return int(_NUMBER)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Rename a class."""
        row = self._rows[index.row()]
        if role != Qt.ItemDataRole.EditRole or str(value).strip() == row.name:
            return False
        with problems_shown():
            self._session.edit(RenameClass(id=row.id, name=str(value)))
            return True
        return False

    def _text(self, row: ClassRow, column: int) -> str:
        if column == NAME:
            return row.name
        if column == COVER:
            return f"{self._cover[row.id]:.1f}" if row.id in self._cover else "-"
        return str(len(row.clusters)) if column == CLUSTERS else ""

    def _sort_key(self, row: ClassRow, column: int) -> Any:
        if column == NAME:
            return row.name.casefold()
        if column == CLUSTERS:
            return len(row.clusters)
        return self._cover.get(row.id, -1.0) if column == COVER else row.id


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
            return natsort_keygen()(first) < natsort_keygen()(second)
        return bool(first < second)


def _swatch(colour: str) -> QIcon:
    pixels = QPixmap(16, 16)
    pixels.fill(QColor(colour))
    icon = QIcon(pixels)
    icon.addPixmap(pixels, QIcon.Mode.Selected)  # else Qt would tint it in selected rows
    return icon

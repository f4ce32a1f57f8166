"""The edits of the classes as a list to go back and forth in."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QColor, QFont
from qtpy.QtWidgets import QAbstractItemView, QListView, QWidget

from napari_stego.classes import ClassHistory
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session

_START = "The classes as they were at first"
_UNDONE = QColor("#888888")


class HistoryModel(QAbstractListModel):
    """Row n is the state after n edits; row 0 is the state before all of them.

    Parameters
    ----------
    session : Session
        Whose edits.
    parent : QObject
        Owner.
    """

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._history: ClassHistory | None = None
        self._rows = 0
        session.segmentation_changed.connect(self.follow)
        self.follow()

    @property
    def position(self) -> int:
        """Row of the state in force; -1 if there are no classes."""
        return self._history.position if self._history is not None else -1

    def follow(self) -> None:
        """Show the history of the session's classes."""
        segmentation = self._session.segmentation
        self.beginResetModel()
        self._let_go()
        if segmentation is not None:
            self._history = segmentation.history
            self._history.changed.connect(self._refresh)
            self._rows = len(self._history) + 1
        self.endResetModel()

    def shut_down(self) -> None:
        """Let go of the session; harmless when done twice."""
        self._session.segmentation_changed.disconnect(self.follow, missing_ok=True)
        self.beginResetModel()
        self._let_go()
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Count the edits, and the state before them."""
        return 0 if parent is not None and parent.isValid() else self._rows

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give an edit in words; the one in force is bold, undone ones are grey."""
        history, row = self._history, index.row()
        if history is None or not 0 <= row <= len(history):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return history.text(row - 1) if row else _START
        if role == Qt.ItemDataRole.FontRole and row == history.position:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ForegroundRole and row > history.position:
            return _UNDONE
        return None

    def _let_go(self) -> None:
        if self._history is not None:
            self._history.changed.disconnect(self._refresh, missing_ok=True)
        self._history, self._rows = None, 0

    def _refresh(self, *_: object) -> None:
        """Follow the history; texts are asked for only of the rows in sight."""
        if self._history is None:
            return
        before, rows = self._rows, len(self._history) + 1
        if rows > before:
            self.beginInsertRows(QModelIndex(), before, rows - 1)
            self._rows = rows
            self.endInsertRows()
        elif rows < before:
            self.beginRemoveRows(QModelIndex(), rows, before - 1)
            self._rows = rows
            self.endRemoveRows()
        self.dataChanged.emit(self.index(0), self.index(rows - 1))


class HistoryList(QListView):
    """Shows all edits; a click, or Enter, goes to the state after one.

    Parameters
    ----------
    session : Session
        Whose edits.
    parent : QWidget
        Owner.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._model = HistoryModel(session, self)
        self.setModel(self._model)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(120)
        self.setAccessibleName("History of the classes")
        self.setToolTip("Click an edit, or press Enter, to go back or forth to it")
        self.clicked.connect(self._jump)
        self.activated.connect(self._jump)
        self._model.dataChanged.connect(self._show_position)
        self._model.modelReset.connect(self._show_position)
        self._show_position()

    def shut_down(self) -> None:
        """Let go of the session; harmless when done twice."""
        self._model.shut_down()

    def _jump(self, index: QModelIndex) -> None:
        with problems_shown():
            self._session.jump(index.row())

    def _show_position(self, *_: object) -> None:
        index = self._model.index(self._model.position)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

"""The table of classes: columns, clicks on states, dragging."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from qtpy.QtGui import (
    QAction,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
)
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from napari_stego.gui.class_delegates import StateDelegate
from napari_stego.gui.class_model import (
    CODE,
    COHERENCE,
    COLOUR,
    COVER,
    IMAGES,
    LOCKED,
    NAME,
    PIXELS,
    TITLES,
    VISIBLE,
    ClassSorting,
    ClassTableModel,
    Column,
)

_WIDEST = {
    CODE: "00000000",
    PIXELS: "99.9M",
    COVER: "99.9%",
    IMAGES: "99,999",
    COHERENCE: "0.99",
}
# Margins, and the arrow of the column that is sorted by.
_PADDING = 24
_STATE_WIDTH = 26
_ROW_HEIGHT = 24
_SHOWN_ROWS = 6


class ClassView(QTableView):
    """Shows the classes and tells what is done to them.

    Signals: ``toggled`` (class id, column), a click on a lock or an eye;
    ``dragging`` (tuple of int, int), classes dragged over another one, 0 for
    none.

    Parameters
    ----------
    model : ClassTableModel
        The classes.
    parent : QWidget
        Owner.
    """

    toggled = Signal(int, int)
    dragging = Signal(tuple, int)

    def __init__(self, model: ClassTableModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._classes = model
        self._chosen: dict[int, bool] = {}
        self._on_state_pressed = False
        sorting = ClassSorting(self)
        sorting.setSourceModel(model)
        self.setModel(sorting)
        self.setAccessibleName("Classes")
        self.setSortingEnabled(True)
        self.sortByColumn(COVER, Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        # By F2 or two clicks: a letter is a shortcut, and no beginning of a name.
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self._set_up_dragging()
        self._set_up_columns()
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.setMinimumHeight((_SHOWN_ROWS + 1) * _ROW_HEIGHT)
        model.modelReset.connect(self._show_codes)
        model.dataChanged.connect(lambda *_: self._show_codes())

    def _set_up_dragging(self) -> None:
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.CopyAction)
        # Drops go onto a class, never between two.
        self.setDragDropOverwriteMode(True)

    def _set_up_columns(self) -> None:
        states = StateDelegate(self)
        for column in (COLOUR, LOCKED, VISIBLE):
            self.setItemDelegateForColumn(column, states)
            self.setColumnWidth(column, _STATE_WIDTH)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(_STATE_WIDTH)
        header.setHighlightSections(False)
        for column, text in _WIDEST.items():
            self.setColumnWidth(column, self.fontMetrics().horizontalAdvance(text) + _PADDING)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._ask_columns)
        self.setColumnHidden(PIXELS, True)
        self._show_codes()

    def _ask_columns(self, place: QPoint) -> None:
        menu = self.columns_menu()
        menu.exec(self.horizontalHeader().mapToGlobal(place))
        menu.deleteLater()

    def columns_menu(self) -> QMenu:
        """Make the menu that chooses which columns are shown.

        Returns
        -------
        QMenu
            Of the view's; the name cannot be hidden.
        """
        menu = QMenu(self)
        for column in Column:
            if column != NAME:
                action = QAction(TITLES[column], menu)
                action.setCheckable(True)
                action.setChecked(not self.isColumnHidden(column))
                action.toggled.connect(lambda on, c=column: self.show_column(c, on))
                menu.addAction(action)
        return menu

    def show_column(self, column: int, shown: bool) -> None:
        """Show or hide a column, which then stays so.

        Parameters
        ----------
        column : int
            One of `Column`.
        shown : bool
            Whether it is shown.
        """
        self._chosen[column] = shown
        self.setColumnHidden(column, not shown)

    def _show_codes(self) -> None:
        """Show codes where there are some, unless the user has chosen otherwise."""
        self.setColumnHidden(CODE, not self._chosen.get(CODE, self._classes.has_codes))

    def class_of(self, index: QModelIndex) -> int:
        """Return the class of a cell of the view.

        Parameters
        ----------
        index : QModelIndex
            A valid one.

        Returns
        -------
        int
            Its id.
        """
        return self._classes.class_at(self.model().mapToSource(index).row()).id

    def choose(self, class_ids: Iterable[int]) -> None:
        """Select classes, the first of them as the current one.

        Parameters
        ----------
        class_ids : iterable of int
            Their ids; those that are not there are left out, and none changes nothing.
        """
        flags = QItemSelectionModel.SelectionFlag
        indexes = [self.index_of(each) for each in dict.fromkeys(class_ids)]
        for number, index in enumerate(each for each in indexes if each.isValid()):
            if number:
                self.selectionModel().select(index, flags.Select | flags.Rows)
            else:
                # Not by selectRow, which asks whether the Ctrl key is down.
                self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)

    def index_of(self, class_id: int, column: int = NAME) -> QModelIndex:
        """Find the cell of a class.

        Parameters
        ----------
        class_id : int
            Its id.
        column : int
            One of `Column`.

        Returns
        -------
        QModelIndex
            Not valid if there is no such class.
        """
        row = self._classes.row_of(class_id)
        if row is None:
            return QModelIndex()
        return self.model().mapFromSource(self._classes.index(row, column))

    def _on_state(self, event: QMouseEvent) -> QModelIndex | None:
        """Find the lock or the eye that is clicked: such a click leaves the selection alone."""
        index = self.indexAt(event.position().toPoint())
        left = event.button() == Qt.MouseButton.LeftButton
        return index if left and index.isValid() and index.column() in {LOCKED, VISIBLE} else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell of a click on a lock or an eye; leave all others to Qt."""
        index = self._on_state(event)
        self._on_state_pressed = index is not None
        if index is None:
            super().mousePressEvent(event)
        else:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.toggled.emit(self.class_of(index), index.column())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Take the second of two quick clicks on a lock or an eye as a click."""
        if self._on_state(event) is None:
            super().mouseDoubleClickEvent(event)
        else:
            self.mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let a click on a lock or an eye end there."""
        if self._on_state_pressed:
            self._on_state_pressed = False
        else:
            super().mouseReleaseEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep keys of what cannot be done now from the viewer, to which they mean other things."""
        if event.type() == QEvent.Type.ShortcutOverride and self._sleeps(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave keys of what cannot be done now alone."""
        if not self._sleeps(event):
            super().keyPressEvent(event)

    def _sleeps(self, event: QKeyEvent) -> bool:
        keys = QKeySequence(event.keyCombination())
        return any(not each.isEnabled() and each.shortcut() == keys for each in self.actions())

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Tell which classes are dragged over which."""
        super().dragMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        over = self.class_of(index) if index.isValid() else 0
        self.dragging.emit(self._classes.dragged(event.mimeData()), over)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Tell that classes are dragged over none."""
        super().dragLeaveEvent(event)
        self.dragging.emit((), 0)

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell that no class is dragged any more, and then drop it."""
        self.dragging.emit((), 0)
        super().dropEvent(event)

"""The panel of classes: names, colours, merging, undo."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QAction, QColor, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_stego.classes import ClassEdit, MergeClasses, RecolourClass
from napari_stego.gui.class_model import COLOUR, COVER, NAME, ClassSorting, ClassTableModel
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session


class ClassPanel(QWidget):
    """Shows and edits the session's classes.

    Signals: ``alone`` (class id or None), the class to be shown without the others.

    Parameters
    ----------
    session : Session
        Whose classes.
    layers : LayerStack
        Shows them.
    parent : QWidget
        Owner.
    """

    alone = Signal(object)

    def __init__(self, session: Session, layers: LayerStack, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self.model = ClassTableModel(session, self)
        self._sorted = ClassSorting(self)
        self._sorted.setSourceModel(self.model)
        self.view = self._make_view()
        self.merge = self._action("Merge", "Ctrl+M", "Merge the selected classes", self._merge)
        self.recolour = self._action(
            "Colour…", "Ctrl+K", "Change the colour of the current class", self._recolour
        )
        self.only = self._action("Only", "Ctrl+L", "Show the current class alone", self._show_only)
        self.only.setCheckable(True)
        self.undo = self._action("Undo", "Ctrl+Z", "Undo", self._undo)
        self.redo = self._action("Redo", "Ctrl+Shift+Z", "Redo", self._redo)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        layout.addLayout(self._make_buttons())
        layers.shown.connect(self.refresh)
        session.segmentation_changed.connect(self.refresh)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._update_actions())
        self.refresh()

    def _make_view(self) -> QTableView:
        view = QTableView(self)
        view.setModel(self._sorted)
        view.setAccessibleName("Classes")
        view.setSortingEnabled(True)
        view.sortByColumn(COVER, Qt.SortOrder.DescendingOrder)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(24)
        header = view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        view.setColumnWidth(COLOUR, 30)
        view.setColumnWidth(COVER, 70)
        view.setMinimumHeight(130)
        view.doubleClicked.connect(self._double_clicked)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        return view

    def _action(self, text: str, shortcut: str, tip: str, call: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(shortcut))
        # Undo in the viewer, with the same keys, is napari's.
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip(f"{tip} ({shortcut})")
        action.triggered.connect(lambda *_: call())
        self.addAction(action)
        self.view.addAction(action)
        return action

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        for action in (self.merge, self.recolour, self.only, self.undo, self.redo):
            row.addWidget(_button(action, self), 1)
        return row

    def refresh(self) -> None:
        """Follow the session."""
        self.model.refresh(self._layers.label_image)
        self._update_actions()

    def select(self, class_id: int) -> None:
        """Make a class the current one.

        Parameters
        ----------
        class_id : int
            Its id; one that is not there changes nothing.
        """
        row = self.model.row_of(class_id)
        if row is not None:
            index = self._sorted.mapFromSource(self.model.index(row, NAME))
            self.view.selectRow(index.row())
            self.view.setCurrentIndex(index)

    @property
    def current_id(self) -> int | None:
        """The current class; None if there is none."""
        index = self.view.currentIndex()
        return self._id(index) if index.isValid() else None

    @property
    def selected_ids(self) -> tuple[int, ...]:
        """The selected classes."""
        return tuple(self._id(index) for index in self.view.selectionModel().selectedRows())

    def _id(self, index: QModelIndex) -> int:
        return self.model.class_at(self._sorted.mapToSource(index).row()).id

    def _update_actions(self) -> None:
        segmentation = self._session.segmentation
        history = segmentation.history if segmentation is not None else None
        into = self._merge_target()
        self.merge.setEnabled(into is not None)
        kept = f"into “{self._session.table.row(into).name}”" if into is not None else "into one"
        self.merge.setToolTip(f"Merge the selected classes {kept} (Ctrl+M)")
        self.recolour.setEnabled(self.current_id is not None)
        self.only.setEnabled(self.current_id is not None)
        undo, redo = (history.undo_text, history.redo_text) if history else ("", "")
        self.undo.setEnabled(bool(undo))
        self.redo.setEnabled(bool(redo))
        self.undo.setToolTip(f"Undo: {undo} (Ctrl+Z)" if undo else "Nothing to undo")
        self.redo.setToolTip(f"Redo: {redo} (Ctrl+Shift+Z)" if redo else "Nothing to redo")
        self._show_only()

    def _merge_target(self) -> int | None:
        """Choose the class that stays: one with a name of its own, else the largest here."""
        ids, table = self.selected_ids, self._session.table
        if len(ids) < 2 or table is None:
            return None

        def rank(class_id: int) -> tuple[bool, bool, float]:
            named = table.row(class_id).name != f"class {class_id}"
            return named, named and class_id == self.current_id, self.model.cover(class_id)

        return max(ids, key=rank)

    def _merge(self) -> None:
        ids, into = self.selected_ids, self._merge_target()
        if into is not None:
            self._edit(MergeClasses(ids=ids, into=into))
            self.select(into)

    def _recolour(self) -> None:
        class_id, segmentation = self.current_id, self._session.segmentation
        if class_id is None or segmentation is None:
            return
        before = QColor(segmentation.table.row(class_id).colour)
        colour = QColorDialog.getColor(before, self, "Colour of the class")
        # While the dialog was open, a job may have ended with other classes.
        same = segmentation is self._session.segmentation
        if same and colour.isValid() and colour != before:
            self._edit(RecolourClass(id=class_id, colour=colour.name()))

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() == COLOUR:
            self._recolour()

    def _show_only(self) -> None:
        self.alone.emit(self.current_id if self.only.isChecked() else None)

    def _edit(self, edit: ClassEdit) -> None:
        with problems_shown():
            self._session.edit(edit)

    def _undo(self) -> None:
        with problems_shown():
            self._session.undo()

    def _redo(self) -> None:
        with problems_shown():
            self._session.redo()


def _button(action: QAction, parent: QWidget) -> QPushButton:
    """Make a button of an action: napari's theme shows a QToolButton as mere text."""
    button = QPushButton(action.text(), parent)
    button.setCheckable(action.isCheckable())
    button.clicked.connect(lambda *_: action.trigger())
    button.setMinimumWidth(40)

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())
        button.setChecked(action.isChecked())

    action.changed.connect(follow)
    action.toggled.connect(lambda *_: follow())
    follow()
    return button

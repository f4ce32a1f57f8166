"""The panel of classes: the table, what can be done to it, and examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QAction, QKeySequence
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_stego.classes import UNLABELLED
from napari_stego.classes.palette import PALETTES, TOLD_APART
from napari_stego.gui.class_commands import ClassCommands
from napari_stego.gui.class_counting import StatisticsCounter
from napari_stego.gui.class_model import CODE, COLOUR, LOCKED, NAME, ClassTableModel
from napari_stego.gui.class_patches import PatchStrip
from napari_stego.gui.class_view import ClassView
from napari_stego.gui.history_list import HistoryList
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.number_texts import share_text
from napari_stego.gui.session import Session
from napari_stego.gui.split_dialog import SplitDialog, ask_split
from napari_stego.gui.tree_slider import TreeSlider
from napari_stego.project import Segmentation


class ClassPanel(QWidget):
    """Shows and edits the session's classes.

    Signals: ``alone`` (class id or None), the class to be shown without the
    others; ``hidden`` (frozenset of int), classes not to be shown;
    ``place_wanted`` (Patch), a place in a photograph to go to.

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
    hidden = Signal(frozenset)
    place_wanted = Signal(object)

    def __init__(self, session: Session, layers: LayerStack, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self.commands = ClassCommands(session, self)
        self.counter = StatisticsCounter(session, self)
        self.model = ClassTableModel(session, self)
        self.view = ClassView(self.model, self)
        self.patches = PatchStrip(session, self.counter, self)
        self.tree = TreeSlider(session, layers, self)
        self.history = HistoryList(session, self)
        self.line = QLabel(self)
        self._split_dialog: SplitDialog | None = None
        self._counting = ""
        self._shown: Segmentation | None = None
        self._make_actions()
        self._lay_out()
        self._connect()
        self.refresh()

    def _make_actions(self) -> None:
        act = self._action
        self.merge = act("Merge", "M", "Merge the selected classes", self._merge)
        self.rename = act("Rename", "F2", "Name the current class", lambda: self._type(NAME))
        self.label = act(
            "Name from list…",
            "Ctrl+E",
            "Give the selected classes a label of a list; several become one",
            lambda: self.commands.ask_label(self.selected_ids),
        )
        self.recolour = act("Colour…", "Ctrl+K", "Colour the current class", self._recolour)
        self.only = act("Solo", "S", "Show the current class alone", self._show_only)
        self.only.setCheckable(True)
        self.toggle = act(
            "Show or hide", "V", "Hide the selected classes, or show them", self._toggle_visible
        )
        self.show_all = act("Show all", "Shift+V", "Show all classes", self._show_all)
        self.lock = act(
            "Lock or unlock",
            "L",
            "Keep the pixels of the selected classes as they are, or let them change",
            lambda: self.commands.toggle_lock(self.selected_ids),
        )
        self.code = act("Code", "Ctrl+D", "Give the current class a code", lambda: self._type(CODE))
        self.parent_ = act(
            "Put under…",
            "U",
            "Put the selected classes under another one",
            lambda: self.commands.ask_parent(self.selected_ids),
        )
        self.add = act("Add", "Ins", "Add a class without pixels, to paint with", self._add)
        self.delete = act(
            "Delete",
            "Del",
            "Delete the selected classes; their pixels become unlabelled",
            lambda: self.commands.delete(self.selected_ids),
        )
        self.split = act("Split…", "Shift+M", "Let the current class fall into parts", self._split)
        self.undo = act("Undo", "Ctrl+Z", "Undo", self.commands.undo)
        self.redo = act("Redo", "Ctrl+Shift+Z", "Redo", self.commands.redo)
        self.palettes = QMenu("Recolour all with", self)
        self.palettes.setToolTipsVisible(True)
        for palette in PALETTES:
            action = self.palettes.addAction(palette)
            action.setToolTip(
                f"Colour-blind eyes tell the {TOLD_APART} largest classes apart; one undo step"
            )
            action.triggered.connect(partial(self._recolour_all, palette))
        self.view.addAction(self.palettes.menuAction())
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def _action(self, text: str, shortcut: str, tip: str, call: Callable[[], object]) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(shortcut))
        # The same keys mean other things in the viewer, such as undo.
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setToolTip(f"{tip} ({shortcut})")
        action.triggered.connect(lambda *_: call())
        self.addAction(action)
        self.view.addAction(action)
        return action

    def _lay_out(self) -> None:
        self.line.setAccessibleName("What is going on with the classes")
        # A long sentence must not make the dock wider.
        self.line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for action in (self.merge, self.recolour, self.only, self.undo, self.redo):
            buttons.addWidget(_button(action, self), 1)
        more = QPushButton("More", self)
        more.setToolTip("All that can be done to classes; also with the right mouse button")
        menu = QMenu(more)
        menu.setToolTipsVisible(True)
        menu.addActions(self.view.actions())
        more.setMenu(menu)
        buttons.addWidget(more, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.line)
        layout.addLayout(buttons)
        layout.addWidget(self.patches)
        for title, content in (("Merge alike", self.tree), ("History", self.history)):
            section = QCollapsible(title, self, expandedIcon="-", collapsedIcon="+")
            section.addWidget(content)
            layout.addWidget(section)

    def _connect(self) -> None:
        session, selection = self._session, self.view.selectionModel()
        self._layers.shown.connect(self.refresh)
        session.segmentation_changed.connect(self.refresh)
        session.statistics_changed.connect(self._follow_statistics)
        selection.selectionChanged.connect(lambda *_: self._update_actions())
        selection.currentRowChanged.connect(lambda *_: self._update_actions())
        self.model.dropped.connect(self._drop)
        self.model.visibility_changed.connect(self.hidden)
        self.view.toggled.connect(self._toggled)
        self.view.dragging.connect(self._tell_drag)
        self.view.doubleClicked.connect(self._double_clicked)
        self.counter.progressed.connect(self._tell_counting)
        self.patches.wanted.connect(self.place_wanted)
        self.tree.merged.connect(self.select)

    def refresh(self) -> None:
        """Follow the session; the selected classes stay selected, in what has become of them."""
        segmentation, table = self._session.segmentation, self._session.table
        ids, current = self.selected_ids, self.current_id
        self.model.refresh(self._layers.label_image)
        if segmentation is not self._shown:
            self._shown = segmentation
            self.view.scrollToTop()
        elif self.current_id is None and current is not None and table is not None:
            self.view.choose([table.now(each) for each in (current, *ids)])
        self._update_actions()
        self._tell()

    def shut_down(self, seconds: float) -> None:
        """Stop the threads.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self._session.segmentation_changed.disconnect(self.refresh)
        self._session.statistics_changed.disconnect(self._follow_statistics)
        if self._split_dialog is not None:
            self._split_dialog.reject()
        self.tree.shut_down()
        self.history.shut_down()
        self.counter.shut_down(seconds)
        self.patches.shut_down(seconds)

    def select(self, class_id: int) -> None:
        """Make a class the current one.

        Parameters
        ----------
        class_id : int
            Its id; one that is not there changes nothing.
        """
        self.view.choose([class_id])

    @property
    def current_id(self) -> int | None:
        """The current class; None if there is none."""
        index = self.view.currentIndex()
        return self.view.class_of(index) if index.isValid() else None

    @property
    def selected_ids(self) -> tuple[int, ...]:
        """The selected classes."""
        return tuple(map(self.view.class_of, self.view.selectionModel().selectedRows()))

    def _follow_statistics(self) -> None:
        self.model.refresh_cells()
        self._tell()

    def _update_actions(self) -> None:
        segmentation = self._session.segmentation
        history = segmentation.history if segmentation is not None else None
        ids, into = self.selected_ids, self._merge_target()
        self.merge.setEnabled(into is not None and not self._session.read_only)
        text = self.commands.merge_text(ids, into) if into is not None else ""
        self.merge.setToolTip(f"{text or 'Merge the selected classes into one'} (M)")
        writable = not self._session.read_only
        self.only.setEnabled(self.current_id is not None)
        self.toggle.setEnabled(bool(ids))
        for action in (self.rename, self.recolour, self.code, self.split):
            action.setEnabled(writable and self.current_id is not None)
        for action in (self.label, self.lock, self.parent_, self.delete):
            action.setEnabled(writable and bool(ids))
        self.show_all.setEnabled(bool(self.model.hidden) or self.only.isChecked())
        self.add.setEnabled(writable and history is not None)
        self.palettes.setEnabled(writable and self.model.rowCount() > 0)
        undo, redo = (history.undo_text, history.redo_text) if history else ("", "")
        self.undo.setEnabled(writable and bool(undo))
        self.redo.setEnabled(writable and bool(redo))
        self.undo.setToolTip(f"Undo: {undo} (Ctrl+Z)" if undo else "Nothing to undo")
        self.redo.setToolTip(f"Redo: {redo} (Ctrl+Shift+Z)" if redo else "Nothing to redo")
        self.patches.show_class(self.current_id)
        self._show_only()

    def _merge_target(self) -> int | None:
        """Choose the class that stays: one with a name of its own, else the largest."""
        ids, table = self.selected_ids, self._session.table
        if len(ids) < 2 or table is None or any(i not in table for i in ids):
            return None

        def rank(class_id: int) -> tuple[bool, bool, float]:
            named = table.row(class_id).named
            return named, named and class_id == self.current_id, self.model.cover(class_id)

        return max(ids, key=rank)

    def _merge(self) -> None:
        into = self._merge_target()
        if into is not None:
            self._drop(self.selected_ids, into)

    def _drop(self, ids: Sequence[int], into: int) -> None:
        if self.commands.merge(ids, into):
            self.select(into)

    def _recolour(self) -> None:
        if self.current_id is not None:
            self.commands.recolour(self.current_id)

    def _recolour_all(self, palette: str, *_: object) -> None:
        rows = self.view.model().rowCount()
        indexes = (self.view.model().index(row, NAME) for row in range(rows))
        largest = sorted(map(self.view.class_of, indexes), key=self.model.cover, reverse=True)
        self.commands.recolour_all(palette, largest)

    def _type(self, column: int) -> None:
        """Let the name or the code of the current class be typed."""
        if self.current_id is not None:
            if column == CODE:
                self.view.show_column(CODE, True)
            index = self.view.index_of(self.current_id, column)
            self.view.setCurrentIndex(index)
            self.view.edit(index)

    def _split(self) -> None:
        """Ask for the parts of the current class; there is one preview at a time."""
        if self.current_id is None:
            return
        if self._split_dialog is not None:
            self._split_dialog.reject()
        self.tree.restore()
        self._split_dialog = dialog = ask_split(self._session, self._layers, self.current_id, self)
        if dialog is not None:
            self.tree.setEnabled(False)
            dialog.finished.connect(self._forget_split)

    def _forget_split(self) -> None:
        self._split_dialog = None
        self.tree.setEnabled(True)

    def _add(self) -> None:
        class_id = self.commands.add()
        if class_id is not None:
            self.select(class_id)
            self._type(NAME)

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() == COLOUR:
            self._recolour()

    def _toggled(self, class_id: int, column: int) -> None:
        if column == LOCKED:
            self.commands.toggle_lock([class_id])
        else:
            self._toggle([class_id])

    def _toggle_visible(self) -> None:
        self._toggle(self.selected_ids)

    def _toggle(self, ids: Sequence[int]) -> None:
        """Hide classes, or show them if all are hidden."""
        hidden, chosen = self.model.hidden, frozenset(ids)
        self.model.hide(hidden - chosen if chosen <= hidden else hidden | chosen)
        self._update_actions()
        self._tell()

    def _show_all(self) -> None:
        self.only.setChecked(False)
        self.model.hide(())
        self._update_actions()
        self._tell()

    def _show_only(self) -> None:
        self.alone.emit(self.current_id if self.only.isChecked() else None)

    def _tell_drag(self, ids: Sequence[int], into: int) -> None:
        text = self.commands.merge_text(ids, into)
        if not text and ids:
            text = "Drop onto another class to merge"
        self._tell(text)

    def _tell_counting(self, text: str) -> None:
        self._counting = text
        self._tell()

    def _tell(self, text: str = "") -> None:
        text = text or self._counting or self._summary()
        self.line.setText(text)
        self.line.setToolTip(text)

    def _summary(self) -> str:
        count = self.model.rowCount()
        if not count:
            return "There are no classes yet. Open photographs (Alt+1), then train (Alt+2)."
        parts = [f"{count} class{'es' * (count != 1)}"]
        if self.model.hidden:
            parts.append(f"{len(self.model.hidden)} hidden")
        unlabelled = self._session.statistics.get(UNLABELLED)
        if unlabelled is not None and unlabelled.pixels:
            parts.append(f"{share_text(unlabelled.cover)} unlabelled")
        return ", ".join(parts)


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

"""Choosing a label: a search line over the labels of a set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_stego.errors import StegoError
from napari_stego.labelsets import Label, LabelSet, read_label_set

_SHOWN = 200
_SWATCH = 14
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}


class LabelListModel(QAbstractListModel):
    """The labels that were found, the best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._labels: tuple[Label, ...] = ()

    def show_labels(self, labels: tuple[Label, ...]) -> None:
        """Show other labels."""
        self.beginResetModel()
        self._labels = labels
        self.endResetModel()

    def label(self, row: int) -> Label:
        """Return the label of a row."""
        return self._labels[row]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many labels were found."""
        return 0 if parent is not None and parent.isValid() else len(self._labels)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a label, its colour, or all above it as a tool tip."""
        if not index.isValid():
            return None
        label = self._labels[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            path = " › ".join(each.name for each in label.path)  # noqa: RUF001
            return "   ".join(text for text in (label.name, label.code, path) if text)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(each.name for each in (*label.path, label))
        if role == Qt.ItemDataRole.DecorationRole:
            swatch = QPixmap(_SWATCH, _SWATCH)
            swatch.fill(QColor(label.colour) if label.colour else Qt.GlobalColor.transparent)
            return swatch
        return None


class LabelPicker(QDialog):
    """A dialog to choose a label by typing the beginnings of its words.

    The arrow keys move through the list while the search line keeps the
    focus, Enter chooses, Esc closes.

    Parameters
    ----------
    label_set : LabelSet, optional
        The labels; None if no list was loaded yet.
    parent : QWidget, optional
        The widget it belongs to.
    """

    label_chosen = Signal(object)
    """The `Label` that was chosen."""

    label_set_loaded = Signal(object)
    """The `LabelSet` that was read from a file that the user chose."""

    def __init__(self, label_set: LabelSet | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose a label")
        self.resize(520, 420)
        self.search_line = QLineEdit()
        self.search_line.setPlaceholderText("Name, code or group…")
        self.search_line.setClearButtonEnabled(True)
        self.search_line.setAccessibleName("Search labels")
        self.search_line.installEventFilter(self)
        self.model = LabelListModel(self)
        self.list_view = QListView()
        self.list_view.setModel(self.model)
        self.list_view.setUniformItemSizes(True)
        self.list_view.setAccessibleName("Labels found")
        self.hint = QLabel()
        self.load_button = QPushButton("Load a list…")
        self.load_button.setAutoDefault(False)
        self.load_button.setToolTip("CATAMI, CoralNet, BIIGLE, TagLab, or a table with names")
        self.source_line = QLabel()
        self.source_line.setWordWrap(True)
        # The name of a file is text of others.
        self.source_line.setTextFormat(Qt.TextFormat.PlainText)
        self.problems_text = QPlainTextEdit()
        self.problems_text.setReadOnly(True)
        self.problems_text.setMaximumHeight(110)
        self.problems_text.setAccessibleName("Problems in the list")
        below = QHBoxLayout()
        below.addWidget(self.source_line, 1)
        below.addWidget(self.load_button)
        layout = QVBoxLayout(self)
        for widget in (self.search_line, self.list_view, self.hint):
            layout.addWidget(widget)
        layout.addLayout(below)
        layout.addWidget(self.problems_text)
        self.search_line.textChanged.connect(self._search)
        self.list_view.activated.connect(self._choose)
        self.load_button.clicked.connect(self._ask_for_list)
        self._label_set: LabelSet | None = None
        self.set_label_set(label_set)

    @property
    def label_set(self) -> LabelSet | None:
        """The labels to choose from."""
        return self._label_set

    def set_label_set(self, label_set: LabelSet | None) -> None:
        """Offer other labels, and show what was wrong in their list."""
        self._label_set = label_set
        problems = label_set.problems if label_set is not None else ()
        self.problems_text.setPlainText("\n".join(map(str, problems)))
        self.problems_text.setVisible(bool(problems))
        if label_set is None:
            self.source_line.setText("Load a list of labels to choose from.")
        else:
            count = len(label_set.labels)
            text = f"{label_set.source}, {count:,} label{'s' * (count > 1)}"
            if problems:
                text += f", {len(problems)} problem{'s' * (len(problems) > 1)}"
            self.source_line.setText(text)
        self._search()

    def load_list(self, path: Path) -> None:
        """Read a list and offer its labels, or show why it cannot be read.

        Parameters
        ----------
        path : Path
            The file.
        """
        try:
            label_set = read_label_set(path)
        except StegoError as error:
            self.problems_text.setPlainText(str(error))
            self.problems_text.setVisible(True)
            return
        self.set_label_set(label_set)
        self.label_set_loaded.emit(label_set)
        self.search_line.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let keys of the search line move through the list and choose."""
        if watched is self.search_line and event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            if event.key() in _STEPS:
                self._step(_STEPS[event.key()])
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self.list_view.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def _step(self, rows: int) -> None:
        row = self.list_view.currentIndex().row() + rows
        self._select(max(0, min(row, self.model.rowCount() - 1)))

    def _select(self, row: int) -> None:
        self.list_view.setCurrentIndex(self.model.index(row, 0))

    def _search(self) -> None:
        found: tuple[Label, ...] = ()
        if self._label_set is not None:
            found = self._label_set.search(self.search_line.text(), _SHOWN)
        self.model.show_labels(found)
        self._select(0)
        self.hint.setText("Enter chooses, Esc gives up." if found else "No label has such words.")
        self.hint.setVisible(self._label_set is not None)

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            label = self.model.label(index.row())
            self.accept()
            self.label_chosen.emit(label)

    def _ask_for_list(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Load a list of labels", "", "Lists of labels (*.csv *.tsv *.txt *.json)"
        )
        if name:
            self.load_list(Path(name))

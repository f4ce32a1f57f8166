"""Joins classes that are alike: a slider along the merge tree, and the next suggestion."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_stego.classes import ClassTable, MergeClasses
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session
from napari_stego.project import ClassTree
from napari_stego.project.class_tree import ClassPair


class TreeSlider(QWidget):
    """Cuts the merge tree of the session's classes.

    Moving the slider only recolours the layer; Apply, or Enter, makes the cut
    in one edit; Cancel, or Esc, shows the classes as they are. The tree is
    made when it is needed and the widget is to be seen.

    Signals: ``merged`` (int), the class that stays of an accepted suggestion.

    Parameters
    ----------
    session : Session
        Whose classes.
    layers : LayerStack
        Shows the cut.
    parent : QWidget
        Owner.
    """

    merged = Signal(int)

    def __init__(self, session: Session, layers: LayerStack, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self._tree: ClassTree | None = None
        self._pair: ClassPair | None = None
        self._skipped: set[frozenset[int]] = set()
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setPageStep(5)
        self.slider.setAccessibleName("How many classes are left")
        self.slider.setToolTip(
            "To the right, alike classes are joined, most alike first; classes that you named "
            "stay apart.\nEnter makes it so, Esc shows the classes as they are."
        )
        self.line = QLabel(self)
        self.apply = QPushButton("Apply", self)
        self.apply.setToolTip("Join the classes as shown; one undo step (Enter)")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Show the classes as they are (Esc)")
        self.suggestion = QLabel(self)
        self.suggestion.setWordWrap(True)
        self.merge = QPushButton("Merge", self)
        self.merge.setToolTip("Merge these; one undo step")
        self.skip = QPushButton("Skip", self)
        self.skip.setToolTip("These are different things: suggest others")
        self._lay_out()
        self.slider.valueChanged.connect(self._preview)
        self.apply.clicked.connect(self._apply)
        self.cancel.clicked.connect(self.restore)
        self.merge.clicked.connect(self._merge)
        self.skip.clicked.connect(self._skip)
        self._soon = QTimer(self, singleShot=True)  # when what was edited is painted
        self._soon.timeout.connect(self._make)
        session.classes_changed.connect(self._follow)
        session.segmentation_changed.connect(self._follow)
        self._follow()

    @property
    def parts(self) -> int:
        """How many of the tree's classes are left where the slider is; 0 without a tree."""
        return len(self._tree) - self.slider.value() if self._tree is not None else 0

    def restore(self) -> None:
        """Put the slider back, so that the classes are shown as they are."""
        self.slider.setValue(0)

    def shut_down(self) -> None:
        """Let go of the session; harmless when done twice."""
        self._session.classes_changed.disconnect(self._follow, missing_ok=True)
        self._session.segmentation_changed.disconnect(self._follow, missing_ok=True)
        self._soon.stop()

    def showEvent(self, event: QShowEvent) -> None:
        """Make the tree, now that it is to be seen."""
        super().showEvent(event)
        if self._tree is None:
            self._make()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Apply with Enter, cancel with Esc."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._apply()
        elif event.key() == Qt.Key.Key_Escape and self.slider.value():
            self.restore()
        else:
            super().keyPressEvent(event)

    def _lay_out(self) -> None:
        # A long name must not make the dock wider.
        for label in (self.line, self.suggestion):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.slider)
        for first, *buttons in (
            (self.line, self.apply, self.cancel),
            (self.suggestion, self.merge, self.skip),
        ):
            row = QHBoxLayout()
            row.setSpacing(4)
            row.addWidget(first, 1)
            for button in buttons:
                row.addWidget(button)
            layout.addLayout(row)

    def _follow(self) -> None:
        """Forget the tree: it is of classes that have changed."""
        if self._tree is not None and self.slider.value():
            self._layers.end_preview()
        self._tree = None
        with QSignalBlocker(self.slider):
            self.slider.setValue(0)
        if self.isVisible():
            self._soon.start()

    def _make(self) -> None:
        segmentation = self._session.segmentation
        if segmentation is not None:
            with problems_shown():
                self._tree = segmentation.tree
        tree = self._tree
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, len(tree) - tree.least if tree is not None else 0)
            self.slider.setValue(0)
        self.slider.setEnabled(self.slider.maximum() > 0)
        self._tell()
        self._suggest()

    def _preview(self) -> None:
        tree = self._tree
        if tree is None:
            return
        if self.slider.value():
            self._layers.preview(tree.lut(self.parts))
        else:
            self._layers.end_preview()
        self._tell()

    def _tell(self) -> None:
        tree, steps = self._tree, self.slider.value()
        changes = bool(steps) and not self._session.read_only
        self.apply.setEnabled(changes)
        self.cancel.setEnabled(bool(steps))
        if tree is None or not self.slider.isEnabled():
            self.line.setText("There are no classes that may be joined.")
        elif steps:
            left = len(tree.table.rows) - steps
            similarity = 1 - float(tree.heights[steps - 1])
            self.line.setText(f"{_classes(left)} left, alike by {similarity:.2f} or more")
        else:
            self.line.setText(f"{_classes(len(tree.table.rows))}, none joined")
        self.line.setToolTip(self.line.text())

    def _suggest(self) -> None:
        tree = self._tree
        pairs = tree.suggestions() if tree is not None else []
        # What joins more than a pair that was skipped would join that pair too.
        wanted = (p for p in pairs if not any(each <= _ids(p) for each in self._skipped))
        self._pair = pair = next(wanted, None)
        left_out = pair is None and any(each <= _ids(p) for each in self._skipped for p in pairs)
        self.merge.setVisible(pair is not None)
        for each in (self.suggestion, self.skip):
            each.setVisible(pair is not None or left_out)
        self.skip.setText("Suggest again" if left_out else "Skip")
        if left_out:
            self.suggestion.setText("All that are alike were skipped.")
        self.merge.setEnabled(not self._session.read_only)
        if pair is not None and tree is not None:
            first, second = (_named(tree.table, ids) for ids in (pair.first, pair.second))
            self.suggestion.setText(f"{first} and {second} are alike ({pair.similarity:.2f})")

    def _apply(self) -> None:
        if self._tree is not None and self.apply.isEnabled():
            with problems_shown():
                self._session.edit(self._tree.edit(self.parts))

    def _merge(self) -> None:
        tree, pair = self._tree, self._pair
        if tree is None or pair is None:
            return
        groups = tree.groups(len(tree) - tree.suggestions().index(pair) - 1)
        (kept,) = [i for i, ids in groups.items() if _ids(pair) <= set(ids)]
        with problems_shown():
            self._session.edit(MergeClasses(ids=pair.first + pair.second, into=kept))
            self.merged.emit(kept)

    def _skip(self) -> None:
        if self._pair is not None:
            self._skipped.add(_ids(self._pair))
        else:
            self._skipped.clear()
        self._suggest()


def _classes(count: int) -> str:
    return f"{count} class{'es' * (count != 1)}"


def _ids(pair: ClassPair) -> frozenset[int]:
    return frozenset(pair.first + pair.second)


def _named(table: ClassTable, ids: tuple[int, ...]) -> str:
    return " with ".join(f"“{table.name(class_id)}”" for class_id in ids)

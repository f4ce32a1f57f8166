"""What photographs are filtered by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout, QLabel, QPushButton, QWidget

from napari_stego.classes import ClassTable
from napari_stego.gui.browser_query import Query

_EITHER = (("Any", None),)
_EDITED = (*_EITHER, ("Painted on", True), ("Not painted on", False))
_FEATURES = (*_EITHER, ("With features", True), ("Without features", False))
_UNCERTAIN = (
    ("Any", 1.0),
    ("Most uncertain tenth", 0.1),
    ("Most uncertain quarter", 0.25),
    ("Most uncertain half", 0.5),
)


class BrowserFilters(QWidget):
    """Asks which photographs are to be listed.

    Signals: ``changed``, when something else is asked for.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.folder = _choice(self, "Folder", "Photographs in this folder and in those below it")
        self.day = _choice(self, "Day", "When they were taken, by the clock of the camera")
        self.of_class = _choice(self, "Class", "Photographs that have this class")
        self.cover = QDoubleSpinBox(self)
        self.cover.setRange(0, 100)
        self.cover.setDecimals(1)
        self.cover.setSuffix(" %")
        self.cover.setPrefix("at least ")
        self.cover.setSpecialValueText("any cover")
        self.cover.setToolTip("How much of the photograph the class has at least")
        self.cover.setAccessibleName("Least cover of the class")
        self.cover.setEnabled(False)
        self.edited = _choice(self, "Strokes", "Whether anything was painted on them")
        self.features = _choice(self, "Features", "Whether their features were extracted")
        self.uncertain = _choice(
            self, "Margin", "Where clusters were given by a narrow margin: worth a look"
        )
        for combo, entries in (
            (self.edited, _EDITED),
            (self.features, _FEATURES),
            (self.uncertain, _UNCERTAIN),
        ):
            fill_combo(combo, entries)
        self.clear = QPushButton("Clear", self)
        self.clear.setToolTip("List all photographs again")
        self.clear.clicked.connect(self.reset)
        self._lay_out()
        for combo in self._combos:
            combo.activated.connect(self._tell)
        self.cover.valueChanged.connect(self._tell)

    @property
    def _combos(self) -> tuple[QComboBox, ...]:
        return (
            self.folder,
            self.day,
            self.of_class,
            self.edited,
            self.features,
            self.uncertain,
        )

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(6)
        layout.setVerticalSpacing(4)
        rows: tuple[tuple[tuple[str, QWidget], ...], ...] = (
            (("Folder", self.folder), ("Day", self.day)),
            (("Class", self.of_class), ("Cover", self.cover)),
            (("Strokes", self.edited), ("Features", self.features)),
            (("Margin", self.uncertain), ("", self.clear)),
        )
        for line, pairs in enumerate(rows):
            for place, (words, widget) in enumerate(pairs):
                label = QLabel(words, self)
                label.setBuddy(widget)
                layout.addWidget(label, line, 2 * place)
                layout.addWidget(widget, line, 2 * place + 1)
        layout.setColumnStretch(1, 1)
        layout.setColumnStretch(3, 1)

    def reset(self) -> None:
        """Ask for all photographs."""
        for combo in self._combos:
            combo.setCurrentIndex(0)
        self.cover.setValue(0)
        self._tell()

    def _tell(self, *_: Any) -> None:
        self.cover.setEnabled(self.of_class.currentIndex() > 0)
        self.changed.emit()

    def show_folders(self, folders: Iterable[str]) -> None:
        """Offer folders.

        Parameters
        ----------
        folders : iterable of str
            Relative to the corpus root.
        """
        entries = [(folder, folder) for folder in folders if folder]
        fill_combo(self.folder, [("All folders", None), *entries])
        self.folder.setEnabled(bool(entries))

    def show_days(self, dates: np.ndarray | None) -> None:
        """Offer days.

        Parameters
        ----------
        dates : numpy.ndarray, optional
            ``(n,) datetime64[s]`` of the photographs; None if not known yet.
        """
        entries: list[tuple[str, Any]] = [("Any day", None)]
        if dates is not None:
            days, counts = np.unique(
                dates[~np.isnat(dates)].astype("datetime64[D]"), return_counts=True
            )
            entries += [(f"{day} ({n:,})", day) for day, n in zip(days, counts, strict=True)]
        fill_combo(self.day, entries)
        self.day.setEnabled(len(entries) > 1)

    def show_classes(self, table: ClassTable | None) -> None:
        """Offer classes.

        Parameters
        ----------
        table : ClassTable, optional
            The classes; None if there are none.
        """
        rows = table.rows if table is not None else ()
        fill_combo(self.of_class, [("Any class", None), *((row.name, row.id) for row in rows)])
        for widget in (self.of_class, self.edited, self.uncertain):
            widget.setEnabled(bool(rows))
        self.cover.setEnabled(self.of_class.currentIndex() > 0)

    def fill(self, query: Query) -> Query:
        """Return a query with these filters.

        Parameters
        ----------
        query : Query
            The rest of it.

        Returns
        -------
        Query
            All of it.
        """
        return Query(
            words=query.words,
            folder=self.folder.currentData(),
            day=self.day.currentData(),
            class_id=self.of_class.currentData(),
            cover=self.cover.value() / 100 if self.of_class.currentIndex() > 0 else 0.0,
            edited=self.edited.currentData(),
            features=self.features.currentData(),
            uncertain=self.uncertain.currentData(),
            sort=query.sort,
            sort_class=query.sort_class,
            backwards=query.backwards,
        )


def fill_combo(combo: QComboBox, entries: Iterable[tuple[str, Any]]) -> None:
    """Offer entries, keeping the one that is chosen if it is still there.

    Parameters
    ----------
    combo : QComboBox
        Where.
    entries : iterable of (str, object)
        Words, and what they stand for; the first is chosen by default.
    """
    chosen, entries = combo.currentData(), list(entries)
    now = [(combo.itemText(i), combo.itemData(i)) for i in range(combo.count())]
    if now == entries:
        return
    blocked = combo.blockSignals(True)
    combo.clear()
    for words, value in entries:
        combo.addItem(words, value)
    values = [value for _, value in entries]
    combo.setCurrentIndex(values.index(chosen) if chosen in values else 0)
    combo.blockSignals(blocked)


def find_entry(combo: QComboBox, value: Any) -> int:
    """Find an entry; Qt compares no values of Python.

    Parameters
    ----------
    combo : QComboBox
        Where.
    value : object
        What the entry stands for.

    Returns
    -------
    int
        Its place; -1 if it is not offered.
    """
    values = [combo.itemData(place) for place in range(combo.count())]
    return values.index(value) if value in values else -1


def _choice(parent: QWidget, name: str, tip: str) -> QComboBox:
    combo = QComboBox(parent)
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    # Long names of folders and classes must not make the dock wide.
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo

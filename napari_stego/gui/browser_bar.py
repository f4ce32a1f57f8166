"""The controls above the list of photographs: words, order, colours."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_stego.classes import ClassTable
from napari_stego.gui.browser_filters import fill_combo, find_entry
from napari_stego.gui.browser_query import HIGH_FIRST, Query, Sort

_TIPS = {
    Sort.NAME: "In the order of folders and names",
    Sort.DATE: "By when they were taken: as the camera wrote it, or else the time of the file",
    Sort.COVER: "By how much of the photograph a class has",
    Sort.UNCERTAINTY: "By the margin between the best and the second best cluster",
    Sort.LIKENESS: "By how alike they are to the photograph on show, by their mean features",
}


class BrowserBar(QWidget):
    """Asks for words in names, and for an order.

    Signals: ``sorted_anew``, when another order is asked for.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    sorted_anew = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.words = QLineEdit(self)
        self.words.setPlaceholderText("Find by name")
        self.words.setClearButtonEnabled(True)
        self.words.setAccessibleName("Find photographs by name")
        self.words.setToolTip("Parts of names and folders, with spaces between them")
        self.filter = self._toggle(
            "F&ilter", "List photographs by folder, day, class, strokes, features or margin (Alt+I)"
        )
        self.colours = self._toggle(
            "Class colo&urs", "Put the colours of the classes on the thumbnails (Alt+U)"
        )
        self.sort = QComboBox(self)
        self.sort.setAccessibleName("Sort photographs by")
        self.sort.setToolTip("What the photographs are sorted by")
        self.sort_class = QComboBox(self)
        self.sort_class.setAccessibleName("Class to sort by")
        self.sort_class.setToolTip("The class by whose cover the photographs are sorted")
        for combo in (self.sort, self.sort_class):
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.setMinimumContentsLength(8)
        self.sort_class.hide()
        self.backwards = self._toggle("", "Turn the order around")
        self.backwards.setAccessibleName("Turn the order around")
        self.backwards.setFixedWidth(32)
        self.neighbours = QPushButton("&Neighbours", self)
        self.neighbours.setToolTip(
            "Sort by likeness with the photograph on show: the nearest come first (Alt+N)"
        )
        self._codes = self._classes = False
        self._offer()
        self._lay_out()
        self._show_direction()
        self.sort.activated.connect(lambda *_: self.choose(self.sort.currentData()))
        self.sort_class.activated.connect(lambda *_: self.sorted_anew.emit())
        self.backwards.clicked.connect(self._turn)

    def _toggle(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setCheckable(True)
        button.setToolTip(tip)
        return button

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for row in (
            (self.words, self.filter, self.colours),
            (self.sort, self.sort_class, self.backwards, self.neighbours),
        ):
            line = QHBoxLayout()
            line.setSpacing(4)
            for widget in row:
                growing = widget in (self.words, self.sort, self.sort_class)
                line.addWidget(widget, 1 if growing else 0)
            layout.addLayout(line)

    def allow(self, *, codes: bool, classes: bool) -> None:
        """Offer what there is.

        Parameters
        ----------
        codes, classes : bool
            Whether there are features, and classes.
        """
        self._codes, self._classes = codes, classes
        self.colours.setEnabled(classes)
        self.neighbours.setEnabled(codes)
        self._offer()

    def _offer(self) -> None:
        needs = {
            Sort.COVER: self._classes,
            Sort.UNCERTAINTY: self._classes,
            Sort.LIKENESS: self._codes,
        }
        there = [sort for sort in Sort if needs.get(sort, True)]
        fill_combo(self.sort, [(f"Sort by {_lower(sort.value)}", sort) for sort in there])
        self.sort_class.setVisible(self.sort.currentData() is Sort.COVER)

    def show_classes(self, table: ClassTable | None) -> None:
        """Offer classes to sort by.

        Parameters
        ----------
        table : ClassTable, optional
            The classes; None if there are none.
        """
        rows = table.rows if table is not None else ()
        fill_combo(self.sort_class, [(row.name, row.id) for row in rows])

    def choose(self, sort: Sort) -> None:
        """Sort by something, in the order that is usual for it.

        Parameters
        ----------
        sort : Sort
            What to sort by, if it is offered.
        """
        place = find_entry(self.sort, sort)
        if place >= 0:
            self.sort.setCurrentIndex(place)
            self.sort.setToolTip(_TIPS[sort])
            self.sort_class.setVisible(sort is Sort.COVER)
            self.backwards.setChecked(sort in HIGH_FIRST)
            self._show_direction()
            self.sorted_anew.emit()

    def _turn(self, *_: Any) -> None:
        self._show_direction()
        self.sorted_anew.emit()

    def _show_direction(self) -> None:
        self.backwards.setText("↓" if self.backwards.isChecked() else "↑")

    def show_filters(self, filtered: bool) -> None:
        """Tell whether anything may be left out.

        Parameters
        ----------
        filtered : bool
            Whether it is.
        """
        self.filter.setText("F&ilter •" if filtered else "F&ilter")

    def query(self) -> Query:
        """Return what is asked for here.

        Returns
        -------
        Query
            Words and order.
        """
        return Query(
            words=self.words.text(),
            sort=self.sort.currentData(),
            sort_class=self.sort_class.currentData(),
            backwards=self.backwards.isChecked(),
        )


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]

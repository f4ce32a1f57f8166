"""The choice of the class that gets a region, be it a new one."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from napari_stego.classes import ClassRow
from napari_stego.gui.class_colormap import swatch
from napari_stego.gui.class_commands import new_colour
from napari_stego.gui.session import Session


class TargetChoice(QWidget):
    """Asks for a class of the session, or for the name of a new one.

    Signals: ``changed``, when it is another; ``picked`` (int), when the user
    has chosen a class.

    Parameters
    ----------
    session : Session
        Whose classes.
    parent : QWidget
        Owner.
    """

    changed = Signal()
    picked = Signal(int)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._rows: tuple[ClassRow, ...] | None = None
        self.box = QComboBox(self)
        self.box.setAccessibleName("Class that gets the region")
        self.box.setToolTip("The class that gets the region: the one chosen in the tab Classes")
        # A long name must not make the dock wider.
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(10)
        self.name = QLineEdit(self)
        self.name.setAccessibleName("Name of the new class")
        self.name.setPlaceholderText("Name of the new class")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Give to", self))
        row.addWidget(self.box, 1)
        row.addWidget(self.name, 1)
        self.box.activated.connect(self._activated)
        self.box.currentIndexChanged.connect(lambda *_: self._follow())
        self.name.textChanged.connect(lambda *_: self.changed.emit())
        self.refresh()

    @property
    def chosen(self) -> int | str:
        """Id of a class, or the name of a new one; empty if there is none yet."""
        class_id = self.box.currentData()
        return class_id if class_id is not None else self.name.text().strip()

    @property
    def new_colour(self) -> str:
        """``#rrggbb`` that a new class would have."""
        table = self._session.table
        return new_colour(table) if table is not None else "#ffffff"

    @property
    def words(self) -> str:
        """Name of the class."""
        table, chosen = self._session.table, self.chosen
        if table is not None and isinstance(chosen, int) and chosen in table:
            return table.name(chosen)
        return str(chosen) if isinstance(chosen, str) and chosen else "the new class"

    def choose(self, class_id: int) -> None:
        """Choose a class.

        Parameters
        ----------
        class_id : int
            One that is not there changes nothing.
        """
        place = self.box.findData(class_id)
        if place >= 0:
            self.box.setCurrentIndex(place)

    def refresh(self) -> None:
        """List the classes as they are now."""
        table = self._session.table
        rows = table.rows if table is not None else ()
        if rows == self._rows:
            return
        self._rows, chosen = rows, self.box.currentData()
        with QSignalBlocker(self.box):
            self.box.clear()
            for row in sorted(rows, key=lambda row: row.name.casefold()):
                words = f"{row.name} (locked)" if row.locked else row.name
                self.box.addItem(swatch(row.colour), words, row.id)
            self.box.insertSeparator(self.box.count())
            self.box.addItem("New class…", None)
            # Where there are no classes, the first is a new one; never a mere line.
            place = self.box.findData(chosen) if chosen is not None else -1
            self.box.setCurrentIndex(place if place >= 0 else 0 if rows else 1)
        self._follow()

    def _activated(self, *_: object) -> None:
        chosen, table = self.chosen, self._session.table
        if isinstance(chosen, int):
            self.picked.emit(chosen)
        elif table is not None:
            if not chosen:
                self.name.setText(table.free_name("new class"))
            self.name.setFocus()
            self.name.selectAll()

    def _follow(self) -> None:
        self.name.setVisible(self.box.currentData() is None)
        self.changed.emit()

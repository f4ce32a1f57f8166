"""The choice of what is shown over the photograph while proposals are looked at."""

from __future__ import annotations

from typing import get_args

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_stego.gui.teach_drawing import View

_VIEWS: dict[View, tuple[str, str]] = {
    "classes": ("Classes", "The classes as they are"),
    "changes": ("Changes", "Only what would change, in the colour of its new class (D)"),
    "proposed": ("Proposed", "The classes as they would be"),
    "confidence": (
        "Confidence",
        "How certain each pixel is, as a layer: dark is uncertain, yellow is certain; the bar at "
        "the bottom of the window tells it under the mouse (C)",
    ),
}


class ViewChoice(QWidget):
    """Asks what is shown over the photograph.

    Signals: ``changed``, when it is something else.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(QLabel("Show", self))
        for number, view in enumerate(get_args(View)):
            text, tip = _VIEWS[view]
            button = QPushButton(text, self)
            button.setCheckable(True)
            button.setToolTip(tip)
            self._group.addButton(button, number)
            row.addWidget(button, 1)
        self.button("classes").setChecked(True)
        self._group.idToggled.connect(self._toggled)

    @property
    def view(self) -> View:
        """What is chosen."""
        view: View = get_args(View)[self._group.checkedId()]
        return view

    def button(self, view: View) -> QPushButton:
        """Return the button of a view.

        Parameters
        ----------
        view : View
            Which.

        Returns
        -------
        QPushButton
            The button.
        """
        button = self._group.button(get_args(View).index(view))
        assert isinstance(button, QPushButton)
        return button

    def choose(self, view: View) -> None:
        """Choose what is shown.

        Parameters
        ----------
        view : View
            What.
        """
        self.button(view).setChecked(True)

    def toggle(self, view: View) -> None:
        """Choose a view, or the classes if it is chosen already.

        Parameters
        ----------
        view : View
            What.
        """
        if self.button(view).isEnabled():
            self.choose("classes" if self.view == view else view)

    def _toggled(self, _: int, on: bool) -> None:
        if on:
            self.changed.emit()

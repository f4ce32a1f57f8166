"""How the photograph and its classes are shown, in a row under all panels."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_stego.clustering import CrfSettings
from napari_stego.corpus.enhancement import ENHANCEMENTS, Enhancement

_TITLES: dict[Enhancement, str] = {
    "none": "as it is",
    "grey-world": "grey world",
    "red-compensated": "red compensated",
    "contrast": "more contrast",
}


_CRF = "CRF"


@dataclass(frozen=True)
class ViewOptions:
    """How things are shown; no result depends on it.

    Attributes
    ----------
    enhancement : Enhancement
        Of the photograph.
    contours : bool
        Classes as outlines.
    crf : CrfSettings, optional
        Classes refined along the edges of the photograph.
    """

    enhancement: Enhancement = "none"
    contours: bool = False
    crf: CrfSettings | None = None


class ViewBar(QWidget):
    """Asks how things are shown.

    Signals: ``changed`` (`ViewOptions`); ``blinked``, to hide the classes or
    show them again.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    changed = Signal(object)
    blinked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.enhancement = QComboBox(self)
        for enhancement in ENHANCEMENTS:
            self.enhancement.addItem(_TITLES[enhancement], enhancement)
        self.enhancement.setAccessibleName("How the photograph is shown")
        self.enhancement.setToolTip(
            "Take the colour of the water out of the photograph, for your eyes only: files, "
            "features and classes stay as they are"
        )
        self.enhancement.currentIndexChanged.connect(self._tell)
        self.contours = QCheckBox("Outlines", self)
        self.contours.setToolTip("Show the classes as outlines")
        self.contours.toggled.connect(self._tell)
        self.crf = QCheckBox(_CRF, self)
        self.crf.setToolTip(
            "Let the classes on show follow the edges of the photograph (dense CRF): takes "
            "seconds. The export has a choice of its own."
        )
        self.crf.toggled.connect(self._tell)
        self.blink = QPushButton("&Blink", self)
        self.blink.setToolTip("Hide the classes, or show them again (Alt+B)")
        self.blink.clicked.connect(lambda: self.blinked.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        row.addWidget(QLabel("View", self))
        row.addWidget(self.enhancement, 1)
        row.addWidget(self.contours)
        row.addWidget(self.crf)
        row.addWidget(self.blink)

    @property
    def options(self) -> ViewOptions:
        """What is chosen."""
        return ViewOptions(
            self.enhancement.currentData(),
            self.contours.isChecked(),
            CrfSettings() if self.crf.isChecked() else None,
        )

    def show_working(self, working: bool) -> None:
        """Tell that something is being made that takes a moment.

        Parameters
        ----------
        working : bool
            Whether it is.
        """
        # Only the CRF takes long enough to be told of.
        busy = working and self.crf.isChecked()
        self.crf.setText("working…" if busy else _CRF)

    def _tell(self, *_: object) -> None:
        self.changed.emit(self.options)

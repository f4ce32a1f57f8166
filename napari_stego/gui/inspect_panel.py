"""The panel that says what a click in the photograph shows."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_stego.clustering import CrfSettings
from napari_stego.gui.session import Session
from napari_stego.project import Source

_TITLES: dict[Source, str] = {"codes": "STEGO codes", "features": "features"}


class InspectPanel(QWidget):
    """Options of the heatmap and of the classes on show.

    Signals: ``crf_changed`` (`CrfSettings` or None), whether classes are refined.

    Parameters
    ----------
    session : Session
        What is open.
    parent : QWidget
        Owner.
    """

    crf_changed = Signal(object)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.source = QComboBox(self)
        self.source.setToolTip(
            "Click a pixel of the photograph: the heatmap shows how much every pixel corresponds "
            "with it, by the codes of the trained head or by the backbone's features"
        )
        self.source.setAccessibleName("What the heatmap compares")
        self._picked: Source | None = None
        self.source.activated.connect(self._pick)
        self.crf = QCheckBox("Refine edges (CRF)", self)
        self.crf.setToolTip(
            "Let the classes on show follow the edges of the photograph: takes seconds. The "
            "export has a choice of its own."
        )
        self.crf.toggled.connect(self._crf_toggled)
        self.busy = QLabel("working…", self)
        self.busy.hide()
        row = QHBoxLayout()
        row.addWidget(QLabel("Heatmap by", self))
        row.addWidget(self.source, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.busy)
        session.segmentation_changed.connect(self._fill)
        self._fill()

    @property
    def chosen(self) -> Source | None:
        """What a click compares; None while nothing was extracted."""
        source: Any = self.source.currentData()
        return source

    def show_working(self, working: bool) -> None:
        """Tell that something is being made that takes a moment.

        Parameters
        ----------
        working : bool
            Whether it is.
        """
        # Only the CRF takes long enough to be told of.
        self.busy.setVisible(working and self.crf.isChecked())

    def _pick(self) -> None:
        self._picked = self.chosen

    def _fill(self) -> None:
        encodings = self._session.encodings
        sources = encodings.sources if encodings is not None else ()
        self.source.clear()
        # The head's codes are what the clusters are made of, so they come first.
        for source in sorted(sources):
            self.source.addItem(_TITLES[source], source)
        # What was there when there was nothing else is no choice to keep.
        if self._picked in sources:
            self.source.setCurrentIndex(self.source.findData(self._picked))
        self.source.setEnabled(bool(sources))

    def _crf_toggled(self, wanted: bool) -> None:
        self.crf_changed.emit(CrfSettings() if wanted else None)

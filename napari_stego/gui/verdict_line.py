"""The verdict on a run in a plain line, and the way to the other clusters."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_stego.project import Source
from napari_stego.selection import Verdict

# Okabe and Ito. A bar beside the text has the colour: as letters it would be hard to read on
# one of the themes.
_COLOURS = {"codes": "#009e73", "neither": "#56b4e9", "features": "#d55e00"}
_OTHERS: dict[Source, Source] = {"codes": "features", "features": "codes"}
_TITLES: dict[Source, str] = {"codes": "Use the codes", "features": "Use the raw features"}
_TIPS: dict[Source, str] = {
    "codes": "Make the clusters of the codes of the trained head instead",
    "features": "Make the clusters of the backbone's features instead; the trained head is kept",
}


class VerdictLine(QWidget):
    """Tells whether codes cluster better than features; hidden while that is not known.

    Signals: ``wanted`` (a `Source`), what is to be clustered instead.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._other: Source | None = None
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setToolTip(
            "Told without labels, on at most 90 photographs. Quality is from 0 to 1: clusters are "
            "good if the same ones are found in other photographs of the folder, and if they form "
            "areas. The difference is sure when it is more than the number after ± (95 %)."
        )
        self.switch = QPushButton(self)
        self.switch.clicked.connect(self._switch)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.switch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.text)
        layout.addLayout(row)
        self.hide()

    def show_verdict(self, verdict: Verdict | None, source: Source | None) -> None:
        """Show a verdict.

        Parameters
        ----------
        verdict : Verdict or None
            None hides the line.
        source : "codes" or "features", optional
            What the clusters in use were made of, if there are any.
        """
        self._other = _OTHERS[source] if source is not None else None
        if verdict is not None:
            self.text.setText(verdict.text)
            colour = _COLOURS[verdict.better]
            self.text.setStyleSheet(f"border-left: 4px solid {colour}; padding-left: 5px")
        if self._other is not None:
            self.switch.setText(_TITLES[self._other])
            self.switch.setToolTip(f"{_TIPS[self._other]}. The number of clusters stays.")
        self.switch.setVisible(self._other is not None)
        self.setVisible(verdict is not None)

    def _switch(self) -> None:
        if self._other is not None:
            self.wanted.emit(self._other)

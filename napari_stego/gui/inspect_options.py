"""How things are compared, and the scale that all pictures of it share."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_stego.gui.inspect_colours import HIGHEST, LOWEST, overlaid
from napari_stego.gui.session import Session
from napari_stego.project import Source

_TITLES: dict[Source, str] = {"codes": "STEGO codes", "features": "features"}
_BAR_HEIGHT = 10


class InspectOptions(QWidget):
    """Asks what is compared and how, and tells the score under the mouse.

    Signals: ``changed``, when things are compared in another way.

    Parameters
    ----------
    session : Session
        What is open.
    parent : QWidget
        Owner.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._picked: Source | None = None
        self.source = QComboBox(self)
        self.source.setToolTip(
            "Click a pixel of the photograph: the heatmap shows how much every pixel corresponds "
            "with it, by the codes of the trained head or by the backbone's features"
        )
        self.source.setAccessibleName("What the heatmap compares")
        self.source.activated.connect(self._pick)
        self.centred = QCheckBox("C&entred", self)
        self.centred.setToolTip(
            "Take off what the whole photograph has in common, as STEGO's training does: shows "
            "small differences in photographs where everything looks alike"
        )
        self.centred.toggled.connect(lambda *_: self.changed.emit())
        self.follow = QCheckBox("Follow the m&ouse", self)
        self.follow.setToolTip(
            "Show where else is what is under the mouse, while it moves; a click picks the place "
            "and ends it"
        )
        self.scale = ColourScale(self)
        self.score = QLabel(self)
        self.score.setToolTip("Correspondence under the mouse: 1 is the same, 0 nothing in common")
        self.score.setAccessibleName("Correspondence under the mouse")
        self._lay_out()
        self.show_score(None)
        session.segmentation_changed.connect(self._fill)
        self._fill()

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(QLabel("Heatmap by", self))
        first.addWidget(self.source, 1)
        first.addWidget(self.centred)
        second.addWidget(self.follow)
        second.addWidget(self.scale, 1)
        second.addWidget(self.score)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(first)
        layout.addLayout(second)

    @property
    def chosen(self) -> Source | None:
        """What is compared; None while nothing was extracted."""
        source: Any = self.source.currentData()
        return source

    def show_score(self, score: float | None) -> None:
        """Tell the score under the mouse.

        Parameters
        ----------
        score : float, optional
            None where there is none.
        """
        self.score.setText("here -" if score is None else f"here {score:.2f}")
        self.scale.mark(score)

    def shut_down(self) -> None:
        """Follow the session no longer."""
        self._session.segmentation_changed.disconnect(self._fill)

    def _pick(self) -> None:
        self._picked = self.chosen
        self.changed.emit()

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
        for widget in (self.source, self.centred, self.follow):
            widget.setEnabled(bool(sources))


class ColourScale(QWidget):
    """The colours from no correspondence to the same, with a mark at one score.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._score: float | None = None
        self.setMinimumWidth(80)
        self.setToolTip("Colours of heatmaps and galleries: from 0, nothing in common, to 1")
        self.setAccessibleName("Colours of correspondence, from 0 to 1")

    def sizeHint(self) -> QSize:
        """Return room for the colours and the numbers beside them."""
        return QSize(120, max(_BAR_HEIGHT, self.fontMetrics().height()))

    def mark(self, score: float | None) -> None:
        """Mark a score.

        Parameters
        ----------
        score : float, optional
            None for none.
        """
        if score != self._score:
            self._score = score
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the colours, as they are on a grey photograph."""
        painter = QPainter(self)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(text)
        width = self.fontMetrics().horizontalAdvance("0") + 4
        align = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), int(align | Qt.AlignmentFlag.AlignLeft), "0")
        painter.drawText(self.rect(), int(align | Qt.AlignmentFlag.AlignRight), "1")
        bar = QRectF(
            width, (self.height() - _BAR_HEIGHT) / 2, self.width() - 2 * width, _BAR_HEIGHT
        )
        scores = np.linspace(LOWEST, HIGHEST, 256, dtype=np.float32)[None]
        pixels = overlaid(np.full((1, 256, 3), 128, np.uint8), scores).tobytes()
        painter.drawImage(bar, QImage(pixels, 256, 1, 3 * 256, QImage.Format.Format_RGB888))
        if self._score is not None:
            share = (self._score - LOWEST) / (HIGHEST - LOWEST)
            place = bar.left() + min(max(share, 0.0), 1.0) * bar.width()
            for colour, half in ((QColor("black"), 2.5), (QColor("white"), 1.0)):
                painter.fillRect(
                    QRectF(place - half, bar.top() - 2, 2 * half, bar.height() + 4), colour
                )

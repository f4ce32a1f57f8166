"""Bars that show how near a pixel is to its cluster and to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

_GAP = 4
_SWATCH = 10
_LEFT_SHARE = 0.5
_FAINT = 40


@dataclass(frozen=True)
class Bar:
    """One line of the list.

    Attributes
    ----------
    words : str
        What it is.
    colour : str
        ``#rrggbb`` of the class; empty for none.
    value : float
        A cosine, in ``[-1, 1]``.
    """

    words: str
    colour: str
    value: float


class BarList(QWidget):
    """Draws a few values, one below the other.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.bars: tuple[Bar, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Draw others.

        Parameters
        ----------
        bars : sequence of Bar
            From top to bottom.
        """
        self.bars = tuple(bars)
        self.setAccessibleName("; ".join(f"{bar.words}: {bar.value:.2f}" for bar in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for all lines."""
        return QSize(200, len(self.bars) * self._line)

    @property
    def _line(self) -> int:
        return self.fontMetrics().height() + _GAP

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw name, bar and number of each."""
        painter = QPainter(self)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(text)
        faint.setAlpha(_FAINT)
        metrics, line = self.fontMetrics(), self._line
        number = metrics.horizontalAdvance("-0.00") + _GAP
        left = _SWATCH + _GAP
        words = self.width() * _LEFT_SHARE - left
        start = left + words + _GAP
        width = max(self.width() - start - number, 1.0)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        for row, bar in enumerate(self.bars):
            top = row * line
            colour = QColor(bar.colour) if bar.colour else faint
            painter.fillRect(QRectF(0, top + (line - _SWATCH) / 2, _SWATCH, _SWATCH), colour)
            painter.setPen(text)
            short = metrics.elidedText(bar.words, Qt.TextElideMode.ElideRight, int(words))
            painter.drawText(QRectF(left, top, words, line), middle, short)
            room = QRectF(start, top + line / 4, width, line / 2)
            painter.fillRect(room, faint)
            room.setWidth(width * min(max(bar.value, 0.0), 1.0))
            painter.fillRect(room, colour)
            right = QRectF(self.width() - number, top, number, line)
            painter.drawText(right, middle | int(Qt.AlignmentFlag.AlignRight), f"{bar.value:.2f}")

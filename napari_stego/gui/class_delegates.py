"""How the cells of the class table that hold no text are drawn."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QModelIndex, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_stego.gui.class_model import COLOUR, LOCKED, STATE_ROLE

_SIDE = 16.0
_FAINT = 90


class StateDelegate(QStyledItemDelegate):
    """Draws a class's colour, its lock or its eye, in the colours of the theme."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the background of the cell and the state on it."""
        super().paint(painter, option, index)
        state = index.data(STATE_ROLE)
        side = min(_SIDE, option.rect.height() - 6.0, option.rect.width() - 4.0)
        box = QRectF(0, 0, side, side)
        box.moveCenter(QRectF(option.rect).center())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self._text_colour(option)
        if index.column() == COLOUR:
            painter.setPen(QPen(text, 0.8))
            painter.setBrush(QColor(state))
            painter.drawRoundedRect(box, 3, 3)
        else:
            draw, strong = (_lock, bool(state)) if index.column() == LOCKED else (_eye, True)
            if not strong:
                text.setAlpha(_FAINT)
            _drawn(painter, box, text, draw, bool(state))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Take as much room as a picture needs."""
        return QSize(int(_SIDE) + 8, int(_SIDE) + 6)

    @staticmethod
    def _text_colour(option: QStyleOptionViewItem) -> QColor:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        return QColor(option.palette.color(role))


def _drawn(
    painter: QPainter,
    box: QRectF,
    colour: QColor,
    draw: Callable[[bool], QPainterPath],
    state: bool,
) -> None:
    """Draw a path made in a square of 16 into a box."""
    painter.translate(box.topLeft())
    painter.scale(box.width() / _SIDE, box.height() / _SIDE)
    pen = QPen(colour, 1.5)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(draw(state))


def _lock(locked: bool) -> QPainterPath:
    path = QPainterPath()
    path.addRoundedRect(QRectF(3, 7.5, 10, 7), 1.5, 1.5)
    shackle = QRectF(5, 1.5, 6, 8)
    path.arcMoveTo(shackle, 180)
    path.arcTo(shackle, 180, -180 if locked else -140)
    if locked:
        path.lineTo(11, 7.5)
    path.moveTo(5, 5.5)
    path.lineTo(5, 7.5)
    return path


def _eye(visible: bool) -> QPainterPath:
    path = QPainterPath(QPointF(1, 8))
    path.quadTo(8, 0.5, 15, 8)
    path.quadTo(8, 15.5, 1, 8)
    if visible:
        path.addEllipse(QPointF(8, 8), 2.2, 2.2)
    else:
        path.moveTo(2.5, 14)
        path.lineTo(13.5, 2)
    return path

"""How a photograph is drawn in the browser."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen, QPixmap
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_stego.gui.browser_model import EDITED_ROLE, FAINT_ROLE, NOTE_ROLE, PICTURE_ROLE

_INSET = 3
_RADIUS = 4.0
_BADGE = 16.0
_FAINT = 0.35
_EMPTY_ALPHA = 22
_SELECTED_ALPHA = 190
_HOVER_ALPHA = 40


class TileDelegate(QStyledItemDelegate):
    """Draws a thumbnail and a line below it, in the colours of the theme.

    A selected photograph lies on the colour of the selection; the one in the
    viewer has a frame. A pencil is on those that were painted on.
    """

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the tile of a photograph."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        text = option.palette.color(QPalette.ColorRole.Text)
        self._draw_ground(painter, option)
        line = option.fontMetrics.height()
        inner = option.rect.adjusted(_INSET, _INSET, -_INSET, -_INSET)
        room = inner.adjusted(0, 0, 0, -line)
        picture = index.data(PICTURE_ROLE)
        painter.setOpacity(_FAINT if index.data(FAINT_ROLE) else 1.0)
        if isinstance(picture, QPixmap):
            drawn = _fitted(picture.size(), room)
            painter.drawPixmap(drawn, picture)
        else:
            drawn = room
            _draw_missing(painter, room, text, "" if picture is None else "cannot be read")
        painter.setOpacity(1.0)
        if index.data(EDITED_ROLE):
            _draw_pencil(painter, drawn, option.palette)
        self._draw_words(painter, option, index, inner, text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Take the room that the view gives."""
        return option.rect.size()

    @staticmethod
    def _draw_ground(painter: QPainter, option: QStyleOptionViewItem) -> None:
        ground = QRectF(option.rect).adjusted(1, 1, -1, -1)
        accent = QColor(option.palette.color(QPalette.ColorRole.Highlight))
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        current = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if selected or current or option.state & QStyle.StateFlag.State_MouseOver:
            fill = QColor(accent)
            fill.setAlpha(_SELECTED_ALPHA if selected else _HOVER_ALPHA)
            text = option.palette.color(QPalette.ColorRole.Text)
            # The ground alone is nearly the colour of the list, in napari's themes.
            wide = 3.0 if selected else 1.0
            painter.setPen(QPen(text, wide) if selected or current else Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawRoundedRect(ground, _RADIUS, _RADIUS)

    @staticmethod
    def _draw_words(
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex,
        inner: QRect,
        text: QColor,
    ) -> None:
        metrics = option.fontMetrics
        line = QRect(inner.left() + 2, inner.bottom() - metrics.height() + 2, inner.width() - 4, 0)
        line.setHeight(metrics.height())
        note = index.data(NOTE_ROLE)
        # What the photographs are sorted by says more than the number of a camera.
        words = note or index.data(Qt.ItemDataRole.DisplayRole)
        elide = Qt.TextElideMode.ElideRight if note else Qt.TextElideMode.ElideMiddle
        painter.setPen(text)
        painter.setFont(option.font)
        short = metrics.elidedText(words, elide, line.width())
        painter.drawText(line, int(Qt.AlignmentFlag.AlignCenter), short)


def _fitted(size: QSize, room: QRect) -> QRect:
    """Place a picture in the middle, as large as it can be as a whole."""
    fitted = QRect(room.topLeft(), size.scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio))
    fitted.moveCenter(room.center())
    return fitted


def _draw_missing(painter: QPainter, room: QRect, text: QColor, words: str) -> None:
    faint = QColor(text)
    faint.setAlpha(_EMPTY_ALPHA)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(faint)
    painter.drawRoundedRect(QRectF(room), _RADIUS, _RADIUS)
    if words:
        painter.setPen(text)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter), words)


def _draw_pencil(painter: QPainter, drawn: QRect, palette: QPalette) -> None:
    box = QRectF(drawn.right() - _BADGE - 3, drawn.top() + 3, _BADGE, _BADGE)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color(QPalette.ColorRole.Base))
    painter.drawEllipse(box)
    path = QPainterPath(QPointF(4.5, 11.5))
    for x, y in ((5.2, 8.8), (10, 4), (12, 6), (7.2, 10.8)):
        path.lineTo(x, y)
    path.closeSubpath()
    painter.translate(box.topLeft())
    painter.setPen(QPen(palette.color(QPalette.ColorRole.Text), 1.2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    painter.translate(-box.topLeft())

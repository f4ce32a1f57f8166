"""A grid of photographs that costs the same whether there are ten or 100,000."""

from __future__ import annotations

from qtpy.QtCore import QItemSelection, QModelIndex, QPoint, QRect, QSize, Qt, QTimer, Signal
from qtpy.QtGui import (
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem, QWidget

from napari_stego.gui.browser_delegate import TileDelegate

_GAP = 4
_MARGIN = 4
_SIDES = (72, 96, 112, 144, 192)
_USUAL_SIDE = 2
_ROWS_SHOWN = 2
# A wheel that turns, or a window that is being resized, passes many places nobody wants to see.
_SETTLE_MS = 30

_Move = QAbstractItemView.CursorAction


class BrowserView(QAbstractItemView):
    """Shows photographs as tiles of equal size, as many beside each other as there is room for.

    Where a tile is follows from its row alone, so that nothing is laid out:
    Qt's own list asks the model for each row when the window is resized.

    Signals: ``looked_at`` (int, int), the first row on show and the one after
    the last, once it stands still.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    looked_at = Signal(int, int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._size = _USUAL_SIDE
        self._words = ""
        self.setItemDelegate(TileDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        # Else the bar comes and goes with the number of columns that it leaves room for.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setMinimumHeight(_ROWS_SHOWN * self.tile.height() + 2 * _MARGIN)
        self.viewport().setMouseTracking(True)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(_SETTLE_MS)
        self._settling.timeout.connect(lambda: self.looked_at.emit(*self.rows_on_show()))

    def sizeHint(self) -> QSize:
        """Ask for some rows; the layout gives what is left."""
        return QSize(380, 3 * self.tile.height())

    def say(self, words: str) -> None:
        """Write something in the middle while there are no photographs.

        Parameters
        ----------
        words : str
            A sentence.
        """
        self._words = words
        self.viewport().update()

    @property
    def columns(self) -> int:
        """How many tiles are beside each other."""
        room = self.viewport().width() - 2 * _MARGIN + _GAP
        return max(1, room // (_SIDES[self._size] + _GAP))

    @property
    def tile(self) -> QSize:
        """Size of a tile: as wide as the room allows, a photograph of 4 by 3 and a line."""
        columns = self.columns
        width = (self.viewport().width() - 2 * _MARGIN + _GAP) // columns - _GAP
        width = max(width, _SIDES[0])
        return QSize(width, round(0.75 * width) + self.fontMetrics().height() + 6)

    def resize_tiles(self, steps: int) -> None:
        """Make the photographs larger or smaller.

        Parameters
        ----------
        steps : int
            Larger by so many steps, of which there are a few.
        """
        kept = self.currentIndex() if self._is_visible(self.currentIndex()) else self._top()
        self._size = min(max(self._size + steps, 0), len(_SIDES) - 1)
        self.updateGeometries()
        self.scrollTo(kept)
        self.viewport().update()
        self._settling.start()

    def rows_on_show(self) -> tuple[int, int]:
        """Return the first row on show, and the one after the last."""
        count = self._count
        line = self.tile.height() + _GAP
        top = self.verticalOffset() - _MARGIN
        first = max(top // line, 0) * self.columns
        last = (max(top + self.viewport().height(), 0) // line + 1) * self.columns
        return min(first, count), min(last, count)

    @property
    def _count(self) -> int:
        model = self.model()
        return model.rowCount() if model is not None else 0

    def _top(self) -> QModelIndex:
        return self.model().index(self.rows_on_show()[0], 0)

    def _is_visible(self, index: QModelIndex) -> bool:
        return index.isValid() and self.visualRect(index).intersects(self.viewport().rect())

    def visualRect(self, index: QModelIndex) -> QRect:
        """Return where a tile is, in the viewport or outside."""
        if not index.isValid():
            return QRect()
        line, column = divmod(index.row(), self.columns)
        tile = self.tile
        return QRect(
            _MARGIN + column * (tile.width() + _GAP),
            _MARGIN + line * (tile.height() + _GAP) - self.verticalOffset(),
            tile.width(),
            tile.height(),
        )

    def indexAt(self, point: QPoint) -> QModelIndex:
        """Return the tile at a place; not valid between two."""
        index = self._nearest(point)
        return index if self.visualRect(index).contains(point) else QModelIndex()

    def _nearest(self, point: QPoint) -> QModelIndex:
        tile, columns, count = self.tile, self.columns, self._count
        line = (point.y() + self.verticalOffset() - _MARGIN) // (tile.height() + _GAP)
        column = min(max((point.x() - _MARGIN) // (tile.width() + _GAP), 0), columns - 1)
        row = min(max(line, 0) * columns + column, count - 1)
        return self.model().index(row, 0) if count else QModelIndex()

    def scrollTo(
        self,
        index: QModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Bring a tile into view, and no farther than needed."""
        if not index.isValid():
            return
        rect, height, bar = (
            self.visualRect(index),
            self.viewport().height(),
            self.verticalScrollBar(),
        )
        above, below = rect.top() - _MARGIN, rect.bottom() + _MARGIN - height
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + rect.center().y() - height // 2)
        elif hint == QAbstractItemView.ScrollHint.PositionAtTop or above < 0:
            bar.setValue(bar.value() + above)
        elif hint == QAbstractItemView.ScrollHint.PositionAtBottom or below > 0:
            bar.setValue(bar.value() + below)

    def moveCursor(self, action: _Move, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Return where a key leads from the current photograph."""
        count, columns = self._count, self.columns
        if not count:
            return QModelIndex()
        row = self.currentIndex().row()
        page = max(self.viewport().height() // (self.tile.height() + _GAP), 1) * columns
        steps = {
            _Move.MoveLeft: -1,
            _Move.MovePrevious: -1,
            _Move.MoveRight: 1,
            _Move.MoveNext: 1,
            _Move.MoveUp: -columns,
            _Move.MoveDown: columns,
            _Move.MovePageUp: -page,
            _Move.MovePageDown: page,
            _Move.MoveHome: -count,
            _Move.MoveEnd: count,
        }
        wanted = row + steps[action] if row >= 0 else 0
        if action in {_Move.MoveUp, _Move.MoveDown} and not 0 <= wanted < count:
            wanted = row  # rather than to another column
        return self.model().index(min(max(wanted, 0), count - 1), 0)

    def horizontalOffset(self) -> int:
        """Return 0: it scrolls up and down only."""
        return 0

    def verticalOffset(self) -> int:
        """Return how far it is scrolled down, in pixels."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: QModelIndex) -> bool:
        """Return False: what is not listed is not in the model."""
        return False

    def setSelection(self, rect: QRect, command) -> None:
        """Select from one photograph to another, as a text is selected."""
        ends = (self._nearest(rect.topLeft()), self._nearest(rect.bottomRight()))
        if ends[0].isValid():
            first, last = sorted(ends, key=lambda index: index.row())
            self.selectionModel().select(QItemSelection(first, last), command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """Return where selected tiles are on show."""
        region = QRegion()
        for row in range(*self.rows_on_show()):
            index = self.model().index(row, 0)
            if selection.contains(index):
                region += self.visualRect(index)
        return region

    def updateGeometries(self) -> None:
        """Fit the scroll bar to the number of photographs."""
        super().updateGeometries()
        line = self.tile.height() + _GAP
        lines = -(-self._count // self.columns)
        bar, height = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(lines * line - _GAP + 2 * _MARGIN - height, 0))
        bar.setPageStep(height)
        bar.setSingleStep(line // 2)

    def reset(self) -> None:
        """Begin anew with other photographs."""
        super().reset()
        self.updateGeometries()
        self.viewport().update()
        self._settling.start()

    def dataChanged(self, first: QModelIndex, last: QModelIndex, roles=()) -> None:
        """Draw again what has changed, and is on show."""
        shown = self.rows_on_show()
        for row in range(max(first.row(), shown[0]), min(last.row() + 1, shown[1])):
            self.viewport().update(self.visualRect(self.model().index(row, 0)))

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is drawn, and draw the rest."""
        self.viewport().scroll(dx, dy)
        self._settling.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what is at the top there, with other columns beside it."""
        before = self._top() if self._count else QModelIndex()
        at_top = self.verticalOffset() == 0
        super().resizeEvent(event)
        self.updateGeometries()
        if before.isValid() and not at_top and not self._is_visible(before):
            self.scrollTo(before)
        self._settling.start()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl, make the photographs larger or smaller."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.resize_tiles(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move; with Ctrl and plus or minus, make the photographs larger or smaller."""
        ctrl = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        larger = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Equal: 1, Qt.Key.Key_Minus: -1}
        if ctrl and event.key() in larger:
            self.resize_tiles(larger[event.key()])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tiles on show, or the sentence that stands for them."""
        painter = QPainter(self.viewport())
        if not self._count:
            painter.setPen(self.palette().color(QPalette.ColorRole.Text))
            margin = 3 * _MARGIN
            room = self.viewport().rect().adjusted(margin, margin, -margin, -margin)
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(room, int(wrapped), self._words)
            return
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        plain = option.state & ~(QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_HasFocus)
        hovered = self.indexAt(self.viewport().mapFromGlobal(self.cursor().pos()))
        current, chosen = self.currentIndex(), self.selectionModel()
        for row in range(*self.rows_on_show()):
            index = self.model().index(row, 0)
            option.rect = self.visualRect(index)
            if not option.rect.intersects(event.rect()):
                continue
            option.state = plain
            if chosen.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if index == current:
                option.state |= QStyle.StateFlag.State_HasFocus
            if index == hovered and self.underMouse():
                option.state |= QStyle.StateFlag.State_MouseOver
            self.itemDelegate().paint(painter, option, index)

"""A gallery: small pictures with scores, of which each leads to its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QAbstractListModel, QItemSelectionModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListView, QWidget

from napari_stego.gui.browser_delegate import TileDelegate
from napari_stego.gui.browser_model import NOTE_ROLE, PICTURE_ROLE
from napari_stego.project.examples import Patch

TILE = 132
"""Width of a tile in pixels."""

_LINES = 18
_MARGIN = 24


@dataclass(frozen=True, eq=False)
class Tile:
    """What is shown in one place of a gallery.

    Attributes
    ----------
    place : Patch
        Where it leads: a `Hit` of a search, or a place in a photograph.
    picture : numpy.ndarray or None
        ``(h, w, 3) uint8``; None if the photograph cannot be read.
    score : float
        Of the place.
    words : str
        The tooltip.
    """

    place: Patch
    picture: npt.NDArray[np.uint8] | None
    score: float
    words: str


class GalleryModel(QAbstractListModel):
    """The tiles of a gallery.

    Parameters
    ----------
    parent : QWidget
        Owner.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.tiles: list[Tile] = []
        self._pictures: list[QPixmap | str] = []

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self.tiles, self._pictures = [], []
        self.endResetModel()

    def append(self, tile: Tile) -> None:
        """Show one more.

        Parameters
        ----------
        tile : Tile
            The tile.
        """
        row = len(self.tiles)
        self.beginInsertRows(QModelIndex(), row, row)
        self.tiles.append(tile)
        self._pictures.append("" if tile.picture is None else _pixmap(tile.picture))
        self.endInsertRows()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many tiles there are."""
        return 0 if parent is not None and parent.isValid() else len(self.tiles)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what is drawn of a tile."""
        if not index.isValid():
            return None
        tile = self.tiles[index.row()]
        texts = {
            Qt.ItemDataRole.DisplayRole: tile.place.image.name,
            Qt.ItemDataRole.ToolTipRole: tile.words,
            Qt.ItemDataRole.AccessibleTextRole: tile.words,
            NOTE_ROLE: f"{tile.score:.2f}",
        }
        return self._pictures[index.row()] if role == PICTURE_ROLE else texts.get(role)


class GalleryView(QListView):
    """Shows a gallery; a click, or Enter, goes to a place, and Ctrl and Shift select several.

    Signals: ``wanted`` (Patch), the place to go to; ``chosen`` (int), how many
    are selected now.

    Parameters
    ----------
    several : bool
        Whether several can be selected.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object)
    chosen = Signal(int)

    def __init__(self, several: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.tiles = GalleryModel(self)
        self._words = ""
        self._plain = False
        self.setModel(self.tiles)
        self.setItemDelegate(TileDelegate(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setGridSize(QSize(TILE, TILE + _LINES - 26))
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        modes = QAbstractItemView.SelectionMode
        self.setSelectionMode(modes.ExtendedSelection if several else modes.SingleSelection)
        self.setMinimumHeight(TILE)
        self.clicked.connect(self._clicked)
        self.selectionModel().selectionChanged.connect(
            lambda *_: self.chosen.emit(len(self.selected))
        )
        self.tiles.modelReset.connect(lambda: self.chosen.emit(0))

    @property
    def selected(self) -> tuple[Patch, ...]:
        """The places that are selected, best first."""
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return tuple(self.tiles.tiles[row].place for row in rows)

    def say(self, words: str) -> None:
        """Say something as long as there is nothing to show.

        Parameters
        ----------
        words : str
            Such as what to do.
        """
        self._words = words
        self.viewport().update()

    def select(self, rows: Sequence[int]) -> None:
        """Select places, and no others.

        Parameters
        ----------
        rows : sequence of int
            Their numbers, from 0.
        """
        flag = QItemSelectionModel.SelectionFlag
        self.clearSelection()
        for row in rows:
            self.selectionModel().select(self.tiles.index(row), flag.Select)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select; remember whether it was a plain click."""
        self._plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        self._plain = self._plain and event.button() == Qt.MouseButton.LeftButton
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the current place with Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._go(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tiles, or the sentence that stands for them."""
        super().paintEvent(event)
        if self._words and not self.tiles.tiles:
            painter = QPainter(self.viewport())
            room = self.viewport().rect().adjusted(_MARGIN, 0, -_MARGIN, 0)
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(room, int(wrapped), self._words)

    def _clicked(self, index: QModelIndex) -> None:
        if self._plain:
            self._go(index)

    def _go(self, index: QModelIndex) -> None:
        self.wanted.emit(self.tiles.tiles[index.row()].place)


def _pixmap(pixels: npt.NDArray[np.uint8]) -> QPixmap:
    height, width = pixels.shape[:2]
    held = pixels.tobytes()  # Qt copies it only into the pixmap
    image = QImage(held, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image)

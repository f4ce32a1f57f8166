"""The listed photographs as Qt's item views see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QPixmap

from napari_stego.corpus import CorpusImage

_USER = int(Qt.ItemDataRole.UserRole)
PICTURE_ROLE = _USER
"""Role of the thumbnail: a QPixmap; a str says why there is none; None while it is made."""

NOTE_ROLE = _USER + 1
"""Role of what a photograph is sorted by, in a few characters."""

EDITED_ROLE = _USER + 2
"""Role of whether anything was painted on a photograph."""

FAINT_ROLE = _USER + 3
"""Role of whether a photograph lacks the features that others have."""


class BrowserModel(QAbstractListModel):
    """Rows are photographs, those that are listed, in the order asked for.

    *Places* are places in the corpus, *rows* are rows of the list.

    Parameters
    ----------
    picture : callable
        Takes a place and returns what `PICTURE_ROLE` says.
    parent : QObject
        Owner.
    """

    def __init__(self, picture: Callable[[int], QPixmap | str | None], parent: QObject) -> None:
        super().__init__(parent)
        self._picture = picture
        self._images: tuple[CorpusImage, ...] = ()
        self._places: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._note: Callable[[int], str] = lambda place: ""
        self._edited: frozenset[str] = frozenset()
        self._has: Callable[[CorpusImage], bool] | None = None

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """``(m,) int64`` places in the corpus of the rows."""
        return self._places

    def show(
        self,
        images: tuple[CorpusImage, ...],
        places: npt.NDArray[np.int64],
        note: Callable[[int], str],
    ) -> None:
        """List photographs.

        Parameters
        ----------
        images : tuple of CorpusImage
            The corpus.
        places : numpy.ndarray
            ``(m,) int64`` places in it.
        note : callable
            Takes a place and returns what to write beside its name.
        """
        self._note = note
        if images is self._images and np.array_equal(places, self._places):
            self.refresh()
            return
        self.beginResetModel()
        self._images, self._places = images, places
        self._rows = np.full(len(images), -1, np.int64)
        self._rows[places] = np.arange(len(places))
        self.endResetModel()

    def mark(self, edited: frozenset[str], has: Callable[[CorpusImage], bool] | None) -> None:
        """Mark photographs.

        Parameters
        ----------
        edited : frozenset of str
            Content hashes of those that something was painted on.
        has : callable, optional
            Tells whether one has features; None while none has any.
        """
        self._edited, self._has = edited, has
        self.refresh()

    def refresh(self) -> None:
        """Say that anything of any row may have changed."""
        if len(self._places):
            self.dataChanged.emit(self.index(0), self.index(len(self._places) - 1))

    def refresh_place(self, place: int) -> None:
        """Say that the thumbnail of a photograph has changed.

        Parameters
        ----------
        place : int
            Its place in the corpus.
        """
        row = self.row_of(place)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, place: int) -> int | None:
        """Return the row of a photograph; None if it is not listed."""
        row = int(self._rows[place]) if 0 <= place < len(self._rows) else -1
        return row if row >= 0 else None

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of listed photographs."""
        return 0 if parent is not None and parent.isValid() else len(self._places)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what is shown of a photograph."""
        if not index.isValid() or index.row() >= len(self._places):
            return None
        place = int(self._places[index.row()])
        image = self._images[place]
        if role == PICTURE_ROLE:
            return self._picture(place)
        if role == Qt.ItemDataRole.DisplayRole:
            return image.name.rpartition("/")[2]
        if role == NOTE_ROLE:
            return self._note(place)
        if role == EDITED_ROLE:
            return image.content_hash in self._edited
        if role == FAINT_ROLE:
            return self._has is not None and not self._has(image)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(self._words(place, image))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(self._words(place, image))
        return None

    def _words(self, place: int, image: CorpusImage) -> list[str]:
        words = [image.name, f"{image.width:,} x {image.height:,} pixels", self._note(place)]
        if image.content_hash in self._edited:
            words.append("painted on")
        if self._has is not None and not self._has(image):
            words.append("without features: press “Train and cluster” to extract them")
        picture = self._picture(place)
        if isinstance(picture, str):
            words.append(picture)
        return [word for word in words if word]

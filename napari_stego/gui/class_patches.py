"""A strip of examples of the current class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from qtpy.QtCore import QRect, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPalette, QPen, QPixmap
from qtpy.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QSizePolicy, QWidget

from napari_stego.corpus import CorpusImage, ImageReadError
from napari_stego.gui.class_counting import StatisticsCounter
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project.examples import Patch, example_patches

_LIMIT = 8
_SIDE = 46
_PIXELS = 2 * _SIDE
# Selecting with the arrow keys passes many classes whose examples nobody wants.
_DELAY_MS = 150

_Crop = npt.NDArray[np.uint8]


class PatchStrip(QWidget):
    """Shows examples of a class, found and read in a thread.

    Signals: ``wanted`` (Patch), the place that was clicked.

    Parameters
    ----------
    session : Session
        What is open.
    counter : StatisticsCounter
        Knows which images have a class.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object)

    def __init__(self, session: Session, counter: StatisticsCounter, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._counter = counter
        self._class_id: int | None = None
        self._shown: tuple[Any, ...] | None = None
        self._runner = LatestRunner("napari-stego examples", self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._find)
        self.setAccessibleName("Examples of the class")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        self.thumbnails = [Thumbnail(self) for _ in range(_LIMIT)]
        for thumbnail in self.thumbnails:
            thumbnail.clicked.connect(lambda *_, t=thumbnail: self._clicked(t))
            layout.addWidget(thumbnail)
        self._words = QLabel(self)
        self._words.setMinimumHeight(_SIDE)
        # Words and examples are there by turns: neither makes the dock wider for a moment.
        self._words.setWordWrap(True)
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout.addWidget(self._words, 1)
        self._fill(())
        self._say("Choose a class to see examples of it.")

    @property
    def busy(self) -> bool:
        """Whether examples are still to come."""
        return self._timer.isActive() or self._runner.busy

    def show_class(self, class_id: int | None) -> None:
        """Show examples of a class, soon.

        Parameters
        ----------
        class_id : int, optional
            The class; None for none.
        """
        self._class_id = class_id
        if self._key() != self._shown:
            self._timer.start()

    def shut_down(self, seconds: float) -> None:
        """Stop looking for examples.

        Parameters
        ----------
        seconds : float
            Wait at most so long for the thread.
        """
        self._timer.stop()
        self._runner.shut_down(seconds)

    def _key(self) -> tuple[Any, ...] | None:
        """Tell what the examples depend on."""
        segmentation, class_id = self._session.segmentation, self._class_id
        if segmentation is None or class_id is None or class_id not in segmentation.table:
            return None
        return segmentation, class_id, segmentation.table.row(class_id).clusters

    def _find(self) -> None:
        key = self._key()
        self._shown = key
        self._runner.drop()
        if key is None:
            self._fill(())
            self._say("Choose a class to see examples of it.")
            return
        segmentation, class_id, _ = key
        images = self._images(class_id)

        def work(token: CancelToken) -> list[tuple[Patch, _Crop]]:
            patches = example_patches(segmentation, class_id, images, _LIMIT, token)
            return _crops(patches, token)

        clustered = bool(key[2])
        self._runner.submit(work, lambda crops: self._show(crops, clustered))
        self._say("Looking for examples…")

    def _images(self, class_id: int) -> Sequence[CorpusImage]:
        """Choose where to look: where the class is, as far as that is known."""
        corpus, table = self._session.corpus, self._session.table
        if corpus is None or table is None:
            return ()
        statistics = self._counter.statistics
        if statistics is not None and statistics.fits(table):
            names = self._counter.images
            known = {names[row] for row in statistics.images_of(table, class_id).tolist()}
            having = [image for image in corpus.images if image.content_hash in known]
            if having:
                return having
        return corpus.images

    def _show(self, crops: list[tuple[Patch, _Crop]], clustered: bool) -> None:
        self._fill(crops)
        reason = "none was found that can be read" if clustered else "the class has no clusters"
        self._say("" if crops else f"No examples: {reason}.")

    def _fill(self, crops: Sequence[tuple[Patch, _Crop]]) -> None:
        for place, thumbnail in enumerate(self.thumbnails):
            thumbnail.show_patch(*(crops[place] if place < len(crops) else (None, None)))
            thumbnail.setVisible(place < len(crops))

    def _say(self, text: str) -> None:
        # Earlier examples stay until there are others, so that the strip does not flicker.
        empty = all(thumbnail.patch is None for thumbnail in self.thumbnails)
        self._words.setText(text if empty else "")

    def _clicked(self, thumbnail: Thumbnail) -> None:
        if thumbnail.patch is not None:
            self.wanted.emit(thumbnail.patch)


class Thumbnail(QAbstractButton):
    """A small picture that can be clicked.

    Parameters
    ----------
    parent : QWidget
        Owner.

    Attributes
    ----------
    patch : Patch or None
        What it shows.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.patch: Patch | None = None
        self._pixels = QPixmap()
        self.setFixedSize(self.sizeHint())
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """Return the size of all thumbnails."""
        return QSize(_SIDE, _SIDE)

    def show_patch(self, patch: Patch | None, crop: _Crop | None) -> None:
        """Show a patch.

        Parameters
        ----------
        patch : Patch, optional
            The patch; None for nothing.
        crop : numpy.ndarray, optional
            ``(n, n, 3) uint8``.
        """
        self.patch = patch
        self._pixels = QPixmap()
        if patch is not None and crop is not None:
            height, width = crop.shape[:2]
            held = crop.tobytes()  # Qt copies it only into the pixmap
            image = QImage(held, width, height, 3 * width, QImage.Format.Format_RGB888)
            self._pixels = QPixmap.fromImage(image)
            self.setAccessibleName(f"Example in {patch.image.name}")
            self.setToolTip(
                f"{patch.image.name}, around row {patch.row}, column {patch.column}. "
                "Click to go there."
            )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture, with a border where the keyboard or the mouse is."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(self.rect(), self._pixels)
        if self.hasFocus() or self.underMouse():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 3))
            painter.drawRect(QRect(1, 1, _SIDE - 2, _SIDE - 2))


def _crops(patches: Sequence[Patch], token: CancelToken) -> list[tuple[Patch, _Crop]]:
    """Read each photograph once; those that cannot be read are left out."""
    found: dict[Patch, _Crop] = {}
    for image in dict.fromkeys(patch.image for patch in patches):
        token.raise_if_cancelled()
        try:
            pixels = image.read()
        except ImageReadError:
            continue
        for patch in patches:
            if patch.image == image:
                top = min(max(patch.row - patch.size // 2, 0), image.height - patch.size)
                left = min(max(patch.column - patch.size // 2, 0), image.width - patch.size)
                crop = Image.fromarray(pixels[top : top + patch.size, left : left + patch.size])
                small = crop.resize((_PIXELS, _PIXELS), Image.Resampling.BILINEAR)
                found[patch] = np.asarray(small)
    return [(patch, found[patch]) for patch in patches if patch in found]

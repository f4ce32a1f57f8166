"""The photograph with the clusters of the head that is being trained."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_stego.corpus import CorpusImage, ImageReadError
from napari_stego.gui.jobs import Look
from napari_stego.gui.latest import LatestRunner
from napari_stego.progress import CancelToken
from napari_stego.project.comparing import SIDE, coloured, small_photograph


class LivePreview(QWidget):
    """Draws looks at a training as they come; the layers of the viewer stay as they are.

    Parameters
    ----------
    parent : QWidget
        Owner.

    Attributes
    ----------
    shown : Look or None
        What is drawn.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.shown: Look | None = None
        self._pixmap = QPixmap()
        self._photograph: tuple[CorpusImage, np.ndarray] | None = None
        self._drawing = LatestRunner("napari-stego live preview", self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Clusters of the head that is being trained")

    @property
    def busy(self) -> bool:
        """Whether something is still to be drawn."""
        return self._drawing.busy

    def sizeHint(self) -> QSize:
        """Leave the height to the tabs around it."""
        return QSize(SIDE, 120)

    def clear(self) -> None:
        """Show nothing."""
        self._drawing.drop()
        self.shown, self._pixmap = None, QPixmap()
        self.update()

    def show_look(self, look: Look) -> None:
        """Draw a look; one that is still being drawn is left out.

        Parameters
        ----------
        look : Look
            The newest.
        """
        held = self._photograph

        def work(token: CancelToken) -> tuple[Look, np.ndarray, np.ndarray] | None:
            if held is not None and held[0] == look.image:
                small = held[1]
            else:
                try:
                    small = small_photograph(look.image)
                except ImageReadError:
                    return None  # which the viewer tells of
            return look, small, coloured(small, look.labels)

        self._drawing.submit(work, self._draw)

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._drawing.shut_down(seconds)

    def _draw(self, drawn: tuple[Look, np.ndarray, np.ndarray] | None) -> None:
        if drawn is None:
            return
        self.shown, small, pixels = drawn
        self._photograph = (self.shown.image, small)
        both = np.ascontiguousarray(np.concatenate([small, pixels], axis=1))
        height, width = both.shape[:2]
        image = QImage(both.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._pixmap = QPixmap.fromImage(image)
        self.setToolTip(
            f"{self.shown.image.name}: the photograph, and its clusters as they are now"
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as large as there is room for."""
        painter = QPainter(self)
        if self._pixmap.isNull():
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, "Comes while a head is trained"
            )
            return
        size = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(left, top, size.width(), size.height(), self._pixmap)

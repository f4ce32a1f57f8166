"""The gallery of photographs that are most like the one at hand, or were selected."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_stego.corpus import CorpusImage
from napari_stego.gui.gallery_feed import Feed
from napari_stego.gui.gallery_pictures import Thumbnails, overlaid_tiles
from napari_stego.gui.gallery_view import GalleryView, Tile
from napari_stego.gui.inspect_question import Question
from napari_stego.gui.notify import show_problem
from napari_stego.progress import CancelToken, ProgressCallback

_NEIGHBOURS = 24
_NEAREST, _SELECTED = "most alike", "selected in the list"
_WORDS = "Click something in the photograph: it is looked for in the photographs most like it."


class NearGallery(QWidget):
    """Shows where else the prompts are found: in similar photographs, or in selected ones.

    Made anew when the prompts change, while it is to be seen. Signals:
    ``wanted`` (Patch), the place to go to.

    Parameters
    ----------
    thumbnails : Thumbnails
        Small pictures of the photographs.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object)

    def __init__(self, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._question: Question | None = None
        self._selected: tuple[CorpusImage, ...] = ()
        self._outdated = False
        self._fresh = False
        self._feed = Feed("napari-stego gallery", self)
        self.which = QComboBox(self)
        self.which.addItem(_NEAREST)
        self.which.addItem(_SELECTED)
        self.which.setAccessibleName("Which photographs")
        self.which.setToolTip(
            "The photographs most like the one that you pointed at, or those that you have "
            "selected among the photographs"
        )
        self.line = QLabel(self)
        self.view = GalleryView(False, self)
        self.view.setAccessibleName("Photographs under their heatmaps")
        row = QHBoxLayout()
        row.addWidget(QLabel("Photographs", self))
        row.addWidget(self.which)
        row.addWidget(self.line, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)
        self.which.activated.connect(lambda *_: self.refresh())
        self.view.wanted.connect(self.wanted)
        self._feed.came.connect(self._take)
        self._feed.progressed.connect(self._tell)
        self._feed.ended.connect(self._end)
        self.ask(None)

    @property
    def busy(self) -> bool:
        """Whether photographs are still to come."""
        return self._feed.busy

    def ask(self, question: Question | None) -> None:
        """Look for other things.

        Parameters
        ----------
        question : Question, optional
            What is looked for; None for nothing.
        """
        self._question = question
        self.refresh()

    def choose(self, images: tuple[CorpusImage, ...]) -> None:
        """Take note of the photographs that are selected.

        Parameters
        ----------
        images : tuple of CorpusImage
            The photographs.
        """
        if images != self._selected:
            self._selected = images
            if self.which.currentText() == _SELECTED:
                self.refresh()

    def refresh(self) -> None:
        """Show them now if the gallery is to be seen, else once it is."""
        self._feed.stop()
        self._outdated = True
        if not self.isVisible():
            return
        self._outdated = False
        question, selected = self._question, self._selected
        nearest = self.which.currentText() == _NEAREST
        if question is None or (not nearest and not selected):
            self.view.tiles.clear()
            self.line.clear()
            words = _WORDS if question is None else "No photograph is selected in the list."
            self.view.say(words)
            return
        thumbnails = self._thumbnails

        def make(token: CancelToken, progress: ProgressCallback) -> Iterator[Tile]:
            images = selected
            if nearest:
                inspector = question.inspector
                own = inspector.images[question.queried[0].image]
                near = inspector.neighbours(own, _NEIGHBOURS, progress=progress, cancel=token)
                images = (own, *near)
            yield from overlaid_tiles(question, images, thumbnails.of(question.project), token)

        self._fresh = True
        self._feed.start(make)

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._feed.shut_down(seconds)

    def showEvent(self, event: QShowEvent) -> None:
        """Show what has come since it was last to be seen."""
        super().showEvent(event)
        if self._outdated:
            self.refresh()

    def _take(self, tile: Tile) -> None:
        # Those before stay until there is something to show instead.
        if self._fresh:
            self._fresh = False
            self.view.tiles.clear()
            self.line.clear()
        self.view.tiles.append(tile)

    def _tell(self, done: int, total: int, message: str) -> None:
        if self._fresh:
            self.line.setText(f"{message}: {done:,} of {total:,}")

    def _end(self, error: Exception | None) -> None:
        if error is not None:
            show_problem(error)
        if self._fresh:
            self.view.tiles.clear()
            self.line.clear()
            self.view.say("None of these photographs has features.")

"""The panel that learns from examples, and reviews photographs."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stego.corpus import CorpusImage
from napari_stego.gui.inspect_given import GivenLine
from napari_stego.gui.jobs import Jobs
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.review_box import ReviewBox
from napari_stego.gui.session import Session
from napari_stego.gui.status_word import StatusWord
from napari_stego.gui.teach_box import TeachBox
from napari_stego.gui.teach_spot import Spot
from napari_stego.project.examples import Patch

# Of the shorter side of the photograph: what is around a place must be seen to tell what it is.
_AROUND = 0.12


class ReviewPanel(QWidget):
    """Proposes classes from examples, and leads through the photographs to check them.

    Signals: ``picked`` (int), a class that was chosen here; ``began``, when
    something is about to be drawn in the place of the classes;
    ``place_wanted`` (`Patch`), to go there; ``fix_wanted``, to put the classes
    of the photograph on show right.

    Parameters
    ----------
    session : Session
        What is open.
    layers : LayerStack
        Shows what is proposed.
    jobs : Jobs
        Does what takes long.
    parent : QWidget
        Owner.
    """

    picked = Signal(int)
    began = Signal()
    place_wanted = Signal(object)
    fix_wanted = Signal()

    def __init__(self, session: Session, layers: LayerStack, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self._ended = False
        self._status = StatusWord(self)
        self.teach = TeachBox(session, layers, jobs, self)
        self.review = ReviewBox(session, layers, jobs, lambda: self.teach.worker.teaching, self)
        self.given = GivenLine(session, self.teach.giver, self)
        keeping = self.given.sizePolicy()
        keeping.setRetainSizeWhenHidden(True)  # so that nothing moves under the mouse
        self.given.setSizePolicy(keeping)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.teach, 1)
        layout.addWidget(self.given)
        layout.addWidget(self.review)
        for key, call in (
            ("P", self.teach.propose),
            ("N", self.teach.ask),
            ("D", lambda: self.teach.views.toggle("changes")),
            ("C", lambda: self.teach.views.toggle("confidence")),
            ("Shift+P", self.teach.accepting.here.click),
            ("Shift+C", self.teach.accepting.of_class.click),
            ("Shift+A", self.teach.accepting.all.click),
            ("R", self.review.go),
            ("A", self.review.accept),
            ("F", self.review.fix),
            ("S", self.review.skip),
            ("Backspace", self.review.back),
            ("Return", self._enter),
            ("Enter", self._enter),
            ("Esc", self.teach.drop_spot),
        ):
            self._key(key, call)
        self.teach.spot.picked.connect(self.picked)
        self.teach.began.connect(self.began)
        self.teach.place_wanted.connect(self._go_to_spot)
        self.review.began.connect(self._judge)
        self.review.image_wanted.connect(self._go_to_image)
        self.review.fix_wanted.connect(self.fix_wanted)
        self.review.told.connect(self.given.say)
        self.teach.views.changed.connect(lambda: self._status.tell(""))
        session.segmentation_changed.connect(self._clear)

    def _key(self, key: str, call: Callable[[], None]) -> None:
        shortcut = QShortcut(QKeySequence(key), self)
        # Clicks leave the focus on the canvas. A hidden panel has no keys.
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(call)

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to come."""
        return self._layers.busy or self.teach.busy or self.review.busy

    def click(self, pixel: tuple[int, int]) -> None:
        """Click on the photograph on show: its class there is asked for.

        Parameters
        ----------
        pixel : tuple of int
            Row and column.
        """
        self.teach.click(pixel)

    def move(self, pixel: tuple[int, int] | None) -> None:
        """Tell how certain the pixel under the mouse is, while that is on show.

        Parameters
        ----------
        pixel : tuple of int, optional
            Row and column in the photograph on show; None outside.
        """
        sure = self._layers.confidence.value_at(pixel)
        self._status.tell("" if sure is None else f"confidence {sure:.2f}")

    def choose(self, class_id: int | None) -> None:
        """Choose the class that an answer begins with.

        Parameters
        ----------
        class_id : int, optional
            The class; None changes nothing.
        """
        self.teach.spot.target.refresh()
        if class_id is not None:
            self.teach.spot.target.choose(class_id)

    def shut_down(self, seconds: float) -> None:
        """Stop all threads, and show the classes; harmless when done twice.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each thread.
        """
        if self._ended:
            return
        self.teach.rest()
        self._ended = True
        self._session.segmentation_changed.disconnect(self._clear)
        self._status.leave()
        self.given.shut_down()
        self.teach.shut_down(seconds)
        self.review.shut_down(seconds)

    def showEvent(self, event: QShowEvent) -> None:
        """Go on where it was left: the classes may be others now."""
        super().showEvent(event)
        if not event.spontaneous() and not self._ended:
            self._layers.heatmaps.hide()
            self._layers.strokes.rest()
            self.review.read()
            self.review.follow()
            self.teach.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Show the classes: another tab needs them, and the mouse."""
        super().hideEvent(event)
        if not event.spontaneous() and not self._ended:  # that is a window that is made small
            self.teach.rest()
            self._status.tell("")

    def _enter(self) -> None:
        """Answer what is asked for, or else accept the photograph."""
        if self.teach.spot.spot is not None:
            self.teach.spot.answer()
        else:
            self.review.accept()

    def _judge(self) -> None:
        """Show the classes, which are to be judged."""
        self.teach.drop_spot()
        self.teach.views.choose("classes")

    def _go_to_spot(self, spot: Spot) -> None:
        size = round(_AROUND * min(spot.image.height, spot.image.width))
        self.place_wanted.emit(Patch(spot.image, spot.row, spot.column, size))

    def _go_to_image(self, image: CorpusImage) -> None:
        corpus = self._session.corpus
        if corpus is not None and image in corpus.images:
            self._session.select(corpus.images.index(image))

    def _clear(self) -> None:
        self.given.say("")

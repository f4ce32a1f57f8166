"""The review queue: photographs one by one, the least certain first."""

from __future__ import annotations

from collections.abc import Callable

from napari.utils.notifications import show_info
from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_stego.gui.buttons import push_button
from napari_stego.gui.calm_bar import CalmBar
from napari_stego.gui.jobs import Job, Jobs
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.review_words import accuracy_text, queue_text, written_text
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project.confidence_files import write_confidence
from napari_stego.project.reviewing import QueuedImage, Review, ReviewProgress
from napari_stego.project.teaching import Teaching


class ReviewBox(QGroupBox):
    """Leads through the photographs, and keeps what the user decides.

    Signals: ``began``, when the classes of a photograph are to be judged;
    ``image_wanted`` (`CorpusImage`), to go there; ``fix_wanted``, to put the
    classes right; ``told`` (str), a sentence for the user.

    Parameters
    ----------
    session : Session
        What is open.
    layers : LayerStack
        What is on show.
    jobs : Jobs
        Orders the photographs, and writes confidence.
    teaching : callable
        Gives the classifier over the session's classes, or None.
    parent : QWidget
        Owner.
    """

    began = Signal()
    image_wanted = Signal(object)
    fix_wanted = Signal()
    told = Signal(str)

    def __init__(
        self,
        session: Session,
        layers: LayerStack,
        jobs: Jobs,
        teaching: Callable[[], Teaching | None],
        parent: QWidget,
    ) -> None:
        super().__init__("Review photographs", parent)
        self._session = session
        self._layers = layers
        self._jobs = jobs
        self._teaching = teaching
        self._review: Review | None = None
        self._progress: ReviewProgress | None = None
        self._queue: list[QueuedImage] | None = None
        self._place = 0
        self._runner = LatestRunner("napari-stego review", self)
        self.line = QLabel(self)
        self.line.setWordWrap(True)
        self.line.setAccessibleName("Which photograph is to be judged")
        self.start_button = push_button(
            "Start",
            "Order the photographs, the least certain first, and go to the first (R)",
            self.go,
            self,
        )
        self.accept_button = push_button(
            "Accept",
            "The classes of this photograph are right as they are now (A or Enter)",
            self.accept,
            self,
        )
        self.fix_button = push_button(
            "Fix",
            "Put it right in the tab Correct; come back with Alt+6, and accept it (F)",
            self.fix,
            self,
        )
        self.skip_button = push_button(
            "Skip", "Pass this photograph over: it does not count (S)", self.skip, self
        )
        self.back_button = push_button(
            "Back", "Judge the photograph before again (Backspace)", self.back, self
        )
        self.bar = CalmBar(self)
        self.bar.setAccessibleName("How many photographs are reviewed")
        self.accuracy = QLabel(self)
        self.accuracy.setWordWrap(True)
        self.accuracy.setAccessibleName("Estimated accuracy of the classes")
        self.files_button = push_button(
            "Write confidence",
            "Write how certain each pixel is, from 0 to 1, as 32-bit TIFF of each photograph, into "
            "the folder export/confidence of the project",
            self.write,
            self,
        )
        self._lay_out()
        layers.shown.connect(self.follow)
        session.leaving.connect(self._let_go)
        session.segmentation_changed.connect(self.forget)
        jobs.started.connect(self.follow)
        jobs.ended.connect(self.follow)
        self.follow()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (
            self.start_button,
            self.accept_button,
            self.fix_button,
            self.skip_button,
            self.back_button,
        ):
            buttons.addWidget(button, 1)
        below = QHBoxLayout()
        below.addWidget(self.accuracy, 1)
        below.addWidget(self.files_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        layout.addWidget(self.line)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addLayout(below)

    def showEvent(self, event: QShowEvent) -> None:
        """Make the words as high as they get, so that nothing moves under the mouse."""
        super().showEvent(event)
        for label in (self.line, self.accuracy):
            text, width = label.text(), label.width()
            label.setText("\n")
            label.setMinimumHeight(label.heightForWidth(width))
            label.setText(text)

    @property
    def busy(self) -> bool:
        """Whether a decision is being kept, or what was decided is being read."""
        return self._runner.busy

    @property
    def current(self) -> QueuedImage | None:
        """The photograph to be judged; None before the start and at the end."""
        queue = self._queue
        return queue[self._place] if queue is not None and self._place < len(queue) else None

    @property
    def on_show(self) -> bool:
        """Whether the photograph to be judged is on show, with its classes."""
        current = self.current
        return (
            current is not None
            and current.image == self._layers.image == self._session.image
            and self._layers.label_image is not None
        )

    @property
    def progress(self) -> ReviewProgress | None:
        """How far the review has come; None if that is not known yet."""
        return self._progress

    def read(self) -> None:
        """Read what was decided before, unless it is known."""
        project, segmentation = self._session.project, self._session.segmentation
        if self._review is not None or project is None or segmentation is None:
            return

        def work(token: CancelToken) -> tuple[Review, ReviewProgress]:
            review = Review(project, segmentation)
            return review, review.progress()

        def take(made: tuple[Review, ReviewProgress]) -> None:
            if segmentation is self._session.segmentation:
                self._review, self._progress = made

        self._runner.submit(work, take, self.follow)

    def go(self) -> None:
        """Go to the photograph that is to be judged; order the photographs first, if need be."""
        if not self.start_button.isEnabled():
            return
        if self.current is not None:
            self._go()
            return
        teaching, review = self._teaching(), self._review
        if teaching is None or review is None:
            return
        job = Job(
            "Ordering photographs",
            lambda reports, token: (
                teaching.sample(reports.progress, token),
                review.queue(teaching, reports.progress, token),
            )[1],
            lambda queue: self._begin(review, queue),
        )
        if not self._jobs.start(job):
            show_info("Something else is running. Wait for it, or cancel it first.")

    def accept(self) -> None:
        """Keep that the classes of the photograph are right."""
        current, review = self.current, self._review
        if current is not None and review is not None and self.accept_button.isEnabled():
            self._decide(review, lambda: review.accept(current.image, current.drawn), 1)

    def skip(self) -> None:
        """Pass the photograph over."""
        current, review = self.current, self._review
        if current is not None and review is not None and self.skip_button.isEnabled():
            self._decide(review, lambda: review.skip(current.image), 1)

    def back(self) -> None:
        """Forget the decision before, and judge that photograph again."""
        review, queue = self._review, self._queue
        if review is not None and queue is not None and self.back_button.isEnabled():
            image = queue[self._place - 1].image
            self._decide(review, lambda: review.forget(image), -1)

    def fix(self) -> None:
        """Go where classes are put right."""
        if self.fix_button.isEnabled():
            self.fix_wanted.emit()

    def write(self) -> None:
        """Write confidence for other programs."""
        teaching, folder = self._teaching(), self._session.folder
        if teaching is None or folder is None or not self.files_button.isEnabled():
            return
        target = folder / "export" / "confidence"
        job = Job(
            "Writing confidence",
            lambda reports, token: written_text(
                write_confidence(teaching, target, reports.progress, token),
                target,
                calibrated=teaching.classifier().calibrated,
            ),
            self.told.emit,
        )
        if not self._jobs.start(job):
            show_info("Something else is running. Wait for it, or cancel it first.")

    def forget(self) -> None:
        """Let go of the review, which is of other classes, and read that of these."""
        self._let_go()
        if self.isVisible():
            self.read()

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._layers.shown.disconnect(self.follow)
        self._session.leaving.disconnect(self._let_go)
        self._session.segmentation_changed.disconnect(self.forget)
        self._runner.shut_down(seconds)

    def _let_go(self) -> None:
        self._runner.drop()
        self._review = self._progress = self._queue = None
        self._place = 0
        self.follow()

    def _begin(self, review: Review, queue: list[QueuedImage]) -> None:
        if review is self._review:
            self._queue, self._place = queue, 0
            self._go()

    def _go(self) -> None:
        self.began.emit()
        if self.current is not None:
            self.image_wanted.emit(self.current.image)
        self.follow()

    def _decide(self, review: Review, decide: Callable[[], object], step: int) -> None:
        def work(token: CancelToken) -> ReviewProgress:
            decide()
            return review.progress()

        def take(progress: ReviewProgress) -> None:
            if review is self._review:
                self._progress = progress
                self._place += step
                self._go()

        self._runner.submit(work, take, self.follow)
        self.follow()

    def follow(self, *_: object) -> None:
        """Let buttons and words follow what is known."""
        progress, current = self._progress, self.current
        ready = self._session.segmentation is not None and self._review is not None
        free = not self._jobs.busy
        judged = self.on_show and not self.busy and not self._session.read_only
        left = progress is not None and progress.left > 0
        self.start_button.setText("Start" if current is None else "Go there")
        self.start_button.setEnabled(
            ready and (free and left if current is None else not self.on_show)
        )
        self.accept_button.setEnabled(judged)
        self.skip_button.setEnabled(judged)
        self.fix_button.setEnabled(self.on_show and not self.busy)
        self.back_button.setEnabled(
            ready and self._place > 0 and not self.busy and not self._session.read_only
        )
        self.files_button.setEnabled(self._session.segmentation is not None and free)
        self.line.setText(
            queue_text(
                current,
                progress,
                started=self._queue is not None,
                on_show=self.on_show,
                read_only=self._session.read_only,
            )
        )
        self.accuracy.setText(accuracy_text(progress))
        done, total = 0, 0
        if progress is not None:
            done = progress.accepted + progress.fixed
            total = done + progress.left
        skipped = f", {progress.skipped:,} skipped" if progress and progress.skipped else ""
        self.bar.fill(done, max(total, 1), f"{done:,} of {total:,} reviewed{skipped}")

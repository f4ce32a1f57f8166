"""Taking over what is proposed: for a photograph, a class, or all."""

from __future__ import annotations

from collections.abc import Sequence

from napari.utils.notifications import show_info
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_stego.classes import ClassState
from napari_stego.corpus import CorpusImage
from napari_stego.gui.buttons import push_button
from napari_stego.gui.jobs import Job, Jobs
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session
from napari_stego.project.proposing import Acceptance, accept
from napari_stego.project.review_file import left_out_text, reviewed_as_right
from napari_stego.project.teaching import Teaching


class AcceptRow(QWidget):
    """Takes proposals over, each time in one step of the history.

    Signals: ``here_wanted``, ``class_wanted`` and ``all_wanted``, what is to be
    taken over; ``said`` (str), what came of it; ``done``, after that if there
    is something to take back.

    Parameters
    ----------
    session : Session
        Whose classes.
    jobs : Jobs
        Makes the edits of many photographs.
    parent : QWidget
        Owner.
    """

    here_wanted = Signal()
    class_wanted = Signal()
    all_wanted = Signal()
    said = Signal(str)
    done = Signal()

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._jobs = jobs
        self._runner = LatestRunner("napari-stego accepting", self)
        self.here = push_button(
            "This photograph",
            "Take over what is proposed for this photograph; one undo step (Shift+P)",
            self.here_wanted.emit,
            self,
        )
        self.of_class = push_button(
            "This class",
            "Take over what becomes the class chosen in the table, in all photographs but those "
            "reviewed as right; one undo step (Shift+C)",
            self.class_wanted.emit,
            self,
        )
        self.all = push_button(
            "All photographs",
            "Take over what is proposed for all photographs but those reviewed as right; one undo "
            "step (Shift+A)",
            self.all_wanted.emit,
            self,
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(QLabel("Accept", self))
        for button in (self.here, self.of_class, self.all):
            row.addWidget(button, 1)

    @property
    def busy(self) -> bool:
        """Whether the edit of a photograph is on its way."""
        return self._runner.busy

    def allow(self, *, here: bool, of_class: bool, everywhere: bool) -> None:
        """Let things be taken over.

        Parameters
        ----------
        here, of_class, everywhere : bool
            Which, but for what must wait for a job.
        """
        free = not self._jobs.busy
        self.here.setEnabled(here and not self.busy)
        self.of_class.setEnabled(of_class and free)
        self.all.setEnabled(everywhere and free)

    def take_here(self, teaching: Teaching, image: CorpusImage) -> None:
        """Take over what is proposed for a photograph.

        Parameters
        ----------
        teaching : Teaching
            The classifier, of the session's classes.
        image : CorpusImage
            The photograph.
        """
        state = teaching.segmentation.history.state
        self._runner.submit(
            lambda token: accept(teaching, [image], cancel=token),
            lambda made: self._take(made, teaching, state),
        )

    def take_many(
        self, teaching: Teaching, images: Sequence[CorpusImage], only: int | None
    ) -> None:
        """Take over what is proposed for many photographs, as a job; not of reviewed ones.

        Parameters
        ----------
        teaching : Teaching
            The classifier, of the session's classes.
        images : sequence of CorpusImage
            The photographs.
        only : int, optional
            Only what becomes this class.
        """
        state = teaching.segmentation.history.state
        job = Job(
            "Taking proposals over",
            lambda reports, token: accept(
                teaching,
                images,
                only,
                leave_out=reviewed_as_right(teaching.project),
                progress=reports.progress,
                cancel=token,
            ),
            lambda made: self._take(made, teaching, state),
        )
        if not self._jobs.start(job):
            show_info("Something else is running. Wait for it, or cancel it first.")

    def drop(self) -> None:
        """Forget about an edit on its way."""
        self._runner.drop()

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._runner.shut_down(seconds)

    def _take(self, made: Acceptance, teaching: Teaching, state: ClassState) -> None:
        segmentation = teaching.segmentation
        if (
            self._session.segmentation is not segmentation
            or segmentation.history.state is not state
        ):
            self.said.emit("The classes have changed meanwhile. Accept again.")
        elif not made.steps:
            text = "Nothing to take over: what is proposed is there already."
            self.said.emit(text + left_out_text(made.left_out))
        else:
            with problems_shown():
                for step in made.steps:
                    self._session.edit(step)
                several, steps = "s" * (made.images != 1), len(made.steps)
                text = f"{made.pixels:,} pixels on {made.images:,} photograph{several} taken over"
                text += "." if steps == 1 else f", in {steps} undo steps."
                self.said.emit(text + left_out_text(made.left_out))
                if steps == 1:
                    self.done.emit()

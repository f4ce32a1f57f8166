"""A classifier in the background: what it proposes, where it asks, what all of it would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_stego.classes import ClassState
from napari_stego.corpus import CorpusImage
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.notify import show_problem
from napari_stego.gui.session import Session
from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken
from napari_stego.project.proposed_changes import ProposedChanges, count_changes
from napari_stego.project.proposing import Proposal, propose
from napari_stego.project.teaching import NextClick, Teaching
from napari_stego.teaching import TeachingError

_POLL_MS = 150
_ASKED_AT_ONCE = 12


@dataclass(frozen=True, eq=False)
class Proposed:
    """What is proposed for a photograph.

    Attributes
    ----------
    image : CorpusImage
        The photograph.
    state : ClassState
        The classes that it was learned from.
    proposal : Proposal
        What is proposed.
    calibrated : bool
        Whether the confidence was tested on examples that were held out.
    """

    image: CorpusImage
    state: ClassState
    proposal: Proposal
    calibrated: bool


class TeachWorker(QObject):
    """Asks the session's classifier in threads; it is fitted anew whenever the classes change.

    Signals: ``proposed`` (`Proposed`); ``asked`` (list of `NextClick`);
    ``counted`` (`ProposedChanges`), some times while all photographs are looked
    at; ``refused`` (str), why there is nothing to learn from; ``moved``, when
    ``busy`` or ``doing`` may be others.

    Parameters
    ----------
    session : Session
        Whose classes.
    parent : QObject
        Owner.
    """

    proposed = Signal(object)
    asked = Signal(object)
    counted = Signal(object)
    refused = Signal(str)
    moved = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._teaching: Teaching | None = None
        self._ready = False
        self._doing = ""
        self._read = ""
        self._waiting: dict[str, Callable[[Teaching], None]] = {}
        self._preparing = LatestRunner("napari-stego examples", self)
        self._proposing = LatestRunner("napari-stego proposing", self)
        self._asking = LatestRunner("napari-stego asking", self)
        self._counting: Task[None] | None = None
        self._outdated: list[Task[None]] = []
        self._counts: list[ProposedChanges] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def teaching(self) -> Teaching | None:
        """The classifier over the session's classes; None if there are none."""
        project, segmentation = self._session.project, self._session.segmentation
        if self._teaching is None and project is not None and segmentation is not None:
            self._teaching = Teaching(project, segmentation)
        return self._teaching

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to come."""
        runners = (self._preparing, self._proposing, self._asking)
        return self._counting is not None or any(runner.busy for runner in runners)

    @property
    def doing(self) -> str:
        """What is being done that takes longer than a moment, in a line; empty if nothing is."""
        return self._doing

    def propose(self, image: CorpusImage) -> None:
        """Propose classes for a photograph; the newest wish counts.

        Parameters
        ----------
        image : CorpusImage
            A photograph with features.
        """
        self._when_ready("propose", lambda teaching: self._propose(teaching, image))

    def ask(self) -> None:
        """Find where clicks would teach the most."""
        self._when_ready("ask", self._ask)

    def count(self) -> None:
        """Count anew what would change in all photographs."""
        self._stop_counting()
        self._when_ready("count", self._count)

    def forget(self) -> None:
        """Let go of the classifier, and of all that is on its way."""
        self._waiting.clear()
        for runner in (self._preparing, self._proposing, self._asking):
            runner.drop()
        self._stop_counting()
        self._teaching, self._ready = None, False
        self._tell("")

    def shut_down(self, seconds: float) -> None:
        """Stop all threads.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self.forget()
        self._timer.stop()
        for runner in (self._preparing, self._proposing, self._asking):
            runner.shut_down(seconds)
        for task in self._outdated:
            task.wait(seconds)
        self._outdated.clear()

    def _tell(self, doing: str) -> None:
        self._doing = doing
        self.moved.emit()

    def _when_ready(self, what: str, wish: Callable[[Teaching], None]) -> None:
        """Do it now, or as soon as the sample is read, which is done once and for all wishes."""
        teaching = self.teaching
        if teaching is None:
            return
        if self._ready:
            wish(teaching)
            return
        first = not self._waiting
        self._waiting[what] = wish
        if not first:
            return

        def progress(done: int, total: int, message: str) -> None:
            self._read = f"Reading examples: {done:,} of {total:,} photographs…"

        def work(token: CancelToken) -> Teaching:
            teaching.sample(progress, token)
            return teaching

        self._read = ""
        self._tell("Reading examples…")
        self._timer.start()
        self._preparing.submit(work, self._begin, self._prepared)

    def _begin(self, teaching: Teaching) -> None:
        if teaching is self._teaching:
            self._ready = True

    def _prepared(self) -> None:
        waiting, self._waiting = self._waiting, {}
        self._tell("")
        if self._ready and self._teaching is not None:
            for wish in waiting.values():
                wish(self._teaching)

    def _propose(self, teaching: Teaching, image: CorpusImage) -> None:
        def work(token: CancelToken) -> Proposed | TeachingError:
            state = teaching.segmentation.history.state
            try:
                proposal = propose(teaching, image)
            except TeachingError as error:
                return error
            return Proposed(image, state, proposal, teaching.classifier().calibrated)

        self._proposing.submit(work, self._deliver(self.proposed.emit), self.moved.emit)
        self.moved.emit()

    def _ask(self, teaching: Teaching) -> None:
        def work(token: CancelToken) -> list[NextClick]:
            return teaching.next_clicks(_ASKED_AT_ONCE)

        self._asking.submit(work, self._deliver(self.asked.emit), self.moved.emit)
        self.moved.emit()

    def _deliver(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        def deliver(made: Any) -> None:
            if isinstance(made, TeachingError):
                self.refused.emit(str(made))
            else:
                take(made)

        return deliver

    def _count(self, teaching: Teaching) -> None:
        counts: list[ProposedChanges] = []
        images = teaching.project.corpus.images

        def work(token: CancelToken) -> None:
            for each in count_changes(teaching, images, cancel=token):
                counts[:] = [each]

        self._counts = counts
        self._counting = Task(work, "napari-stego counting changes", yielding=True)
        self._timer.start()
        self.moved.emit()

    def _stop_counting(self) -> None:
        self._waiting.pop("count", None)
        if self._counting is not None:
            self._counting.cancel()
            self._outdated.append(self._counting)
            self._counting = None

    def _poll(self) -> None:
        self._outdated = [task for task in self._outdated if not task.done]
        counting = self._counting
        if self._preparing.busy and self._read and self._read != self._doing:
            self._tell(self._read)
        if counting is not None:
            done = counting.done  # before the count is taken: so the last one is not lost
            if self._counts:
                self.counted.emit(self._counts[0])
            if done:
                self._counting = None
                # Too few examples are told of by the proposal for the photograph on show.
                if counting.error is not None and not isinstance(counting.error, TeachingError):
                    show_problem(counting.error)
                self.moved.emit()
        if self._counting is None and not self._outdated and not self._preparing.busy:
            self._timer.stop()

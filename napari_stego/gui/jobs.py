"""Long calls of the core, one at a time, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_stego.corpus import CorpusImage
from napari_stego.gui.llvm import keep_triton_out
from napari_stego.gui.notify import show_problem
from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken
from napari_stego.stego import CorrespondenceHistograms, StepRecord

_RELAY_MS = 200
_GUESS_SECONDS = 3.0


@dataclass(frozen=True)
class Look:
    """Clusters of a half-trained head over a photograph.

    Attributes
    ----------
    image : CorpusImage
        The photograph.
    labels : numpy.ndarray
        ``(h, w) int64``, the cluster of each position.
    """

    image: CorpusImage
    labels: npt.NDArray[np.int64]


@dataclass
class News:
    """What a job has said since it was last asked.

    Attributes
    ----------
    progress : tuple, optional
        The newest: done, total, message.
    steps : list of StepRecord
        All steps of the training.
    histograms : CorrespondenceHistograms, optional
        The newest.
    sentences : list of str
        All that the user should know.
    look : Look, optional
        The newest.
    """

    progress: tuple[int, int, str] | None = None
    steps: list[StepRecord] = field(default_factory=list)
    histograms: CorrespondenceHistograms | None = None
    sentences: list[str] = field(default_factory=list)
    look: Look | None = None


class Reports:
    """What a job says while it runs, from its thread to the main one.

    Written as often as the job likes; the main thread reads at its own pace.

    Attributes
    ----------
    watched : CorpusImage or None
        The photograph that the user looks at; set by the main thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = News()
        self.watched: CorpusImage | None = None

    def look(self, look: Look) -> None:
        """Take a look at the training."""
        with self._lock:
            self._news.look = look

    def progress(self, done: int, total: int, message: str) -> None:
        """Take a report of progress; a `ProgressCallback`."""
        with self._lock:
            self._news.progress = (done, total, message)

    def step(self, record: StepRecord) -> None:
        """Take a step of the training; a `StepObserver`."""
        with self._lock:
            self._news.steps.append(record)

    def histograms(self, histograms: CorrespondenceHistograms) -> None:
        """Take histograms of the training; a `HistogramObserver`."""
        with self._lock:
            self._news.histograms = histograms

    def tell(self, sentence: str) -> None:
        """Take a sentence for the user."""
        with self._lock:
            self._news.sentences.append(sentence)

    def take(self) -> News:
        """Hand over what has come since the last time."""
        with self._lock:
            taken, self._news = self._news, News()
        return taken


Work = Callable[[Reports, CancelToken], Any]
"""A long call of the core."""


@dataclass(frozen=True)
class Job:
    """A long call and what follows it.

    Attributes
    ----------
    title : str
        What it does, as "Exporting".
    work : callable
        The call.
    on_success : callable
        Takes the result.
    """

    title: str
    work: Work
    on_success: Callable[[Any], None]


class Jobs(QObject):
    """Runs jobs, one at a time.

    Signals come in the main thread, five times a second at most: ``started``
    (title), ``progressed`` (done, total, message), ``stepped`` (list of
    `StepRecord`), ``counted`` (`CorrespondenceHistograms`), ``looked``
    (`Look`), ``told`` and ``ended`` (a sentence for the user).
    """

    started = Signal(str)
    progressed = Signal(int, int, str)
    stepped = Signal(list)
    counted = Signal(object)
    looked = Signal(object)
    told = Signal(str)
    ended = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._task: Task[Any] | None = None
        self._reports = Reports()
        self._watched: CorpusImage | None = None
        self._began = 0.0
        self._paused_at: float | None = None
        self._phase: tuple[str, int, float] = ("", 0, 0.0)
        self._timer = QTimer(self)
        self._timer.setInterval(_RELAY_MS)
        self._timer.timeout.connect(self._relay)

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._task is not None

    def start(self, job: Job) -> bool:
        """Start a job.

        Parameters
        ----------
        job : Job
            The job.

        Returns
        -------
        bool
            False if another one is running: nothing was started.
        """
        if self._task is not None:
            return False
        keep_triton_out()  # again: the window may have come since this package was imported
        self._job = job
        self._began = time.monotonic()
        self._paused_at = None
        self._phase = ("", 0, 0.0)
        self._reports = reports = Reports()
        reports.watched = self._watched
        work = job.work
        name = f"napari-stego {job.title}"
        self._task = Task(lambda token: work(reports, token), name, yielding=True)
        self._timer.start()
        self.started.emit(job.title)
        return True

    def watch(self, image: CorpusImage | None) -> None:
        """Let jobs know which photograph the user looks at.

        Parameters
        ----------
        image : CorpusImage or None
            The photograph.
        """
        self._watched = self._reports.watched = image

    def cancel(self) -> None:
        """Ask the running job to stop."""
        if self._task is not None:
            self._task.cancel()

    def set_paused(self, paused: bool) -> None:
        """Let the running job wait at its next safe point, or go on.

        Parameters
        ----------
        paused : bool
            Whether to wait.
        """
        if self._task is None or paused == (self._paused_at is not None):
            return
        if paused:
            self._task.token.pause()
            self._paused_at = time.monotonic()
            return
        self._task.token.resume()
        assert self._paused_at is not None
        away, self._paused_at = time.monotonic() - self._paused_at, None
        # Time that was spent waiting tells nothing of how fast the job is.
        self._began += away
        message, done, since = self._phase
        self._phase = (message, done, since + away)

    def time_left(self, done: int, total: int, message: str) -> str:
        """Guess how long what is being done will take, from how it went so far.

        Parameters
        ----------
        done, total, message : int, int, str
            The newest report of progress.

        Returns
        -------
        str
            Such as "4 min left"; empty as long as there is nothing to go by.
        """
        now = time.monotonic()
        if message != self._phase[0] or done < self._phase[1]:
            self._phase = (message, done, now)
        _, first, since = self._phase
        if done <= first or now - since < _GUESS_SECONDS:
            return ""
        return f"{_duration((now - since) * (total - done) / (done - first))} left"

    def shut_down(self, seconds: float) -> None:
        """Cancel, wait a little, and let nothing follow.

        Parameters
        ----------
        seconds : float
            At most so long; a job that takes longer ends by itself.
        """
        self._timer.stop()
        if self._task is not None:
            self._task.cancel()
            self._task.wait(seconds)
        self._task = self._job = None

    def _relay(self) -> None:
        task, job = self._task, self._job
        if task is None or job is None:
            return
        ended = task.done  # before the reports are taken: so none is lost
        news = self._reports.take()
        for sentence in news.sentences:
            self.told.emit(sentence)
        if news.progress is not None:
            self.progressed.emit(*news.progress)
        if news.steps:
            self.stepped.emit(news.steps)
        if news.histograms is not None:
            self.counted.emit(news.histograms)
        if news.look is not None:
            self.looked.emit(news.look)
        if ended:
            self._end(task, job)

    def _end(self, task: Task[Any], job: Job) -> None:
        self._timer.stop()
        self._task = self._job = None
        if task.succeeded:
            self.ended.emit(f"{job.title}: done in {_duration(time.monotonic() - self._began)}.")
            job.on_success(task.result)
            return
        if task.error is None:
            self.ended.emit(f"{job.title}: cancelled. What is finished is kept.")
        else:
            self.ended.emit(f"{job.title}: stopped. {task.error}")
            show_problem(task.error)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 0.1):.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"

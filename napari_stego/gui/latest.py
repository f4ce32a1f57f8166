"""Quick calls of which only the latest counts: labels of an image, a heatmap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_stego.gui.notify import show_problem
from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken

_POLL_MS = 8


class LatestRunner(QObject):
    """Runs one call at a time in a thread; a newer call replaces those before it.

    Parameters
    ----------
    name : str
        Name of the thread.
    parent : QObject
        Owner.
    """

    def __init__(self, name: str, parent: QObject) -> None:
        super().__init__(parent)
        self._name = name
        self._task: Task[Any] | None = None
        self._deliver: Callable[[Any], None] | None = None
        self._waiting: tuple[Callable[[CancelToken], Any], Callable[[Any], None]] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether a result is still to come."""
        return self._task is not None

    def submit(self, work: Callable[[CancelToken], Any], deliver: Callable[[Any], None]) -> None:
        """Run a call; results of earlier ones that are not there yet are dropped.

        Parameters
        ----------
        work : callable
            Runs in the thread; takes the token that tells it that it is outdated.
        deliver : callable
            Takes the result, in the main thread.
        """
        if self._task is not None:
            self._waiting = (work, deliver)
            self._deliver = None
            self._task.cancel()
        else:
            self._start(work, deliver)

    def drop(self) -> None:
        """Forget about every result that is not there yet."""
        self._waiting = None
        self._deliver = None
        if self._task is not None:
            self._task.cancel()

    def shut_down(self, seconds: float) -> None:
        """Stop, and wait for the thread a little.

        Parameters
        ----------
        seconds : float
            At most so long.
        """
        self._timer.stop()
        self.drop()
        if self._task is not None:
            self._task.wait(seconds)
            self._task = None

    def _start(self, work: Callable[[CancelToken], Any], deliver: Callable[[Any], None]) -> None:
        self._task = Task(work, self._name)
        self._deliver = deliver
        self._timer.start()

    def _poll(self) -> None:
        task = self._task
        if task is None or not task.done:
            return
        deliver, self._deliver = self._deliver, None
        self._task = None
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._start(*waiting)
            return
        self._timer.stop()
        if deliver is None:
            return
        if task.error is not None:
            show_problem(task.error)
        elif task.succeeded:
            deliver(task.result)

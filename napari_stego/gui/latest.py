"""Quick calls of which only the latest counts: labels of an image, a heatmap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_stego.gui.notify import show_problem
from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken

_POLL_MS = 8


@dataclass(frozen=True)
class _Call:
    work: Callable[[CancelToken], Any]
    deliver: Callable[[Any], None]
    settled: Callable[[], None] | None


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
        self._call: _Call | None = None
        self._wanted = False
        self._waiting: _Call | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether a result is still to come."""
        return self._task is not None

    def submit(
        self,
        work: Callable[[CancelToken], Any],
        deliver: Callable[[Any], None],
        settled: Callable[[], None] | None = None,
    ) -> None:
        """Run a call; results of earlier ones that are not there yet are dropped.

        Parameters
        ----------
        work : callable
            Runs in the thread; takes the token that tells it that it is outdated.
        deliver : callable
            Takes the result, in the main thread.
        settled : callable, optional
            Called when no call is left, whatever came of the last one.
        """
        call = _Call(work, deliver, settled)
        if self._task is not None:
            self.drop()
            self._waiting = call
        else:
            self._start(call)

    def drop(self) -> None:
        """Forget about every result that is not there yet."""
        self._waiting = None
        self._wanted = False
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

    def _start(self, call: _Call) -> None:
        self._call = call
        self._wanted = True
        self._task = Task(call.work, self._name)
        self._timer.start()

    def _poll(self) -> None:
        task, call = self._task, self._call
        if task is None or call is None or not task.done:
            return
        wanted, waiting = self._wanted, self._waiting
        self._task = self._call = self._waiting = None
        if waiting is not None:
            self._start(waiting)
            return
        self._timer.stop()
        if wanted and task.error is not None:
            show_problem(task.error)
        elif wanted and task.succeeded:
            call.deliver(task.result)
        # A result that was delivered may have asked for another one.
        if call.settled is not None and self._task is None:
            call.settled()

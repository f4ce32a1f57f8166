"""Things that a thread makes one after another, shown as they come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken, ProgressCallback

_POLL_MS = 30
# What is shown between two looks at the keyboard and the mouse.
_TURN_SECONDS = 0.03
# Each showing has the window drawn anew, in which time the thread makes nothing.
_SHOW_EVERY_SECONDS = 0.2


class Feed(QObject):
    """Hands over what a thread makes; a newer call takes the place of the one before.

    Signals: ``came`` (object), one thing; ``progressed`` (int, int, str);
    ``ended`` (object), None once all have come, else the error that ended it.

    Parameters
    ----------
    name : str
        Name of the thread.
    parent : QObject
        Owner.
    """

    came = Signal(object)
    progressed = Signal(int, int, str)
    ended = Signal(object)

    def __init__(self, name: str, parent: QObject) -> None:
        super().__init__(parent)
        self._name = name
        self._task: Task[Any] | None = None
        self._made: deque[Any] = deque()
        self._progress: deque[tuple[int, int, str]] = deque(maxlen=1)
        self._outdated: list[Task[Any]] = []
        self._shown = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether something is still to come."""
        return self._task is not None

    def start(self, make: Callable[[CancelToken, ProgressCallback], Iterable[Any]]) -> None:
        """Begin anew.

        Parameters
        ----------
        make : callable
            Runs in the thread; what it yields is handed over.
        """
        self.stop()
        made, progress = self._made, self._progress

        def work(token: CancelToken) -> None:
            for thing in make(token, lambda *report: progress.append(report)):
                token.raise_if_cancelled()
                made.append(thing)

        self._shown = 0.0
        self._task = Task(work, self._name)
        self._timer.start()

    def stop(self) -> None:
        """Forget about everything that has not come yet."""
        if self._task is not None:
            self._task.cancel()
            self._outdated.append(self._task)
        self._task = None
        self._made, self._progress = deque(), deque(maxlen=1)

    def shut_down(self, seconds: float) -> None:
        """Stop, and wait for the threads a little.

        Parameters
        ----------
        seconds : float
            At most so long for each.
        """
        self.stop()
        self._timer.stop()
        for task in self._outdated:
            task.wait(seconds)
        self._outdated.clear()

    def _poll(self) -> None:
        task = self._task
        done = task is not None and task.done  # before what was made is taken: so none is lost
        if self._progress:
            self.progressed.emit(*self._progress.pop())
        now = time.perf_counter()
        if done or now - self._shown > _SHOW_EVERY_SECONDS:
            self._hand_over(task, now + _TURN_SECONDS)
        if self._task is not task:  # whoever took something has asked for something else
            return
        self._outdated = [each for each in self._outdated if not each.done]
        if task is not None and done and not self._made:
            self._task = None
            self.ended.emit(task.error)
        if self._task is None and not self._outdated:
            self._timer.stop()

    def _hand_over(self, task: Task[Any] | None, end: float) -> None:
        while self._made and self._task is task and time.perf_counter() < end:
            self._shown = time.perf_counter()
            self.came.emit(self._made.popleft())

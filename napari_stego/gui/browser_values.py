"""What takes a while to find of every photograph: found in a thread when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_stego.gui.notify import show_problem
from napari_stego.gui.session import Session
from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken, ProgressCallback
from napari_stego.project.image_facts import (
    find_dates,
    find_margins,
    find_mean_tokens,
    likeness,
)
from napari_stego.project.image_values import ImageValues

_POLL_MS = 100

_Find = Callable[[ProgressCallback, CancelToken], Any]


class BrowserValues(QObject):
    """Dates, margins and mean tokens of the session's photographs.

    Signals: ``found``, when something is there that was asked for;
    ``progressed`` (str), what is being looked for, in a line; empty when
    nothing is.

    Parameters
    ----------
    session : Session
        What is open.
    parent : QObject
        Owner.
    """

    found = Signal()
    progressed = Signal(str)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._known: dict[str, Any] = {}
        self._wanted: list[str] = []
        self._failed: set[str] = set()
        self._task: Task[Any] | None = None
        self._running = ""
        self._outdated: list[Task[Any]] = []
        self._progress: tuple[int, int, str] = (0, 0, "")
        self._paused = False
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether something is being looked for."""
        return self._task is not None

    @property
    def dates(self) -> npt.NDArray[np.datetime64] | None:
        """``(n,) datetime64[s]``; None if they are not known."""
        return self._known.get("dates")

    @property
    def margins(self) -> npt.NDArray[np.float32] | None:
        """``(n,) float32``, NaN without features; None if they are not known."""
        return self._known.get("margins")

    def likeness(self, place: int) -> npt.NDArray[np.float32] | None:
        """Compare a photograph with all others.

        Parameters
        ----------
        place : int
            Its place in the corpus.

        Returns
        -------
        numpy.ndarray or None
            ``(n,) float32`` cosines, NaN without features; None if mean tokens
            are not known.
        """
        means: ImageValues | None = self._known.get("means")
        return likeness(means, place) if means is not None else None

    def want(self, *kinds: str) -> None:
        """Ask for values in the place of those that were asked for before.

        Parameters
        ----------
        *kinds : str
            "dates", "margins" or "means".
        """
        self._wanted = [k for k in kinds if k not in self._known and k not in self._failed]
        if self._task is not None and self._running not in self._wanted:
            self._drop()
        self._go_on()

    def forget(self, *kinds: str) -> None:
        """Let go of values that have changed.

        Parameters
        ----------
        *kinds : str
            Which.
        """
        for kind in kinds:
            self._known.pop(kind, None)
            self._failed.discard(kind)
        if self._running in kinds:
            self._drop()

    def set_paused(self, paused: bool) -> None:
        """Leave the processor to something else, or go on; what is found is kept.

        Parameters
        ----------
        paused : bool
            Whether to pause.
        """
        self._paused = paused
        if paused:
            self._drop()
        else:
            self._go_on()

    def shut_down(self, seconds: float) -> None:
        """Stop; what is found is kept.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each thread.
        """
        self._wanted = []
        self._drop()
        self._timer.stop()
        for task in self._outdated:
            task.wait(seconds)
        self._outdated.clear()

    def _drop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._outdated.append(self._task)
        self._task, self._running = None, ""
        self.progressed.emit("")

    def _go_on(self) -> None:
        if self._task is not None or self._paused:
            return
        for kind in self._wanted:
            find = self._finder(kind)
            if find is not None:
                self._running, self._progress = kind, (0, 0, "")
                self._task = Task(
                    lambda token, find=find: find(self._note, token),
                    f"napari-stego {kind}",
                    yielding=True,
                )
                self._timer.start()
                return

    def _finder(self, kind: str) -> _Find | None:
        project, segmentation = self._session.project, self._session.segmentation
        corpus = self._session.corpus
        if project is None or corpus is None:
            return None
        images = corpus.images
        if kind == "dates":
            return lambda progress, token: find_dates(
                project, images, progress=progress, cancel=token
            )
        if kind == "means" and self._session.encodings is not None:
            return lambda progress, token: find_mean_tokens(
                project, images, progress=progress, cancel=token
            )
        if kind == "margins" and segmentation is not None:
            return lambda progress, token: find_margins(
                project, segmentation, images, progress=progress, cancel=token
            )
        return None

    def _note(self, done: int, total: int, message: str) -> None:
        self._progress = (done, total, message)

    def _poll(self) -> None:
        self._outdated = [task for task in self._outdated if not task.done]
        task, kind = self._task, self._running
        if task is None:
            if not self._outdated:
                self._timer.stop()
            return
        if not task.done:
            done, total, message = self._progress
            if total:
                self.progressed.emit(f"{message}: {done:,} of {total:,}")
            return
        self._task, self._running = None, ""
        self.progressed.emit("")
        self._wanted = [each for each in self._wanted if each != kind]
        if task.succeeded:
            self._known[kind] = _flat(task.result) if kind == "margins" else task.result
            self.found.emit()
        elif task.error is not None:
            self._failed.add(kind)
            show_problem(task.error)
        self._go_on()


def _flat(margins: ImageValues) -> npt.NDArray[np.float32]:
    return np.where(margins.known, margins.values[:, 0], np.float32("nan"))

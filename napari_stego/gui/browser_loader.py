"""Thumbnails made in threads: those on show first, then those around, then all others."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtGui import QImage, QPixmap

from napari_stego.corpus import CorpusImage, ImageReadError
from napari_stego.errors import StegoError
from napari_stego.gui.browser_colours import Colouring, Painter
from napari_stego.gui.notify import show_problem
from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken
from napari_stego.project import Project
from napari_stego.project.layout import ProjectFolder
from napari_stego.project.thumbnails import ThumbnailStore

_POLL_MS = 20
# What is made into pictures between two looks at the keyboard and the mouse.
_TURN_SECONDS = 0.006
THREADS = max(1, min(4, (os.cpu_count() or 2) // 2))
"""Threads that make thumbnails; the window has the rest of the processor."""

_PICTURES_HELD = 400
_TELL_EVERY = 25

_Made = tuple[int, int, "npt.NDArray[np.uint8] | str"]


class ThumbnailLoader(QObject):
    """Makes the thumbnails of a corpus, and holds those that were shown last.

    Threads end when there is nothing left to do. Signals: ``made`` (int), the
    place in the corpus of a thumbnail that is there now; ``progressed`` (int,
    int), thumbnails that are kept and photographs in all.

    Parameters
    ----------
    parent : QObject
        Owner.
    """

    made = Signal(int)
    progressed = Signal(int, int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._images: tuple[CorpusImage, ...] = ()
        self._store: ThumbnailStore | None = None
        self._painter = Painter()
        self._colouring: Colouring | None = None
        # Counts up with every change of what thumbnails look like, or of the corpus.
        self._version = 0
        self._wanted: deque[int] = deque()
        self._ahead: deque[int] = deque()
        self._to_fill: deque[int] = deque()
        self._done: deque[_Made] = deque()
        self._pictures: OrderedDict[int, tuple[int, QPixmap | str]] = OrderedDict()
        self._paused = False
        self._tasks: list[Task[Any]] = []
        self._outdated: list[Task[Any]] = []
        self._told = -1
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether thumbnails are still to be made or shown."""
        return bool(self._tasks or self._done)

    @property
    def to_fill(self) -> int:
        """Photographs of the corpus whose thumbnails are still to be made in the background."""
        return len(self._to_fill)

    def open(self, project: Project | None, images: tuple[CorpusImage, ...]) -> None:
        """Begin with the photographs of a project, or none.

        Parameters
        ----------
        project : Project, optional
            Where thumbnails are kept.
        images : tuple of CorpusImage
            The photographs.
        """
        self._drop()
        with self._lock:
            self._version += 1
            self._images, self._store = images, None
            self._wanted.clear()
            self._ahead.clear()
            self._to_fill.clear()
            self._done.clear()
        self._pictures.clear()
        self._painter.forget()
        self._colouring = None
        self._told = -1
        if project is not None:
            self._begin(project)

    def _begin(self, project: Project) -> None:
        """Read which thumbnails there are, in a thread, and go on from there."""
        version, images = self._version, self._images
        # Not the project itself: that would stay locked for as long as this is held.
        folder, writable = ProjectFolder(project.folder), not project.read_only

        def work(token: CancelToken) -> None:
            store = ThumbnailStore(folder, writable)
            missing = [i for i, image in enumerate(images) if image.content_hash not in store]
            with self._lock:
                if version == self._version:
                    self._store = store
                    self._to_fill.extend(missing)

        self._start(work)

    def paint(self, colouring: Colouring | None) -> None:
        """Put the colours of classes on the thumbnails, or take them off.

        Parameters
        ----------
        colouring : Colouring, optional
            The classes; None for the photographs alone.
        """
        before = self._colouring
        if colouring is before or (colouring is not None and colouring.same(before)):
            return
        with self._lock:
            self._version += 1
            self._colouring = colouring

    def set_paused(self, paused: bool) -> None:
        """Make only what is looked at, or go on with all others.

        Parameters
        ----------
        paused : bool
            Whether to pause.
        """
        self._paused = paused
        if not paused:
            self._wake()

    def picture(self, place: int) -> QPixmap | str | None:
        """Return what there is of a thumbnail, perhaps with colours of before.

        Parameters
        ----------
        place : int
            Place in the corpus.

        Returns
        -------
        QPixmap, str or None
            A str says why there is none; None if it was not made yet.
        """
        held = self._pictures.get(place)
        return held[1] if held is not None else None

    def want(self, on_show: Iterable[int], around: Iterable[int]) -> None:
        """Ask for thumbnails in the place of those that were asked for before.

        Parameters
        ----------
        on_show : iterable of int
            Places that are looked at; the first is made first.
        around : iterable of int
            Places that may be looked at next.
        """
        on_show = [place for place in on_show if self._is_missing(place)]
        around = [place for place in around if self._is_missing(place)]
        with self._lock:
            self._wanted, self._ahead = deque(on_show), deque(around)
        self._wake()

    def _is_missing(self, place: int) -> bool:
        held = self._pictures.get(place)
        if held is None:
            return True
        self._pictures.move_to_end(place)
        return held[0] != self._version

    def shut_down(self, seconds: float) -> None:
        """Stop, and wait for the threads a little.

        Parameters
        ----------
        seconds : float
            At most so long for each.
        """
        self.open(None, ())
        for task in self._outdated:
            task.wait(seconds)
        self._outdated.clear()
        self._timer.stop()

    def _drop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._outdated += self._tasks
        self._tasks = []

    def _wake(self) -> None:
        """Start threads, if there is anything to do."""
        if self._store is None:
            return
        with self._lock:
            waiting = len(self._wanted) + len(self._ahead)
            waiting += 0 if self._paused else len(self._to_fill)
        for _ in range(min(THREADS, waiting) - len(self._tasks)):
            self._start(self._work)

    def _start(self, work: Any) -> None:
        self._tasks.append(Task(work, "napari-stego thumbnails", yielding=True))
        self._timer.start()

    def _work(self, token: CancelToken) -> None:
        """Make thumbnails until there are none left to be made."""
        while True:
            token.raise_if_cancelled()
            with self._lock:
                store, version, images = self._store, self._version, self._images
                colouring = self._colouring
                queue = self._wanted or self._ahead
                shown = bool(queue)
                if store is None:
                    return
                if not shown:
                    if self._paused or not store.keeps or not self._to_fill:
                        return
                    queue = self._to_fill
                place = queue.popleft()
            image = images[place]
            if not shown:
                if image.content_hash not in store:
                    _fill(store, image)
                continue
            made = self._make(store, image, colouring)
            with self._lock:
                if images is self._images:
                    self._done.append((place, version, made))

    def _make(
        self, store: ThumbnailStore, image: CorpusImage, colouring: Colouring | None
    ) -> npt.NDArray[np.uint8] | str:
        try:
            thumbnail = store.make(image)
        except ImageReadError as error:
            return error.reason
        if colouring is not None:
            try:
                return self._painter.paint(image, thumbnail, colouring)
            except StegoError:  # told where the photograph is opened; here it is one of many
                return thumbnail
        return thumbnail

    def _poll(self) -> None:
        end = time.perf_counter() + _TURN_SECONDS
        while self._done and time.perf_counter() < end:
            place, version, made = self._done.popleft()
            self._hold(place, version, made)
        self._outdated = [task for task in self._outdated if not task.done]
        ended = [task for task in self._tasks if task.done]
        if ended:
            self._tasks = [task for task in self._tasks if not task.done]
            for task in ended:
                if task.error is not None:
                    show_problem(task.error)
            if not any(task.error for task in ended):
                self._wake()
        self._tell()
        if not self.busy and not self._outdated:
            self._timer.stop()

    def _tell(self) -> None:
        left = self.to_fill
        due = abs(left - self._told) >= _TELL_EVERY or not left
        if self._store is not None and left != self._told and due:
            self._told = left
            self.progressed.emit(len(self._images) - left, len(self._images))

    def _hold(self, place: int, version: int, made: npt.NDArray[np.uint8] | str) -> None:
        picture = made if isinstance(made, str) else _pixmap(made)
        self._pictures[place] = (version, picture)
        self._pictures.move_to_end(place)
        while len(self._pictures) > _PICTURES_HELD:
            self._pictures.popitem(last=False)
        self.made.emit(place)


def _fill(store: ThumbnailStore, image: CorpusImage) -> None:
    with suppress(ImageReadError):  # told when it is looked at
        store.make(image)


def _pixmap(pixels: npt.NDArray[np.uint8]) -> QPixmap:
    height, width = pixels.shape[:2]
    held = pixels.tobytes()  # Qt copies it only into the pixmap
    image = QImage(held, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image)

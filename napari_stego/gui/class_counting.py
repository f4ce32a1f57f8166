"""Counts what each class amounts to in the corpus, behind the panels."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_stego.classes.pixel_edits import PixelEdit
from napari_stego.clustering import ClusterModel
from napari_stego.errors import StegoError
from napari_stego.gui.notify import show_problem
from napari_stego.gui.session import Session
from napari_stego.gui.tasks import Task
from napari_stego.progress import CancelToken
from napari_stego.project import Segmentation
from napari_stego.project.class_cover import ImageCounts
from napari_stego.project.pixel_counts import PixelCounts, count_pixels
from napari_stego.project.statistics import CorpusStatistics, PaintedPixels, count_painted

_POLL_MS = 100
# Sums over a corpus of 100,000 images take 60 ms, which must not come too often.
_SHOW_EVERY = 10

_Strokes = tuple[PixelEdit, ...]


class StatisticsCounter(QObject):
    """Keeps the session's statistics in step with its classes.

    Clusters are counted once and kept in the project folder; after an edit of
    the table there is nothing to count. Images with new strokes, and after a
    split those that it touches, are counted again.

    Signals: ``progressed`` (str), what is being counted, in a line; empty when
    nothing is.

    Parameters
    ----------
    session : Session
        Whose classes; it is given the statistics.
    parent : QObject
        Owner.
    """

    progressed = Signal(str)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._segmentation: Segmentation | None = None
        self._clusters: ClusterModel | None = None
        self._counts: PixelCounts | None = None
        self._started: list[PixelCounts] = []
        self._painted: dict[str, tuple[_Strokes, PaintedPixels]] = {}
        self._statistics: CorpusStatistics | None = None
        self._counting: Task[Any] | None = None
        self._painting: Task[dict[str, tuple[_Strokes, PaintedPixels]]] | None = None
        self._outdated: list[Task[Any]] = []
        self._paused = False
        self._polls = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        session.segmentation_changed.connect(self._restart)
        session.classes_changed.connect(self._follow)

    @property
    def busy(self) -> bool:
        """Whether something is still to be counted."""
        return self._counting is not None or self._painting is not None

    @property
    def statistics(self) -> CorpusStatistics | None:
        """Pixels of the corpus, of other splits perhaps; None if nothing is counted."""
        return self._statistics

    @property
    def images(self) -> tuple[str, ...]:
        """Content hashes of the images, by their row in the counts."""
        return self._counts.images if self._counts is not None else ()

    def set_paused(self, paused: bool) -> None:
        """Leave the processor to something else, or go on.

        Parameters
        ----------
        paused : bool
            Whether to pause; what is counted is kept.
        """
        if paused == self._paused:
            return
        self._paused = paused
        if paused:
            self._drop()
            self.progressed.emit("")
        elif self._counts is None or not self._counts.complete:
            self._restart()
        else:
            self._follow()

    def shut_down(self, seconds: float) -> None:
        """Stop counting; what is counted is kept.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each thread.
        """
        self._session.segmentation_changed.disconnect(self._restart)
        self._session.classes_changed.disconnect(self._follow)
        self._timer.stop()
        self._drop()
        for task in self._outdated:
            task.wait(seconds)
        self._outdated.clear()

    def _drop(self) -> None:
        for task in (self._counting, self._painting):
            if task is not None:
                task.cancel()
                self._outdated.append(task)
        self._counting = self._painting = None

    def _restart(self) -> None:
        """Count the clusters; those that were counted before are read from the project."""
        self._drop()
        self._counts = self._statistics = None
        self._painted = {}
        project, segmentation = self._session.project, self._session.segmentation
        if segmentation is not self._segmentation:
            self._segmentation = segmentation
            self._session.take_statistics({})
        if project is None or segmentation is None:
            self.progressed.emit("")
            return
        if self._paused:
            return

        started: list[PixelCounts] = []

        def work(token: CancelToken) -> PixelCounts:
            return count_pixels(project, segmentation, on_counts=started.append, cancel=token)

        self._started = started
        self._clusters = segmentation.clusters
        self._counting = Task(work, "napari-stego counting", yielding=True)
        self._polls = 0
        self._timer.start()
        self.progressed.emit("Counting pixels…")

    def _follow(self) -> None:
        """Sum over the classes as they are now, and count what has other strokes."""
        table, counts = self._session.table, self._counts
        if table is None:
            return
        if counts is not None and table.splits != counts.splits:
            self._restart()
            return
        self._count_strokes()
        self._sum()

    def _sum(self) -> None:
        table, statistics = self._session.table, self._statistics
        counts = self._counts
        if counts is None or table is None or statistics is None or not statistics.fits(table):
            return
        painted = {image: pixels for image, (_, pixels) in self._painted.items()}
        self._session.take_statistics(statistics.of(table), ImageCounts(counts, painted))

    def _count_strokes(self) -> None:
        segmentation, corpus, counts = (
            self._session.segmentation,
            self._session.corpus,
            self._counts,
        )
        if segmentation is None or corpus is None or counts is None or self._paused:
            return
        state = segmentation.history.state
        strokes = {image: state.strokes(image) for image in state.painted_images}
        known = {image: held for image, held in self._painted.items() if image in strokes}
        if len(known) < len(self._painted):
            self._painted = known
            self._rebuild()
        stale = {
            image: each
            for image, each in strokes.items()
            if image not in known or known[image][0] != each
        }
        if self._painting is not None:
            self._painting.cancel()
            self._outdated.append(self._painting)
            self._painting = None
        if not stale:
            return
        images = {each.content_hash: each for each in corpus.images if each.content_hash in stale}
        n_clusters = counts.table.shape[1]

        def work(token: CancelToken) -> dict[str, tuple[_Strokes, PaintedPixels]]:
            found = {}
            for content_hash, image in images.items():
                token.raise_if_cancelled()
                if segmentation.encodings.has(image):
                    clusters = segmentation.cluster_map(image, cancel=token)
                    each = stale[content_hash]
                    found[content_hash] = each, count_painted(clusters, each, n_clusters)
            return found

        self._painting = Task(work, "napari-stego counting strokes", yielding=True)
        self._timer.start()

    def _rebuild(self) -> None:
        counts = self._counts
        if counts is not None:
            painted = {image: pixels for image, (_, pixels) in self._painted.items()}
            self._statistics = CorpusStatistics(counts, painted, self._clusters)

    def _poll(self) -> None:
        self._outdated = [task for task in self._outdated if not task.done]
        counting, painting = self._counting, self._painting
        if counting is None and painting is None:
            if not self._outdated:
                self._timer.stop()
            return
        if counting is not None:
            self._poll_counting(counting)
        if painting is not None and painting.done:
            self._painting = None
            if painting.succeeded:
                self._painted |= painting.result
                self._rebuild()
                self._sum()
            elif painting.error is not None:
                self._fail(painting.error)

    def _poll_counting(self, counting: Task[Any]) -> None:
        done = counting.done
        if self._counts is None and self._started:
            self._counts = self._started[0]
            self._count_strokes()
        self._polls += 1
        if done or self._polls % _SHOW_EVERY == 1:
            self._rebuild()
            self._sum()
            if self._statistics is not None and not done:
                counted, images = self._statistics.counted, self._statistics.images
                self.progressed.emit(f"Counting pixels: {counted:,} of {images:,} photographs…")
        if done:
            self._counting = None
            self.progressed.emit("")
            table, counts = self._session.table, self._counts
            if counting.error is not None:
                self._fail(counting.error)
            elif table is not None and counts is not None and table.splits != counts.splits:
                self._restart()  # a split came while an image was labelled

    def _fail(self, error: Exception) -> None:
        if isinstance(error, StegoError):
            self.progressed.emit(f"Pixels are not counted: {error}")
        else:
            show_problem(error)

"""The search of all photographs: its hits as a gallery, which can be given to a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_stego.gui.gallery_feed import Feed
from napari_stego.gui.gallery_pictures import hit_tiles
from napari_stego.gui.gallery_view import GalleryView, Tile
from napari_stego.gui.inspect_giving import GiveButton, Giver
from napari_stego.gui.inspect_question import Question
from napari_stego.gui.jobs import Job, Jobs
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.notify import show_problem
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken, ProgressCallback
from napari_stego.project import Segmentation
from napari_stego.project.giving import Assignment, give_regions
from napari_stego.project.searching import CorpusSearch

_TOP = 50
_MOST_OF_AN_IMAGE = 20
_WORDS = (
    "Click something in the photograph, and then search: the places of all photographs that are "
    "most like it are listed here, the best first."
)


class SearchGallery(QWidget):
    """Searches all photographs for the prompts, and lists the hits.

    Signals: ``wanted`` (Patch), the place to go to.

    Parameters
    ----------
    session : Session
        What is open.
    jobs : Jobs
        Builds the index.
    giver : Giver
        Does the edits.
    current : callable
        Gives the class that the user works with, or None.
    threshold : callable
        Gives the least score of what is given to a class around a hit.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object)

    def __init__(
        self,
        session: Session,
        jobs: Jobs,
        giver: Giver,
        current: Callable[[], int | None],
        threshold: Callable[[], float],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._jobs = jobs
        self._giver = giver
        self._threshold = threshold
        self._question: Question | None = None
        self._answered: Question | None = None
        self._indexing: Question | None = None
        self._fresh = False
        self._note = ""
        self._opening = LatestRunner("napari-stego index", self)
        self._feed = Feed("napari-stego search", self)
        self.search = QPushButton("Search all pho&tographs", self)
        self.search.setToolTip(
            "Find the best places of the whole project; the first time, and after new photographs, "
            "an index is made"
        )
        self.per_image = QSpinBox(self)
        self.per_image.setRange(1, _MOST_OF_AN_IMAGE)
        self.per_image.setMaximumWidth(80)
        self.per_image.setAccessibleName("The most hits of one photograph")
        self.per_image.setToolTip("The most hits of one photograph")
        self.line = QLabel(self)
        self.line.setWordWrap(True)
        self.view = GalleryView(True, self)
        self.view.setAccessibleName("Hits of the search, best first")
        self.all = QPushButton("Select &all", self)
        self.all.setToolTip("Select all hits; Ctrl or Shift and a click select some (Ctrl+A)")
        self.give = GiveButton(session, current, self)
        self.give.setText("Give h&its to class…")
        self._lay_out()
        self._connect()
        self.clear()

    def _lay_out(self) -> None:
        first, last = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.search, 1)
        first.addWidget(QLabel("up to", self))
        first.addWidget(self.per_image)
        first.addWidget(QLabel("in each", self))
        last.addWidget(self.all)
        last.addStretch(1)
        last.addWidget(self.give)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(first)
        layout.addWidget(self.line)
        layout.addWidget(self.view, 1)
        layout.addLayout(last)

    def _connect(self) -> None:
        self.search.clicked.connect(self.start)
        self.view.wanted.connect(self.wanted)
        self.view.chosen.connect(lambda *_: self.follow())
        self.all.clicked.connect(self.view.selectAll)
        self.give.chosen.connect(self._give)
        self._feed.came.connect(self._take)
        self._feed.ended.connect(self._end)
        self._jobs.ended.connect(self._stop_waiting)

    @property
    def busy(self) -> bool:
        """Whether hits are still to come."""
        return self._opening.busy or self._feed.busy or self._indexing is not None

    def ask(self, question: Question | None) -> None:
        """Get ready to look for other things; what was found stays.

        Parameters
        ----------
        question : Question, optional
            What is looked for; None for nothing.
        """
        self._question = question
        self.follow()

    def clear(self) -> None:
        """Show no hits: something else is open."""
        self._opening.drop()
        self._feed.stop()
        self._question = self._answered = self._indexing = None
        self._note = ""
        self.view.tiles.clear()
        self.view.say(_WORDS)
        self.follow()

    def start(self) -> None:
        """Search; what is not in the index yet is added first, unless a job is running."""
        question = self._question
        if question is None:
            return
        self.line.setText("Opening the index…")
        self._opening.submit(
            lambda token: CorpusSearch(question.project, question.encodings, question.source),
            lambda search: self._index(question, search),
        )

    def shut_down(self, seconds: float) -> None:
        """Stop the threads.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self._jobs.ended.disconnect(self._stop_waiting)
        self._opening.shut_down(seconds)
        self._feed.shut_down(seconds)

    def follow(self) -> None:
        """Tell what can be done now, and what the hits are of."""
        tiles, selected = self.view.tiles.tiles, len(self.view.selected)
        count, threshold = len(tiles), self._threshold()
        # Hits have plain scores: of centred heatmaps they say nothing.
        plain = self._answered is not None and not self._answered.centred
        fit = sum(tile.score >= threshold for tile in tiles) if plain else count
        self.search.setEnabled(self._question is not None and not self.busy)
        self.all.setEnabled(bool(count))
        writable = self._session.segmentation is not None and not self._session.read_only
        self.give.setEnabled(bool(selected) and writable)
        self.give.setToolTip(
            f"Give what is around the selected hits, at {threshold:.2f} or more, to a class; one "
            "undo step"
        )
        if self.busy:
            return
        parts = [f"{count:,} hits"] if count else []
        parts += [f"{fit:,} at the threshold of {threshold:.2f} or above"] * (fit < count)
        parts += [f"{selected:,} selected"] * bool(selected)
        parts += [self._note] * bool(self._note)
        if count and self._answered is not None and not self._answered.alike(self._question):
            parts.append("of other prompts: search again")
        self.line.setText(", ".join(parts))

    def _index(self, question: Question, search: CorpusSearch) -> None:
        self._note = ""
        if not search.missing:
            self._find(question, search)
            return
        job = Job(
            "Indexing photographs for the search",
            lambda reports, token: search.build(progress=reports.progress, cancel=token),
            lambda _: self._find(question, search),
        )
        self._indexing = question
        if self._jobs.start(job):
            self.line.setText(f"Indexing {search.missing:,} photographs: see below…")
            return
        self._indexing = None
        if search.missing == search.images:
            self.line.setText("Something else is running. Search again when it has ended.")
            return
        self._note = f"{search.missing:,} photographs are not searched yet"
        self._find(question, search)

    def _stop_waiting(self, *_: str) -> None:
        if self._indexing is not None:
            self._indexing = None
            self.follow()

    def _find(self, question: Question, search: CorpusSearch) -> None:
        if question.encodings is not self._session.encodings:
            return  # something else was opened in the meantime
        per_image = self.per_image.value()

        def make(token: CancelToken, progress: ProgressCallback) -> Iterator[Tile]:
            hits = search.search(question.queries, _TOP, per_image=per_image, cancel=token)
            yield from hit_tiles(hits, token)

        self._answered = question
        self._fresh = True
        self._feed.start(make)
        self.follow()
        self.line.setText("Searching…")

    def _take(self, tile: Tile) -> None:
        if self._fresh:
            self._fresh = False
            self.view.tiles.clear()
        self.view.tiles.append(tile)

    def _end(self, error: Exception | None) -> None:
        if error is not None:
            show_problem(error)
        if self._fresh:
            self.view.tiles.clear()
            self.view.say("Nothing was found.")
        self.follow()

    def _give(self, to: int | str) -> None:
        question, hits, threshold = self._answered, self.view.selected, self._threshold()
        if question is None or not hits:
            return

        def make(segmentation: Segmentation, class_id: int, token: CancelToken) -> Assignment:
            return give_regions(
                segmentation,
                question.inspector,
                hits,
                question.queries,
                question.source,
                class_id,
                threshold=threshold,
                centred=question.centred,
                cancel=token,
            )

        self._giver.give(to, make, on_image=False)

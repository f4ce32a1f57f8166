"""The corpus browser: thumbnails, sorted and filtered, of which one is on show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from psygnal import SignalInstance
from qtpy.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stego.corpus import CorpusImage
from napari_stego.gui.browser_bar import BrowserBar
from napari_stego.gui.browser_colours import Colouring
from napari_stego.gui.browser_facts import FactFinder, note_of
from napari_stego.gui.browser_filters import BrowserFilters
from napari_stego.gui.browser_loader import ThumbnailLoader
from napari_stego.gui.browser_model import BrowserModel
from napari_stego.gui.browser_query import Facts, Names, Query, Sort, arrange
from napari_stego.gui.browser_values import BrowserValues
from napari_stego.gui.browser_view import BrowserView
from napari_stego.gui.session import Session

# While someone types, or classes are edited one after the other.
_DELAY_MS = 120
_NOTHING_OPEN = (
    "Choose a folder of photographs above and press Open, drop a folder or a project here, or try "
    "the sample reef."
)
_NO_MATCH = "No photograph matches. Clear the words and the filters to see all of them."


class BrowserPanel(QWidget):
    """Lists the session's photographs; the current one is on show in the viewer.

    Signals: ``selected`` (tuple of CorpusImage), the photographs that are
    selected now; ``listed``, when others are listed or in another order;
    ``said`` (str), the line of status.

    Parameters
    ----------
    session : Session
        What is open.
    parent : QWidget
        Owner.
    """

    selected = Signal(tuple)
    listed = Signal()
    said = Signal(str)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.values = BrowserValues(session, self)
        self.loader = ThumbnailLoader(self)
        self.bar = BrowserBar(self)
        self.filters = BrowserFilters(self)
        self.filters.hide()
        self.view = BrowserView(self)
        self.model = BrowserModel(self.loader.picture, self.view)
        self.view.setModel(self.model)
        self.view.setAccessibleName("Photographs")
        self._finder = FactFinder(session, self.values)
        self._names = Names(())
        self._facts = Facts(())
        self._query = Query()
        self._alike: int | None = None
        self._searching = self._filling = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self.arrange)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.bar)
        layout.addWidget(self.filters)
        layout.addWidget(self.view, 1)
        self._connect()
        self._restart()

    def _connect(self) -> None:
        bar = self.bar
        for signal, follow in self._followed:
            signal.connect(follow)
        bar.words.textChanged.connect(lambda *_: self._timer.start())
        bar.filter.toggled.connect(self._show_filters)
        bar.sorted_anew.connect(self._sort)
        bar.colours.toggled.connect(self._colour)
        bar.neighbours.clicked.connect(self.show_neighbours)
        self.filters.changed.connect(self.arrange)
        self.filters.clear.clicked.connect(bar.words.clear)
        self.values.found.connect(self._take_values)
        self.values.progressed.connect(self._tell_search)
        self.loader.made.connect(self.model.refresh_place)
        self.loader.progressed.connect(self._tell_filling)
        self.view.looked_at.connect(self._load)
        selection = self.view.selectionModel()
        selection.currentChanged.connect(self._go)
        selection.selectionChanged.connect(self._tell_selection)

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to be listed."""
        return self._timer.isActive() or self.values.busy

    @property
    def query(self) -> Query:
        """What is asked for."""
        return self._query

    @property
    def selected_images(self) -> tuple[CorpusImage, ...]:
        """The photographs that are selected, in the order of the list."""
        images = self._facts.images
        return tuple(images[place] for place in self._selected_places())

    def step(self, by: int) -> int | None:
        """Return the place in the corpus of the next or previous photograph of the list.

        Parameters
        ----------
        by : int
            1 or -1.

        Returns
        -------
        int or None
            None at the end of the list.
        """
        places, here = self.model.places, self._session.index
        row = self.model.row_of(here)
        if row is None:  # not listed: go to what is listed next to it in the corpus
            beyond = places[places > here] if by > 0 else places[places < here]
            if not len(beyond):
                return None
            return int(beyond.min() if by > 0 else beyond.max())
        return int(places[row + by]) if 0 <= row + by < len(places) else None

    def show_neighbours(self) -> None:
        """Sort by likeness with the photograph on show; again once it is another one."""
        if self._session.index >= 0 and self._session.encodings is not None:
            self._alike = self._session.index
            self.bar.choose(Sort.LIKENESS)

    def set_busy(self, busy: bool) -> None:
        """Leave the processor to a job; what is looked at is still made.

        Parameters
        ----------
        busy : bool
            Whether one is running.
        """
        self.loader.set_paused(busy)
        self.values.set_paused(busy)

    @property
    def _followed(self) -> tuple[tuple[SignalInstance, Callable[[], None]], ...]:
        """What is heard of the session, and what then is done."""
        session = self._session
        return (
            (session.corpus_changed, self._restart),
            (session.segmentation_changed, self._follow_clusters),
            (session.classes_changed, self._follow_classes),
            (session.statistics_changed, self._follow_counts),
            (session.image_changed, self._follow_image),
        )

    def shut_down(self, seconds: float) -> None:
        """Stop all threads; harmless when done twice.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self._timer.stop()
        for signal, follow in self._followed:
            signal.disconnect(follow, missing_ok=True)
        self.values.shut_down(seconds)
        self.loader.shut_down(seconds)

    def arrange(self) -> None:
        """List what is asked for, as far as it is known; look for the rest in a thread."""
        self._timer.stop()
        query = self.filters.fill(self.bar.query())
        if query.sort is Sort.LIKENESS and self._alike is None:
            self._alike = self._session.index if self._session.index >= 0 else None
        self._query = query
        self._facts = facts = self._finder.find(query, self._alike)
        chosen = self._selected_places()
        places = arrange(query, facts, self._names)
        self.model.show(facts.images, places, partial(note_of, query, facts))
        self._select_places(chosen)
        self._make_current(keep=self.view.selectionModel().hasSelection())
        self.view.say(_NO_MATCH if facts.images else _NOTHING_OPEN)
        self.bar.show_filters(query.filters)
        self._want_values()
        self._tell()
        self.listed.emit()

    def _want_values(self) -> None:
        query = self._query
        wanted = {
            "dates": query.needs_dates or not self.filters.isHidden(),
            "margins": query.needs_margins,
            "means": query.sort is Sort.LIKENESS,
        }
        self.values.want(*(kind for kind, needed in wanted.items() if needed))

    def _sort(self) -> None:
        if self.bar.query().sort is not Sort.LIKENESS:
            self._alike = None
        self.arrange()
        self.view.scrollToTop()

    def _show_filters(self, shown: bool) -> None:
        self.filters.setVisible(shown)
        self._want_values()

    def _restart(self) -> None:
        corpus = self._session.corpus
        images = corpus.images if corpus is not None else ()
        self._names, self._alike = Names(images), None
        self._searching = self._filling = ""
        self.values.forget("dates", "margins", "means")
        self.loader.open(self._session.project, images)
        self.view.clearSelection()
        self.filters.show_folders(self._names.folders)
        self.filters.show_days(None)
        self.bar.words.clear()
        self.filters.reset()  # which lists them
        self.bar.setEnabled(bool(images))
        self._follow_clusters()

    def _follow_clusters(self) -> None:
        self.values.forget("margins", "means")
        encodings, segmentation = self._session.encodings, self._session.segmentation
        self.bar.allow(codes=encodings is not None, classes=segmentation is not None)
        self._follow_classes()

    def _follow_classes(self) -> None:
        table, encodings = self._session.table, self._session.encodings
        self.filters.show_classes(table)
        self.bar.show_classes(table)
        self.model.mark(self._finder.edited, encodings.has if encodings is not None else None)
        self._colour()
        self._timer.start()

    def _follow_counts(self) -> None:
        # While it is counted, the list would jump.
        if self._query.classes and self._finder.counted:
            self._timer.start()

    def _take_values(self) -> None:
        self.filters.show_days(self.values.dates)
        at_top = self.view.verticalScrollBar().value() == 0
        self.arrange()
        if at_top:  # as after another order was asked for, and not at the photograph on show
            self.view.scrollToTop()

    def _colour(self, *_: Any) -> None:
        segmentation, table = self._session.segmentation, self._session.table
        colouring = None
        if self.bar.colours.isChecked() and segmentation is not None and table is not None:
            colouring = Colouring(segmentation, table)
        self.loader.paint(colouring)
        self._load(*self.view.rows_on_show())

    def _load(self, first: int, last: int) -> None:
        places, page = self.model.places, last - first
        after = places[last : last + page].tolist()
        before = places[max(first - page, 0) : first][::-1].tolist()
        self.loader.want(places[first:last].tolist(), after + before)

    def _go(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self._session.select(int(self.model.places[current.row()]))

    def _follow_image(self) -> None:
        """Make the photograph on show the current one of the list, if it is listed."""
        row = self.model.row_of(self._session.index)
        # Where several are selected, they stay so while one goes through them.
        chosen = self.view.selectionModel()
        self._make_current(keep=row is not None and chosen.isSelected(self.model.index(row)))

    def _make_current(self, *, keep: bool) -> None:
        row, current = self.model.row_of(self._session.index), self.view.currentIndex()
        if row is None or (current.isValid() and current.row() == row):
            return
        index, flag = self.model.index(row), QItemSelectionModel.SelectionFlag
        command = flag.NoUpdate if keep else flag.ClearAndSelect
        self.view.selectionModel().setCurrentIndex(index, command)
        self.view.scrollTo(index)

    def _selected_places(self) -> list[int]:
        runs = self.view.selectionModel().selection()
        # Whole runs: Qt would make an object of each row.
        rows = sorted(row for run in runs for row in range(run.top(), run.bottom() + 1))
        return self.model.places[rows].tolist() if rows else []

    def _select_places(self, places: Sequence[int]) -> None:
        found = (self.model.row_of(place) for place in places)
        rows = np.array(sorted(row for row in found if row is not None), np.int64)
        selection = QItemSelection()
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            if len(run):
                first, last = int(run[0]), int(run[-1])
                selection.select(self.model.index(first), self.model.index(last))
        flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.view.selectionModel().select(selection, flag)

    def _tell_selection(self, *_: Any) -> None:
        self._tell()
        self.selected.emit(self.selected_images)

    def _tell_search(self, words: str) -> None:
        self._searching = words
        self._tell()

    def _tell_filling(self, done: int, total: int) -> None:
        self._filling = f"thumbnails {done:,} of {total:,}" if done < total else ""
        self._tell()

    def _tell(self) -> None:
        total, shown = len(self._facts.images), len(self.model.places)
        if not total:
            self.said.emit("")
            return
        count = sum(run.height() for run in self.view.selectionModel().selection())
        words = [f"{shown:,} of {total:,} shown" if shown < total else f"{total:,} photographs"]
        if count > 1:
            words.append(f"{count:,} selected")
        words.append(self._searching or self._filling)
        self.said.emit(", ".join(each for each in words if each))

"""Why a pixel is in its class: what it is near to, examples, and what it was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_stego.classes import UNLABELLED, ClassTable
from napari_stego.corpus import CorpusImage
from napari_stego.errors import StegoError
from napari_stego.gui.class_patches import Thumbnail
from napari_stego.gui.gallery_pictures import crops
from napari_stego.gui.inspect_bars import Bar, BarList
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import Project, Segmentation
from napari_stego.project.earlier import EarlierResult, earlier_results
from napari_stego.project.examples import Patch, example_patches
from napari_stego.project.explaining import Explanation, Nearness, borderline_patches, explain

_EXAMPLES = 7
_OTHERS = 5
_WORDS = "Click a pixel of the photograph to see why it is in its class."
_NO_CLASSES = "There are no classes yet: press “Train and cluster” first."

_Place = tuple[CorpusImage, tuple[int, int]]
_Crops = list[tuple[Patch, npt.NDArray[np.uint8]]]


@dataclass(frozen=True, eq=False)
class _Background:
    """What takes longer to find than the explanation itself."""

    typical: _Crops
    borderline: _Crops
    earlier: tuple[str, ...]


class WhyPanel(QWidget):
    """Explains the pixel that was clicked last, while it is to be seen.

    Signals: ``wanted`` (Patch), the place of an example that was clicked.

    Parameters
    ----------
    session : Session
        What is open.
    parent : QWidget
        Owner.
    """

    wanted = Signal(object)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._place: _Place | None = None
        self._outdated = False
        self._earlier: tuple[Segmentation, list[EarlierResult]] | None = None
        self._explaining = LatestRunner("napari-stego why", self)
        self._looking = LatestRunner("napari-stego why examples", self)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.bars = BarList(self)
        self.typical = _Strip("Typical places of the class", self)
        self.borderline = _Strip("Places that are only just in it", self)
        self.earlier = QLabel(self)
        self.earlier.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(6)
        for widget in (self.text, self.bars, self.typical, self.borderline, self.earlier):
            layout.addWidget(widget)
        layout.addStretch(1)
        for strip in (self.typical, self.borderline):
            strip.wanted.connect(self.wanted)
        self._clear()

    @property
    def busy(self) -> bool:
        """Whether something is still to be told."""
        return self._explaining.busy or self._looking.busy

    def ask(self, place: _Place | None) -> None:
        """Explain another pixel.

        Parameters
        ----------
        place : (CorpusImage, (int, int)), optional
            Photograph, row and column; None for nothing.
        """
        self._place = place
        self.refresh()

    def refresh(self) -> None:
        """Explain it as things are now, if the panel is to be seen; else once it is."""
        self._outdated = True
        self._explaining.drop()
        self._looking.drop()
        if not self.isVisible():
            return
        self._outdated = False
        segmentation, place = self._session.segmentation, self._place
        if segmentation is None or place is None or not segmentation.encodings.has(place[0]):
            self._clear()
            return
        self._explaining.submit(
            lambda token: explain(segmentation, *place, _OTHERS),
            lambda explanation: self._show(segmentation, explanation),
        )

    def shut_down(self, seconds: float) -> None:
        """Stop the threads.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self._explaining.shut_down(seconds)
        self._looking.shut_down(seconds)

    def showEvent(self, event: QShowEvent) -> None:
        """Explain what was clicked since it was last to be seen."""
        super().showEvent(event)
        if self._outdated:
            self.refresh()

    def _clear(self) -> None:
        self.text.setText(_WORDS if self._session.segmentation is not None else _NO_CLASSES)
        self.bars.show_bars(())
        for strip in (self.typical, self.borderline):
            strip.show_crops(())
        self.earlier.clear()

    def _show(self, segmentation: Segmentation, found: Explanation) -> None:
        table = segmentation.table
        self.text.setText(_sentences(found))
        self.bars.show_bars([_bar(table, each) for each in (found.cluster, *found.others)])
        project, corpus = self._session.project, self._session.corpus
        if project is None or corpus is None:
            return
        held, class_id, images = self._earlier, found.cluster.class_id, corpus.images

        def look(token: CancelToken) -> tuple[_Background, list[EarlierResult]]:
            typical: _Crops = []
            borderline: _Crops = []
            if class_id != UNLABELLED:
                places = example_patches(segmentation, class_id, images, _EXAMPLES, token)
                typical = crops(places, token)
                places = borderline_patches(segmentation, class_id, images, _EXAMPLES, token)
                borderline = crops(places, token)
            fresh = held is None or held[0] is not segmentation
            results = _read_earlier(project) if fresh else held[1]
            return _Background(typical, borderline, _before(results, found)), results

        self._looking.submit(look, lambda made: self._fill(segmentation, *made))

    def _fill(
        self, segmentation: Segmentation, background: _Background, results: list[EarlierResult]
    ) -> None:
        self._earlier = (segmentation, results)
        self.typical.show_crops(background.typical)
        self.borderline.show_crops(background.borderline)
        self.earlier.setText("\n".join(background.earlier))


class _Strip(QWidget):
    """A line of words, and examples below it.

    Signals: ``wanted`` (Patch).
    """

    wanted = Signal(object)

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.thumbnails = [Thumbnail(self) for _ in range(_EXAMPLES)]
        row = QHBoxLayout()
        row.setSpacing(3)
        for thumbnail in self.thumbnails:
            thumbnail.clicked.connect(lambda *_, t=thumbnail: self.wanted.emit(t.patch))
            row.addWidget(thumbnail)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(QLabel(title, self))
        layout.addLayout(row)

    def show_crops(self, found: Sequence[tuple[Patch, npt.NDArray[np.uint8]]]) -> None:
        for place, thumbnail in enumerate(self.thumbnails):
            thumbnail.show_patch(*(found[place] if place < len(found) else (None, None)))
            thumbnail.setVisible(place < len(found))
        self.setVisible(bool(found))


def _sentences(found: Explanation) -> str:
    own = found.cluster
    lines = [f"This pixel is {found.class_name}: "]
    if found.painted:
        lines[0] += f"somebody painted it. Its cluster alone would make it {own.class_name}."
    else:
        lines[0] += f"it is nearest to cluster {own.cluster}."
    if found.coherence is not None:
        lines.append(
            f"It matches that cluster by {own.cosine:.2f}; the places of the cluster match it by "
            f"{found.coherence:.2f} on average."
        )
    if found.class_margin is not None:
        rival = next((each for each in found.others if each.class_id != own.class_id), None)
        name = f", {rival.class_name}," if rival is not None else ""
        lines.append(
            f"The next class{name} matches {found.class_margin:.2f} less. The smaller this "
            "difference, the less sure the class."
        )
    return "\n".join(lines)


def _bar(table: ClassTable, near: Nearness) -> Bar:
    colour = table.row(near.class_id).colour if near.class_id in table else ""
    return Bar(f"cluster {near.cluster}: {near.class_name}", colour, near.cosine)


def _read_earlier(project: Project) -> list[EarlierResult]:
    try:
        return earlier_results(project)
    except StegoError:  # a damaged result that is not in use is no reason to tell nothing
        return []


def _before(results: Sequence[EarlierResult], found: Explanation) -> tuple[str, ...]:
    """Say what other results make of the pixel."""
    lines = []
    for result in results:
        if result.segmentation.encodings.has(found.image):
            other = explain(result.segmentation, found.image, (found.row, found.column), 1)
            lines.append(
                f"In {result.title}: {other.class_name}, matching by {other.cluster.cosine:.2f}."
            )
    return tuple(lines)

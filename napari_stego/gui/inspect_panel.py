"""The panel that says what pointing at the photograph shows, and where else it is."""

from __future__ import annotations

from collections.abc import Callable

from napari.utils.notifications import show_info
from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_stego.corpus import CorpusImage
from napari_stego.correspondence import Prompt
from napari_stego.gui.clicks import Click
from napari_stego.gui.gallery_near import NearGallery
from napari_stego.gui.gallery_pictures import Thumbnails
from napari_stego.gui.gallery_search import SearchGallery
from napari_stego.gui.inspect_given import GivenLine
from napari_stego.gui.inspect_giving import Giver
from napari_stego.gui.inspect_mask import MaskBar
from napari_stego.gui.inspect_mouse import MouseFollower
from napari_stego.gui.inspect_options import InspectOptions
from napari_stego.gui.inspect_question import Inspectors, Question
from napari_stego.gui.inspect_why import WhyPanel
from napari_stego.gui.jobs import Jobs
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.prompts import PromptSet
from napari_stego.gui.prompts_bar import PromptsBar
from napari_stego.gui.prompts_keeper import PromptKeeper
from napari_stego.gui.prompts_layer import PromptsLayer
from napari_stego.gui.session import Session
from napari_stego.project import Segmentation, Source

# More pixels than that show no more of the patches, and take longer.
_LONGEST = 1024


class InspectPanel(QWidget):
    """Shows where else is what is pointed at: here, in similar photographs, and in all.

    Signals: ``place_wanted`` (Patch), a place in a photograph to go to.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    session : Session
        What is open.
    layers : LayerStack
        Shows heatmaps and masks.
    jobs : Jobs
        Builds the index of the search.
    current : callable
        Gives the id of the class that the user works with, or None.
    parent : QWidget
        Owner.
    """

    place_wanted = Signal(object)

    def __init__(
        self,
        viewer: Viewer,
        session: Session,
        layers: LayerStack,
        jobs: Jobs,
        current: Callable[[], int | None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self._inspectors = Inspectors()
        self._ended = False
        self._question: Question | None = None
        self._on_show: tuple[CorpusImage | None, Segmentation | None] = (None, None)
        self.prompts = PromptSet(self)
        self.keeper = PromptKeeper(session, self.prompts, self)
        self.marks = PromptsLayer(viewer, self.prompts, self)
        self.giver = Giver(session, self)
        self.options = InspectOptions(session, self)
        self.mouse = MouseFollower(layers, self.options, self._make, self)
        self.bar = PromptsBar(self.prompts, self.marks, self)
        self.mask = MaskBar(session, layers, self.giver, current, self)
        self.near = NearGallery(Thumbnails(), self)
        self.search = SearchGallery(
            session, jobs, self.giver, current, lambda: self.mask.threshold, self
        )
        self.why = WhyPanel(session, self)
        self.given = GivenLine(session, self.giver, self)
        self._lay_out()
        self._connect()
        self._follow_clusters()

    def _lay_out(self) -> None:
        self.results = QTabWidget(self)
        self.results.setDocumentMode(True)
        for widget, title, tip in (
            (self.near, "Similar photographs", "Look in photographs like this one, or selected"),
            (self.search, "Search all", "Find the best places of all photographs"),
            (self.why, "Why this class?", "What the clicked pixel is near to"),
        ):
            self.results.setTabToolTip(self.results.addTab(widget, title), tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (self.bar, self.options, self.mask, self.given):
            layout.addWidget(widget)
        layout.addWidget(self.results, 1)

    def _connect(self) -> None:
        self.prompts.changed.connect(self._ask)
        self.options.changed.connect(self._ask)
        self.options.follow.toggled.connect(self._follow_toggled)
        self.mask.give.chosen.connect(self.mask.give_to)
        self.mask.changed.connect(self.search.follow)
        for part in (self.near, self.search, self.why):
            part.wanted.connect(self.place_wanted)
        self._layers.shown.connect(self._shown)
        self._session.segmentation_changed.connect(self._follow_clusters)
        self._session.classes_changed.connect(self.why.refresh)

    @property
    def chosen(self) -> Source | None:
        """What is compared; None while nothing was extracted."""
        return self.options.chosen

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to come."""
        parts = (self.keeper, self.giver, self.mask, self.near, self.search, self.why)
        own = (self._layers, self.mouse, self.marks)
        return any(part.busy for part in (*own, *parts))

    def click(self, pixel: tuple[int, int], click: Click = Click.LOOK) -> None:
        """Look for what is at a pixel of the photograph on show.

        Parameters
        ----------
        pixel : tuple of int
            Row and column.
        click : Click
            Alone; as well as what was looked for; or for what is unlike it.
        """
        image = self._layers.image
        if image is None:
            return
        if self.chosen is None:
            show_info("There is nothing to compare yet: press “Train and cluster” first.")
            return
        if not self._has(image):
            show_info(f"{image.name} has no features. Run again to extract them.")
            return
        with QSignalBlocker(self.options.follow):  # what follows makes another heatmap
            self.options.follow.setChecked(False)
        self.mouse.rest()
        self.why.ask((image, pixel))
        prompt = Prompt.point(image.content_hash, *pixel, positive=click is not Click.UNLIKE)
        before = self._question
        if click is Click.LOOK:
            self.prompts.look(prompt)
        else:
            self.prompts.add(prompt)
        if self._question is before or not self.isVisible():
            self._heat()

    def move(self, pixel: tuple[int, int] | None, score: float | None) -> None:
        """Take note of where the mouse is.

        Parameters
        ----------
        pixel : tuple of int, optional
            Row and column in the photograph on show; None outside.
        score : float, optional
            The heatmap there.
        """
        self.mouse.move(pixel, score)

    def shut_down(self, seconds: float) -> None:
        """Stop all threads, and take the marks off the photograph; harmless when done twice.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each thread.
        """
        if self._ended:
            return
        self._ended = True
        self._layers.shown.disconnect(self._shown)
        self._session.segmentation_changed.disconnect(self._follow_clusters)
        self._session.classes_changed.disconnect(self.why.refresh)
        self.mouse.shut_down()
        self.options.shut_down()
        self.given.shut_down()
        self.marks.shut_down()
        for part in (self.keeper, self.giver, self.mask, self.near, self.search, self.why):
            part.shut_down(seconds)
        self._inspectors.forget()

    def showEvent(self, event: QShowEvent) -> None:
        """Show the heatmap of the prompts, and the mask."""
        super().showEvent(event)
        self._heat()
        self.mask.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Show the classes again: another tab needs them."""
        super().hideEvent(event)
        self.options.follow.setChecked(False)
        self.mask.refresh()
        if not event.spontaneous():  # that is a window that is made small
            self._layers.heatmaps.hide()
            self.mouse.tell(None)

    def _has(self, image: CorpusImage) -> bool:
        encodings = self._session.encodings
        return encodings is not None and encodings.has(image)

    def _ask(self) -> None:
        """Ask anew, everywhere."""
        self._question = self._make(self.prompts.prompts)
        self.mask.ask(self._question)
        self.near.ask(self._question)
        self.search.ask(self._question)
        if self._question is None:
            self._layers.heatmaps.hide()
        elif self.isVisible():
            self._heat()

    def _make(self, prompts: tuple[Prompt, ...]) -> Question | None:
        return Question.of(
            self._session, self._inspectors, prompts, self.chosen, self.options.centred.isChecked()
        )

    def _heat(self) -> None:
        """Show the heatmap of the prompts over the photograph on show."""
        question, image = self._question, self._layers.image
        self.mouse.rest()
        if question is not None and image is not None and self._has(image):
            self._layers.heatmaps.show(image, lambda image: question.heatmap(image, _LONGEST))

    def _follow_toggled(self, following: bool) -> None:
        self.mouse.rest()
        if not following and self._question is None:
            self._layers.heatmaps.hide()
        elif not following:
            self._heat()

    def _shown(self) -> None:
        """Go along to another photograph; other classes over the same one change nothing."""
        image, segmentation = self._layers.image, self._session.segmentation
        before, self._on_show = self._on_show, (image, segmentation)
        if before[0] != image or before[1] is not segmentation:
            self.marks.show_image(image)
            self.mouse.tell(None)
            if self.isVisible():
                self._heat()

    def _follow_clusters(self) -> None:
        """Something else is open, or other clusters are in use."""
        self.search.clear()
        self.why.ask(None)
        self.bar.allow(self.chosen is not None)
        self.given.say("")
        self._ask()

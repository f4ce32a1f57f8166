"""Cleaning classes up: what is too small, holes and edges, here or everywhere."""

from __future__ import annotations

from napari.utils.notifications import show_info
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_stego.classes import ClassState
from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage
from napari_stego.gui.class_colormap import class_colours
from napari_stego.gui.jobs import Job, Jobs
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.number_texts import share_text
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import Segmentation
from napari_stego.project.refining import Refinement, RefineSettings, refine, refined_labels
from napari_stego.project.review_file import left_out_text, reviewed_as_right

_FIRST = 100
_MOST = 10_000_000


class CleaningBox(QGroupBox):
    """Asks what is cleaned up, shows it, and does it in one step of the history.

    Signals: ``said`` (str), what came of it; ``done``, after that if there is
    something to take back; ``previewing``, when a preview begins.

    Parameters
    ----------
    session : Session
        Whose classes.
    layers : LayerStack
        Shows the preview.
    jobs : Jobs
        Cleans all photographs.
    parent : QWidget
        Owner.
    """

    said = Signal(str)
    done = Signal()
    previewing = Signal()

    def __init__(self, session: Session, layers: LayerStack, jobs: Jobs, parent: QWidget) -> None:
        super().__init__("Clean up", parent)
        self._session = session
        self._layers = layers
        self._jobs = jobs
        self._runner = LatestRunner("napari-stego cleaning", self)
        self.smallest = _pixels("Smallest region", self)
        self.smallest.setToolTip(
            "Smaller regions of a class go to the class with the longest border around them; what "
            "you painted or cut out stays; 0 leaves all"
        )
        self.hole = _pixels("Largest hole", self)
        self.hole.setToolTip("Unlabelled regions up to this size are filled; 0 leaves all")
        self.crf = QCheckBox("Refine edges (CRF)", self)
        self.crf.setToolTip(
            "Let the classes follow the edges of the photograph first: seconds per photograph. "
            "What was painted is not moved"
        )
        self.preview = QPushButton("Preview", self)
        self.preview.setCheckable(True)
        self.preview.setToolTip("Show this photograph as it would be; nothing is changed")
        self.here = QPushButton("Apply to this photograph", self)
        self.here.setToolTip("Clean this photograph up; one undo step")
        self.all = QPushButton("Apply to all", self)
        self.all.setToolTip(
            "Clean all photographs but those reviewed as right up in the background; one undo "
            "step. Leave the classes as they are until it is done"
        )
        self.line = QLabel(self)
        self.line.setWordWrap(True)
        self.line.setAccessibleName("What cleaning up would change")
        self._lay_out()
        for box in (self.smallest, self.hole):
            box.valueChanged.connect(self._settings_changed)
        self.crf.toggled.connect(self._settings_changed)
        self.preview.toggled.connect(self._toggle)
        self.here.clicked.connect(self.apply_here)
        self.all.clicked.connect(self.apply_to_all)
        layers.shown.connect(self.refresh)
        jobs.started.connect(self._follow)
        jobs.ended.connect(self._follow)
        self._follow()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        for column, (text, box) in enumerate(
            (("Smallest region", self.smallest), ("Largest hole", self.hole))
        ):
            label = QLabel(text, self)
            label.setBuddy(box)
            grid.addWidget(label, 0, column)
            grid.addWidget(box, 1, column)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.preview, self.here, self.all):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        layout.addLayout(grid)
        layout.addWidget(self.crf)
        layout.addLayout(buttons)
        layout.addWidget(self.line)

    @property
    def busy(self) -> bool:
        """Whether a preview, or a cleaning of this photograph, is on its way."""
        return self._runner.busy

    @property
    def settings(self) -> RefineSettings:
        """What is cleaned up."""
        return RefineSettings(
            smallest=self.smallest.value(),
            largest_hole=self.hole.value(),
            crf=CrfSettings() if self.crf.isChecked() else None,
        )

    def end_preview(self) -> None:
        """Show the classes as they are."""
        self.preview.setChecked(False)

    def refresh(self) -> None:
        """Follow the photograph and the classes."""
        self._follow()
        if self.preview.isChecked():
            self._make_preview()

    def apply_here(self) -> None:
        """Clean the photograph on show up."""
        segmentation, image, settings = self._session.segmentation, self._image, self.settings
        if segmentation is None or image is None or not self.here.isEnabled():
            return
        self.end_preview()
        state = segmentation.history.state
        self.line.setText("Cleaning up…")
        self._runner.submit(
            lambda token: refine(segmentation, [image], settings, cancel=token),
            lambda made: self._take(made, segmentation, state, 1),
            lambda: self.line.setText(""),
        )

    def apply_to_all(self) -> None:
        """Clean all photographs up."""
        segmentation, project, settings = (
            self._session.segmentation,
            self._session.project,
            self.settings,
        )
        if segmentation is None or project is None or not self.all.isEnabled():
            return
        self.end_preview()
        state, images = segmentation.history.state, project.corpus.images
        started = self._jobs.start(
            Job(
                "Cleaning up",
                lambda reports, token: refine(
                    segmentation,
                    images,
                    settings,
                    reports.progress,
                    token,
                    leave_out=reviewed_as_right(project),
                ),
                lambda made: self._take(made, segmentation, state, len(images)),
            )
        )
        if not started:
            show_info("Something else is running. Wait for it, or cancel it first.")

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._layers.shown.disconnect(self.refresh)
        self._runner.shut_down(seconds)

    @property
    def _image(self) -> CorpusImage | None:
        """The photograph on show, if it can be cleaned up."""
        image = self._layers.image
        ready = self._layers.label_image is not None and image == self._session.image
        return image if ready else None

    def _follow(self, *_: object) -> None:
        ready = self._image is not None
        changes = ready and not self._session.read_only
        self.preview.setEnabled(ready)
        self.here.setEnabled(changes)
        self.all.setEnabled(changes and not self._jobs.busy)

    def _settings_changed(self, *_: object) -> None:
        if self.preview.isChecked():
            self._make_preview()

    def _toggle(self, wanted: bool) -> None:
        if wanted:
            self.previewing.emit()
            self._make_preview()
        else:
            self._runner.drop()
            self._layers.end_preview()
            self.line.setText("")

    def _make_preview(self) -> None:
        segmentation, image, settings = self._session.segmentation, self._image, self.settings
        if segmentation is None or image is None:
            return

        def work(token: CancelToken) -> object:
            before, after = refined_labels(segmentation, image, settings, token)
            return after, float((before != after).mean())

        def show(made: tuple) -> None:
            after, share = made
            # Another photograph may be on show, and the preview be ended, by now.
            if self.preview.isChecked() and image == self._image:
                table = segmentation.table
                self._layers.preview(after, class_colours(table, self._layers.hidden))
                self.line.setText(f"{share_text(share)} of the photograph would change.")

        self.line.setText("Making the preview…")
        self._runner.submit(work, show)

    def _take(
        self, made: Refinement, segmentation: Segmentation, state: ClassState, images: int
    ) -> None:
        now = self._session.segmentation
        if now is not segmentation or segmentation.history.state is not state:
            self.said.emit("The classes have changed meanwhile. Clean up again.")
        elif not made.steps:
            self.said.emit("Nothing to clean up." + left_out_text(made.left_out))
        else:
            with problems_shown():
                for step in made.steps:
                    self._session.edit(step)
                several, steps = "s" * (made.images != 1), len(made.steps)
                where = "" if images == 1 else f" on {made.images:,} photograph{several}"
                text = f"{made.pixels:,} pixels{where} have another class now"
                text += "." if steps == 1 else f", in {steps} undo steps."
                self.said.emit(text + left_out_text(made.left_out))
                if steps == 1:
                    self.done.emit()


def _pixels(name: str, parent: QWidget) -> QSpinBox:
    box = QSpinBox(parent)
    box.setRange(0, _MOST)
    box.setSingleStep(50)
    box.setValue(_FIRST)
    box.setSuffix(" pixels")
    box.setKeyboardTracking(False)
    box.setAccessibleName(name)
    return box

"""From the heatmap to a mask, and from the mask to a class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from napari_stego.corpus import CorpusImage
from napari_stego.gui.inspect_giving import GiveButton, Giver
from napari_stego.gui.inspect_question import Question
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.number_texts import share_text
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import Segmentation
from napari_stego.project.giving import Assignment, give_mask

_STEPS = 100
_FIRST = 0.7

_Heat = tuple[Question, CorpusImage, npt.NDArray[np.float32]]


class MaskBar(QWidget):
    """Shows where the heatmap is at or above a threshold, and gives that to a class.

    The mask is drawn in the place of the heatmap while it is wanted and the
    panel is to be seen. Signals: ``changed``, when the threshold is another.

    Parameters
    ----------
    session : Session
        Whose classes.
    layers : LayerStack
        Shows the mask.
    giver : Giver
        Does the edits.
    current : callable
        Gives the class that the user works with, or None.
    parent : QWidget
        Owner.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        layers: LayerStack,
        giver: Giver,
        current: Callable[[], int | None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self._giver = giver
        self._question: Question | None = None
        self._heat: _Heat | None = None
        self._masks = LatestRunner("napari-stego mask", self)
        self.mask = QCheckBox("&Mask where it is at least", self)
        self.mask.setToolTip(
            "Draw only where the heatmap is at or above the threshold, in one colour: that is what "
            "is given to a class"
        )
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(5)
        self.slider.setValue(round(_FIRST * _STEPS))
        self.slider.setAccessibleName("Threshold of the mask")
        self.slider.setToolTip("The least correspondence: for the mask here, and around hits")
        self.number = QLabel(self)
        self.give = GiveButton(session, current, self)
        self.share = QLabel(self)
        self._lay_out()
        self.mask.toggled.connect(self._toggle)
        self.slider.valueChanged.connect(self._move)
        self.give.chosen.connect(self.give_to)
        self.give.menu().aboutToShow.connect(lambda: self.mask.setChecked(True))  # see it first
        layers.shown.connect(self.refresh)
        self._move()

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for widget in (self.mask, self.slider, self.number):
            first.addWidget(widget, 1 if widget is self.slider else 0)
        second.addWidget(self.share, 1)
        second.addWidget(self.give)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(first)
        layout.addLayout(second)

    @property
    def busy(self) -> bool:
        """Whether a mask is still to come."""
        return self._masks.busy

    @property
    def threshold(self) -> float:
        """The least score, in ``[0, 1]``."""
        return self.slider.value() / _STEPS

    def ask(self, question: Question | None) -> None:
        """Make masks of other prompts.

        Parameters
        ----------
        question : Question, optional
            What is looked for; None for nothing.
        """
        self._question, self._heat = question, None
        self.mask.setEnabled(question is not None)
        self._follow()
        self.refresh()

    def refresh(self) -> None:
        """Show the mask as it should be now."""
        question, image, threshold = self._question, self._layers.image, self.threshold
        self._follow()
        wanted = self.mask.isChecked() and self.isVisible()
        if not wanted or question is None or image is None or not self._has(image):
            self._masks.drop()
            self._layers.heatmaps.show_mask(None)
            self.share.clear()
            return
        self._layers.heatmaps.show_mask(threshold)
        held = self._heat

        def work(token: CancelToken) -> tuple[_Heat, float]:
            heat = held
            if heat is None or heat[0] is not question or heat[1] != image:
                heat = (question, image, question.heatmap(image))
            return heat, float((heat[2] >= threshold).mean())

        self._masks.submit(work, lambda made: self._tell(*made))

    def give_to(self, to: int | str) -> None:
        """Give the mask of the photograph on show to a class; it need not be shown.

        Parameters
        ----------
        to : int or str
            The id of a class, or the name of a new one.
        """
        question, image, before = self._question, self._layers.image, self._layers.label_image
        if question is None or image is None or before is None or not self._has(image):
            return
        threshold = self.threshold

        def make(segmentation: Segmentation, class_id: int, token: CancelToken) -> Assignment:
            mask = question.heatmap(image) >= threshold
            painted = give_mask(segmentation, image, mask, class_id, before=before)
            pixels = int((mask & (before != class_id)).sum())
            return Assignment(painted.edit, 1, pixels, len(painted.kept))

        self.mask.setChecked(False)  # to see what comes of it
        self._giver.give(to, make, on_image=True)

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._layers.shown.disconnect(self.refresh)
        self._masks.shut_down(seconds)

    def _toggle(self) -> None:
        self.share.clear()
        self.refresh()

    def _move(self) -> None:
        self.number.setText(f"{self.threshold:.2f}")
        self.refresh()
        self.changed.emit()

    def _has(self, image: CorpusImage) -> bool:
        encodings = self._session.encodings
        return encodings is not None and encodings.has(image)

    def _follow(self) -> None:
        ready = self._question is not None and self._layers.label_image is not None
        self.give.setEnabled(ready and not self._session.read_only)

    def _tell(self, heat: _Heat, share: float) -> None:
        self._heat = heat
        if heat[1] == self._layers.image and self.mask.isChecked():
            self.share.setText(f"{share_text(share)} of the photograph")

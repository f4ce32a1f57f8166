"""What is under the mouse: its score, and a heatmap that follows."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_stego.correspondence import Prompt
from napari_stego.gui.inspect_options import InspectOptions
from napari_stego.gui.inspect_question import Question
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.status_word import StatusWord

# Few pixels are quick to be made and drawn; between them the viewer interpolates.
_LONGEST = 320


class MouseFollower(QObject):
    """Tells the score under the mouse and, where that is wanted, lets the heatmap follow it.

    Parameters
    ----------
    layers : LayerStack
        Shows the heatmap.
    options : InspectOptions
        Whether to follow.
    make : callable
        Makes a question of prompts; None if there is nothing to compare.
    parent : QWidget
        Owner, in the window whose status bar tells the score.
    """

    def __init__(
        self,
        layers: LayerStack,
        options: InspectOptions,
        make: Callable[[tuple[Prompt, ...]], Question | None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._layers = layers
        self._options = options
        self._make = make
        self._pixel: tuple[int, int] | None = None
        self._status = StatusWord(parent)
        self.busy = False
        """Whether a heatmap of what is under the mouse is on its way."""

    def move(self, pixel: tuple[int, int] | None, score: float | None) -> None:
        """Take note of where the mouse is.

        Parameters
        ----------
        pixel : tuple of int, optional
            Row and column in the photograph on show; None outside.
        score : float, optional
            The heatmap there.
        """
        following = self._options.follow.isChecked()
        # A heatmap of what is under the mouse is 1 there, and the window is drawn for the text.
        self.tell(None if following else score)
        if following and pixel is not None and pixel != self._pixel:
            self._pixel = pixel
            if not self.busy:
                self._show()

    def tell(self, score: float | None) -> None:
        """Tell a score.

        Parameters
        ----------
        score : float, optional
            None where there is none.
        """
        self._options.show_score(score)
        self._status.tell("" if score is None else f"correspondence {score:.2f}")

    def shut_down(self) -> None:
        """Leave the status bar."""
        self._status.leave()

    def rest(self) -> None:
        """Show nothing more until the mouse moves again."""
        self._pixel, self.busy = None, False

    def _show(self) -> None:
        """Show the heatmap of what is under the mouse; where it goes meanwhile comes after."""
        pixel, image = self._pixel, self._layers.image
        if pixel is None or image is None:
            return
        question = self._make((Prompt.point(image.content_hash, *pixel),))
        if question is None or not question.encodings.has(image):
            return
        if question.quick(image):
            # A thread would have to wait until the window is drawn with the new place of the mouse.
            with problems_shown():
                self._layers.heatmaps.show_now(image, question.heatmap(image, _LONGEST))
            return

        def settled() -> None:
            self.busy = False
            if self._pixel not in (pixel, None) and self._options.follow.isChecked():
                self._show()

        self.busy = True
        self._layers.heatmaps.show(image, lambda image: question.heatmap(image, _LONGEST), settled)

"""The line that tells what was given to a class, and takes it back."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from napari_stego.gui.inspect_giving import Giver
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session


class GivenLine(QWidget):
    """Tells what came of giving, and takes it back; hidden while there is nothing to tell.

    Parameters
    ----------
    session : Session
        Whose classes.
    giver : Giver
        Does the edits.
    parent : QWidget
        Owner.
    """

    def __init__(self, session: Session, giver: Giver, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._position: int | None = None
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.undo = QPushButton("Ta&ke back", self)
        self.undo.setToolTip("Take back what was given to the class, as undo in the classes does")
        self.undo.clicked.connect(self._take_back)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.undo)
        giver.said.connect(self.say)
        giver.given.connect(self._allow)
        session.classes_changed.connect(self._follow)
        self.say("")

    def say(self, text: str) -> None:
        """Tell something else.

        Parameters
        ----------
        text : str
            A sentence; empty for none.
        """
        self._position = None
        self.words.setText(text)
        self.setVisible(bool(text))
        self._follow()

    def shut_down(self) -> None:
        """Follow the session no longer."""
        self._session.classes_changed.disconnect(self._follow)

    @property
    def _now(self) -> int | None:
        segmentation = self._session.segmentation
        return segmentation.history.position if segmentation is not None else None

    def _allow(self) -> None:
        self._position = self._now
        self._follow()

    def _follow(self) -> None:
        """Forget it once something else was done: only what was done last can be taken back."""
        if self._position not in (None, self._now):
            self.say("")
        self.undo.setVisible(self._position is not None)

    def _take_back(self) -> None:
        with problems_shown():
            self._session.undo()
        self.say("Taken back.")

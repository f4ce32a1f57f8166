"""The place that is asked for: what it might be, and the answer."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_stego.classes import PaintStroke, decode_runs
from napari_stego.corpus import CorpusImage
from napari_stego.gui.class_colormap import swatch
from napari_stego.gui.correct_target import TargetChoice
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import Segmentation
from napari_stego.project.giving import Assignment
from napari_stego.project.teaching import NextClick
from napari_stego.project.teaching_examples import TaughtClick, click_edit

_MOST_GUESSES = 3


@dataclass(frozen=True)
class Spot:
    """A pixel whose class is asked for.

    Attributes
    ----------
    image : CorpusImage
        The photograph.
    row, column : int
        The pixel.
    why : str
        Why there; empty where the user has clicked.
    guesses : tuple of (int, float)
        Class ids with their probabilities, the most probable first.
    """

    image: CorpusImage
    row: int
    column: int
    why: str = ""
    guesses: tuple[tuple[int, float], ...] = ()

    @classmethod
    def of(cls, click: NextClick) -> Spot:
        """Ask for what a classifier wants to know.

        Parameters
        ----------
        click : NextClick
            Where.

        Returns
        -------
        Spot
            There.
        """
        return cls(click.image, click.row, click.column, click.why, click.guesses)

    def give(self, segmentation: Segmentation, class_id: int, cancel: CancelToken) -> Assignment:
        """Make the edit that gives the patch there to a class; a `MakeAssignment`.

        Parameters
        ----------
        segmentation : Segmentation
            The classes.
        class_id : int
            The class.
        cancel : CancelToken
            Not needed: it takes but a moment.

        Returns
        -------
        Assignment
            The edit, which is not done yet.

        Raises
        ------
        ClassEditError
            If the class is locked, or the pixel is of a locked one.
        """
        edit = click_edit(segmentation, [TaughtClick(self.image, self.row, self.column, class_id)])
        assert isinstance(edit, PaintStroke)
        starts, ends = decode_runs(edit.runs, self.image.height * self.image.width)
        return Assignment(edit, 1, int((ends - starts).sum()), 0)


class SpotBox(QWidget):
    """Asks what is at the mark: a guess by its number, or any class, or a new one.

    Signals: ``answered`` (object), the id of a class or the name of a new one;
    ``picked`` (int), a class that was chosen in the list.

    Parameters
    ----------
    session : Session
        Whose classes.
    parent : QWidget
        Owner.
    """

    answered = Signal(object)
    picked = Signal(int)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._ids: tuple[int, ...] = ()
        self.why = QLabel(self)
        self.why.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.why.setAccessibleName("What is asked for")
        self.guesses: list[QPushButton] = []
        self.keys: list[QShortcut] = []
        guesses = QVBoxLayout()
        guesses.setSpacing(2)
        for number in range(_MOST_GUESSES):
            button = QPushButton(self)
            button.setStyleSheet("text-align: left")
            # A long name must not make the dock wider.
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda *_, n=number: self._answer_with(n))
            key = QShortcut(QKeySequence(str(number + 1)), self)
            key.setContext(Qt.ShortcutContext.WindowShortcut)
            key.activated.connect(lambda n=number: self._answer_with(n))
            self.guesses.append(button)
            self.keys.append(key)
            guesses.addWidget(button)
        self.target = TargetChoice(session, self)
        self.target.box.setAccessibleName("Class of what is at the mark")
        self.target.box.setToolTip("What is at the mark, if it is none of the guesses")
        self.give = QPushButton("Give", self)
        self.give.setToolTip(
            "Give the patch at the mark to this class: an example, one undo step (Enter)"
        )
        self.give.clicked.connect(self.answer)
        self.target.picked.connect(self.picked)
        self.target.changed.connect(self._follow)
        other = QHBoxLayout()
        other.setSpacing(4)
        other.addWidget(self.target, 1)
        other.addWidget(self.give)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.why)
        layout.addLayout(guesses)
        layout.addLayout(other)
        self._spot: Spot | None = None
        self.show_spot(None)

    @property
    def spot(self) -> Spot | None:
        """The place that is asked for."""
        return self._spot

    def show_spot(self, spot: Spot | None) -> None:
        """Ask for another place.

        Parameters
        ----------
        spot : Spot, optional
            The place; None for none.
        """
        self._spot = spot
        table = self._session.table
        known = () if spot is None or table is None else spot.guesses
        guesses = [(i, p) for i, p in known if i in table][:_MOST_GUESSES]
        self._ids = tuple(class_id for class_id, _ in guesses)
        for number, button in enumerate(self.guesses):
            there = number < len(guesses)
            if there:
                row = table.row(guesses[number][0])
                name = row.name.replace("&", "&&")
                button.setText(f"{number + 1}   {name}, {guesses[number][1]:.0%}")
                button.setIcon(swatch(row.colour))
                button.setToolTip(f"It is {row.name} ({number + 1})")
            button.setVisible(there)
        if self._ids:
            self.target.choose(self._ids[0])
        text = "" if spot is None else "What is at the mark?"
        if spot is not None and spot.why:
            text += f" {spot.why.rpartition('? ')[2]}."
        self.why.setText(text)
        self.why.setToolTip("" if spot is None else spot.why)
        self._follow()

    def answer(self) -> None:
        """Give the place to the class that is chosen in the list."""
        if self._may_answer and self.target.chosen:
            self.answered.emit(self.target.chosen)

    def _answer_with(self, number: int) -> None:
        if self._may_answer and number < len(self._ids):
            self.answered.emit(self._ids[number])

    @property
    def _may_answer(self) -> bool:
        return self._spot is not None and not self._session.read_only

    def _follow(self) -> None:
        for number, button in enumerate(self.guesses):
            ready = self._may_answer and number < len(self._ids)
            button.setEnabled(ready)
            self.keys[number].setEnabled(ready)
        self.setVisible(self._spot is not None)
        self.give.setEnabled(self._may_answer and bool(self.target.chosen))

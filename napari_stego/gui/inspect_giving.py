"""Giving what was found to a class: which one, and what came of it in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from natsort import natsort_keygen
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QInputDialog, QMenu, QPushButton, QWidget

from napari_stego.classes import AddClass, Batch, ClassTable
from napari_stego.classes.rows import NAME_LENGTH
from napari_stego.corpus import CorpusImage
from napari_stego.gui.class_colormap import swatch
from napari_stego.gui.class_commands import new_colour
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.notify import problems_shown
from napari_stego.gui.session import Session
from napari_stego.progress import CancelToken
from napari_stego.project import Encodings, Segmentation
from napari_stego.project.giving import Assignment

MakeAssignment = Callable[[Segmentation, int, CancelToken], Assignment]
"""Takes the classes, the id of one of them, and what tells it to stop."""


@dataclass(frozen=True)
class _WithNewClass:
    """A segmentation as it would be with one more class.

    So what is given to the class can be found before there is one, and both be
    one step of the history.
    """

    segmentation: Segmentation
    table: ClassTable

    @property
    def encodings(self) -> Encodings:
        return self.segmentation.encodings

    def label_image(self, image: CorpusImage) -> npt.NDArray[np.uint16]:
        return self.segmentation.label_image(image)


_natural = natsort_keygen()


class GiveButton(QPushButton):
    """A button that asks for a class with a menu.

    Signals: ``chosen`` (object), the id of a class, or the name of one that is
    to be made.

    Parameters
    ----------
    session : Session
        Whose classes.
    current : callable
        Gives the id of the class that the user works with, or None.
    parent : QWidget
        Owner.
    """

    chosen = Signal(object)

    def __init__(
        self, session: Session, current: Callable[[], int | None], parent: QWidget
    ) -> None:
        super().__init__("&Give to class…", parent)
        self._session = session
        self._current = current
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)

    def _fill(self) -> None:
        """List the current class, a new one, and then all others."""
        menu, table, current = self._menu, self._session.table, self._current()
        menu.clear()
        if table is None:
            return
        rows = sorted(
            table.rows, key=lambda row: (row.id != current, _natural(row.name.casefold()))
        )
        new = menu.addAction("New class…")
        new.triggered.connect(lambda *_: self._ask_name())
        menu.addSeparator()
        for row in rows:
            words = row.name.replace("&", "&&") + (" (locked)" if row.locked else "")
            action = menu.addAction(swatch(row.colour), words)
            action.setEnabled(not row.locked)
            action.triggered.connect(lambda *_, i=row.id: self.chosen.emit(i))
            if row.id == current and len(rows) > 1:
                menu.addSeparator()

    def _ask_name(self) -> None:
        table = self._session.table
        if table is None:
            return
        name, agreed = QInputDialog.getText(
            self, "New class", "Name of the class:", text=table.free_name("new class")
        )
        if agreed and name.strip():
            self.chosen.emit(name.strip())


class Giver(QObject):
    """Makes an edit that gives something to a class in a thread, and does it.

    Signals: ``said`` (str), what came of it; ``given``, after that if there is
    something to take back.

    Parameters
    ----------
    session : Session
        Whose classes.
    parent : QObject
        Owner.
    """

    said = Signal(str)
    given = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._name = ""
        self._runner = LatestRunner("napari-stego giving", self)

    @property
    def busy(self) -> bool:
        """Whether an edit is on its way."""
        return self._runner.busy

    def give(self, to: int | str, make: MakeAssignment, *, on_image: bool) -> None:
        """Give something to a class.

        Parameters
        ----------
        to : int or str
            The id of a class, or the name of a new one.
        make : callable
            Makes the edit, in the thread.
        on_image : bool
            Whether it is about the photograph on show, and no others.
        """
        segmentation = self._session.segmentation
        if segmentation is None:
            return
        table, position = segmentation.table, segmentation.history.position
        known = {row.name.casefold(): row.id for row in table.rows}
        if isinstance(to, str):
            to = known.get(to.casefold(), to)
        new, view = None, segmentation
        if isinstance(to, str):
            new = AddClass(id=table.next_id, name=to, colour=new_colour(table))
            with problems_shown():
                view = _WithNewClass(segmentation, table.add(new.id, new.name, new.colour))
            if view is segmentation:
                return
        class_id = new.id if new is not None else to
        name = view.table.name(class_id)

        def take(made: Assignment) -> None:
            self._name = ""
            now = self._session.segmentation
            if now is not segmentation or now.history.position != position:
                self.said.emit("The classes have changed meanwhile. Give it to the class again.")
                return
            images = None if on_image else made.images
            text = given_text(made.pixels - made.kept, made.kept, name, images)
            if made.edit is None:
                self.said.emit(text)
                return
            done = False
            with problems_shown():
                self._session.edit(made.edit if new is None else _one_step(new, made))
                done = True
            self.said.emit(text if done else "")
            if done:
                self.given.emit()

        def settle() -> None:
            if self._name:  # it was refused, and why is told
                self._name = ""
                self.said.emit("")

        self._name = name
        self.said.emit(f"Giving to {name}…")
        self._runner.submit(lambda token: make(view, class_id, token), take, settle)

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self._runner.shut_down(seconds)


def _one_step(new: AddClass, made: Assignment) -> Batch:
    """Make the class, and give it what is its own, in one step."""
    edit = made.edit
    regions = edit.edits if isinstance(edit, Batch) else (edit,)
    words = f"Give {len(regions)} region{'s' * (len(regions) != 1)} to new class “{new.name}”"
    return Batch(edits=(new, *regions), label=words[:NAME_LENGTH])


def given_text(pixels: int, kept: int, name: str, images: int | None = None) -> str:
    """Say what was given to a class.

    Parameters
    ----------
    pixels : int
        Pixels that are of the class now, and were not.
    kept : int
        Pixels of locked classes, which stayed as they were.
    name : str
        Of the class.
    images : int, optional
        On how many photographs.

    Returns
    -------
    str
        A sentence, or two.
    """
    where = "" if images is None else f" on {images:,} photograph{'s' * (images != 1)}"
    text = f"{pixels:,} pixels{where} given to {name}." if pixels else f"Nothing given to {name}"
    if kept:
        return f"{text}{'' if pixels else ':'} {kept:,} of locked classes stayed as they are."
    return text if pixels else f"{text}: all of it is {name} already."

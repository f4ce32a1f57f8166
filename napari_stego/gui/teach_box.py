"""Teaching by example: what is proposed, where it asks, and taking it over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_stego.classes import ClassState
from napari_stego.gui.buttons import push_button
from napari_stego.gui.correct_hints import obstacle
from napari_stego.gui.inspect_giving import Giver
from napari_stego.gui.jobs import Jobs
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.session import Session
from napari_stego.gui.teach_accepting import AcceptRow
from napari_stego.gui.teach_drawing import draw_proposal, proposal_colours, proposal_names
from napari_stego.gui.teach_hints import teach_hint
from napari_stego.gui.teach_spot import Spot, SpotBox
from napari_stego.gui.teach_table import ChangesTable
from napari_stego.gui.teach_views import ViewChoice
from napari_stego.gui.teach_worker import Proposed, TeachWorker
from napari_stego.project.proposed_changes import ProposedChanges
from napari_stego.project.teaching import NextClick

_LINES = 3


class TeachBox(QGroupBox):
    """Proposes classes that were learned from all examples, asks for more, and takes them over.

    From the first wish on the classifier is fitted anew after every edit, as
    long as the box is to be seen. Signals: ``began``, when something is about
    to be drawn in the place of the classes; ``place_wanted`` (`Spot`), to go
    there.

    Parameters
    ----------
    session : Session
        What is open.
    layers : LayerStack
        Shows what is proposed.
    jobs : Jobs
        Takes over what is proposed for many photographs.
    parent : QWidget
        Owner.
    """

    began = Signal()
    place_wanted = Signal(object)

    def __init__(self, session: Session, layers: LayerStack, jobs: Jobs, parent: QWidget) -> None:
        super().__init__("Teach by example", parent)
        self._session = session
        self._layers = layers
        self._jobs = jobs
        self._active = self._refused = self._asks_on = False
        self._proposed: Proposed | None = None
        self._counted = ProposedChanges()
        self._spots: tuple[ClassState | None, list[Spot]] = (None, [])
        self._answering: Spot | None = None
        self._drawn: tuple[object, ...] | None = None
        self._beneath: npt.NDArray[np.uint16] | None = None
        self._soon = QTimer(self, singleShot=True)  # once the photograph is painted
        self._soon.timeout.connect(self.refresh)
        self.worker = TeachWorker(session, self)
        self.giver = Giver(session, self)
        self.hint = QLabel(self)
        self.hint.setWordWrap(True)
        self.hint.setAccessibleName("What to do next")
        self.propose_button = push_button(
            "Propose classes",
            "Learn from named classes, clicks, strokes and regions, and show what would change; "
            "nothing is changed (P)",
            self.propose,
            self,
        )
        self.ask_button = push_button(
            "Next useful click",
            "Go to the place whose class would teach the most; again for another one (N)",
            self.ask,
            self,
        )
        self.spot = SpotBox(session, self)
        self.views = ViewChoice(self)
        self.table = ChangesTable(self)
        self.accepting = AcceptRow(session, jobs, self)
        self._lay_out()
        self._connect()
        self.follow()

    def _lay_out(self) -> None:
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.propose_button, 1)
        buttons.addWidget(self.ask_button, 1)
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        layout.addWidget(self.hint)
        layout.addLayout(buttons)
        layout.addWidget(self.spot)
        layout.addWidget(self.views)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.accepting)

    def _connect(self) -> None:
        self.worker.proposed.connect(self._take_proposal)
        self.worker.asked.connect(self._take_clicks)
        self.worker.counted.connect(self._take_counts)
        self.worker.refused.connect(self._refuse)
        self.worker.moved.connect(self.follow)
        self.giver.given.connect(self._given)
        self.spot.answered.connect(self._answer)
        self.views.changed.connect(self._change_view)
        self.table.chosen.connect(self.follow)
        self.accepting.here_wanted.connect(self._accept_here)
        self.accepting.class_wanted.connect(lambda: self._accept_many(self.table.class_id))
        self.accepting.all_wanted.connect(lambda: self._accept_many(None))
        self.accepting.said.connect(self.giver.said)
        self.accepting.done.connect(self._taken_over)
        self._layers.shown.connect(self._refresh_soon)
        self._layers.confidence.deleted.connect(lambda: self.views.choose("classes"))
        self._session.leaving.connect(self.forget)
        self._session.segmentation_changed.connect(self.forget)
        self._jobs.started.connect(self.follow)
        self._jobs.ended.connect(self.follow)

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to come."""
        parts = (self.worker, self.accepting, self.giver)
        return self._soon.isActive() or any(part.busy for part in parts)

    @property
    def proposed(self) -> Proposed | None:
        """What is proposed for the photograph on show, if it is known."""
        known = self._proposed
        return known if known is not None and known.image == self._layers.image else None

    @property
    def counted(self) -> ProposedChanges:
        """What would change in all photographs, as far as they were looked at."""
        return self._counted

    def propose(self) -> None:
        """Learn, and show what would change."""
        if not obstacle(self._session):
            self._active = True
            self.views.choose("changes")
            self.refresh(anew=True)

    def ask(self) -> None:
        """Go to the next place that is asked for."""
        state, spots = self._spots
        if obstacle(self._session):
            return
        self._asks_on = True
        if spots and state is self._state:
            self._ask_for(spots.pop(0))
            self.place_wanted.emit(self.spot.spot)
        else:
            self.worker.ask()
        self.follow()

    def click(self, pixel: tuple[int, int]) -> None:
        """Ask what a pixel of the photograph on show is.

        Parameters
        ----------
        pixel : tuple of int
            Row and column.
        """
        image, ready = self._layers.image, self._layers.label_image is not None
        if image is not None and ready and not obstacle(self._session):
            self._asks_on = False
            self._ask_for(Spot(image, *pixel))

    def drop_spot(self) -> None:
        """Ask for nothing."""
        self._asks_on = False
        self._ask_for(None)

    def rest(self) -> None:
        """Show the classes, and ask for nothing."""
        self.drop_spot()
        self._layers.end_preview()
        self._layers.confidence.hide()

    def _refresh_soon(self) -> None:
        self._soon.start()
        self.follow()

    def refresh(self, *, anew: bool = False) -> None:
        """Follow the photograph and the classes.

        Parameters
        ----------
        anew : bool
            Look at all photographs anew, even if the classes have not changed.
        """
        self.spot.target.refresh()
        image, state, spot = self._layers.image, self._state, self.spot.spot
        if not self.isVisible() or image is None or state is None:
            return
        if spot is not None and spot.image not in (image, self._session.image):
            self.drop_spot()  # the user went elsewhere
        if self._active and not obstacle(self._session):
            known = self._proposed
            anew |= known is None or known.state is not state
            if anew:
                self.worker.count()
            if anew or (known is not None and known.image != image):
                self.worker.propose(image)
        self._tell_table()
        self._draw()
        self.follow()

    def forget(self) -> None:
        """Let go of all that was learned: it is of other classes."""
        self.worker.forget()
        self.accepting.drop()
        self._active = self._refused = self._asks_on = False
        self._proposed, self._counted, self._spots = None, ProposedChanges(), (None, [])
        self._answering = None
        self.views.choose("classes")
        self.spot.show_spot(None)
        self.spot.target.refresh()
        self._tell_table()
        self.follow()

    def shut_down(self, seconds: float) -> None:
        """Stop all threads.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self._layers.shown.disconnect(self._refresh_soon)
        self._soon.stop()
        self._session.leaving.disconnect(self.forget)
        self._session.segmentation_changed.disconnect(self.forget)
        for part in (self.worker, self.giver, self.accepting):
            part.shut_down(seconds)

    def showEvent(self, event: QShowEvent) -> None:
        """Make the hint as high as it gets, so that nothing moves under the mouse."""
        super().showEvent(event)
        text, width = self.hint.text(), self.hint.width()
        self.hint.setText("\n" * (_LINES - 1))
        self.hint.setMinimumHeight(self.hint.heightForWidth(width))
        self.hint.setText(text)

    @property
    def _state(self) -> ClassState | None:
        segmentation = self._session.segmentation
        return segmentation.history.state if segmentation is not None else None

    def _ask_for(self, spot: Spot | None) -> None:
        self._answering = None
        self.spot.show_spot(spot)
        if spot is None or spot.image == self._layers.image:  # else all is drawn anew there
            self._draw()
        self.follow()

    def _answer(self, to: int | str) -> None:
        spot = self.spot.spot
        if spot is not None and not self.giver.busy:
            self._answering = spot
            self.giver.give(to, spot.give, on_image=True)

    def _given(self) -> None:
        """Go on to the next place after an answer, unless the user chose the place."""
        if self._answering is None:
            return
        self._ask_for(None)
        if self._asks_on:
            self.worker.ask()

    def _take_clicks(self, clicks: Sequence[NextClick]) -> None:
        self._spots = (self._state, [Spot.of(click) for click in clicks])
        if not clicks:
            self.giver.said.emit("There is nothing left to ask for.")
        elif self._asks_on and self.isVisible():
            self.ask()

    def _take_proposal(self, proposed: Proposed) -> None:
        self._proposed, self._refused = proposed, False
        self._tell_table()
        self._draw()
        self.follow()

    def _take_counts(self, counted: ProposedChanges) -> None:
        self._counted = counted
        self._tell_table()
        self.follow()

    def _refuse(self, _: str) -> None:
        self._refused = True
        self._proposed, self._counted = None, ProposedChanges()
        self._tell_table()
        self._draw()
        self.follow()

    def _change_view(self) -> None:
        if self.views.view != "classes" and not self._active:
            self._active = True
            self.refresh(anew=True)
        self._draw()
        self.follow()

    def _accept_here(self) -> None:
        teaching, image = self.worker.teaching, self._layers.image
        if teaching is not None and image is not None:
            self.accepting.take_here(teaching, image)
            self.follow()

    def _accept_many(self, only: int | None) -> None:
        teaching, corpus = self.worker.teaching, self._session.corpus
        if teaching is not None and corpus is not None:
            self.accepting.take_many(teaching, corpus.images, only)

    def _taken_over(self) -> None:
        self._answering = None
        self.giver.given.emit()

    def _tell_table(self) -> None:
        here = self.proposed
        of_image = ProposedChanges.of(here.proposal) if here is not None else None
        self.table.tell(self._session.table, of_image, self._counted)

    def _draw(self) -> None:
        """Show what is wanted in the place of the classes."""
        table, before = self._session.table, self._layers.label_image
        if table is None or before is None or not self.isVisible():
            return
        known, spot, view = self.proposed, self.spot.spot, self.views.view
        mark = (spot.row, spot.column) if spot and spot.image == self._layers.image else None
        colours = proposal_colours(table, self._layers.hidden, self.spot.target.new_colour)
        # Of the classes on show nothing is drawn but where there is nothing else to draw.
        beneath = before if known is None or view == "classes" else None
        drawn = (view, known, mark, colours)
        if self._layers.previewing and drawn == self._drawn and beneath is self._beneath:
            return
        self._drawn, self._beneath = drawn, beneath
        proposal = known.proposal if known is not None else None
        sure = proposal.confidence if proposal is not None and view == "confidence" else None
        self._layers.confidence.show(sure)
        shown = draw_proposal(view, before, proposal, mark)
        if shown is None:
            self._layers.end_preview()
            return
        self.began.emit()
        self._layers.preview(shown, colours, proposal_names(table))

    def follow(self, *_: object) -> None:
        """Let buttons and words follow what is known."""
        trouble, known = obstacle(self._session), self.proposed
        self.hint.setText(
            trouble
            or teach_hint(
                self.worker.doing,
                known,
                self._counted,
                active=self._active,
                refused=self._refused,
                view=self.views.view,
                asked=self.spot.spot is not None,
                read_only=self._session.read_only,
            )
        )
        for button in (self.propose_button, self.ask_button):
            button.setEnabled(not trouble)
        self.views.setEnabled(not trouble)
        free = known is not None and known.state is self._state and not self._session.read_only
        self.accepting.allow(
            here=free and known is not None and bool(known.proposal.changes),
            of_class=free and self.table.class_id is not None,
            everywhere=free and bool(self._counted.changes),
        )

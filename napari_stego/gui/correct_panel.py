"""The panel that settles a region of the photograph with a few clicks, and cleans up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_stego.correction import Click
from napari_stego.gui.buttons import push_button
from napari_stego.gui.correct_cleaning import CleaningBox
from napari_stego.gui.correct_drawing import draw, drawing_colours, drawing_names, faded
from napari_stego.gui.correct_hints import hint, obstacle
from napari_stego.gui.correct_proposals import Proposal, Proposer
from napari_stego.gui.correct_target import TargetChoice
from napari_stego.gui.correct_way import WayChoice
from napari_stego.gui.inspect_given import GivenLine
from napari_stego.gui.inspect_giving import Giver
from napari_stego.gui.jobs import Jobs
from napari_stego.gui.layers import LayerStack
from napari_stego.gui.session import Session

_LINES = 4
# The window takes its time to be drawn, and the mouse tells of each pixel.
_BETWEEN_DRAWINGS_MS = 60


class CorrectPanel(QWidget):
    """Proposes a region for clicks on the photograph, and gives it to a class.

    While clicks are pending, the region is drawn over the classes and keys
    accept it, discard it or take clicks back. Whatever the photograph or the
    classes are replaced by, and when the panel is hidden, pending clicks go.

    Signals: ``picked`` (int), a class that was chosen here; ``began``, when
    something is about to be drawn in the place of the classes.

    Parameters
    ----------
    session : Session
        What is open.
    layers : LayerStack
        Shows the region.
    jobs : Jobs
        Cleans all photographs up.
    parent : QWidget
        Owner.
    """

    picked = Signal(int)
    began = Signal()

    def __init__(self, session: Session, layers: LayerStack, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._layers = layers
        self._ended = False
        self._clicks: tuple[Click, ...] = ()
        self._proposal: Proposal | None = None
        self._accept_soon = False
        self._new_name = ""
        self._drawn = QTimer(self)
        self._drawn.setSingleShot(True)
        self._drawn.setInterval(_BETWEEN_DRAWINGS_MS)
        self.proposer = Proposer(self)
        self.giver = Giver(session, self)
        self.hint = QLabel(self)
        self.way = WayChoice(self)
        self.target = TargetChoice(session, self)
        self.accept_button = push_button(
            "&Accept", "Give the region to the class; one undo step (Enter)", self.accept, self
        )
        self.discard_button = push_button(
            "&Discard", "Forget the clicks; nothing is changed (Esc)", self.discard, self
        )
        self.back_button = push_button(
            "Last click back",
            "Take the last click back (Backspace or Ctrl+Z)",
            self.take_back,
            self,
        )
        self.given = GivenLine(session, self.giver, self)
        self.cleaning = CleaningBox(session, layers, jobs, self)
        self._pending_keys = [
            self._key(key, call)
            for key, call in (
                ("Return", self.accept),
                ("Enter", self.accept),
                ("Esc", self.discard),
                ("Backspace", self.take_back),
                ("Ctrl+Z", self.take_back),
            )
        ]
        self._level_keys = [
            self._key("[", lambda: self.way.step(-1)),
            self._key("]", lambda: self.way.step(1)),
        ]
        self._lay_out()
        self._connect()
        self._follow()

    def _key(self, key: str, call: Callable[[], None]) -> QShortcut:
        shortcut = QShortcut(QKeySequence(key), self)
        # Clicks leave the focus on the canvas. A hidden panel has no keys.
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(call)
        return shortcut

    def _lay_out(self) -> None:
        self.hint.setWordWrap(True)
        self.hint.setAccessibleName("What to do next")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        region = QGroupBox("Give a region to a class", self)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.accept_button, self.discard_button, self.back_button):
            buttons.addWidget(button)
        inner = QVBoxLayout(region)
        inner.setSpacing(6)
        inner.addWidget(self.hint)
        inner.addWidget(self.way)
        inner.addWidget(self.target)
        inner.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (region, self.cleaning, self.given):
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.proposer.proposed.connect(self._show)
        self.proposer.settled.connect(self._settled)
        self.way.changed.connect(self._way_changed)
        self.target.changed.connect(self._target_changed)
        self.target.picked.connect(self.picked)
        self.giver.given.connect(self._given)
        self.cleaning.said.connect(self.giver.said)
        self.cleaning.done.connect(self.giver.given)
        self.cleaning.previewing.connect(self._cleaning_begins)
        self._layers.shown.connect(self._shown)
        self._session.image_changed.connect(self._leave_photograph)
        self._session.leaving.connect(self._forget)
        self._session.segmentation_changed.connect(self._forget)

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to come."""
        parts = (self._layers, self.proposer, self.giver, self.cleaning)
        return any(part.busy for part in parts)

    @property
    def clicks(self) -> tuple[Click, ...]:
        """The clicks that are pending, oldest first."""
        return self._clicks

    @property
    def proposal(self) -> Proposal | None:
        """The region on show."""
        return self._proposal

    def click(self, pixel: tuple[int, int], positive: bool) -> None:
        """Click on the photograph on show.

        Parameters
        ----------
        pixel : tuple of int
            Row and column.
        positive : bool
            Whether it is inside of what is wanted.
        """
        if not obstacle(self._session) and self._on_show and not self.giver.busy:
            self._add(Click.at(*pixel, positive))

    def scribble(self, pixels: Sequence[tuple[int, int]], positive: bool, *, ended: bool) -> None:
        """Draw over the photograph on show; a scribble counts as one click.

        Parameters
        ----------
        pixels : sequence of tuple of int
            Rows and columns that the mouse has come by.
        positive : bool
            Whether they are inside of what is wanted.
        ended : bool
            Whether that is all; until then it is only shown.
        """
        if obstacle(self._session) or not self._on_show or self.giver.busy or not pixels:
            return
        scribble = Click.along(pixels, positive)
        if ended:
            self._add(scribble)
        elif not self._drawn.isActive():
            self._drawn.start()
            self._draw(scribble)

    def take_back(self) -> None:
        """Take the last click back."""
        if self._clicks and not self.giver.busy:
            self._change(self._clicks[:-1])

    def discard(self) -> None:
        """Forget the clicks."""
        if self._clicks:
            self._change(())

    def choose(self, class_id: int | None) -> None:
        """Choose the class that gets the region.

        Parameters
        ----------
        class_id : int, optional
            The class; None changes nothing.
        """
        self.target.refresh()
        if class_id is not None:
            self.target.choose(class_id)

    def accept(self) -> None:
        """Give the region to the class, as soon as there is one."""
        proposal, to = self._proposal, self.target.chosen
        if not self._may_accept or self.giver.busy:
            return
        if proposal is None or self.proposer.busy:
            self._accept_soon = self.proposer.busy
            return
        self._accept_soon = False
        self._new_name = to if isinstance(to, str) else ""
        self.giver.give(to, proposal.give, on_image=True)

    def shut_down(self, seconds: float) -> None:
        """Stop all threads, and show the classes; harmless when done twice.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each thread.
        """
        if self._ended:
            return
        self.discard()
        self.cleaning.end_preview()
        self._ended = True
        self._layers.shown.disconnect(self._shown)
        self._session.image_changed.disconnect(self._leave_photograph)
        self._session.leaving.disconnect(self._forget)
        self._session.segmentation_changed.disconnect(self._forget)
        self.given.shut_down()
        for part in (self.proposer, self.giver, self.cleaning):
            part.shut_down(seconds)

    def showEvent(self, event: QShowEvent) -> None:
        """Show the classes, and let clicks be clicks."""
        super().showEvent(event)
        # As high as it gets, so that nothing moves under the mouse.
        self.hint.setMinimumHeight(_LINES * self.hint.fontMetrics().lineSpacing())
        if not event.spontaneous() and not self._ended:
            self._layers.heatmaps.hide()
            self._layers.strokes.rest()
            self._ask()
            self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        """Forget the clicks: another tab needs the classes, and the mouse."""
        super().hideEvent(event)
        if not event.spontaneous() and not self._ended:  # that is a window that is made small
            self.discard()
            self.proposer.drop()
            self._layers.regions.hide()
            self.cleaning.end_preview()

    @property
    def _on_show(self) -> bool:
        return self._layers.label_image is not None and self._layers.image == self._session.image

    @property
    def _may_accept(self) -> bool:
        wanted = any(click.positive for click in self._clicks)
        return wanted and bool(self.target.chosen) and not self._session.read_only

    def _add(self, click: Click) -> None:
        if not self._clicks:
            self.cleaning.end_preview()
            self.given.say("")
            self.began.emit()
        self._change((*self._clicks, click))

    def _change(self, clicks: tuple[Click, ...]) -> None:
        self._clicks = clicks
        self._accept_soon = False
        if not any(click.positive for click in clicks):
            self.proposer.drop()
            self._proposal = None
        self._ask()
        if clicks:
            self._draw()
        else:
            self._layers.end_preview()
        self._follow()

    def _ask(self) -> None:
        """Find the region for the clicks; without any, show which regions there are."""
        segmentation, image = self._session.segmentation, self._layers.image
        before, level = self._layers.label_image, self.way.level
        clicks = self._clicks if any(click.positive for click in self._clicks) else ()
        if not clicks and (level is None or not self.isVisible() or obstacle(self._session)):
            self._layers.regions.hide()
            self.way.tell(None)
        elif segmentation is not None and image is not None and before is not None:
            self.proposer.ask(segmentation, image, clicks, level, before)

    def _show(self, proposal: Proposal) -> None:
        if proposal.image != self._layers.image or not self.isVisible():
            return
        self._layers.regions.show(proposal.parts)
        self.way.tell(proposal.regions)
        if proposal.clicks and self._clicks:
            self._proposal = proposal
            self._draw()
        self._follow()

    def _draw(self, *more: Click) -> None:
        """Show the clicks, and the region that there is so far."""
        proposal, table = self._proposal, self._session.table
        before, clicks = self._layers.label_image, (*self._clicks, *more)
        if table is None or before is None or not clicks:
            return
        drawing = proposal.drawing if proposal is not None else faded(before)
        shown = draw(drawing, self.target.chosen, clicks)
        colours = drawing_colours(table, self._layers.hidden, self.target.new_colour)
        self._layers.preview(shown, colours, drawing_names(table, self.target.words))

    def _settled(self) -> None:
        if self._proposal is None and any(click.positive for click in self._clicks):
            self.discard()  # it could not be found, and why was told
        self._follow()
        if self._accept_soon:
            self.accept()

    def _given(self) -> None:
        self.discard()
        table, name = self._session.table, self._new_name.casefold()
        self._new_name = ""
        found = [row.id for row in table.rows if row.name.casefold() == name] if table else []
        if name and found:
            self.choose(found[0])
            self.target.name.clear()
            self.picked.emit(found[0])

    def _shown(self) -> None:
        """Follow classes that have changed under the clicks."""
        self.target.refresh()
        before, proposal = self._layers.label_image, self._proposal
        if proposal is None or (before is not None and proposal.before is not before):
            self._ask()
        self._follow()

    def _way_changed(self) -> None:
        self._ask()
        self._follow()

    def _target_changed(self) -> None:
        self._draw()
        self._follow()

    def _cleaning_begins(self) -> None:
        self.discard()
        self.began.emit()

    def _leave_photograph(self) -> None:
        self.discard()
        self.proposer.forget()
        self._follow()

    def _forget(self) -> None:
        self._leave_photograph()
        self.cleaning.end_preview()
        self.target.refresh()
        self.given.say("")

    def _follow(self) -> None:
        pending = bool(self._clicks)
        self.hint.setText(
            obstacle(self._session)
            or hint(
                self._clicks,
                self._proposal,
                ready=self.proposer.ready,
                sizes=self.way.level is not None,
                name=self.target.words,
                read_only=self._session.read_only,
            )
        )
        self.accept_button.setEnabled(self._may_accept)
        for each in (self.discard_button, self.back_button, *self._pending_keys):
            each.setEnabled(pending)
        for key in self._level_keys:
            key.setEnabled(self.way.level is not None)

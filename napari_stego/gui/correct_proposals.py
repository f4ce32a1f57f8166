"""Regions proposed for clicks, in a thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, Signal

from napari_stego.corpus import CorpusImage
from napari_stego.correction import Click
from napari_stego.gui.correct_drawing import Drawing
from napari_stego.gui.latest import LatestRunner
from napari_stego.progress import CancelToken
from napari_stego.project import Segmentation
from napari_stego.project.correcting import Correction, edit_for
from napari_stego.project.giving import Assignment


@dataclass(frozen=True, eq=False)
class Proposal:
    """A region that was found for clicks.

    Attributes
    ----------
    image : CorpusImage
        The photograph.
    clicks : tuple of Click
        What it was found for.
    mask : numpy.ndarray
        ``(H, W) bool``.
    before : numpy.ndarray
        ``(H, W) uint16`` class ids that were on show.
    drawing : Drawing
        The region over them.
    share : float
        Its part of the photograph.
    parts : numpy.ndarray, optional
        ``(H, W) int32``, the regions that the photograph has at the level, from
        1; None for a cut.
    source : str
        What found it, in words.
    """

    image: CorpusImage
    clicks: tuple[Click, ...]
    mask: npt.NDArray[np.bool_]
    before: npt.NDArray[np.uint16]
    drawing: Drawing
    share: float
    parts: npt.NDArray[np.int32] | None
    source: str

    @property
    def regions(self) -> int | None:
        """How many regions the photograph has at the level; None for a cut."""
        return int(self.parts.max()) if self.parts is not None else None

    def give(self, segmentation: Segmentation, class_id: int, cancel: CancelToken) -> Assignment:
        """Make the edit that gives the region to a class; a `MakeAssignment`.

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
            If the class is locked, or the region is in too many pieces.
        """
        painted = edit_for(
            segmentation, self.image, self.mask, class_id, self.source, before=self.before
        )
        pixels = int((self.mask & (self.before != class_id)).sum())
        return Assignment(painted.edit, 1, pixels, len(painted.kept))


@dataclass(frozen=True, eq=False)
class _Wish:
    correction: Correction
    clicks: tuple[Click, ...]
    level: float | None
    before: npt.NDArray[np.uint16]


class Proposer(QObject):
    """Finds the region for the newest clicks, one after the other.

    A photograph is made ready for clicks once, as long as it and its clusters
    stay. Signals: ``proposed`` (`Proposal`); ``settled``, when nothing is left
    to be found, whatever came of it.

    Parameters
    ----------
    parent : QObject
        Owner.
    """

    proposed = Signal(object)
    settled = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._runner = LatestRunner("napari-stego proposal", self)
        self._correction: Correction | None = None
        self._ready: Correction | None = None
        self._wish: _Wish | None = None

    @property
    def busy(self) -> bool:
        """Whether a region is still to be found."""
        return self._runner.busy

    @property
    def ready(self) -> bool:
        """Whether the photograph is ready, so that a region takes no more than a moment."""
        return self._correction is not None and self._ready is self._correction

    def ask(
        self,
        segmentation: Segmentation,
        image: CorpusImage,
        clicks: tuple[Click, ...],
        level: float | None,
        before: npt.NDArray[np.uint16],
    ) -> None:
        """Find the region for clicks; while one is being found, only the newest wish waits.

        Parameters
        ----------
        segmentation : Segmentation
            The classes.
        image : CorpusImage
            A photograph with features.
        clicks : tuple of Click
            Oldest first, at least one positive; none at all, with a level,
            only parts the photograph into regions.
        level : float, optional
            Take regions of this level, in ``[0, 1]``; by default a cut.
        before : numpy.ndarray
            ``(H, W) uint16`` class ids on show.
        """
        held = self._correction
        if held is None or held.segmentation is not segmentation or held.image != image:
            self.forget()
            held = self._correction = Correction(segmentation, image)
        self._wish = _Wish(held, clicks, level, before)
        if not self._runner.busy:
            self._next()

    def drop(self) -> None:
        """Find nothing more for the clicks so far."""
        self._wish = None
        self._runner.drop()

    def forget(self) -> None:
        """Let go of the photograph as well."""
        self.drop()
        self._correction = self._ready = None

    def shut_down(self, seconds: float) -> None:
        """Stop the thread.

        Parameters
        ----------
        seconds : float
            Wait at most so long.
        """
        self.forget()
        self._runner.shut_down(seconds)

    def _next(self) -> None:
        wish, self._wish = self._wish, None
        if wish is None:
            self.settled.emit()
            return

        def work(token: CancelToken) -> Proposal:
            wish.correction.prepare(token)
            token.raise_if_cancelled()
            return _propose(wish)

        def deliver(proposal: Proposal) -> None:
            self._ready = wish.correction
            self.proposed.emit(proposal)

        # Were a newer wish to end the one before it, a slider that moves would show nothing.
        self._runner.submit(work, deliver, self._next)


def _propose(wish: _Wish) -> Proposal:
    correction, clicks, level = wish.correction, wish.clicks, wish.level
    count = f"{len(clicks)} click{'s' * (len(clicks) != 1)}"
    parts = None
    if level is None:
        mask, source = correction.propose(clicks), f"cut, {count}"
    else:
        parts, source = correction.tree.labels_at(level) + 1, f"region, level {level:g}"
        mask = correction.regions(clicks, level) if clicks else np.zeros(parts.shape, np.bool_)
    return Proposal(
        correction.image,
        clicks,
        mask,
        wish.before,
        Drawing.of(wish.before, mask),
        float(mask.mean()),
        parts,
        source,
    )
